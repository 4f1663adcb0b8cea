// Records of runs, `.ddv/runs/<id>/`: what a run was asked for and came to, as it comes, so that a run that is cut short
// has still told all that it did. The newest stay.

import { closeSync, lstatSync, mkdirSync, openSync, readdirSync, rmSync, writeSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { DdvError, fromSystemError } from '../core/errors.js'
import {
  decodeJournal,
  decodeRun,
  encodeJournalEntry,
  encodeRun,
  isRunId,
  type JournalEntry,
  logName,
  type RunId,
  type RunRecord,
  runIdOf,
  type StageRun,
} from '../core/run-record.js'
import { type Stage, stageAddress } from '../core/stage.js'
import { writeFileAtomic } from '../sys/fs.js'
import { isHolderAlive, newHolderName } from '../sys/lock.js'
import { randomName } from '../sys/random.js'
import { readRegular } from '../sys/read-stable.js'
import { StageLog } from './stage-log.js'

/** So many records stay. */
export const keptRuns = 100

/** In the directory of a run. */
export const recordFile = 'run.json'
const journalFile = 'journal.jsonl'

export type RunStart = Pick<RunRecord, 'version' | 'command' | 'executor' | 'commit'>

/** A class because of what is open, and what came so far. */
export class Run {
  readonly id: RunId
  readonly directory: string
  readonly #record: RunRecord
  readonly #stages: StageRun[] = []
  readonly #journal: number
  /** The record has all stages that came to an end. */
  #isWritten = true
  #logs = 0

  /** Makes the record, in `runs`, and takes away the oldest ones there. */
  constructor(runs: string, start: RunStart, now: Date = new Date()) {
    this.id = runIdOf(now, randomName())
    this.directory = join(runs, this.id)
    this.#record = {
      ...start,
      id: this.id,
      host: hostname(),
      process: newHolderName(),
      started: now,
      ended: undefined,
      killed: false,
      stages: [],
    }
    this.#journal = named(this.directory, () => {
      mkdirSync(runs, { recursive: true })
      refuseLink(runs)
      mkdirSync(this.directory)
      writeRecord(this.directory, this.#record)
      return openSync(join(this.directory, journalFile), 'ax')
    })
    pruneRuns(runs)
  }

  /** The stage begins to run; what it prints goes to the log, which the caller closes. */
  begin({ file, name }: Pick<Stage, 'file' | 'name'>, at: Date = new Date()): { log: StageLog; name: string } {
    this.#append({ type: 'begun', file, name, at })
    const log = logName(++this.#logs, stageAddress({ file, name }))
    return { log: named(this.directory, () => new StageLog(join(this.directory, log))), name: log }
  }

  /** In the journal when this returns: a kill loses nothing of it, a crash of the machine may. */
  end(stage: StageRun): void {
    this.#stages.push(stage)
    this.#isWritten = false
    this.#append({ type: 'ended', stage })
  }

  /** A stage that was up to date: told to those that come after it, and nothing that a crash could lose. */
  pass(stage: StageRun): void {
    this.#stages.push(stage)
    this.#isWritten = false
  }

  /** Before a stage that waited for others: it may read in the record what these came to. */
  share(): void {
    if (this.#isWritten) return
    named(this.directory, () => writeRecord(this.directory, { ...this.#record, stages: this.#stages }))
    this.#isWritten = true
  }

  /** No more stages come. */
  finish(at: Date = new Date()): RunRecord {
    closeSync(this.#journal)
    const record = { ...this.#record, ended: at, stages: this.#stages }
    named(this.directory, () => writeRecord(this.directory, record))
    return record
  }

  #append(entry: JournalEntry): void {
    const bytes = Buffer.from(encodeJournalEntry(entry))
    named(this.directory, () => {
      for (let at = 0; at < bytes.length; ) at += writeSync(this.#journal, bytes, at)
    })
  }
}

function named<T>(path: string, act: () => T): T {
  try {
    return act()
  } catch (error) {
    throw fromSystemError(error, path)
  }
}

const writeRecord = (directory: string, record: RunRecord): void =>
  writeFileAtomic(join(directory, recordFile), encodeRun(record), { durable: false })

// It is ddv's own, but a stranger may have committed a link in its place: nothing is written, and nothing deleted, there.
function refuseLink(runs: string): void {
  if (lstatSync(runs).isDirectory()) return
  throw new DdvError('bad-path', `a directory is needed where something else is: ${runs}`, {
    hint: 'move it away, then run the same command again',
  })
}

/** Newest first. */
export function listRuns(runs: string): readonly RunId[] {
  const stat = lstatSync(runs, { throwIfNoEntry: false })
  return stat?.isDirectory() === true ? readdirSync(runs).filter(isRunId).sort().reverse() : []
}

/**
 * undefined where there is no such record. Of a run without an end its stages are those of its journal. Throws `corrupt` or
 * `newer-format`.
 */
export function readRun(runs: string, id: RunId): RunRecord | undefined {
  const file = join(runs, id, recordFile)
  const text = readRegular(file)?.toString()
  if (text === undefined) return undefined
  const record = decodeRun(text, file)
  if (record.ended !== undefined || record.killed) return record
  return { ...record, stages: readJournal(runs, id).flatMap(entry => (entry.type === 'ended' ? [entry.stage] : [])) }
}

export const readJournal = (runs: string, id: RunId): readonly JournalEntry[] =>
  decodeJournal(readRegular(join(runs, id, journalFile))?.toString() ?? '')

/** Whether its process is at work on it. True for what runs elsewhere and cannot be known from here. */
export const isUnderWay = ({ ended, killed, process }: RunRecord): boolean =>
  ended === undefined && !killed && isHolderAlive(process)

/** Runs that were killed and whose results nobody has taken over yet, oldest first. What cannot be read is passed over. */
export const listKilled = (runs: string): readonly RunRecord[] =>
  listRuns(runs)
    .toReversed()
    .flatMap(id => {
      const record = tryRead(runs, id)
      return record?.ended === undefined && record?.killed === false && !isUnderWay(record) ? [record] : []
    })

/** Its results were taken over: it is not told by `listKilled` any more. */
export const settleKilled = (runs: string, record: RunRecord): void =>
  writeRecord(join(runs, record.id), { ...record, killed: true })

/** Takes away all but the newest, and those that are under way. */
export function pruneRuns(runs: string, keep = keptRuns): void {
  for (const id of listRuns(runs).slice(keep)) {
    const record = tryRead(runs, id)
    if (record === undefined || !isUnderWay(record)) rmSync(join(runs, id), { recursive: true, force: true })
  }
}

function tryRead(runs: string, id: RunId): RunRecord | undefined {
  try {
    return readRun(runs, id)
  } catch (error) {
    if (error instanceof DdvError) return undefined
    throw error
  }
}
