import { loadWorkspace } from '../../workspace/workspace.js'
import { defineCommand } from '../command.js'

export const root = defineCommand({
  usage: 'root',
  describe: 'print the top directory of the workspace',
  example: ['cd "$(ddv root)"', 'goes there'],
  exits: [10],
  run: async (_args, context) => {
    const { root } = loadWorkspace(context.cwd)
    context.result({ root }, () => `${root}\n`)
  },
})
