import { displayPath } from '../../core/tree-path.js'
import { defineCommand } from '../command.js'
import { formatCount } from '../format.js'
import { controlOf, withProject } from '../with-project.js'

export const checkout = defineCommand({
  usage: 'checkout [targets..]',
  describe: 'make the data in the workspace what the pointers say, from the cache',
  positionals: { targets: { type: 'string', array: true, default: [], describe: 'all outputs unless told' } },
  options: { force: { type: 'boolean', default: false, describe: 'overwrite and delete even what is in no cache' } },
  example: ['ddv checkout', `after 'git switch': brings the branch's data`],
  exits: [1, 3, 10, 11, 12, 13, 15],
  run: async (args, context) => {
    const { checkout } = await import('../../ops/checkout.js')
    const options = { ...controlOf(context), force: args.force }
    const { outputs, failures } = await withProject(context, project => checkout(project, args.targets, options))
    context.result({ outputs }, () =>
      outputs
        .filter(({ written, removed }) => written + removed > 0)
        .map(({ path, written, removed }) => {
          const deleted = removed === 0 ? '' : `, ${removed} removed`
          return `checked out  ${displayPath(path)} (${formatCount(written, 'file')} written${deleted})\n`
        })
        .join(''),
    )
    return context.fail(failures)
  },
})
