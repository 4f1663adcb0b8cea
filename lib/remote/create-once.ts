// Creating an object that nobody may replace, on any store. Where the store keeps creators apart (directory.ts by a hard
// link, S3 by `If-None-Match`), it does. Others refuse the condition, or pass it over in silence, which shows when one and
// the same object can be created twice: a claim, of which nothing depends. There creators keep themselves apart:
// *whoever wants to create says so first and looks afterwards; who sees another steps back.* Of two, the one whose claim came
// later sees the earlier claim, or what its maker has created by then.

import { DdvError, throwIfAborted } from '../core/errors.js'
import { randomName } from '../sys/random.js'
import { sleepUntilAborted } from '../sys/sleep.js'
import type { CallOptions, Key, Remote } from './remote.js'

export interface OnceOptions extends CallOptions {
  /** Milliseconds of a clock that never goes back. For tests, as the next two. */
  readonly clock?: () => number
  readonly sleep?: (milliseconds: number, signal: AbortSignal | undefined) => Promise<void>
  readonly random?: () => number
}

export interface Creating extends OnceOptions {
  readonly bytes: Uint8Array
  /** A prefix for claims, of those alone who may want the same key. */
  readonly claims: string
}

/** Milliseconds by the store's clock, after which a claim is that of a creator who died. */
const claimAge = 3_600_000
/** Older than this a claim is not relied on by its own maker. */
const claimTrust = claimAge / 4
const maxAttempts = 30
/** For taking back the claim after a failure, in milliseconds. */
const farewell = 5_000

/** Whether the object is there now with these bytes. False: another's is, and stays as it is. */
export async function createOnce(remote: Remote, key: Key, creating: Creating): Promise<boolean> {
  const { signal, claims } = creating
  const claim = `${claims}${randomName()}${randomName()}`
  try {
    for (let attempt = 1; ; attempt++) {
      throwIfAborted(signal)
      const done = await attemptOnce(remote, key, { ...creating, claim })
      if (done !== undefined) return done
      if (attempt === maxAttempts)
        throw new DdvError('remote', `another is registering the same, and does not come to an end: ${remote.url}`, {
          hint: `if none is, wait an hour: what a crash left in ${claims} counts no more then`,
        })
      await remote.remove(claim, { signal })
      await backOff(attempt, creating)
    }
  } finally {
    // Also where the caller has stopped: others would wait for it.
    await remote.remove(claim, { signal: AbortSignal.timeout(farewell) }).catch(() => undefined)
  }
}

interface Attempt extends Creating {
  readonly claim: Key
}

/** undefined where another is at it. */
async function attemptOnce(remote: Remote, key: Key, attempt: Attempt): Promise<boolean | undefined> {
  const { signal, bytes, claim, claims, clock = monotonic } = attempt
  const begun = clock()
  const intent = Buffer.from(`${JSON.stringify({ ddv: 1, key })}\n`)
  const first = await remote.create(claim, intent, { signal })
  const isHeeded =
    first === 'exists' || (first === 'created' && (await remote.create(claim, intent, { signal })) === 'exists')
  if (isHeeded) {
    await remote.remove(claim, { signal })
    if ((await remote.create(key, bytes, { signal })) === 'created') return true
    // After a lost answer it may be what this very call has made.
    return (await isThere(remote, key, attempt)) === 'same'
  }
  if (first === 'unsupported') await remote.put(claim, intent, { signal })
  for await (const { key: other, age } of remote.list(claims, { signal }))
    if (other !== claim && age < claimAge) return undefined
  const there = await isThere(remote, key, attempt)
  if (there !== 'absent') return there === 'same'
  if (clock() - begun > claimTrust) return undefined
  await remote.put(key, bytes, { signal })
  return true
}

async function isThere(remote: Remote, key: Key, { bytes, signal }: Creating): Promise<'absent' | 'same' | 'other'> {
  const stat = await remote.stat(key, { signal })
  if (stat === undefined) return 'absent'
  if (stat.size !== bytes.length) return 'other'
  const got = await remote.get(key, { maxBytes: stat.size, signal })
  if (got === undefined) return 'absent'
  return got.bytes.equals(bytes) ? 'same' : 'other'
}

const backOff = (attempt: number, { signal, random = Math.random, sleep = sleepUntilAborted }: Creating) =>
  sleep(random() * Math.min(8000, 100 * 2 ** attempt), signal)

const monotonic = (): number => performance.now()
