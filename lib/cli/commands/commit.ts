import { displayPath } from '../../core/tree-path.js'
import { defineCommand } from '../command.js'
import { formatBytes, formatCount } from '../format.js'
import { remoteOption, targetsPositional } from '../transfer.js'
import { controlOf, withProject } from '../with-project.js'

export const commit = defineCommand({
  usage: 'commit [targets..]',
  describe: 'add what changed under ddv, and commit it with what is staged',
  positionals: targetsPositional,
  options: {
    message: { type: 'string', alias: 'm', value: 'MSG', demandOption: true, describe: 'of the commit' },
    push: { type: 'boolean', default: false, describe: 'send the data, then the branch' },
    ...remoteOption,
  },
  example: [`ddv commit -m 'films of May' --push`, 'data and pointers leave together'],
  exits: [1, 3, 10, 11, 12, 13, 14, 15],
  run: async (args, context) => {
    const { commit } = await import('../../ops/commit.js')
    const { message, push, remote } = args
    const options = { ...controlOf(context), message, push, remote }
    const { failures, ...done } = await withProject(context, project => commit(project, args.targets, options))
    context.result(done, () => {
      const added = done.outputs.map(({ pointer, size, files }) => {
        const count = files === undefined ? '' : `, ${formatCount(files, 'file')}`
        return `added  ${displayPath(pointer.replace(/\.ddv$/, ''))} (${formatBytes(size)}${count})\n`
      })
      const made = done.created ? [`committed  ${done.commit.slice(0, 12)}\n`] : []
      const sent =
        done.pushed === undefined
          ? []
          : [`${formatBytes(done.pushed.bytesSent)} sent to ${displayPath(done.pushed.remote)}\n`]
      const branch = done.branch === undefined ? [] : [`pushed  ${displayPath(done.branch)}\n`]
      return [...added, ...made, ...sent, ...branch].join('')
    })
    if (failures.length > 0) context.warn(`commit ${done.commit.slice(0, 12)} is made; its branch was not pushed`)
    return context.fail(failures)
  },
})
