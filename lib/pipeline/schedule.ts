// Stages of a graph side by side: each begins when all that it reads from ended well and there is room for it. Of those
// that could begin, the one goes first that most other stages wait for, one after the other: so the longest way through the
// graph is not left for the end.

import { DdvError } from '../core/errors.js'
import type { Control, StageOutcome } from '../core/events.js'
import { type Resources, type Stage, stageAddress } from '../core/stage.js'
import { displayPath } from '../core/tree-path.js'
import { downstreamOf, type Graph, upstreamOf } from './graph.js'
import { type Amounts, fits, isWithinLimits, ReadyStages } from './ready-stages.js'

export interface ScheduleOptions extends Control {
  /** How many stages run at the same time. */
  readonly jobs: number
  /** What the machine has; undefined for what is not counted. Stages that give no resources take none. */
  readonly resources: Amounts
  /** After a failure, whatever does not wait for the failed stage still runs; otherwise nothing more is begun. */
  readonly keepGoing: boolean
}

export interface StageResult {
  readonly stage: Stage
  readonly outcome: StageOutcome
  /** Of `skipped`: the stage that failed; undefined where `perform` itself had nothing to do with it here. */
  readonly because: Stage | undefined
}

/** Ends as the stage did; `skipped` is for stages that are not for here, which hold nobody back. */
export type Perform = (stage: Stage) => Promise<StageOutcome>

/**
 * One result a stage, in the graph's order. Tells of each end by an event; of beginnings `perform` knows more. Throws what
 * `perform` threw, and `interrupted` when the signal fired, once nothing is running any more. A stage that asks for more
 * than there is runs alone, with a warning.
 */
export async function runGraph(
  graph: Graph,
  options: ScheduleOptions,
  perform: Perform,
): Promise<readonly StageResult[]> {
  const run = new GraphRun(graph, options)
  await new Promise<void>(resolve => {
    const advance = (): void => {
      for (let stage = run.next(); stage !== undefined; stage = run.next()) begin(stage)
      if (run.isIdle) resolve()
    }
    const begin = async (stage: Stage): Promise<void> => {
      try {
        run.end(stage, await perform(stage))
      } catch (error) {
        run.break(stage, error)
      }
      advance()
    }
    advance()
  })
  return run.results()
}

/** A class because of what runs, waits and failed. */
class GraphRun {
  readonly #graph: Graph
  readonly #options: ScheduleOptions
  readonly #ready: ReadyStages
  readonly #running = new Set<Stage>()
  readonly #results = new Map<Stage, StageResult>()
  /** How many of its upstream stages each still waits for. */
  readonly #waitsFor = new Map<Stage, number>()
  #failed: Stage | undefined
  #thrown: { readonly error: unknown } | undefined

  constructor(graph: Graph, options: ScheduleOptions) {
    this.#graph = graph
    this.#options = options
    this.#ready = new ReadyStages(graph)
    for (const stage of graph.stages) {
      const { length } = upstreamOf(graph, stage)
      this.#waitsFor.set(stage, length)
      if (length === 0) this.#ready.add(stage)
    }
  }

  get isIdle(): boolean {
    return this.#running.size === 0
  }

  /** A stage to begin now, which counts as running from here on. */
  next(): Stage | undefined {
    const { jobs, resources, signal, keepGoing } = this.#options
    if (this.#thrown !== undefined || signal?.aborted || (this.#failed !== undefined && !keepGoing)) return undefined
    if (this.#running.size >= Math.max(1, jobs)) return undefined
    const running = [...this.#running].map(stage => stage.resources)
    if (running.some(own => !isWithinLimits(own, resources))) return undefined
    const stage =
      this.#ready.take(asked => isWithinLimits(asked, resources) && fits(asked, running, resources)) ??
      (running.length === 0 ? this.#ready.take(() => true) : undefined)
    if (stage === undefined) return undefined
    this.#running.add(stage)
    if (!isWithinLimits(stage.resources, resources)) this.#warn(stage)
    return stage
  }

  end(stage: Stage, outcome: StageOutcome): void {
    this.#running.delete(stage)
    this.#settle({ stage, outcome, because: undefined })
    if (outcome === 'failed') {
      this.#failed ??= stage
      this.#skipDownstream(stage)
      return
    }
    for (const other of downstreamOf(this.#graph, stage)) {
      const left = (this.#waitsFor.get(other) ?? 0) - 1
      this.#waitsFor.set(other, left)
      if (left === 0 && !this.#results.has(other)) this.#ready.add(other)
    }
  }

  break(stage: Stage, error: unknown): void {
    this.#running.delete(stage)
    this.#thrown ??= { error }
  }

  results(): readonly StageResult[] {
    if (this.#thrown !== undefined) throw this.#thrown.error
    const because = this.#failed
    return this.#graph.stages.map(stage => {
      const known = this.#results.get(stage)
      if (known !== undefined) return known
      // Only an abort, or a failure without `keepGoing`, leaves a stage that was never begun.
      if (because === undefined || this.#options.signal?.aborted) throw new DdvError('interrupted', 'interrupted')
      return this.#settle({ stage, outcome: 'skipped', because })
    })
  }

  #settle(result: StageResult): StageResult {
    const { stage, outcome, because } = result
    this.#results.set(stage, result)
    this.#options.onEvent?.({
      type: 'stage',
      stage: stageAddress(stage),
      state: outcome,
      ...(because !== undefined && { because: stageAddress(because) }),
    })
    return result
  }

  #skipDownstream(failed: Stage): void {
    const open = [...downstreamOf(this.#graph, failed)]
    for (let stage = open.pop(); stage !== undefined; stage = open.pop()) {
      if (this.#results.has(stage)) continue
      this.#settle({ stage, outcome: 'skipped', because: failed })
      open.push(...downstreamOf(this.#graph, stage))
    }
  }

  #warn({ resources, ...stage }: Stage): void {
    const asked = tooMuch(resources, this.#options.resources)
    this.#options.onEvent?.({
      type: 'warning',
      message: `stage asks for more than there is (${asked}), so it runs alone: ${displayPath(stageAddress(stage))}`,
    })
  }
}

const tooMuch = (asked: Resources, limits: Amounts): string =>
  (['cpus', 'memory', 'gpus'] as const)
    .filter(kind => (asked[kind] ?? 0) > (limits[kind] ?? Number.POSITIVE_INFINITY))
    .map(kind => `${kind} ${asked[kind]} of ${limits[kind]}`)
    .join(', ')
