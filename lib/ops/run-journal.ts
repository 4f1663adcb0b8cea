// The record of one `repro`, which also runs what its stages do: tries, log, and what came of it. It begins with the first
// stage that runs: a `repro` with nothing to do leaves none.

import { rmSync } from 'node:fs'
import { join, relative, sep } from 'node:path'
import { DdvError, isDdvError } from '../core/errors.js'
import type { Control } from '../core/events.js'
import type { Failure } from '../core/failure.js'
import { isJsonRecord, type JsonRecord, jsonProblem } from '../core/json.js'
import type { StageLock } from '../core/lockfile.js'
import { decodeMetrics } from '../core/params-file.js'
import { maxResult, type RunId, type StageRun } from '../core/run-record.js'
import { type Stage, stageAddress } from '../core/stage.js'
import { basename, displayPath, type TreePath } from '../core/tree-path.js'
import { tryUntilDone } from '../pipeline/attempts.js'
import type { Executor, TryResult } from '../pipeline/executor.js'
import { localExecutor } from '../pipeline/local-executor.js'
import { listKilled, Run, recordFile, settleKilled } from '../pipeline/run-record.js'
import { writeFileAtomic } from '../sys/fs.js'
import { openInside } from '../sys/inside.js'
import { readRegular } from '../sys/read-stable.js'
import { statIfThere } from '../sys/stats.js'
import { ddvDirectory } from '../workspace/workspace.js'
import { currentCommit } from './current-commit.js'
import type { Acted, Made, StageReport } from './making.js'
import { readText } from './param-files.js'
import type { Project } from './project.js'

export const runsDirectory = ({ workspace }: Pick<Project, 'workspace'>): string =>
  join(workspace.root, ddvDirectory, 'runs')

export interface JournalOptions {
  readonly version?: string | undefined
  readonly command?: readonly string[] | undefined
  readonly ddv?: readonly string[] | undefined
}

export interface ActOptions extends Control {
  /** It reads from stages that had their turn. */
  readonly waited: boolean
}

interface Tried {
  readonly tries: number
  readonly started: Date
  readonly duration: number
  readonly peakMemory: number | undefined
  readonly log: string
  readonly result: JsonRecord | undefined
}

/** A class because of what is open. */
export class RunJournal {
  readonly #project: Project
  readonly #options: JournalOptions
  readonly #executor: Executor
  readonly #tried = new Map<Stage, Tried>()
  /** What was up to date before the record began. */
  readonly #passed: StageRun[] = []
  #opening: Promise<Run> | undefined
  #opened: Run | undefined

  constructor(project: Project, options: JournalOptions) {
    this.#project = project
    this.#options = options
    this.#executor = localExecutor({ root: project.workspace.root, env: project.env, ddv: options.ddv })
  }

  get id(): RunId | undefined {
    return this.#opened?.id
  }

