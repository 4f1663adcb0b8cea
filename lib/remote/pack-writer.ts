// New chunks of a push, from the cut pieces to packs on the remote. Chunks gather in one pack at a time; full ones are
// sealed on the pool and sent, a few at once.

import { type PackInfo, tableRowSize } from '../core/pack.js'
import type { Pool } from '../sys/pool.js'
import { Buffers, Permits } from './concurrently.js'
import type { KnownChunks } from './known-chunks.js'
import { type PackPart, packBound, packKey, sealPack } from './packs.js'
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
/** Packs between their sealing and their arrival, each 32 to 40 MiB of memory. */
const packsAtOnce = 3
/** Packs being sealed hold their raw bytes as well. */
const sealsAtOnce = 2

export interface Place {
  readonly slot: PackSlot
  readonly row: number
}

/** Where the chunks of one piece begin and end that are new. */
export interface Fresh {
  readonly spans: number[]
  readonly digests: Buffer[]
}

export class PackWriter {
  readonly #options: PackWriterOptions
  readonly #permits = new Permits(packsAtOnce)
  readonly #seals = new Permits(sealsAtOnce)
  readonly #packs: Buffers
  /** Chunks of packs that are not yet in the index, by digest in Latin-1. */
  readonly #places = new Map<string, Place>()
  readonly #sending = new Set<Promise<void>>()
  #slot = new PackSlot()
  #parts: PackPart[] = []
  #keys: string[] = []
  #raw = 0

  constructor(options: PackWriterOptions) {
    this.#options = options
    this.#packs = new Buffers(packBound(fullPack + options.pieces.size, 65_536))
  }

  find(key: string): Place | undefined {
    return this.#places.get(key)
  }

  /** A place in the pack being filled, for a chunk that `put` will bring before anything else is awaited. */
  reserve(key: string): Place {
    const place = { slot: this.#slot, row: this.#slot.rows++ }
    this.#places.set(key, place)
    this.#keys.push(key)
    return place
  }

  /** Takes the piece's buffer, and gives it back to its pool in its time. Waits while too much is on its way. */
  async put(buffer: ArrayBuffer, fresh: Fresh): Promise<void> {
    if (fresh.digests.length === 0) {
      this.#options.pieces.give(buffer)
      return
    }
    const raw = spanBytes(fresh.spans)
    this.#parts.push(this.#partOf(buffer, fresh, raw))
    this.#raw += raw
    if (this.#raw >= fullPack || this.#slot.rows >= fullRows) await this.#send()
  }

  // A few new chunks of a large piece must not hold all of it.
  #partOf(buffer: ArrayBuffer, { spans, digests }: Fresh, raw: number): PackPart {
    const joined = new Uint8Array(new ArrayBuffer(digests.length * 32))
    digests.forEach((digest, i) => {
      joined.set(digest, i * 32)
    })
    if (raw * 2 >= buffer.byteLength) return { buffer, spans: Uint32Array.from(spans), digests: joined }
    const compact = new Uint8Array(new ArrayBuffer(raw))
    const moved = new Uint32Array(spans.length)
    let at = 0
    for (let i = 0; i < spans.length; i += 2) {
      const bytes = new Uint8Array(buffer, spans[i], (spans[i + 1] ?? 0) - (spans[i] ?? 0))
      compact.set(bytes, at)
      moved[i] = at
      at += bytes.length
      moved[i + 1] = at
    }
    this.#options.pieces.give(buffer)
    return { buffer: compact.buffer, spans: moved, digests: joined }
  }

  /** Sends what has gathered and waits until all is there. Throws the first thing that went wrong. */
  async finish(): Promise<void> {
    if (this.#slot.rows > 0) await this.#send()
    await Promise.all(this.#sending)
  }

  /** Waits for what is on its way, whatever comes of it. */
  async drain(): Promise<void> {
    await Promise.allSettled(this.#sending)
  }

  async #send(): Promise<void> {
    const [slot, parts, keys, raw] = [this.#slot, this.#parts, this.#keys, this.#raw]
    this.#slot = new PackSlot()
    this.#parts = []
    this.#keys = []
    this.#raw = 0
    await this.#permits.acquire()
    const sending = this.#sealAndSend(slot, { parts, keys, raw }).finally(() => {
      this.#permits.release()
      this.#sending.delete(sending)
    })
    slot.follow(sending)
    this.#sending.add(sending)
    sending.catch(() => undefined) // whoever waits for the slot, or for all, hears of it
  }

  async #sealAndSend(
    slot: PackSlot,
    { parts, keys, raw }: { parts: readonly PackPart[]; keys: readonly string[]; raw: number },
  ): Promise<void> {
    const { remote, pool, known, compress, group, pieces, signal, onArrived } = this.#options
    const sealed = await this.#seals.with(async () => {
      const into = this.#packs.take()
      const transfer = [into, ...parts.flatMap(part => [part.buffer, part.digests.buffer, part.spans.buffer])]
      return await pool.run(sealPack, { parts, into, compress }, transfer)
    })
    for (const buffer of sealed.buffers) pieces.give(buffer)
    const { info } = sealed
    const rows = Buffer.from(sealed.rows.buffer)
    await remote.put(packKey(info.digest), new Uint8Array(sealed.into, 0, info.size), { signal })
    this.#packs.give(sealed.into)
    // From here on without a pause: until now chunks of other files could still be found in `#places` and join it.
    slot.seal(info, { rows, count: rows.length / tableRowSize, end: info.tableOffset })
    known.add(info, rows, group)
    onArrived(info, raw)
    for (const key of keys) this.#places.delete(key)
  }
}

function spanBytes(spans: readonly number[]): number {
  let sum = 0
  for (let i = 0; i < spans.length; i += 2) sum += (spans[i + 1] ?? 0) - (spans[i] ?? 0)
  return sum
}
