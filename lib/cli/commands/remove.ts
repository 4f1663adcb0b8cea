import { displayPath } from '../../core/tree-path.js'
import { defineCommand } from '../command.js'
import { controlOf, withProject } from '../with-project.js'

export const remove = defineCommand({
  usage: 'remove <targets..>',
  describe: 'stop tracking; the data stays unless told',
  positionals: { targets: { type: 'string', array: true, demandOption: true, describe: 'outputs under ddv' } },
  options: {
    data: { type: 'boolean', default: false, describe: 'delete the data in the workspace too' },
    force: { type: 'boolean', default: false, describe: 'delete even what is in no cache' },
  },
  example: ['ddv remove data/old.csv', 'removes its pointer and ignore line, and keeps data/old.csv'],
  exits: [1, 3, 10, 11, 15],
  run: async (args, context) => {
    const { remove } = await import('../../ops/remove.js')
    const options = { ...controlOf(context), data: args.data, force: args.force }
    const result = await withProject(context, project => remove(project, args.targets, options))
    context.result(result, () => result.outputs.map(path => `removed  ${displayPath(path)}\n`).join(''))
  },
})
