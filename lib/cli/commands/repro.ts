import { DdvError } from '../../core/errors.js'
import { describeFailure } from '../../core/failure.js'
import { describeReason } from '../../core/stale-reason.js'
import { displayPath } from '../../core/tree-path.js'
import type { StageReport } from '../../ops/making.js'
import type { ReproResult } from '../../ops/repro.js'
import { type Context, defineCommand } from '../command.js'
import { formatCount } from '../format.js'
import type { Failure } from '../report.js'
import { stageLines } from '../stage-lines.js'
import { readVersion } from '../version.js'
import { controlOf, withProject } from '../with-project.js'

export const repro = defineCommand({
  usage: 'repro [targets..]',
  describe: 'run the stages that are stale, and record what they made',
  positionals: {
    targets: {
      type: 'string',
      array: true,
      default: [],
      describe: 'stages (train, train@a, sub/ddv.yaml:train) or outputs, with all that they wait for; all unless told',
    },
  },
  options: {
    'dry-run': { type: 'boolean', alias: 'n', default: false, describe: 'say what would run and why, and run nothing' },
    check: { type: 'boolean', default: false, describe: 'as --dry-run, with exit code 1 where anything is stale' },
    force: { type: 'boolean', alias: 'f', default: false, describe: 'run all that is meant, stale or not' },
    single: { type: 'boolean', alias: 's', default: false, describe: 'the targets alone' },
    downstream: { type: 'boolean', default: false, describe: 'the targets and what waits for them' },
    'keep-going': {
      type: 'boolean',
      alias: 'k',
      default: false,
      describe: 'after a failure, go on with what does not need what failed',
    },
    pull: { type: 'boolean', default: false, describe: 'fetch what is not here: data, and results of others' },
    'run-cache': { type: 'boolean', default: true, describe: 'run also what was run before in the same way' },
  },
  example: ['ddv repro train', 'what train waits for, and train, as far as they are stale'],
  exits: [1, 3, 10, 11, 12, 13, 14, 15],
  run: async (args, context) => {
    const { targets, force, single, downstream, check, pull } = args
    if (single && downstream) throw new DdvError('usage', '--single and --downstream are not for one another')
    const { repro } = await import('../../ops/repro.js')
    const flags = { force, single, downstream, pull, 'keep-going': args['keep-going'] }
    const options = {
      ...controlOf(context),
      onEvent: stageLines(context),
      ...{ force, pull },
      reach: single ? ('single' as const) : downstream ? ('downstream' as const) : ('upstream' as const),
      dryRun: args['dry-run'] || check,
      keepGoing: args['keep-going'],
      runCache: args['run-cache'],
      version: readVersion(),
      command: ['repro', ...targets, ...Object.entries(flags).flatMap(([name, is]) => (is ? [`--${name}`] : []))],
    }
    const result = await withProject(context, project => repro(project, targets, options))
    context.result(result, () => (options.dryRun ? dryText(result, context) : doneText(result)))
    const code = context.fail(result.stages.flatMap(toFailure))
    return code === 0 && check && result.stages.some(({ outcome }) => outcome === 'stale') ? 1 : code
  },
})

function dryText({ stages }: ReproResult, { style }: Context): string {
  const lines = stages.flatMap(({ stage, outcome, reasons }) => {
    if (outcome !== 'stale') return []
    // That others run first says little beside what is a stage's own.
    const own = reasons.filter(({ type }) => type !== 'upstream')
    return (own.length > 0 ? own : reasons).map(
      reason => `${style.bold(displayPath(stage))}: ${describeReason(reason)}`,
    )
  })
  return [...lines, countsText(stages)].map(line => `${line}\n`).join('')
}

const doneText = ({ stages }: ReproResult): string => `${countsText(stages)}\n`

const words: readonly (readonly [string, (report: StageReport) => boolean])[] = [
  ['stale', ({ outcome }) => outcome === 'stale'],
  ['ran', ({ outcome, cached }) => outcome === 'done' && cached !== true],
  ['brought back', ({ cached }) => cached === true],
  ['failed', ({ outcome }) => outcome === 'failed'],
  ['not run', ({ outcome }) => outcome === 'skipped'],
  ['up to date', ({ outcome }) => outcome === 'unchanged'],
]

function countsText(stages: readonly StageReport[]): string {
  const parts = words.flatMap(([word, is]) => {
    const count = stages.filter(is).length
    return count === 0 ? [] : [`${count} ${word}`]
  })
  return `${formatCount(stages.length, 'stage')}${parts.length === 0 ? '' : `: ${parts.join(', ')}`}`
}

function toFailure({ stage, failure, log }: StageReport): Failure[] {
  if (failure === undefined) return []
  const error = new DdvError('refused', `stage ${describeFailure(failure)}: ${displayPath(stage)}`, {
    ...(log !== undefined && { hint: `what it printed is in ${displayPath(log)}` }),
  })
  return [{ path: stage, error }]
}
