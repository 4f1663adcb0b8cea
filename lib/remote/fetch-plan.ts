// Which bytes of which packs a pull asks for: runs cut down to the chunks that are wanted, and neighbours in a pack
// joined to one request. Pure but for the tables, which are loaded where only part of a run is wanted.

import type { Digest } from '../core/digest.js'
import { DdvError } from '../core/errors.js'
import { type PackInfo, type PackTable, rawBytes, rowOffset, rowRaw } from '../core/pack.js'
import type { Recipe, Run } from '../core/recipe.js'

/** Bytes of a stream, from `start` up to `end`. */
export interface Span {
  readonly start: number
  readonly end: number
}

/** Chunks side by side in a pack, and where in the stream their bytes begin. */
export interface Extent<S> extends Omit<Run, 'pack'> {
  readonly pack: PackInfo
  readonly start: number
  readonly stream: S
}

/** One ranged read. */
export interface PackRead<S> {
  readonly pack: PackInfo
  readonly offset: number
  readonly length: number
  /** In the order of the pack. */
  readonly extents: readonly Extent<S>[]
}

export type LoadTable = (pack: PackInfo) => Promise<PackTable>

/** Ranges of a pack less than this apart are read as one. */
const joinGap = 1_048_576
/** A run of which so little is not wanted is read whole: the table would cost another request. */
const looseBytes = 131_072

/** Sorted, without overlaps or touching neighbours. */
export function joinSpans(spans: readonly Span[]): Span[] {
  const joined: { start: number; end: number }[] = []
  for (const { start, end } of [...spans].sort((a, b) => a.start - b.start)) {
    if (end <= start) continue
    const last = joined.at(-1)
    if (last !== undefined && start <= last.end) last.end = Math.max(last.end, end)
    else joined.push({ start, end })
  }
  return joined
}

/** What of `spans` lies outside of `taken`; both as `joinSpans` gives them. */
export function subtractSpans(spans: readonly Span[], taken: readonly Span[]): Span[] {
  const left: Span[] = []
  let next = 0
  for (const span of spans) {
    let start = span.start
    while (next < taken.length && (taken[next] as Span).end <= start) next++
    for (let i = next; i < taken.length && (taken[i] as Span).start < span.end; i++) {
      const { start: from, end: to } = taken[i] as Span
      if (from > start) left.push({ start, end: from })
      start = Math.max(start, to)
    }
    if (start < span.end) left.push({ start, end: span.end })
  }
  return left
}

/** What of `spans` lies from `start` up to `end`. Found by halving: a recipe has many runs, a directory many files. */
export function spansWithin(spans: readonly Span[], { start, end }: Span): Span[] {
  let low = 0
  for (let high = spans.length; low < high; ) {
    const middle = (low + high) >> 1
    if ((spans[middle] as Span).end <= start) low = middle + 1
    else high = middle
  }
  const within: Span[] = []
  for (let i = low; i < spans.length && (spans[i] as Span).start < end; i++) {
    const span = spans[i] as Span
    within.push({ start: Math.max(start, span.start), end: Math.min(end, span.end) })
  }
  return within
}

/** Extents that together hold every wanted byte of the stream, in its order. `wanted` as `joinSpans` gives it. */
export async function planExtents<S>(
  stream: S,
  recipe: Recipe,
  { wanted, loadTable }: { readonly wanted: readonly Span[]; readonly loadTable: LoadTable },
): Promise<Extent<S>[]> {
  const extents: Extent<S>[] = []
  let start = 0
  for (const run of recipe.runs) {
    const pack = recipe.packs[run.pack] as PackInfo
    const spans = spansWithin(wanted, { start, end: start + run.raw })
    const bytes = spans.reduce((sum, span) => sum + span.end - span.start, 0)
    const { first, count, offset, stored, raw } = run
    if (bytes > 0 && (run.count === 1 || run.raw - bytes <= looseBytes))
      extents.push({ stream, pack, start, first, count, offset, stored, raw })
    else if (bytes > 0)
      for (const part of cutRun(run, { start, spans, table: await loadTable(pack), pack }))
        extents.push({ stream, pack, ...part })
    start += run.raw
  }
  return extents
}

type RunPart = Omit<Run, 'pack'> & { readonly start: number }

/** The chunks of a run that hold the spans. Throws `corrupt` where the table does not bear the run out. */
function cutRun(
  run: Run,
  {
    start,
    spans,
    table,
    pack,
  }: { readonly start: number; readonly spans: readonly Span[]; readonly table: PackTable; readonly pack: PackInfo },
): RunPart[] {
  checkRun(run, table, pack.digest)
  const parts: RunPart[] = []
  let at = start
  let next = 0
  for (let row = run.first; row < run.first + run.count; row++) {
    const raw = rowRaw(table, row)
    while (next < spans.length && (spans[next] as Span).end <= at) next++
    const span = spans[next]
    if (span === undefined) break
    if (span.start < at + raw) addChunk(parts, { row, at, raw, table })
    at += raw
  }
  return parts
}

function addChunk(
  parts: RunPart[],
  { row, at, raw, table }: { row: number; at: number; raw: number; table: PackTable },
): void {
  const offset = rowOffset(table, row)
  const stored = rowOffset(table, row + 1) - offset
  const last = parts.at(-1)
  if (last !== undefined && last.first + last.count === row)
    parts[parts.length - 1] = { ...last, count: last.count + 1, stored: last.stored + stored, raw: last.raw + raw }
  else parts.push({ start: at, first: row, count: 1, offset, stored, raw })
}

/** A run and the table of its pack must tell the same. Throws `corrupt`. */
export function checkRun(run: Run, table: PackTable, pack: Digest): void {
  const end = run.first + run.count
  const agrees =
    end <= table.count &&
    rowOffset(table, run.first) === run.offset &&
    rowOffset(table, end) === run.offset + run.stored &&
    rawBytes(table, run.first, run.count) === run.raw
  if (!agrees) throw new DdvError('corrupt', `recipe and table of a pack differ: ${pack}`)
}

/** The reads that bring these extents, in the order in which the first of each is wanted. */
export function planReads<S>(extents: readonly Extent<S>[]): PackRead<S>[] {
  const byPack = new Map<Digest, Extent<S>[]>()
  for (const extent of extents) {
    const others = byPack.get(extent.pack.digest)
    if (others === undefined) byPack.set(extent.pack.digest, [extent])
    else others.push(extent)
  }
  return [...byPack.values()].flatMap(readsOfPack)
}

function readsOfPack<S>(extents: Extent<S>[]): PackRead<S>[] {
  const groups: Extent<S>[][] = []
  let end = Number.NEGATIVE_INFINITY
  for (const extent of extents.sort((a, b) => a.offset - b.offset)) {
    if (extent.offset - end < joinGap) groups.at(-1)?.push(extent)
    else groups.push([extent])
    end = Math.max(end, extent.offset + extent.stored)
  }
  return groups.map(group => readOf(group))
}

// A pack of which (nearly) all is read is read to its end, with its table, by which each chunk can be checked.
function readOf<S>(extents: Extent<S>[]): PackRead<S> {
  const { pack, offset } = extents[0] as Extent<S>
  const end = extents.reduce((last, extent) => Math.max(last, extent.offset + extent.stored), 0)
  if (offset === 0 && end === pack.tableOffset) return { pack, offset: 0, length: pack.size, extents }
  return { pack, offset, length: end - offset, extents }
}
