import { defineCommand, defineGroup } from '../command.js'
import { sidesPositionals } from '../transfer.js'
import { valuesDiffMarkdown, valuesDiffText } from '../values-text.js'
import { controlOf, withProject } from '../with-project.js'

const style = { what: 'params', differences: false, precision: undefined }

const diff = defineCommand({
  usage: 'diff [A] [B]',
  describe: 'what differs between the parameters of two versions',
  positionals: sidesPositionals,
  options: {
    target: {
      type: 'string',
      alias: 't',
      array: true,
      value: 'FILE',
      describe: 'this file alone, whoever names it; may be given again',
    },
    all: { type: 'boolean', default: false, describe: 'parameters that are the same, too' },
    markdown: { type: 'boolean', default: false, describe: 'as a table in Markdown' },
  },
  example: ['ddv params diff main', 'what was changed since main, committed or not'],
  exits: [1, 3, 10],
  run: async (args, context) => {
    const { diffParams } = await import('../../ops/params-diff.js')
    const options = { ...controlOf(context), from: args.A, to: args.B, all: args.all }
    const result = await withProject(context, project => diffParams(project, args.target ?? [], options))
    const { failures, ...told } = result
    context.result(told, () =>
      args.markdown ? valuesDiffMarkdown(result, style) : valuesDiffText(result, style, context),
    )
    return context.fail(failures)
  },
})

export const params = defineGroup('params', 'look at the parameters of stages', [diff])
