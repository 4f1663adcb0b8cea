// Steps 3 to 5 and 8 of a push: what it relies on is claimed first, and looked at afterwards. A pack that was not
// sent by this run may be named by its recipes only where this says so.
//
// Which old packs a push will meet is known in full only once everything is cut. So packs that turn up on the way are
// claimed then, in the same claim written anew with all it held before, and the sweeps and the packs are looked at
// after that: for each pack the same order as if it had stood in the first claim.

import type { Digest } from '../core/digest.js'
import { throwIfAborted } from '../core/errors.js'
import type { OnEvent } from '../core/events.js'
import type { PackInfo } from '../core/pack.js'
import { randomName } from '../sys/random.js'
import { claimRenewal, encodeHolding, type ListedHolding, listHoldings, sweepAge } from './claims.js'
import { forEachAtOnce } from './concurrently.js'
import type { KnownChunks } from './known-chunks.js'
import { packKey, packOfKey } from './packs.js'
import type { Prover } from './prove.js'
import type { Key, Remote } from './remote.js'

export interface ReuseOptions {
  readonly remote: Remote
  readonly known: KnownChunks
  readonly concurrency: number
  readonly signal: AbortSignal | undefined
  readonly onEvent: OnEvent | undefined
  /** For a push that repairs: that a pack is there is not enough. */
  readonly prover?: Prover | undefined
  /** For tests. */
  readonly clock?: (() => number) | undefined
  readonly sleep?: ((milliseconds: number, signal: AbortSignal | undefined) => Promise<void>) | undefined
}

type Standing = 'good' | 'bad' | 'unknown'

/** Objects that one page of a listing holds. */
const page = 1000
const shortestWait = 5_000
const longestWait = 300_000

export class Reuse {
  readonly #options: ReuseOptions
  readonly #key: Key = `claims/${randomName()}${randomName()}`
  readonly #clock: () => number
  #recipes: ReadonlySet<Key> = new Set()
  readonly #claimed = new Set<Digest>()
  readonly #good = new Set<Digest>()
  readonly #bad = new Set<Digest>()
  #claimedAt: number | undefined

  constructor(options: ReuseOptions) {
    this.#options = options
    this.#clock = options.clock ?? elapsed()
  }

