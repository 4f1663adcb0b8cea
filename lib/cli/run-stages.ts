// What `ddv repro` and `ddv run` have in common: how stages are run, and what is said of it.

import { DdvError } from '../core/errors.js'
import { describeFailure } from '../core/failure.js'
import { describeReason } from '../core/stale-reason.js'
import { displayPath } from '../core/tree-path.js'
import type { StageReport } from '../ops/making.js'
import type { ReproOptions, ReproResult } from '../ops/repro.js'
import type { Context, Flags } from './command.js'
import { formatCount } from './format.js'
import type { Failure } from './report.js'
import { stageLines } from './stage-lines.js'
import { readVersion } from './version.js'
import { controlOf, withProject } from './with-project.js'

export const stagesPositional = <const D extends string>(describe: D) =>
  ({ targets: { type: 'string', array: true, default: [], describe } }) as const

/** The flags that both take. */
export const runOptions = {
  'dry-run': { type: 'boolean', alias: 'n', default: false, describe: 'say what would run and why, and run nothing' },
  check: { type: 'boolean', default: false, describe: 'as --dry-run, with exit code 1 where anything is stale' },
  force: { type: 'boolean', alias: 'f', default: false, describe: 'run all that is meant, stale or not' },
  pull: { type: 'boolean', default: false, describe: 'fetch what is not here: data, and results of others' },
  'run-cache': { type: 'boolean', default: true, describe: 'run also what was run before in the same way' },
} as const satisfies Flags

export const runExits = [1, 3, 10, 11, 12, 13, 14, 15]

interface RunFlags {
  readonly 'dry-run': boolean
  readonly check: boolean
  readonly force: boolean
  readonly pull: boolean
  readonly 'run-cache': boolean
}

export interface RunStages {
  readonly targets: readonly string[]
  readonly args: RunFlags
  /** As it was asked for, for the record: `repro`, with flags of its own. */
  readonly verb: string
  readonly flags: Readonly<Record<string, boolean>>
  readonly options: Pick<ReproOptions, 'reach' | 'keepGoing'>
}

/** The exit code. */
export async function runStages(
  context: Context,
  { targets, args, verb, flags, options: own }: RunStages,
): Promise<number> {
  const { repro } = await import('../ops/repro.js')
  const { check, force, pull } = args
  const named = { force, pull, 'no-run-cache': !args['run-cache'], ...flags }
  const options = {
    ...controlOf(context),
    ...own,
    ...{ force, pull },
    onEvent: stageLines(context),
    dryRun: args['dry-run'] || check,
    runCache: args['run-cache'],
    version: readVersion(),
    command: [verb, ...targets, ...Object.entries(named).flatMap(([name, is]) => (is ? [`--${name}`] : []))],
  }
  const result = await withProject(context, project => repro(project, targets, options))
  context.result(result, () => (options.dryRun ? dryText(result, context) : doneText(result)))
  const code = context.fail(result.stages.flatMap(toFailure))
  return code === 0 && check && result.stages.some(({ outcome }) => outcome === 'stale') ? 1 : code
}

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
  return [{ path: stage, error, what: 'stage' }]
}
