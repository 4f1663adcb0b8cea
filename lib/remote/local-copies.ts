// What a pull need not fetch: two recipes that name the same chunks of a pack share these bytes, so what the cache has
// of one version serves another. Nothing here is trusted; whatever is made of it is hashed.

import type { Digest } from '../core/digest.js'
import { isDdvError } from '../core/errors.js'
import { type PackInfo, type PackTable, rawBytes } from '../core/pack.js'
import type { Recipe, Run } from '../core/recipe.js'
import { checkRun, joinSpans, type LoadTable, type Span, spansWithin, subtractSpans } from './fetch-plan.js'

/** A file that holds the bytes of an older stream from `start` up to `end`. */
export interface LocalFile extends Span {
  readonly path: string
}

/** Bytes for the new stream's `start` on. */
export interface LocalCopy {
  readonly start: number
  readonly length: number
  readonly from: string
  readonly fromPosition: number
}

export interface LocalOptions {
  /** What the new stream lacks, as `joinSpans` gives it. */
  readonly wanted: readonly Span[]
  /** Recipes of other versions, the likeliest first. */
  readonly olds: Iterable<Recipe>
  /** Where the cache has the bytes of such a version: sorted, with gaps where it has not. */
  readonly filesOf: (old: Recipe) => readonly LocalFile[]
  readonly loadTable: LoadTable
}

interface PlacedRun extends Run {
  readonly start: number
}

/** Copies that do not overlap; what they cover need not be fetched. */
export async function findLocalCopies(recipe: Recipe, options: LocalOptions): Promise<LocalCopy[]> {
  const copies: LocalCopy[] = []
  const runs = runsByPack(recipe, options.wanted)
  let wanted = options.wanted
  for (const old of options.olds) {
    if (wanted.length === 0) break
    if ((old.kind === recipe.kind && old.hash === recipe.hash) || !old.packs.some(pack => runs.has(pack.digest)))
      continue
    const files = options.filesOf(old)
    if (files.length === 0) continue
    const shared = await sharedSpans({ runs, old, wanted }, options.loadTable)
    const found = shared.flatMap(span => copiesOf(span, files, wanted))
    copies.push(...found)
    wanted = subtractSpans(wanted, joinSpans(found.map(({ start, length }) => ({ start, end: start + length }))))
  }
  return copies
}

function runsByPack(recipe: Recipe, wanted: readonly Span[]): Map<Digest, PlacedRun[]> {
  const runs = new Map<Digest, PlacedRun[]>()
  let start = 0
  for (const run of recipe.runs) {
    const { digest } = recipe.packs[run.pack] as PackInfo
    if (spansWithin(wanted, { start, end: start + run.raw }).length > 0) {
      const others = runs.get(digest)
      if (others === undefined) runs.set(digest, [{ ...run, start }])
      else others.push({ ...run, start })
    }
    start += run.raw
  }
  return runs
}

/** The same bytes in both streams. */
interface Shared {
  readonly start: number
  readonly oldStart: number
  readonly length: number
}

async function sharedSpans(
  { runs, old, wanted }: { runs: ReadonlyMap<Digest, PlacedRun[]>; old: Recipe; wanted: readonly Span[] },
  loadTable: LoadTable,
): Promise<Shared[]> {
  const shared: Shared[] = []
  let taken: Span[] = []
  let oldStart = 0
  for (const oldRun of old.runs) {
    const pack = old.packs[oldRun.pack] as PackInfo
    for (const run of runs.get(pack.digest) ?? []) {
      const whole = { start: run.start, end: run.start + run.raw }
      if (spansWithin(subtractSpans(spansWithin(wanted, whole), taken), whole).length === 0) continue
      const span = await overlap(run, { ...oldRun, start: oldStart }, { pack, loadTable })
      if (span === undefined) continue
      const free = subtractSpans([{ start: span.start, end: span.start + span.length }], taken)
      for (const { start, end } of free)
        shared.push({ start, oldStart: span.oldStart + start - span.start, length: end - start })
      taken = joinSpans([...taken, ...free])
    }
    oldStart += oldRun.raw
  }
  return shared
}

// Where the two runs are one and the same no table is needed.
async function overlap(
  run: PlacedRun,
  old: PlacedRun,
  { pack, loadTable }: { pack: PackInfo; loadTable: LoadTable },
): Promise<Shared | undefined> {
  const first = Math.max(run.first, old.first)
  const count = Math.min(run.first + run.count, old.first + old.count) - first
  if (count <= 0) return undefined
  if (run.first === old.first && run.count === old.count && run.raw === old.raw)
    return { start: run.start, oldStart: old.start, length: run.raw }
  const table = await loadIfSound(pack, loadTable)
  if (table === undefined) return undefined
  try {
    checkRun(run, table, pack.digest)
    checkRun(old, table, pack.digest)
  } catch (error) {
    if (isDdvError(error, 'corrupt')) return undefined
    throw error
  }
  return {
    start: run.start + rawBytes(table, run.first, first - run.first),
    oldStart: old.start + rawBytes(table, old.first, first - old.first),
    length: rawBytes(table, first, count),
  }
}

async function loadIfSound(pack: PackInfo, loadTable: LoadTable): Promise<PackTable | undefined> {
  try {
    return await loadTable(pack)
  } catch (error) {
    if (isDdvError(error, 'corrupt', 'missing')) return undefined // fetching will tell
    throw error
  }
}

function copiesOf(
  { start, oldStart, length }: Shared,
  files: readonly LocalFile[],
  wanted: readonly Span[],
): LocalCopy[] {
  const copies: LocalCopy[] = []
  const shift = start - oldStart
  for (const span of spansWithin(wanted, { start, end: start + length }))
    for (let i = firstFile(files, span.start - shift); i < files.length; i++) {
      const file = files[i] as LocalFile
      const from = Math.max(span.start, file.start + shift)
      const to = Math.min(span.end, file.end + shift)
      if (file.start + shift >= span.end) break
      if (to > from)
        copies.push({ start: from, length: to - from, from: file.path, fromPosition: from - shift - file.start })
    }
  return copies
}

// The first that ends behind the place.
function firstFile(files: readonly LocalFile[], place: number): number {
  let low = 0
  for (let high = files.length; low < high; ) {
    const middle = (low + high) >> 1
    if ((files[middle] as LocalFile).end <= place) low = middle + 1
    else high = middle
  }
  return low
}
