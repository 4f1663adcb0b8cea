import { displayPath } from '../../core/tree-path.js'
import type { PullResult } from '../../ops/pull.js'
import { defineCommand } from '../command.js'
import { formatBytes, shortId } from '../format.js'
import { tellOfHooks } from '../hooks-notice.js'
import {
  checkedOutText,
  fetchedText,
  keepHeapSmall,
  nothingYet,
  remoteOption,
  revisionOption,
  targetsPositional,
} from '../transfer.js'
import { controlOf, withProject } from '../with-project.js'

export const pull = defineCommand({
  usage: 'pull [targets..]',
  describe: 'bring data from the remote into the cache and the workspace',
  positionals: targetsPositional,
  options: {
    ...remoteOption,
    ...revisionOption,
    frozen: { type: 'boolean', default: false, describe: 'all or nothing, as always in production' },
    force: { type: 'boolean', default: false, describe: 'overwrite and delete even what is in no cache' },
  },
  example: ['ddv pull', `after 'git pull': brings the data of the commit`],
  exits: [1, 3, 10, 11, 12, 13, 14, 15],
  run: async (args, context) => {
    keepHeapSmall()
    const { pull } = await import('../../ops/pull.js')
    const { remote, force, frozen, rev: revision } = args
    const options = { ...controlOf(context), remote, force, frozen, revision }
    const { failures, ...done } = await withProject(context, async project => {
      const result = await pull(project, args.targets, options)
      await tellOfHooks(context, project)
      return result
    })
    for (const path of done.unnamed ?? [])
      context.warn(`has no pointer here, so that git may take it for a file of its own: ${displayPath(path)}`)
    context.result(done, () => {
      if (args.rev === undefined && done.outputs.length + failures.length === 0) return nothingYet
      const fetched = done.fetched.filter(({ outcome }) => outcome === 'fetched')
      const text = fetchedText(fetched) + checkedOutText(done.outputs) + revisionText(done, args.rev)
      if (fetched.length > 0)
        return `${text}${formatBytes(done.bytesReceived)} received from ${displayPath(done.remote ?? '')}\n`
      return text === '' && failures.length === 0 ? 'the workspace has everything\n' : text
    })
    return context.fail(failures)
  },
})

function revisionText(
  { commit, outputs }: Pick<PullResult, 'commit' | 'outputs'>,
  revision: string | undefined,
): string {
  if (revision === undefined || commit === undefined || outputs.length === 0) return ''
  const name = `${displayPath(revision)} (${commit.slice(0, shortId)})`
  return `the data is that of ${name}, pointers and branch are as before; 'ddv checkout' brings back theirs\n`
}
