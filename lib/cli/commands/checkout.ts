import { DdvError } from '../../core/errors.js'
import { defineCommand } from '../command.js'
import { checkedOutText, keepHeapSmall, targetsPositional } from '../transfer.js'
import { controlOf, withProject } from '../with-project.js'

export const checkout = defineCommand({
  usage: 'checkout [targets..]',
  describe: 'make the data in the workspace what the pointers say',
  positionals: targetsPositional,
  options: {
    force: { type: 'boolean', default: false, describe: 'overwrite and delete even what is in no cache' },
    ours: {
      type: 'boolean',
      default: false,
      describe: 'end a conflict: what both sides changed is as ours has it, file by file; the rest stays merged',
    },
    theirs: {
      type: 'boolean',
      default: false,
      describe: 'the same with their side; in a rebase, ours is what is rebased onto',
    },
  },
  example: ['ddv checkout', `after 'git switch': brings the branch's data`],
  exits: [1, 3, 10, 11, 12, 13, 15],
  run: async ({ targets, force, ours, theirs }, context) => {
    keepHeapSmall()
    if (ours && theirs) throw new DdvError('usage', '--ours and --theirs exclude each other')
    const options = { ...controlOf(context), force }
    const { outputs, failures } = await withProject(context, async project => {
      if (ours || theirs) {
        const { takeSide } = await import('../../ops/take-side.js')
        return takeSide(project, targets, { ...options, side: ours ? 'ours' : 'theirs' })
      }
      const { checkout } = await import('../../ops/checkout.js')
      return checkout(project, targets, options)
    })
    context.result({ outputs }, () => checkedOutText(outputs))
    return context.fail(failures)
  },
})
