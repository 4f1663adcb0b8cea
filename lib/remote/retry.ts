// Trying again what a driver marked as passing (transient.ts): exponential backoff with full jitter, so that many
// clients that failed together do not come back together. The bounds are on tries and on time; then the last error
// goes to the caller, no longer marked, so that retries never nest.

import { DdvError, throwIfAborted } from '../core/errors.js'
import type { OnEvent } from '../core/events.js'
import { sleepUntilAborted } from '../sys/sleep.js'
import type { ObjectEntry, Remote } from './remote.js'
import { findTransient } from './transient.js'

export interface RetryOptions {
  /** Tries in all; 6 unless told. */
  readonly attempts?: number
  /** The first wait is up to this long, each next up to twice the one before; 200 ms unless told. */
  readonly firstWait?: number
  /** No wait of our own choosing is longer; 20 s unless told. */
  readonly longestWait?: number
  /** No wait begins that would end later than this after the first try; 5 min unless told. */
  readonly totalTime?: number
  readonly onEvent?: OnEvent | undefined
  /** Ends early, without an error, when the signal fires. */
  readonly sleep?: (milliseconds: number, signal: AbortSignal | undefined) => Promise<void>
  readonly random?: () => number
  /** Milliseconds of a clock that never goes back. */
  readonly now?: () => number
}

/** Gives `act`'s result, of as many tries as it takes. `what` is for the user: what is tried again. */
export type Retry = <T>(what: string, act: () => Promise<T>, signal?: AbortSignal | undefined) => Promise<T>

export function createRetry(options: RetryOptions = {}): Retry {
  const { attempts = 6, totalTime = 300_000, onEvent, sleep = sleepUntilAborted, now = monotonic } = options
  return async (what, act, signal) => {
    const start = now()
    for (let attempt = 1; ; attempt++) {
      throwIfAborted(signal)
      try {
        return await act()
      } catch (error) {
        const transient = findTransient(error)
        if (transient === undefined) throw error
        const wait = Math.max(transient.retryAfter ?? 0, jitter(attempt, options))
        const most = Math.min(totalTime, transient.within ?? totalTime)
        if (attempt >= attempts || now() - start + wait > most) throw givenUp(error, attempt)
        onEvent?.({ type: 'retry', what, attempt, wait })
        await sleep(wait, signal)
      }
    }
  }
}

function jitter(
  attempt: number,
  { firstWait = 200, longestWait = 20_000, random = Math.random }: RetryOptions,
): number {
  return Math.round(random() * Math.min(longestWait, firstWait * 2 ** (attempt - 1)))
}

function givenUp(error: unknown, tries: number): unknown {
  if (!(error instanceof DdvError)) return error
  const { code, hint, message } = error
  const text = tries === 1 ? message : `after ${tries} tries: ${message}`
  return new DdvError(code, text, { cause: error.cause ?? error, ...(hint === undefined ? {} : { hint }) })
}

const monotonic = (): number => performance.now()

/**
 * The same remote, its methods tried again. A listing starts again only before its first entry was given out: a driver
 * whose listings come in pages tries each of them again by itself.
 */
export function withRetry(remote: Remote, retry: Retry): Remote {
  return {
    url: remote.url,
    stat: (key, options) => retry(`stat ${key}`, () => remote.stat(key, options), options?.signal),
    get: (key, options) => retry(`get ${key}`, () => remote.get(key, options), options.signal),
    put: (key, bytes, options) => retry(`put ${key}`, () => remote.put(key, bytes, options), options?.signal),
    create: (key, bytes, options) => retry(`create ${key}`, () => remote.create(key, bytes, options), options?.signal),
    remove: (key, options) => retry(`remove ${key}`, () => remote.remove(key, options), options?.signal),
    async *list(prefix, options) {
      const { first, entries } = await retry(
        `list ${prefix}`,
        () => begin(remote.list(prefix, options)),
        options?.signal,
      )
      try {
        if (!first.done) yield first.value
        for (let next = first; !next.done; ) {
          next = await entries.next()
          if (!next.done) yield next.value
        }
      } finally {
        await entries.return?.() // where the caller stops early
      }
    },
    close: () => remote.close(),
  }
}

interface Begun {
  readonly first: IteratorResult<ObjectEntry>
  readonly entries: AsyncIterator<ObjectEntry>
}

async function begin(list: AsyncIterable<ObjectEntry>): Promise<Begun> {
  const entries = list[Symbol.asyncIterator]()
  return { first: await entries.next(), entries }
}
