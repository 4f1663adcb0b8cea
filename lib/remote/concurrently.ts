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

/** Buffers of one size that travel to threads and come back. Left to the garbage collector they pile up. */
export class Buffers {
  readonly size: number
  readonly #free: ArrayBuffer[] = []

  constructor(size: number) {
    this.size = size
  }

  take(): ArrayBuffer {
    return this.#free.pop() ?? new ArrayBuffer(this.size)
  }

  /** Buffers of another size are let go. */
  give(buffer: ArrayBufferLike): void {
    if (buffer instanceof ArrayBuffer && buffer.byteLength === this.size) this.#free.push(buffer)
  }
}
