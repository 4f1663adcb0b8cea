// Recipe, format 1: how to rebuild, from packs, what a pointer names. See ../remote/FORMAT.md.
// A recipe is a stranger's word. Everything that it could make a reader fetch, allocate or write is bounded here,
// against the pointer, before any byte of a pack is asked for.

import { type Digest, isDigest } from './digest.js'
import { DdvError } from './errors.js'
import {
  chunkHeaderSize,
  maxChunk,
  maxPackSize,
  maxStoredExcess,
  minStoredChunk,
  type PackInfo,
  rowsOf,
} from './pack.js'
import type { OutputKind } from './pointer.js'

/** Chunks `first` to `first + count` of a pack, which lie in it side by side and follow each other in the stream. */
export interface Run {
  /** Which of the recipe's packs. */
  readonly pack: number
  readonly first: number
  readonly count: number
  /** Where the first chunk's header begins in the pack. */
  readonly offset: number
  /** Bytes in the pack, headers included. */
  readonly stored: number
  /** Bytes of the stream. */
  readonly raw: number
}

export interface Recipe {
  readonly kind: OutputKind
  readonly hash: Digest
  /** Bytes of the whole stream: the file, or the manifest and then the files in its order. */
  readonly size: number
  readonly packs: readonly PackInfo[]
  readonly runs: readonly Run[]
}

/** What a pointer promises of the recipe. */
export interface RecipeClaim {
  readonly kind: OutputKind
  readonly hash: Digest
  readonly size: number
  /** Directories only. */
  readonly files?: number | undefined
}

/** A longer path would not fit a manifest's row of this many bytes. */
const maxManifestRow = 4400
/** Rows of empty directories, which the pointer does not count. */
const manifestSlack = 67_108_864
const emptyManifest = 15
const maxRecipe = 67_108_864
const minChunk = 8192

/** No honest recipe of this output is longer, in bytes: a row for each chunk and a pack for each, at worst. */
export function maxRecipeSize({ size, files = 0 }: Pick<RecipeClaim, 'size' | 'files'>): number {
  const stream = size + files * maxManifestRow
  const chunks = Math.ceil(stream / minChunk) + files + 1 + manifestSlack / minChunk
  return Math.min(maxRecipe, 256 + chunks * 256)
}

/** Canonical text: packs numbered in the order of their first use, each told of directly before that run. */
export function encodeRecipe(recipe: Recipe): string {
  const lines = [`["ddv-recipe",1,"${recipe.kind}","${recipe.hash}",${recipe.size}]`]
  let told = 0
  for (const run of recipe.runs) {
    const pack = recipe.packs[run.pack]
    if (pack === undefined || run.pack > told) throw new RangeError('packs must be numbered in the order of first use')
    if (run.pack === told) {
      lines.push(`["p","${pack.digest}",${pack.size},${pack.tableOffset}]`)
      told++
    }
    lines.push(`["r",${run.pack},${run.first},${run.count},${run.offset},${run.stored},${run.raw}]`)
  }
  return `${lines.join('\n')}\n`
}

/**
 * Reads a recipe and holds it against what the pointer says. It accepts exactly what `encodeRecipe` writes of runs that
 * are joined where they could be. Throws `corrupt` (or `newer-format`), with `name` in the message.
 */
export function decodeRecipe(bytes: Uint8Array, claim: RecipeClaim, name: string): Recipe {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8')
  const [head, ...rows] = parseRows(text, name)
  const size = decodeHead(head, claim, name)
  const packs: PackInfo[] = []
  const runs: Run[] = []
  let raw = 0
  for (const row of rows) {
    if (row[0] === 'p') packs.push(decodePack(row, name))
    else {
      const run = decodeRun(row, packs, name)
      raw += run.raw
      if (raw > size) throw badRecipe('gives more bytes than it says', name)
      checkJoined(runs.at(-1), run, name)
      runs.push(run)
    }
  }
  if (raw !== size) throw badRecipe('gives fewer bytes than it says', name)
  const recipe: Recipe = { kind: claim.kind, hash: claim.hash, size, packs, runs }
  if (!isOrdered(recipe) || encodeRecipe(recipe) !== text) throw badRecipe('is not in canonical form', name)
  return recipe
}

