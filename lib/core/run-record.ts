// The record of a run, format 1: `run.json`, and `journal.jsonl` beside it, to which a line is added as each stage begins
// and ends. They are for people and for what was cut short: nothing that decides what a stage is made of, so times and
// hosts have their place here. See FORMAT.md.

import { DdvError } from './errors.js'
import type { StageOutcome } from './events.js'
import { type Failure, isFailure } from './failure.js'
import { isJsonRecord, type Json, type JsonRecord, jsonProblem } from './json.js'
import { decodeStageLock, type StageLock, stageRecord } from './lockfile.js'
import { isStageName, pipelineFileName, type StageName } from './stage.js'
import { isStaleReason, type StaleReason } from './stale-reason.js'
import { type TreePath, treePathProblem } from './tree-path.js'

declare const runIdBrand: unique symbol
/** `20261125T011500Z-3f9c2a`: sorts by time, fit for a directory's name. */
export type RunId = string & { readonly [runIdBrand]: true }

export const isRunId = (text: unknown): text is RunId =>
  typeof text === 'string' && /^\d{8}T\d{6}Z-[0-9a-f]{6}$/.test(text)

export const runIdOf = (time: Date, random: string): RunId =>
  `${time
    .toISOString()
    .replace(/\.\d+Z$/, 'Z')
    .replace(/[-:]/g, '')}-${random.slice(0, 6)}` as RunId

export interface RunRecord {
  readonly id: RunId
  /** Of ddv. */
  readonly version: string
  readonly host: string
  /** Tells the process that runs it, as a lock's name would (sys/lock.ts). */
  readonly process: string
  /** As it was asked for: targets and flags. */
  readonly command: readonly string[]
  readonly executor: string
  /** Which was checked out, or what the environment named; undefined where neither says. */
  readonly commit: string | undefined
  readonly started: Date
  /** undefined: it is still at work, or was killed. */
  readonly ended: Date | undefined
  /** It was found without an end, and its process gone. */
  readonly killed: boolean
  /** Those that came to an end, as they did. */
  readonly stages: readonly StageRun[]
}

export interface StageRun {
  readonly file: TreePath
  readonly name: StageName
  readonly outcome: StageOutcome
  /** The address of the stage because of which it was skipped. */
  readonly because: string | undefined
  /** Its outs came from an earlier run of the same. */
  readonly cached: boolean
  /** Why it ran. */
  readonly reasons: readonly StaleReason[]
  readonly tries: number
  readonly failure: Failure | undefined
  readonly started: Date | undefined
  /** Milliseconds, all tries together. */
  readonly duration: number | undefined
  /** Bytes. */
  readonly peakMemory: number | undefined
  /** A file beside the record. */
  readonly log: string | undefined
  /** What it read and made; of `done` and `unchanged`. */
  readonly lock: StageLock | undefined
  /** What it told of itself: what a built-in step found, or whatever a command left in `DDV_RESULT`. */
  readonly result: JsonRecord | undefined
  /** By path: what its files of metrics held. */
  readonly metrics: JsonRecord | undefined
}

export const isLogName = (text: unknown): text is string =>
  typeof text === 'string' && /^[A-Za-z0-9_][A-Za-z0-9_.,=+@-]{0,199}\.log$/.test(text)

/** Of what a stage may leave in `DDV_RESULT`, in bytes. */
export const maxResult = 1_048_576

/** `3-train@a.log`. The number makes it the stage's own, the name is for people. */
export const logName = (number: number, address: string): string =>
  `${number}-${address.replace(/[^A-Za-z0-9_.,=+@-]+/g, '-').slice(0, 150)}.log`

export function encodeRun(run: RunRecord): string {
  const { id, version, host, process, command, executor, commit, started, ended, killed, stages } = run
  const record: JsonRecord = {
    ddv: 1,
    ...{ id, version, host, process, command, executor },
    ...(commit !== undefined && { commit }),
    started: started.toISOString(),
    ...(ended !== undefined && { ended: ended.toISOString() }),
    ...(killed && { killed }),
    stages: stages.map(stageRunRecord),
  }
  return `${JSON.stringify(record, undefined, 2)}\n`
}

/** Throws `corrupt` or `newer-format`, naming the file. */
export function decodeRun(text: string, file: string): RunRecord {
  const bad: Bad = problem => new DdvError('corrupt', `record of a run ${problem}: ${file}`)
  const record = parseRecord(text)
  if (record === undefined) throw bad('is no JSON object that ddv wrote')
  const { ddv, id, version, host, process, command, executor, commit, started, ended, killed, stages } = record
  if (typeof ddv === 'number' && Number.isSafeInteger(ddv) && ddv > 1)
    throw new DdvError('newer-format', `record of a run was written by a newer ddv: ${file}`, { hint: 'update ddv' })
  if (ddv !== 1) throw bad('has no "ddv": 1')
  if (!isRunId(id)) throw bad('has an "id" that cannot be one')
  if (!isTexts(command)) throw bad('has a "command" that is no list of texts')
  if (!Array.isArray(stages)) throw bad('has "stages" that are no list')
  return {
    id,
    version: textOf(version, 'version', bad),
    host: textOf(host, 'host', bad),
    process: textOf(process, 'process', bad),
    command,
    executor: textOf(executor, 'executor', bad),
    commit: commit === undefined ? undefined : textOf(commit, 'commit', bad),
    started: timeOf(started, 'started', bad),
    ended: ended === undefined ? undefined : timeOf(ended, 'ended', bad),
    killed: killed === true,
    stages: stages.map(stage => decodeStageRun(stage, bad)),
  }
}

