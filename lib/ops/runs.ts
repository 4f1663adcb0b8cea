// `runs`: what earlier runs of stages came to, by their records.

import { join } from 'node:path'
import { DdvError, isDdvError } from '../core/errors.js'
import { logName, type RunId, type RunRecord, type StageRun } from '../core/run-record.js'
import { stageAddress } from '../core/stage.js'
import { displayPath } from '../core/tree-path.js'
import { isUnderWay, listRuns, readJournal, readRun } from '../pipeline/run-record.js'
import { readRegular } from '../sys/read-stable.js'
import type { OutputFailure } from './add.js'
import type { Project } from './project.js'
import { runsDirectory } from './run-journal.js'

/** `interrupted`: stages were begun that did not come to an end. `killed`: nor did the run, and its process is gone. */
export type RunOutcome = 'done' | 'failed' | 'interrupted' | 'running' | 'killed'

export interface ListedRun {
  readonly id: RunId
  readonly outcome: RunOutcome
  readonly command: readonly string[]
  readonly started: Date
  /** Milliseconds, of a run that came to its end. */
  readonly duration?: number
  /** How many stages came to each end; what was up to date is not in a record. */
  readonly done: number
  readonly cached: number
  readonly failed: number
}

/** Newest first. */
export function listedRuns(project: Project): {
  readonly runs: readonly ListedRun[]
  readonly failures: readonly OutputFailure[]
} {
  const directory = runsDirectory(project)
  const runs: ListedRun[] = []
  const failures: OutputFailure[] = []
  for (const id of listRuns(directory)) {
    try {
      const record = readRun(directory, id)
      if (record !== undefined) runs.push(listed(record, openStages(project, record).length > 0))
    } catch (error) {
      if (!isDdvError(error)) throw error
      failures.push({ path: id, error })
    }
  }
  return { runs: runs.sort(byStart), failures }
}

// Ids tell seconds, records milliseconds.
const byStart = (a: Pick<ListedRun, 'started'>, b: Pick<ListedRun, 'started'>): number =>
  b.started.getTime() - a.started.getTime()

function listed(record: RunRecord, cutShort: boolean): ListedRun {
  const { id, command, started, stages } = record
  const count = (is: (stage: StageRun) => boolean): number => stages.filter(is).length
  return {
    ...{ id, outcome: outcomeOf(record, cutShort), command, started, ...durationOf(record) },
    done: count(({ outcome, cached }) => outcome === 'done' && !cached),
    cached: count(({ cached }) => cached),
    failed: count(({ outcome }) => outcome === 'failed'),
  }
}

function outcomeOf(record: RunRecord, cutShort: boolean): RunOutcome {
  if (record.ended === undefined) return isUnderWay(record) ? 'running' : 'killed'
  if (cutShort) return 'interrupted'
  return record.stages.some(({ outcome }) => outcome === 'failed') ? 'failed' : 'done'
}

const durationOf = ({ started, ended }: RunRecord): { duration?: number } =>
  ended === undefined ? {} : { duration: Math.max(0, ended.getTime() - started.getTime()) }

/** A stage as the run left it; without an outcome it was begun, and did not come to an end. */
export interface ShownStage extends Partial<Omit<StageRun, 'file' | 'name' | 'log' | 'lock'>> {
  /** As it is named on the command line. */
  readonly stage: string
  /** What it printed, relative to the workspace. */
  readonly log?: string
}

export interface ShownRun extends Omit<ListedRun, 'done' | 'cached' | 'failed'> {
  readonly version: string
  readonly host: string
  readonly executor: string
  readonly ended?: Date
  /** In the order in which they ended, then those that did not. */
  readonly stages: readonly ShownStage[]
}

