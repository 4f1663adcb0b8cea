// New chunks of a push, from the cut pieces to packs on the remote. The pool lays each piece out in the pack being filled
// as soon as it is cut; full packs are sealed and sent, a few at once.

import { maxPackRows, type PackInfo, tableRowSize } from '../core/pack.js'
import type { Pool } from '../sys/pool.js'
import { type Buffers, Permits } from './concurrently.js'
import type { KnownChunks } from './known-chunks.js'
import { newPackMemory, type PackMemory } from './pack-memory.js'
import { type AppendRequest, appendChunks, packBound, packKey, sealPack } from './packs.js'
import type { Remote } from './remote.js'
import { PackSlot } from './stream-plan.js'

export interface PackWriterOptions {
  readonly remote: Remote
  readonly pool: Pool
  readonly known: KnownChunks
  readonly compress: boolean
  /** Of the known chunks' packs that this push makes. */
  readonly group: string
  readonly pieces: Buffers
  readonly signal: AbortSignal | undefined
  /** A pack is on the remote and written down in the local index. */
  readonly onArrived: (info: PackInfo, rawBytes: number) => void
}

/** Raw bytes; with at most one piece more, a pack stays far below 64 MiB. */
const fullPack = 33_554_432
/** One piece more must still fit. */
const fullRows = 60_000
/** Packs in memory, each about 36 MiB: one that is filled, the others on their way. */
const packsAtOnce = 4

export interface Place {
  readonly slot: PackSlot
  readonly row: number
}

/** Where the chunks of one piece begin and end that are new. */
export interface Fresh {
  readonly spans: number[]
  readonly digests: Buffer[]
}

interface OpenPack {
  readonly into: PackMemory
  readonly rows: Uint8Array[]
  end: number
  raw: number
}

export class PackWriter {
  readonly #options: PackWriterOptions
  readonly #permits = new Permits(packsAtOnce)
  /** Used again: left to the garbage collector they pile up. */
  readonly #packs: PackMemory[] = []
  /** Chunks of packs that are not yet in the index, by digest in Latin-1. */
  readonly #places = new Map<string, Place>()
  readonly #sending = new Set<Promise<void>>()
  #slot = new PackSlot()
  #keys: string[] = []
  #open: OpenPack | undefined
  #appending: Promise<void> = Promise.resolve()

  constructor(options: PackWriterOptions) {
    this.#options = options
  }

  find(key: string): Place | undefined {
    return this.#places.get(key)
  }

  /** A place in the pack being filled, for a chunk that `put` will bring before anything else is reserved. */
  reserve(key: string): Place {
    const place = { slot: this.#slot, row: this.#slot.rows++ }
    this.#places.set(key, place)
    this.#keys.push(key)
    return place
  }

  /** Takes the piece's buffer, and gives it back to its pool in its time. Waits while too much is on its way. */
  async put(buffer: SharedArrayBuffer, { spans, digests }: Fresh): Promise<void> {
    if (digests.length === 0) {
      this.#options.pieces.give(buffer)
      return
    }
    await this.#appending
    this.#open ??= await this.#openPack()
    const open = this.#open
    open.raw += spanBytes(spans)
    this.#appending = this.#append(open, { buffer, spans: Uint32Array.from(spans), digests: joinDigests(digests) })
    this.#appending.catch(() => undefined) // heard of by the next put, or by finish
    if (open.raw >= fullPack || this.#slot.rows >= fullRows) await this.#send(open)
  }

  async #openPack(): Promise<OpenPack> {
    await this.#permits.acquire()
    const { size } = this.#options.pieces
    const into = this.#packs.pop() ?? newPackMemory(packBound(fullPack + size, maxPackRows), size)
    return { into, rows: [], end: 0, raw: 0 }
  }

  async #append(open: OpenPack, part: Pick<AppendRequest, 'buffer' | 'spans' | 'digests'>): Promise<void> {
    const { pool, compress, pieces } = this.#options
    const { rows, end } = await pool.run(appendChunks, { ...part, into: open.into, at: open.end, compress })
    pieces.give(part.buffer)
    open.rows.push(rows)
    open.end = end
  }

  /** Sends what has gathered and waits until all is there. Throws the first thing that went wrong. */
  async finish(): Promise<void> {
    if (this.#open !== undefined) await this.#send(this.#open)
    await Promise.all(this.#sending)
  }

  /** Waits for what is on its way, whatever comes of it. */
  async drain(): Promise<void> {
    await Promise.allSettled([...this.#sending, this.#appending])
  }

  async #send(open: OpenPack): Promise<void> {
    await this.#appending
    const [slot, keys] = [this.#slot, this.#keys]
    this.#slot = new PackSlot()
    this.#keys = []
    this.#open = undefined
    const sending = this.#sealAndSend(slot, open, keys).finally(() => {
      this.#permits.release()
      this.#sending.delete(sending)
    })
    slot.follow(sending)
    this.#sending.add(sending)
    sending.catch(() => undefined) // whoever waits for the slot, or for all, hears of it
  }

  async #sealAndSend(
    slot: PackSlot,
    { into, rows: parts, end, raw }: OpenPack,
    keys: readonly string[],
  ): Promise<void> {
    const { remote, pool, known, group, signal, onArrived } = this.#options
    const rows = Buffer.concat(parts)
    const info = await pool.run(sealPack, { into: into.buffer, end, rows })
    await remote.put(packKey(info.digest), new Uint8Array(into.buffer, 0, info.size), { signal })
    this.#packs.push(into)
    // From here on without a pause: until now chunks of other files could still be found in `#places` and join it.
    slot.seal(info, { rows, count: rows.length / tableRowSize, end: info.tableOffset })
    known.add(info, rows, group)
    onArrived(info, raw)
    for (const key of keys) this.#places.delete(key)
  }
}

function joinDigests(digests: readonly Buffer[]): Uint8Array {
  const joined = new Uint8Array(digests.length * 32)
  digests.forEach((digest, i) => {
    joined.set(digest, i * 32)
  })
  return joined
}

function spanBytes(spans: readonly number[]): number {
  let sum = 0
  for (let i = 0; i < spans.length; i += 2) sum += (spans[i + 1] ?? 0) - (spans[i] ?? 0)
  return sum
}