export type JournalEntry =
  | { readonly type: 'begun'; readonly file: TreePath; readonly name: StageName; readonly at: Date }
  | { readonly type: 'ended'; readonly stage: StageRun }

export const encodeJournalEntry = (entry: JournalEntry): string =>
  `${JSON.stringify(
    entry.type === 'begun'
      ? { ...entry, at: entry.at.toISOString() }
      : { type: entry.type, stage: stageRunRecord(entry.stage) },
  )}\n`

/** Whatever can be read: a crash may have cut the last line, or lost bytes of it. */
export function decodeJournal(text: string): readonly JournalEntry[] {
  return text
    .split('\n')
    .slice(0, -1)
    .flatMap(line => {
      try {
        return decodeJournalEntry(line)
      } catch (error) {
        if (error instanceof DdvError) return []
        throw error
      }
    })
}

function decodeJournalEntry(line: string): JournalEntry {
  const bad: Bad = problem => new DdvError('corrupt', `line ${problem}`)
  const record = parseRecord(line)
  if (record?.type === 'ended') return { type: 'ended', stage: decodeStageRun(record.stage, bad) }
  if (record?.type === 'begun') return { type: 'begun', ...stageKeyOf(record, bad), at: timeOf(record.at, 'at', bad) }
  throw bad('is none of a journal')
}

function stageRunRecord(run: StageRun): JsonRecord {
  const { file, name, outcome, because, cached, reasons, tries, failure, started, duration, peakMemory, log } = run
  const { lock, result, metrics } = run
  return {
    ...(file !== pipelineFileName && { file }),
    ...{ name, outcome },
    ...(because !== undefined && { because }),
    ...(cached && { cached }),
    ...(reasons.length > 0 && { reasons: reasons as readonly object[] as readonly JsonRecord[] }),
    ...(tries > 0 && { tries }),
    ...(failure !== undefined && { failure: failure as object as JsonRecord }),
    ...(started !== undefined && { started: started.toISOString() }),
    ...(duration !== undefined && { duration: Math.round(duration) }),
    ...(peakMemory !== undefined && { peakMemory }),
    ...(log !== undefined && { log }),
    ...(lock !== undefined && { lock: stageRecord(lock) }),
    ...(result !== undefined && { result }),
    ...(metrics !== undefined && { metrics }),
  }
}

type Bad = (problem: string) => DdvError

const outcomes: readonly unknown[] = ['done', 'unchanged', 'failed', 'skipped'] satisfies StageOutcome[]

function decodeStageRun(value: unknown, bad: Bad): StageRun {
  if (!isJsonRecord(value)) throw bad('has a stage that is no object')
  const { outcome, because, cached, reasons = [], tries = 0, failure, started, duration, peakMemory, log } = value
  const { lock, result, metrics } = value
  if (!outcomes.includes(outcome)) throw bad('has a stage with an unknown outcome')
  if (!Array.isArray(reasons) || !reasons.every(isStaleReason)) throw bad('has a stage with unknown reasons')
  if (failure !== undefined && !isFailure(failure)) throw bad('has a stage with an unknown failure')
  if (log !== undefined && !isLogName(log)) throw bad('has a stage whose log has a name that cannot be one')
  return {
    ...stageKeyOf(value, bad),
    outcome: outcome as StageOutcome,
    because: because === undefined ? undefined : textOf(because, 'because', bad),
    cached: cached === true,
    reasons,
    tries: countOf(tries, 'tries', bad),
    failure,
    started: started === undefined ? undefined : timeOf(started, 'started', bad),
    duration: duration === undefined ? undefined : countOf(duration, 'duration', bad),
    peakMemory: peakMemory === undefined ? undefined : countOf(peakMemory, 'peakMemory', bad),
    log,
    lock: lock === undefined ? undefined : decodeStageLock(lock, problem => bad(`has a stage ${problem}`)),
    result: result === undefined ? undefined : recordOf(result, 'result', bad),
    metrics: metrics === undefined ? undefined : recordOf(metrics, 'metrics', bad),
  }
}

function stageKeyOf({ file = pipelineFileName, name }: JsonRecord, bad: Bad): Pick<StageRun, 'file' | 'name'> {
  if (typeof name !== 'string' || !isStageName(name)) throw bad('has a stage whose name cannot be one')
  if (typeof file !== 'string' || treePathProblem(file) !== undefined) throw bad('has a stage of no file')
  return { file: file as TreePath, name }
}

function parseRecord(text: string): JsonRecord | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return isJsonRecord(value) && jsonProblem(value, 'data') === undefined ? value : undefined
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error
    return undefined
  }
}

const isTexts = (value: Json | undefined): value is readonly string[] =>
  Array.isArray(value) && value.every(text => typeof text === 'string')

function textOf(value: Json | undefined, key: string, bad: Bad): string {
  if (typeof value !== 'string') throw bad(`has a "${key}" that is no text`)
  return value
}

function recordOf(value: Json, key: string, bad: Bad): JsonRecord {
  if (!isJsonRecord(value)) throw bad(`has "${key}" that are no object`)
  return value
}

function countOf(value: Json | undefined, key: string, bad: Bad): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0)
    throw bad(`has "${key}" that are no count`)
  return value
}

function timeOf(value: Json | undefined, key: string, bad: Bad): Date {
  const time = new Date(typeof value === 'string' ? value : Number.NaN)
  if (Number.isNaN(time.getTime())) throw bad(`has a "${key}" that is no time`)
  return time
}
