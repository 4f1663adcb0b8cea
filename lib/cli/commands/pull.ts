import { displayPath } from '../../core/tree-path.js'
import { defineCommand } from '../command.js'
import { formatBytes } from '../format.js'
import { checkedOutText, fetchedText, nothingYet, remoteOption, targetsPositional } from '../transfer.js'
import { controlOf, withProject } from '../with-project.js'

export const pull = defineCommand({
  usage: 'pull [targets..]',
  describe: 'bring data from the remote into the cache and the workspace',
  positionals: targetsPositional,
  options: {
    ...remoteOption,
    force: { type: 'boolean', default: false, describe: 'overwrite and delete even what is in no cache' },
  },
  example: ['ddv pull', `after 'git pull': brings the data of the commit`],
  exits: [1, 3, 10, 11, 12, 13, 14, 15],
  run: async (args, context) => {
    const { pull } = await import('../../ops/pull.js')
    const options = { ...controlOf(context), remote: args.remote, force: args.force }
    const { failures, ...done } = await withProject(context, project => pull(project, args.targets, options))
    context.result(done, () => {
      if (done.outputs.length + failures.length === 0) return nothingYet
      const fetched = done.fetched.filter(({ outcome }) => outcome === 'fetched')
      const text = fetchedText(fetched) + checkedOutText(done.outputs)
      if (fetched.length > 0)
        return `${text}${formatBytes(done.bytesReceived)} received from ${displayPath(done.remote ?? '')}\n`
      return text === '' && failures.length === 0 ? 'the workspace has everything\n' : text
    })
    return context.fail(failures)
  },
})
