// The stages that could begin, and which of them is to be first where not all fit. Those that ask for the same wait in one
// line, so that what does not fit is passed over at once, however many there are of it.

import type { Resources, Stage } from '../core/stage.js'
import { downstreamOf, type Graph } from './graph.js'

export type Amounts = Pick<Resources, 'cpus' | 'memory' | 'gpus'>

const kinds = ['cpus', 'memory', 'gpus'] as const

/** Whether it could run at all, alone. */
export const isWithinLimits = (asked: Amounts, limits: Amounts): boolean => fits(asked, [], limits)

/** Whether there is room beside what runs. Summed anew each time, so that parts of a processor do not add up to errors. */
export const fits = (asked: Amounts, running: readonly Amounts[], limits: Amounts): boolean =>
  kinds.every(kind => {
    const [own, limit] = [asked[kind], limits[kind]]
    if (own === undefined || limit === undefined) return true
    return running.reduce((sum, other) => sum + (other[kind] ?? 0), own) <= limit + tolerance
  })

const tolerance = 1e-9

/** Lower goes first. */
type Rank = number

/** A class because stages come and go. */
export class ReadyStages {
  readonly #ranks: ReadonlyMap<Stage, Rank>
  readonly #lines = new Map<string, Heap>()

  constructor(graph: Graph) {
    this.#ranks = rankStages(graph)
  }

  add(stage: Stage): void {
    const { cpus, memory, gpus } = stage.resources
    const key = `${cpus} ${memory} ${gpus}`
    const line = this.#lines.get(key) ?? new Heap()
    this.#lines.set(key, line)
    line.push({ stage, rank: this.#ranks.get(stage) ?? 0 })
  }

  /** Takes out the first that may begin. */
  take(may: (asked: Amounts) => boolean): Stage | undefined {
    let best: Heap | undefined
    for (const line of this.#lines.values()) {
      const first = line.first
      if (first === undefined || (best?.first !== undefined && best.first.rank < first.rank)) continue
      if (may(first.stage.resources)) best = line
    }
    return best?.pop()?.stage
  }
}

// By the length of the way that hangs on it, then by the graph's order.
function rankStages(graph: Graph): ReadonlyMap<Stage, Rank> {
  const lengths = new Map<Stage, number>()
  for (const stage of graph.stages.toReversed())
    lengths.set(
      stage,
      downstreamOf(graph, stage).reduce((most, other) => Math.max(most, 1 + (lengths.get(other) ?? 0)), 0),
    )
  const lengthOf = (stage: Stage): number => lengths.get(stage) ?? 0
  return new Map(graph.stages.toSorted((a, b) => lengthOf(b) - lengthOf(a)).map((stage, rank) => [stage, rank]))
}

interface Entry {
  readonly stage: Stage
  readonly rank: Rank
}

/** A binary heap. */
class Heap {
  readonly #entries: Entry[] = []

  get first(): Entry | undefined {
    return this.#entries[0]
  }

  push(entry: Entry): void {
    const entries = this.#entries
    let at = entries.length
    for (let above = parent(at); at > 0 && rankAt(entries, above) > entry.rank; above = parent(at)) {
      entries[at] = entries[above] as Entry
      at = above
    }
    entries[at] = entry
  }

  pop(): Entry | undefined {
    const entries = this.#entries
    const first = entries[0]
    const last = entries.pop()
    if (first === undefined || last === undefined || entries.length === 0) return first
    let at = 0
    for (;;) {
      const left = 2 * at + 1
      const child = rankAt(entries, left + 1) < rankAt(entries, left) ? left + 1 : left
      if (rankAt(entries, child) > last.rank) break
      entries[at] = entries[child] as Entry
      at = child
    }
    entries[at] = last
    return first
  }
}

const parent = (at: number): number => (at - 1) >> 1
const rankAt = (entries: readonly Entry[], at: number): Rank => entries[at]?.rank ?? Number.POSITIVE_INFINITY