function parseRows(text: string, name: string): readonly (readonly unknown[])[] {
  if (!text.endsWith('\n')) throw badRecipe('does not end with a newline', name)
  let rows: unknown
  try {
    rows = JSON.parse(`[${text.slice(0, -1).replaceAll('\n', ',')}]`)
  } catch (cause) {
    if (!(cause instanceof SyntaxError)) throw cause
    throw badRecipe('has a line that is not JSON', name)
  }
  if (!Array.isArray(rows) || !rows.every(row => Array.isArray(row)))
    throw badRecipe('has a row that is no array', name)
  return rows as readonly (readonly unknown[])[]
}

function decodeHead(head: readonly unknown[] | undefined, claim: RecipeClaim, name: string): number {
  const [mark, version, kind, hash, size] = head ?? []
  if (mark !== 'ddv-recipe') throw badRecipe('does not begin as one', name)
  if (isCount(version) && version > 1)
    throw new DdvError('newer-format', `recipe was written by a newer ddv: ${name}`, { hint: 'update ddv' })
  if (version !== 1 || kind !== claim.kind || hash !== claim.hash || !isCount(size))
    throw badRecipe('is that of something else', name)
  const manifest = size - claim.size
  if (claim.kind === 'file' ? manifest !== 0 : !manifestFits(manifest, claim.files ?? 0))
    throw badRecipe('is of another size than its pointer', name)
  return size
}

const manifestFits = (bytes: number, files: number): boolean =>
  bytes >= emptyManifest && bytes <= files * maxManifestRow + manifestSlack

function decodePack(row: readonly unknown[], name: string): PackInfo {
  const [, digest, size, tableOffset] = row
  if (row.length !== 4 || !isDigest(digest) || !isCount(size) || !isCount(tableOffset))
    throw badRecipe('has a pack of the wrong form', name)
  if (size > maxPackSize || rowsOf({ size, tableOffset }) === undefined)
    throw badRecipe('has a pack of an impossible size', name)
  return { digest, size, tableOffset }
}

function decodeRun(row: readonly unknown[], packs: readonly PackInfo[], name: string): Run {
  const [mark, ...numbers] = row
  if (mark !== 'r' || numbers.length !== 6 || !numbers.every(isCount))
    throw badRecipe('has a row of the wrong form', name)
  const [index, first, count, offset, stored, raw] = numbers as [number, number, number, number, number, number]
  const pack = packs[index]
  if (pack === undefined) throw badRecipe('has a run over a pack that it does not name', name)
  const run = { pack: index, first, count, offset, stored, raw }
  if (!runFits(run, pack)) throw badRecipe('has a run that does not fit its pack', name)
  return run
}

// Each chunk has a header and a byte at least; the first and last chunk of a pack stand where its chunks begin and end.
function runFits(run: Run, pack: PackInfo): boolean {
  const { first, count, offset, stored, raw } = run
  const rows = rowsOf(pack) ?? 0
  const end = first + count
  return (
    count >= 1 &&
    end <= rows &&
    raw >= count &&
    raw <= count * maxChunk &&
    stored >= count * minStoredChunk &&
    stored <= raw + count * (chunkHeaderSize + maxStoredExcess) &&
    offset >= first * minStoredChunk &&
    (first > 0 || offset === 0) &&
    offset + stored + (rows - end) * minStoredChunk <= pack.tableOffset &&
    (end < rows || offset + stored === pack.tableOffset)
  )
}

function checkJoined(before: Run | undefined, run: Run, name: string): void {
  if (before === undefined || before.pack !== run.pack || before.first + before.count !== run.first) return
  if (before.offset + before.stored !== run.offset) throw badRecipe('has a gap between two neighbours', name)
  throw badRecipe('has two runs that are one', name)
}

function isOrdered({ packs, runs }: Recipe): boolean {
  let next = 0
  for (const run of runs) {
    if (run.pack > next) return false
    if (run.pack === next) next++
  }
  return next === packs.length
}

const isCount = (value: unknown): value is number =>
  typeof value === 'number' && Number.isSafeInteger(value) && value >= 0

const badRecipe = (problem: string, name: string): DdvError => new DdvError('corrupt', `recipe ${problem}: ${name}`)
