import { displayPath } from '../../core/tree-path.js'
import { defineCommand } from '../command.js'
import { controlOf, withProject } from '../with-project.js'

export const move = defineCommand({
  usage: 'move <from> <to>',
  describe: 'rename data, its pointer and its ignore line',
  positionals: {
    from: { type: 'string', demandOption: true, describe: 'an output under ddv' },
    to: { type: 'string', demandOption: true, describe: 'its new name, or a directory to move it into' },
  },
  example: ['ddv move data/a.csv data/raw/', 'makes it data/raw/a.csv'],
  exits: [1, 3, 10, 11, 15],
  run: async (args, context) => {
    const { move } = await import('../../ops/move.js')
    const result = await withProject(context, project => move(project, args.from, args.to, controlOf(context)))
    context.result(result, () => `moved  ${displayPath(result.from)} -> ${displayPath(result.to)}\n`)
  },
})