  standing(pack: Digest): Standing {
    if (this.#good.has(pack)) return 'good'
    return this.#bad.has(pack) ? 'bad' : 'unknown'
  }

  /** A pack that this run sent. */
  noteSent(pack: Digest): void {
    this.#good.add(pack)
  }

  /** Whether the claim is too old to go on with: then all is to be looked at anew. */
  expired(): boolean {
    return this.#claimedAt !== undefined && this.#clock() - this.#claimedAt > claimRenewal
  }

  /**
   * Claims these and nothing else, waits for sweeps that hold one of the recipes, and looks which of the packs are there.
   * False where it had to wait: what was read before may be gone, so the caller begins anew.
   */
  async begin(recipes: ReadonlySet<Key>, packs: readonly PackInfo[]): Promise<boolean> {
    this.#recipes = recipes
    this.#claimedAt = undefined
    for (const set of [this.#claimed, this.#good, this.#bad]) set.clear()
    await this.#claim(packs)
    const sweeps = await this.#sweeps()
    const mine = sweeps.filter(sweep => [...sweep.recipes].some(key => recipes.has(key)))
    if (mine.length > 0) {
      await this.#waitFor(mine)
      return false
    }
    await this.#look(packs, sweeps)
    return true
  }

  /** The same for packs that turned up later. A sweep that holds one of our recipes began after our claim and spares it. */
  async admit(packs: readonly PackInfo[]): Promise<void> {
    const open = packs.filter(({ digest }) => this.standing(digest) === 'unknown')
    if (open.length === 0) return
    await this.#claim(open)
    await this.#look(open, await this.#sweeps())
  }

  /** Step 8. A claim that could not be taken away expires. */
  async end(signal?: AbortSignal): Promise<void> {
    if (this.#claimedAt !== undefined) await this.#options.remote.remove(this.#key, { signal })
    this.#claimedAt = undefined
  }

  async #claim(packs: readonly PackInfo[]): Promise<void> {
    for (const { digest } of packs) this.#claimed.add(digest)
    const { remote, signal } = this.#options
    // Counted from before the PUT: it protects from a moment at or after this one. An added pack does not renew what
    // was looked at under the first claim.
    this.#claimedAt ??= this.#clock()
    await remote.put(this.#key, encodeHolding({ recipes: this.#recipes, packs: this.#claimed }), { signal })
  }

  #sweeps(): Promise<ListedHolding[]> {
    const { remote, signal } = this.#options
    return listHoldings(remote, 'sweeps', { maxAge: sweepAge, signal })
  }

  async #waitFor(sweeps: readonly ListedHolding[]): Promise<void> {
    const { remote, onEvent, signal, sleep = pause } = this.#options
    onEvent?.({ type: 'warning', message: 'waiting for a collection that runs on the remote' })
    this.#claimedAt = undefined
    for (const { key } of sweeps)
      for (let wait = shortestWait; ; wait = Math.min(longestWait, wait * 2)) {
        throwIfAborted(signal)
        const stat = await remote.stat(key, { signal })
        if (stat === undefined || stat.age >= sweepAge) break
        await sleep(wait, signal)
      }
  }

  async #look(packs: readonly PackInfo[], sweeps: readonly ListedHolding[]): Promise<void> {
    const swept = new Set(sweeps.flatMap(sweep => [...sweep.packs]))
    const open = packs.filter(({ digest }) => !swept.has(digest))
    const there = await findPacks(open, this.#options)
    const lost = packs.filter(({ digest }) => !there.has(digest)).map(({ digest }) => digest)
    for (const digest of there) this.#good.add(digest)
    for (const digest of lost) this.#bad.add(digest)
    if (lost.length > 0) this.#options.known.remove(lost)
  }
}

type FindPacksOptions = Pick<ReuseOptions, 'remote' | 'known' | 'concurrency' | 'signal' | 'prover'>

/**
 * Which of these packs are on the remote with their size, by a listing or by a HEAD each, whichever needs fewer
 * requests; written down for `seen`. With a prover, which of them are sound.
 */
export async function findPacks(
  packs: readonly PackInfo[],
  { remote, known, concurrency, signal, prover }: FindPacksOptions,
): Promise<Set<Digest>> {
  const wanted = new Map(packs.map(pack => [pack.digest, pack]))
  const there = new Set<Digest>()
  const check = (digest: Digest, size: number): void => {
    if (wanted.get(digest)?.size === size) there.add(digest)
  }
  const listed = wanted.size > 2 && (await listPacks(remote, { limit: wanted.size * page, check, signal }))
  if (!listed)
    await forEachAtOnce(wanted.keys(), concurrency, async digest => {
      if (there.has(digest)) return
      const stat = await remote.stat(packKey(digest), { signal })
      if (stat !== undefined) check(digest, stat.size)
    })
  const found = packs.filter(({ digest }) => there.has(digest))
  known.noteSeen(found)
  return prover === undefined ? there : await prover.soundOf(found)
}

// Given up once it has cost as much as asking for each.
async function listPacks(
  remote: Remote,
  options: {
    readonly limit: number
    readonly check: (digest: Digest, size: number) => void
    readonly signal: AbortSignal | undefined
  },
): Promise<boolean> {
  let seen = 0
  for await (const { key, size } of remote.list('packs/', { signal: options.signal })) {
    const digest = packOfKey(key)
    if (digest !== undefined) options.check(digest, size)
    if (++seen > options.limit) return false
  }
  return true
}

// The greater of monotonic and wall time: the one stands still while a machine sleeps, the other may be set back.
function elapsed(): () => number {
  const wall = Date.now()
  const monotonic = performance.now()
  return () => Math.max(Date.now() - wall, performance.now() - monotonic)
}

function pause(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise(resolve => {
    const timer = setTimeout(done, milliseconds)
    signal?.addEventListener('abort', done, { once: true })
    function done(): void {
      clearTimeout(timer)
      signal?.removeEventListener('abort', done)
      resolve()
    }
  })
}
