import { displayPath } from '../../core/tree-path.js'
import { defineCommand } from '../command.js'
import { formatBytes } from '../format.js'
import {
  fetchedText,
  isOfWorkspace,
  keepHeapSmall,
  nothingYet,
  remoteOption,
  scopeOf,
  scopeOptions,
  targetsPositional,
} from '../transfer.js'
import { controlOf, withProject } from '../with-project.js'

export const fetch = defineCommand({
  usage: 'fetch [targets..]',
  describe: 'bring data from the remote into the cache',
  positionals: targetsPositional,
  options: { ...remoteOption, ...scopeOptions },
  example: ['ddv fetch data/raw', `makes 'ddv checkout data/raw' possible without the network`],
  exits: [1, 3, 10, 12, 13, 14],
  run: async (args, context) => {
    keepHeapSmall()
    const { fetch } = await import('../../ops/fetch.js')
    const options = { ...controlOf(context), remote: args.remote, ...scopeOf(args) }
    const { failures, ...done } = await withProject(context, project => fetch(project, args.targets, options))
    context.result(done, () => {
      const fetched = done.outputs.filter(({ outcome }) => outcome === 'fetched')
      if (done.outputs.length + failures.length === 0 && isOfWorkspace(args)) return nothingYet
      if (fetched.length === 0) return failures.length > 0 ? '' : 'the cache has everything\n'
      return `${fetchedText(fetched)}${formatBytes(done.bytesReceived)} received from ${displayPath(done.remote ?? '')}\n`
    })
    return context.fail(failures)
  },
})
