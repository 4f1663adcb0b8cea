import { defineCommand } from '../command.js'
import { checkedOutText, targetsPositional } from '../transfer.js'
import { controlOf, withProject } from '../with-project.js'

export const checkout = defineCommand({
  usage: 'checkout [targets..]',
  describe: 'make the data in the workspace what the pointers say',
  positionals: targetsPositional,
  options: { force: { type: 'boolean', default: false, describe: 'overwrite and delete even what is in no cache' } },
  example: ['ddv checkout', `after 'git switch': brings the branch's data`],
  exits: [1, 3, 10, 11, 12, 13, 15],
  run: async (args, context) => {
    const { checkout } = await import('../../ops/checkout.js')
    const options = { ...controlOf(context), force: args.force }
    const { outputs, failures } = await withProject(context, project => checkout(project, args.targets, options))
    context.result({ outputs }, () => checkedOutText(outputs))
    return context.fail(failures)
  },
})