/** By its id, a beginning of one, its last six letters, or `latest`. Throws `usage` where that is no run, or several. */
export function showRun(project: Project, typed: string): ShownRun {
  const directory = runsDirectory(project)
  const id = typed === 'latest' ? latestRun(project) : findRun(listRuns(directory), typed)
  const record = readRun(directory, id)
  if (record === undefined) throw noRun(typed)
  const { version, host, executor, command, started, ended, stages } = record
  const logPath = (name: string): string => `.ddv/runs/${id}/${name}`
  const open = openStages(project, record)
  return {
    ...{ id, outcome: outcomeOf(record, open.length > 0), command, version, host, executor, started },
    ...(ended !== undefined && { ended }),
    ...durationOf(record),
    stages: [
      ...stages.map(stage => shownStage(stage, logPath)),
      ...open.map(({ stage, log, at }) => ({ stage, started: at, log: logPath(log) })),
    ],
  }
}

function shownStage({ file, name, lock, log, ...stage }: StageRun, logPath: (name: string) => string): ShownStage {
  return { stage: stageAddress({ file, name }), ...stage, ...(log !== undefined && { log: logPath(log) }) }
}

interface OpenStage {
  readonly stage: string
  readonly log: string
  readonly at: Date
}

/** Those that were begun and did not end. Logs are numbered as stages begin. */
function openStages(project: Project, { id, stages }: RunRecord): readonly OpenStage[] {
  const over = new Set(stages.map(stageAddress))
  const begun = readJournal(runsDirectory(project), id).flatMap(entry => (entry.type === 'begun' ? [entry] : []))
  return begun
    .map(({ file, name, at }, i) => {
      const stage = stageAddress({ file, name })
      return { stage, log: logName(i + 1, stage), at }
    })
    .filter(({ stage }) => !over.has(stage))
}

function latestRun(project: Project): RunId {
  const directory = runsDirectory(project)
  const [newest, ...others] = listRuns(directory)
  if (newest === undefined)
    throw new DdvError('usage', 'no run was recorded here', { hint: `'ddv repro' and 'ddv run' leave records` })
  const sameSecond = others.filter(id => secondOf(id) === secondOf(newest))
  if (sameSecond.length === 0) return newest
  const records = [newest, ...sameSecond].flatMap(id => readRun(directory, id) ?? [])
  return records.sort(byStart)[0]?.id ?? newest
}

const secondOf = (id: RunId): string => id.slice(0, id.indexOf('-'))

function findRun(ids: readonly RunId[], typed: string): RunId {
  const exact = ids.filter(id => id === typed)
  const near = ids.filter(id => typed !== '' && (id.startsWith(typed) || id.endsWith(`-${typed}`)))
  const [found, other] = exact.length > 0 ? exact : near
  if (found === undefined) throw noRun(typed)
  if (other === undefined) return found
  throw new DdvError('usage', `several runs may be meant: ${displayPath(typed)}`, {
    hint: `such as ${found}, ${other}`,
  })
}

const noRun = (typed: string): DdvError =>
  new DdvError('usage', `no such run: ${displayPath(typed)}`, { hint: `'ddv runs list' has them` })

export interface RunLog {
  readonly run: RunId
  readonly stage: string
  /** Relative to the workspace. */
  readonly filepath: string
  readonly bytes: Buffer
}

/** What a stage of that run printed. Throws `usage` for a stage that is not in it, `missing` where it left no log. */
export function readRunLog(project: Project, typed: string, stage: string): RunLog {
  const run = showRun(project, typed)
  const found = run.stages.find(one => one.stage === stage)
  if (found === undefined) {
    const names = run.stages.map(one => displayPath(one.stage)).join(', ')
    throw new DdvError('usage', `no such stage in run ${run.id}: ${displayPath(stage)}`, {
      ...(names !== '' && { hint: `it has ${names}` }),
    })
  }
  const filepath = found.log
  const bytes = filepath === undefined ? undefined : readRegular(join(project.workspace.root, filepath))
  if (filepath === undefined || bytes === undefined)
    throw new DdvError('missing', `left no log in run ${run.id}: ${displayPath(stage)}`)
  return { run: run.id, stage, filepath, bytes }
}
