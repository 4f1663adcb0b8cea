// Trying a stage again that failed, as often as it says. The waits grow, since what fails for want of something (a server,
// memory, a licence) fails again at once; they vary, since many stages fail for the same want.

import { throwIfAborted } from '../core/errors.js'
import type { OnEvent } from '../core/events.js'
import type { Failure } from '../core/failure.js'
import { sleepUntilAborted } from '../sys/sleep.js'
import type { TryResult } from './executor.js'

export interface AttemptOptions {
  /** For the user: what is tried again. */
  readonly what: string
  /** How many times after the first. */
  readonly retry: number
  readonly signal?: AbortSignal | undefined
  readonly onEvent?: OnEvent | undefined
  /** Ends early, without an error, when the signal fires. */
  readonly sleep?: ((milliseconds: number, signal: AbortSignal | undefined) => Promise<void>) | undefined
  /** From 0 to below 1. */
  readonly random?: (() => number) | undefined
}

export interface Attempts<T extends TryResult> {
  /** The last one's. */
  readonly result: T
  readonly tries: number
}

const firstWait = 1_000
const longestWait = 30_000

/** `attempt` counts from 1. What it throws is not tried again. Throws `interrupted` when the signal fires in a wait. */
export async function tryUntilDone<T extends TryResult>(
  attempt: (number: number) => Promise<T>,
  options: AttemptOptions,
): Promise<Attempts<T>> {
  const { what, retry, signal, onEvent, sleep = sleepUntilAborted, random = Math.random } = options
  for (let tries = 1; ; tries++) {
    throwIfAborted(signal)
    const result = await attempt(tries)
    if (result.failure === undefined || tries > retry || isForGood(result.failure)) return { result, tries }
    const wait = waitBefore(tries + 1, random)
    onEvent?.({ type: 'retry', what, attempt: tries, wait })
    await sleep(wait, signal)
  }
}

/** What no second try mends. */
const isForGood = ({ kind }: Failure): boolean => kind === 'not-found'

// Between half and all of 1 s, 2 s, 4 s and so on.
const waitBefore = (attempt: number, random: () => number): number =>
  Math.round(Math.min(longestWait, firstWait * 2 ** (attempt - 2)) * (0.5 + random() / 2))
