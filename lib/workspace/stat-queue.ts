// Stats of files while their directory is still being listed. Threads take batches as they come; whoever lists takes the
// rest at its end, so that no core waits for another.

import { throwIfAborted } from '../core/errors.js'
import type { Pool } from '../sys/pool.js'
import { statFilesJob, statWidth } from '../sys/stats.js'

export const batchFiles = 2000
/** From here on starting threads (20 ms) pays. */
const worthThreads = 8000

export interface StatQueueOptions {
  /** What names are relative to: absolute. */
  readonly directory: string
  readonly pool: Pool
  /** Whether a symbolic link stands for what it leads to. */
  readonly follow?: boolean
  readonly signal?: AbortSignal | undefined
}

interface Batch {
  readonly row: number
  /** Joined by NUL. */
  readonly names: string
}

/** A class, since threads and the lister take from one growing list. */
export class StatQueue {
  readonly #options: StatQueueOptions
  readonly #waiting: Batch[] = []
  readonly #done: { readonly row: number; readonly stats: BigInt64Array }[] = []
  readonly #serving = new Set<Promise<void>>()
  #rows = 0
  #failure: unknown

  constructor(options: StatQueueOptions) {
    this.#options = options
  }

  /** The next names in order. */
  add(names: readonly string[]): void {
    if (names.length === 0) return
    this.#waiting.push({ row: this.#rows, names: names.join('\0') })
    this.#rows += names.length
    if (this.#rows < worthThreads) return
    for (let idle = this.#threads - this.#serving.size; idle > 0 && this.#waiting.length > 0; idle--) this.#serve()
  }

  /** The stats of all names, as columns; takes part in the work. */
  async finish(): Promise<BigInt64Array> {
    for (let batch = this.#take(); batch !== undefined; batch = this.#take()) {
      this.#done.push({ row: batch.row, stats: statFilesJob.run(this.#args(batch)) })
      // So that answers are taken and new batches given out.
      await turn()
    }
    await this.close()
    if (this.#failure !== undefined) throw this.#failure
    const stats = new BigInt64Array(this.#rows * statWidth)
    for (const part of this.#done) stats.set(part.stats, part.row * statWidth)
    return stats
  }

  /** Nothing is begun any more; what threads are at has come to its end. */
  async close(): Promise<void> {
    this.#waiting.length = 0
    await Promise.all(this.#serving)
  }

  /** Whoever lists is at work, too. */
  get #threads(): number {
    return this.#options.pool.size - 1
  }

  #args({ names }: Batch): { directory: string; names: string; follow: boolean } {
    const { directory, follow = false } = this.#options
    return { directory, names, follow }
  }

  #take(): Batch | undefined {
    throwIfAborted(this.#options.signal)
    return this.#failure === undefined ? this.#waiting.shift() : undefined
  }

  #serve(): void {
    const serving = this.#drain()
      .catch((error: unknown) => {
        this.#failure ??= error // told by `finish`
      })
      .finally(() => this.#serving.delete(serving))
    this.#serving.add(serving)
  }

  async #drain(): Promise<void> {
    for (let batch = this.#take(); batch !== undefined; batch = this.#take()) {
      const stats = await this.#options.pool.run(statFilesJob, this.#args(batch))
      this.#done.push({ row: batch.row, stats })
    }
  }
}

export const turn = (): Promise<void> => new Promise(resolve => setImmediate(resolve))