  /** Runs what the stage does, as often as it wants to be tried. */
  async act(stage: Stage, { signal, onEvent, waited }: ActOptions): Promise<Acted> {
    const address = stageAddress(stage)
    const started = new Date()
    const run = await this.#open()
    if (waited) run.share()
    const { log, name } = run.begin(stage, started)
    const results = join(run.directory, name.replace(/\.log$/, '.json'))
    let duration = 0
    let peakMemory: number | undefined
    const attempt = async (): Promise<TryResult> => {
      rmSync(results, { force: true })
      const result = await this.#executor.run(stage, {
        ...{ log, signal, env: { DDV_RUN: join(run.directory, recordFile), DDV_RESULT: results } },
        onLine: (stream, line) => onEvent?.({ type: 'output', stage: address, stream, line }),
      })
      duration += result.duration
      peakMemory = Math.max(peakMemory ?? 0, result.peakMemory ?? 0) || undefined
      if (result.leftOthers)
        onEvent?.({ type: 'warning', message: `left processes behind, which were ended: ${displayPath(address)}` })
      return result
    }
    try {
      const { result, tries } = await tryUntilDone(attempt, { what: address, retry: stage.retry, signal, onEvent })
      const told = readResult(results)
      this.#tried.set(stage, { tries, started, duration, peakMemory, log: name, result: told.value })
      const failure = result.failure ?? told.failure
      if (failure !== undefined)
        for (const kept of this.#keepReports(stage, results.slice(0, -'.json'.length)))
          onEvent?.({ type: 'warning', message: `what was found is kept in ${displayPath(kept)}` })
      return { failure, meta: metaOf(stage, told.value) }
    } finally {
      log.close()
    }
  }

  /** Writes down what came of a stage. */
  async note(stage: Stage, { outcome, reasons, failure, result }: Made): Promise<StageReport> {
    const tried = this.#tried.get(stage)
    const cached = outcome === 'restored'
    const shown = outcome === 'failed' || outcome === 'unchanged' ? outcome : 'done'
    const record: StageRun = {
      ...{ file: stage.file, name: stage.name, outcome: shown, because: undefined, cached, reasons, failure },
      tries: tried?.tries ?? 0,
      started: tried?.started,
      duration: tried === undefined ? undefined : Math.round(tried.duration),
      peakMemory: tried?.peakMemory,
      log: tried?.log,
      lock: result,
      result: tried?.result ?? resultOf(stage, result),
      metrics: shown === 'failed' ? undefined : this.#readMetrics(stage),
    }
    if (shown !== 'unchanged') (await this.#open()).end(record)
    else if (this.#opened === undefined) this.#passed.push(record)
    else this.#opened.pass(record)
    return {
      stage: stageAddress(stage),
      outcome: shown,
      ...(cached && { cached }),
      reasons,
      ...(failure !== undefined && { failure }),
      ...(tried !== undefined && { duration: Math.round(tried.duration), log: this.#logPath(tried.log) }),
    }
  }

  close(): void {
    this.#opened?.finish()
  }

  #open(): Promise<Run> {
    this.#opening ??= this.#begin()
    return this.#opening
  }

  async #begin(): Promise<Run> {
    const runs = runsDirectory(this.#project)
    const { command = [], version = 'unknown' } = this.#options
    const commit = (await currentCommit(this.#project))?.id
    const run = new Run(runs, { version, command, executor: this.#executor.name, commit })
    this.#opened = run
    for (const passed of this.#passed) run.pass(passed)
    // What was made is in the run cache; what was under way is run again.
    for (const killed of listKilled(runs)) settleKilled(runs, killed)
    return run
  }

  #logPath(name: string): string {
    return this.#shown(join(this.#opened?.directory ?? '', name))
  }

  #shown(file: string): string {
    return relative(this.#project.workspace.root, file).split(sep).join('/')
  }

  /** The reports of a step that failed, whose places go back to what was there before. */
  #keepReports({ action, outs }: Stage, prefix: string): readonly string[] {
    if (action.kind !== 'step') return []
    const inside = openInside(this.#project.workspace.root)
    return outs.flatMap(({ path, cache }) => {
      const bytes = cache ? undefined : readRegular(inside.path(path))
      if (bytes === undefined) return []
      const file = `${prefix}-${basename(path)}`
      writeFileAtomic(file, bytes, { durable: false })
      return [this.#shown(file)]
    })
  }

  /** Of what cannot be read, nothing: whoever shows metrics says why. */
  #readMetrics({ outs }: Stage): JsonRecord | undefined {
    const found = outs.flatMap(({ kind, path }) => {
      if (kind !== 'metrics') return []
      try {
        return [[path, decodeMetrics(readText(this.#project.workspace.root, path), path)] as const]
      } catch (error) {
        if (isDdvError(error)) return []
        throw error
      }
    })
    return found.length === 0 ? undefined : Object.fromEntries(found)
  }
}

interface Told {
  readonly value: JsonRecord | undefined
  readonly failure: Failure | undefined
}

/** What a stage left in `DDV_RESULT`, if it left anything. */
function readResult(file: string): Told {
  try {
    const size = statIfThere(file)?.size ?? 0n
    const text = size > maxResult ? '' : readRegular(file)?.toString()
    if (text === undefined) return { value: undefined, failure: undefined }
    const value: unknown = JSON.parse(text)
    if (isJsonRecord(value) && jsonProblem(value, 'data') === undefined) return { value, failure: undefined }
  } catch (error) {
    if (!(error instanceof SyntaxError) && !(error instanceof DdvError)) throw error
  }
  return {
    value: undefined,
    failure: {
      kind: 'error',
      message: `left a result (DDV_RESULT) that is no JSON object of at most ${maxResult} bytes`,
    },
  }
}

// A step that makes one output tells of that; a command's result is the run's, and nothing of its data.
const metaOf = ({ action, outs }: Stage, result: JsonRecord | undefined): ReadonlyMap<TreePath, JsonRecord> =>
  new Map(
    action.kind === 'step' && result !== undefined
      ? outs.flatMap(({ path, cache }) => (cache ? [[path, result] as const] : []))
      : [],
  )

/** Of a step that did not run: what the lock keeps of it. */
const resultOf = ({ action }: Stage, lock: StageLock | undefined): JsonRecord | undefined =>
  action.kind === 'step' ? [...(lock?.outs.values() ?? [])].find(({ meta }) => meta !== undefined)?.meta : undefined
