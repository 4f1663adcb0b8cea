import { displayPath } from '../../core/tree-path.js'
import { defineCommand } from '../command.js'
import { formatBytes, formatCount } from '../format.js'
import {
  isOfWorkspace,
  keepHeapSmall,
  nothingYet,
  remoteOption,
  scopeOf,
  scopeOptions,
  targetsPositional,
} from '../transfer.js'
import { controlOf, withProject } from '../with-project.js'

export const push = defineCommand({
  usage: 'push [targets..]',
  describe: 'send data that the remote lacks',
  positionals: targetsPositional,
  options: {
    ...remoteOption,
    ...scopeOptions,
    repair: {
      type: 'boolean',
      default: false,
      describe: 'also read what the remote has, and send anew what is missing or damaged there',
    },
  },
  example: ['ddv push', 'sends what the pointers of the workspace name'],
  exits: [1, 3, 10, 11, 12, 13, 14, 15],
  run: async (args, context) => {
    keepHeapSmall()
    const { push } = await import('../../ops/push.js')
    const options = { ...controlOf(context), remote: args.remote, ...scopeOf(args), repair: args.repair }
    const result = await withProject(context, project => push(project, args.targets, options))
    const { failures, ...done } = result
    context.result(done, () => {
      const pushed = done.outputs.filter(({ outcome }) => outcome === 'pushed')
      const lines = pushed.map(({ path, size }) => `pushed  ${displayPath(path)} (${formatBytes(size)})\n`)
      const sent = `${formatBytes(done.bytesSent)} in ${formatCount(done.packs, 'pack')} sent to ${displayPath(done.remote)}`
      if (done.outputs.length + failures.length === 0 && isOfWorkspace(args)) return nothingYet
      const results = done.results === undefined ? '' : `${formatCount(done.results, 'result')} of stages sent\n`
      if (pushed.length > 0 || results !== '') return `${lines.join('')}${sent}\n${results}`
      return failures.length > 0 ? '' : `nothing new for ${displayPath(done.remote)}\n`
    })
    return context.fail(failures)
  },
})
