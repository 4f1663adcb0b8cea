// The record of one `repro`, which also runs what its stages do: tries, log, and what came of it. It begins with the first
// stage that runs: a `repro` with nothing to do leaves none.

import { join, relative, sep } from 'node:path'
import { DdvError } from '../core/errors.js'
import type { Control } from '../core/events.js'
import type { RunId } from '../core/run-record.js'
import { type Stage, stageAddress } from '../core/stage.js'
import { displayPath } from '../core/tree-path.js'
import { tryUntilDone } from '../pipeline/attempts.js'
import { type Executor, isCommandStage, type TryResult } from '../pipeline/executor.js'
import { localExecutor } from '../pipeline/local-executor.js'
import { listKilled, Run, settleKilled } from '../pipeline/run-record.js'
import { ddvDirectory } from '../workspace/workspace.js'
import type { Acted, Made, StageReport } from './making.js'
import type { Project } from './project.js'

export const runsDirectory = ({ workspace }: Pick<Project, 'workspace'>): string =>
  join(workspace.root, ddvDirectory, 'runs')

export interface JournalOptions {
  readonly version?: string | undefined
  readonly command?: readonly string[] | undefined
}

interface Tried {
  readonly tries: number
  readonly started: Date
  readonly duration: number
  readonly peakMemory: number | undefined
  readonly log: string
}

/** A class because of what is open. */
export class RunJournal {
  readonly #project: Project
  readonly #options: JournalOptions
  readonly #executor: Executor
  readonly #tried = new Map<Stage, Tried>()
  #opened: Run | undefined

  constructor(project: Project, options: JournalOptions) {
    this.#project = project
    this.#options = options
    this.#executor = localExecutor({ root: project.workspace.root, env: project.env })
  }

  get id(): RunId | undefined {
    return this.#opened?.id
  }

  /** Runs what the stage does, as often as it wants to be tried. */
  async act(stage: Stage, { signal, onEvent }: Control): Promise<Acted> {
    if (!isCommandStage(stage)) throw noStep(stage)
    const address = stageAddress(stage)
    const started = new Date()
    const { log, name } = this.#open().begin(stage, started)
    let duration = 0
    let peakMemory: number | undefined
    const attempt = async (): Promise<TryResult> => {
      const result = await this.#executor.run(stage, {
        log,
        signal,
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
      this.#tried.set(stage, { tries, started, duration, peakMemory, log: name })
      return { failure: result.failure }
    } finally {
      log.close()
    }
  }

  /** Writes down what came of a stage; of one that was fresh only where the run has something else to tell. */
  note(stage: Stage, { outcome, reasons, failure, result }: Made): StageReport {
    const tried = this.#tried.get(stage)
    const cached = outcome === 'restored'
    const shown = outcome === 'failed' || outcome === 'unchanged' ? outcome : 'done'
    if (shown !== 'unchanged')
      this.#open().end({
        file: stage.file,
        name: stage.name,
        outcome: shown,
        because: undefined,
        cached,
        reasons,
        tries: tried?.tries ?? 0,
        failure,
        started: tried?.started,
        duration: tried === undefined ? undefined : Math.round(tried.duration),
        peakMemory: tried?.peakMemory,
        log: tried?.log,
        lock: result,
      })
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

  #open(): Run {
    if (this.#opened !== undefined) return this.#opened
    const runs = runsDirectory(this.#project)
    const { command = [], version = 'unknown' } = this.#options
    this.#opened = new Run(runs, { version, command, executor: this.#executor.name })
    // What was made is in the run cache; what was under way is run again.
    for (const killed of listKilled(runs)) settleKilled(runs, killed)
    return this.#opened
  }

  #logPath(name: string): string {
    const file = join(this.#opened?.directory ?? '', name)
    return relative(this.#project.workspace.root, file).split(sep).join('/')
  }
}

function noStep({ action, position }: Stage): DdvError {
  const uses = action.kind === 'step' ? action.uses : ''
  const { file, line, column } = position
  return new DdvError(
    'bad-config',
    `no step is built in by this name: ${displayPath(uses)} (${file}:${line}:${column})`,
  )
}
