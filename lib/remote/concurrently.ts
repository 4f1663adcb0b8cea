// Limits on what runs at the same time.

/** Calls `act` for each item, at most `limit` at once. After a failure no new call is begun; the first error is thrown. */
export async function forEachAtOnce<T>(
  items: Iterable<T>,
  limit: number,
  act: (item: T) => Promise<void>,
): Promise<void> {
  const iterator = items[Symbol.iterator]()
  let failed = false
  const lane = async (): Promise<void> => {
    for (let next = iterator.next(); !failed && next.done !== true; next = iterator.next()) {
      try {
        await act(next.value)
      } catch (error) {
        failed = true
        throw error
      }
    }
  }
  const results = await Promise.allSettled(Array.from({ length: Math.max(1, limit) }, lane))
  for (const result of results) if (result.status === 'rejected') throw result.reason
}

/** So many may hold a permit at once; the others wait in line. */
export class Permits {
  #free: number
  readonly #waiting: (() => void)[] = []

  constructor(count: number) {
    this.#free = count
  }

  async acquire(): Promise<void> {
    if (this.#free > 0) this.#free--
    else await new Promise<void>(resolve => this.#waiting.push(resolve))
  }

  release(): void {
    const next = this.#waiting.shift()
    if (next === undefined) this.#free++
    else next()
  }

  async with<T>(act: () => Promise<T>): Promise<T> {
    await this.acquire()
    try {
      return await act()
    } finally {
      this.release()
    }
  }
}

/**
 * Buffers of one size that threads fill and that are used again: left to the garbage collector they pile up. Shared, not
 * moved from thread to thread: each move counts as new memory, and the collector ran for a third of the main thread's time.
 */
export class Buffers {
  readonly size: number
  readonly #free: SharedArrayBuffer[] = []

  constructor(size: number) {
    this.size = size
  }

  take(): SharedArrayBuffer {
    return this.#free.pop() ?? new SharedArrayBuffer(this.size)
  }

  /** Nobody may read or write it after this. Other buffers are let go. */
  give(buffer: ArrayBufferLike): void {
    if (buffer instanceof SharedArrayBuffer && buffer.byteLength === this.size) this.#free.push(buffer)
  }
}
