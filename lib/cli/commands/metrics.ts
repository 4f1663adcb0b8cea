import { DdvError } from '../../core/errors.js'
import { defineCommand, defineGroup } from '../command.js'
import { stagesPositional } from '../run-stages.js'
import { sidesPositionals } from '../transfer.js'
import { metricsMarkdown, metricsText, valuesDiffMarkdown, valuesDiffText } from '../values-text.js'
import { controlOf, withProject } from '../with-project.js'

const markdown = { type: 'boolean', default: false, describe: 'as a table in Markdown' } as const

const show = defineCommand({
  usage: 'show [targets..]',
  describe: 'the numbers that stages left, here or in commits',
  positionals: stagesPositional('files of metrics, directories of some, or stages; all unless told'),
  options: {
    rev: {
      type: 'string',
      array: true,
      value: 'REV',
      describe: 'as this commit has them, and not the workspace; may be given again',
    },
    'all-branches': { type: 'boolean', default: false, describe: 'as each branch has them' },
    'all-tags': { type: 'boolean', default: false, describe: 'as each tag has them' },
    markdown,
  },
  example: ['ddv metrics show --all-branches --markdown', 'a table of what each branch came to'],
  exits: [1, 3, 10, 13],
  run: async (args, context) => {
    const { showMetrics } = await import('../../ops/metrics.js')
    const options = {
      ...controlOf(context),
      ...{ revisions: args.rev, allBranches: args['all-branches'], allTags: args['all-tags'] },
    }
    const result = await withProject(context, project => showMetrics(project, args.targets, options))
    context.result({ versions: result.versions }, () =>
      args.markdown ? metricsMarkdown(result) : metricsText(result, context),
    )
    return context.fail(result.failures)
  },
})

const diff = defineCommand({
  usage: 'diff [A] [B]',
  describe: 'what differs between the metrics of two versions',
  positionals: sidesPositionals,
  options: {
    target: {
      type: 'string',
      alias: 't',
      array: true,
      value: 'PATH',
      describe: 'this file, directory or stage alone; may be given again',
    },
    all: { type: 'boolean', default: false, describe: 'metrics that are the same, too' },
    precision: { type: 'number', value: 'N', describe: 'digits to round to; 5 unless told, all of them with --json' },
    markdown,
  },
  example: ['ddv metrics diff main --markdown', 'better or worse than main? A table for a pull request'],
  exits: [1, 3, 10, 13],
  run: async (args, context) => {
    const { precision = 5 } = args
    if (!(Number.isSafeInteger(precision) && precision >= 0 && precision <= 20))
      throw new DdvError('usage', '--precision is not a whole number from 0 to 20')
    const { diffMetrics } = await import('../../ops/metrics.js')
    const options = { ...controlOf(context), from: args.A, to: args.B, all: args.all }
    const result = await withProject(context, project => diffMetrics(project, args.target ?? [], options))
    const { failures, ...told } = result
    const style = { what: 'metrics', differences: true, precision }
    context.result(told, () =>
      args.markdown ? valuesDiffMarkdown(result, style) : valuesDiffText(result, style, context),
    )
    return context.fail(failures)
  },
})

export const metrics = defineGroup('metrics', 'look at the numbers that stages left', [show, diff])
