// The recipe of one output in the making. Chunks come in stream order; those of packs that are still being filled get
// their places in the pack when it has arrived.

import type { Digest } from '../core/digest.js'
import type { PackInfo, PackTable } from '../core/pack.js'
import { rowDigest, rowOffset, rowRaw } from '../core/pack.js'
import type { OutputKind } from '../core/pointer.js'
import type { Recipe, Run } from '../core/recipe.js'

interface PlannedRun {
  readonly source: PackSlot | PackInfo
  readonly first: number
  count: number
  offset: number
  stored: number
  raw: number
}

/** A pack that this push makes. */
export class PackSlot {
  /** Set once it has arrived. */
  info: PackInfo | undefined
  /** Settles when the pack is on the remote, or will never be. */
  readonly arrived: Promise<void>
  rows = 0
  readonly #runs: PlannedRun[] = []
  #settle: (sending: Promise<void>) => void = () => undefined

  constructor() {
    this.arrived = new Promise(resolve => {
      this.#settle = resolve
    })
    this.arrived.catch(() => undefined) // whoever waits for it hears of it
  }

  /** What `arrived` follows from now on. */
  follow(sending: Promise<void>): void {
    this.#settle(sending)
  }

  join(run: PlannedRun): void {
    this.#runs.push(run)
  }

  /** Tells every run over it where in the pack it lies. No run may come after. */
  seal(info: PackInfo, table: PackTable): void {
    this.info = info
    for (const run of this.#runs.splice(0)) {
      run.offset = rowOffset(table, run.first)
      run.stored = rowOffset(table, run.first + run.count) - run.offset
    }
  }
}

/** A chunk of a pack that the remote had before, and where in the stream it lies. */
export interface KnownPlace {
  readonly table: PackTable
  readonly row: number
  readonly start: number
}

export class StreamPlan {
  size = 0
  /** Bytes of chunks that this push makes packs of. */
  fresh = 0
  readonly #runs: PlannedRun[] = []
  readonly #slots = new Set<PackSlot>()

  addFresh(slot: PackSlot, row: number, raw: number): void {
    this.size += raw
    this.fresh += raw
    if (this.#extend(slot, row, raw) !== undefined) return
    const run = { source: slot, first: row, count: 1, offset: 0, stored: 0, raw }
    this.#runs.push(run)
    this.#slots.add(slot)
    slot.join(run)
  }

  addKnown(info: PackInfo, table: PackTable, row: number): void {
    const raw = rowRaw(table, row)
    const offset = rowOffset(table, row)
    const stored = rowOffset(table, row + 1) - offset
    this.size += raw
    const last = this.#extend(info, row, raw)
    if (last !== undefined) last.stored += stored
    else this.#runs.push({ source: info, first: row, count: 1, offset, stored, raw })
  }

  // The info of one pack may come as several objects, so packs that are known are told apart by digest.
  #extend(source: PackSlot | PackInfo, row: number, raw: number): PlannedRun | undefined {
    const last = this.#runs.at(-1)
    if (last === undefined || last.first + last.count !== row) return undefined
    const same =
      last.source === source ||
      (!(source instanceof PackSlot) && !(last.source instanceof PackSlot) && last.source.digest === source.digest)
    if (!same) return undefined
    last.count++
    last.raw += raw
    return last
  }

  /** Stored bytes of each pack that the remote had before. */
  usage(): Map<Digest, number> {
    const used = new Map<Digest, number>()
    for (const { source, stored } of this.#runs)
      if (!(source instanceof PackSlot)) used.set(source.digest, (used.get(source.digest) ?? 0) + stored)
    return used
  }

  /** The chunks taken from these packs, in stream order. */
  *placesIn(packs: ReadonlyMap<Digest, PackTable>): Generator<KnownPlace> {
    let start = 0
    for (const { source, first, count, raw } of this.#runs) {
      const table = source instanceof PackSlot ? undefined : packs.get(source.digest)
      let at = start
      for (let row = first; table !== undefined && row < first + count; at += rowRaw(table, row++))
        yield { table, row, start: at }
      start += raw
    }
  }

  /** Takes chunks of these packs from elsewhere, where `placeOf` tells a place. */
  move(
    packs: ReadonlyMap<Digest, PackTable>,
    placeOf: (digest: Buffer) => { readonly slot: PackSlot; readonly row: number } | undefined,
  ): void {
    const runs = this.#runs.splice(0)
    for (const run of runs) {
      const { source, first, count } = run
      const table = source instanceof PackSlot ? undefined : packs.get(source.digest)
      if (source instanceof PackSlot || table === undefined) {
        this.#runs.push(run)
        continue
      }
      this.size -= run.raw
      for (let row = first; row < first + count; row++) {
        const place = placeOf(rowDigest(table, row))
        if (place === undefined) this.addKnown(source, table, row)
        else this.addFresh(place.slot, place.row, rowRaw(table, row))
      }
    }
  }

  /** When every pack that was made for it is on the remote. Throws what went wrong with one of them. */
  async arrived(): Promise<void> {
    for (const slot of this.#slots) await slot.arrived
  }

  /** After `arrived`. */
  finish(kind: OutputKind, hash: Digest): Recipe {
    const packs: PackInfo[] = []
    const numbers = new Map<Digest, number>()
    const runs: Run[] = []
    for (const planned of this.#runs) {
      const info = planned.source instanceof PackSlot ? planned.source.info : planned.source
      if (info === undefined) throw new Error('a recipe was asked for before its packs were sealed')
      const number = numbers.get(info.digest) ?? numbers.set(info.digest, packs.push(info) - 1).size - 1
      const { first, count, offset, stored, raw } = planned
      const run = { pack: number, first, count, offset, stored, raw }
      const joined = joinRuns(runs.at(-1), run)
      if (joined === undefined) runs.push(run)
      else runs[runs.length - 1] = joined
    }
    return { kind, hash, size: this.size, packs, runs }
  }
}

// A pack that was met as new and, later in the same push, as known.
function joinRuns(before: Run | undefined, run: Run): Run | undefined {
  if (before === undefined || before.pack !== run.pack || before.first + before.count !== run.first) return undefined
  return {
    ...before,
    count: before.count + run.count,
    stored: before.stored + run.stored,
    raw: before.raw + run.raw,
  }
}
