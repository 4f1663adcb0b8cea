// Going on with a large file that an interrupted pull left behind. What lies in it is not believed: a power cut may have
// left zeros, and it may be anyone's. Each of its chunks is hashed and held against the table of its pack; those that are
// right need not be fetched, the others are, and the whole is hashed at the end as ever.

import { closeSync, constants, openSync, readSync } from 'node:fs'
import { isDdvError, throwIfAborted } from '../core/errors.js'
import { type PackInfo, type PackTable, rowDigest, rowRaw, tableRowSize } from '../core/pack.js'
import type { Recipe, Run } from '../core/recipe.js'
import { hashToBytes } from '../sys/hash.js'
import type { Job } from '../sys/pool.js'
import { Assembly } from './assembly.js'
import { checkRun, joinSpans, type Span } from './fetch-plan.js'
import type { DownloadRun, Stream, Target } from './pull-run.js'

/** Smaller files come whole within a request or two. */
export const worthResuming = 4_194_304

/** What of the target, as bytes of the stream, lies already in a file that was left behind; its assembly goes on there. */
export async function resumeTarget(run: DownloadRun, stream: Stream, target: Target): Promise<Span[]> {
  const path = run.context.sink.takePartial(target.digest)
  if (path === undefined) return []
  target.assembly = new Assembly(path, target.size, { taken: true })
  const found: Span[] = []
  let start = 0
  for (const recipeRun of (stream.recipe as Recipe).runs) {
    throwIfAborted(run.control.signal)
    const end = start + recipeRun.raw
    if (end > target.start && start < target.start + target.size)
      for (const span of await findSound(run, { stream, target, path, recipeRun, start })) found.push(span)
    start = end
  }
  return joinSpans(found)
}

async function findSound(
  run: DownloadRun,
  part: { stream: Stream; target: Target; path: string; recipeRun: Run; start: number },
): Promise<Span[]> {
  const { stream, target, path, recipeRun, start } = part
  // A table is a request: none for what plainly never came.
  if (!isBegun(path, Math.max(0, start - target.start))) return []
  const pack = (stream.recipe as Recipe).packs[recipeRun.pack] as PackInfo
  const table = await loadTable(run, recipeRun, pack)
  if (table === undefined) return []
  const rows = rowsWithin(table, recipeRun, { start: target.start - start, end: target.start - start + target.size })
  const position = start + rows.before - target.start
  const bytes = Uint8Array.from(table.rows.subarray(rows.first * tableRowSize, rows.end * tableRowSize))
  const spans = await run.context.pool.run(findSoundChunks, { path, position, rows: bytes })
  return spans.map(span => ({ start: target.start + span.start, end: target.start + span.end }))
}

async function loadTable(run: DownloadRun, recipeRun: Run, pack: PackInfo): Promise<PackTable | undefined> {
  try {
    const table = await run.loadTable(pack)
    checkRun(recipeRun, table, pack.digest)
    return table
  } catch (error) {
    if (isDdvError(error, 'corrupt', 'missing')) return undefined // fetching will tell
    throw error
  }
}

/** The rows of a run whose chunks lie whole in `span`, and the run's bytes before them. */
function rowsWithin(
  table: PackTable,
  { first, count }: Run,
  span: Span,
): { first: number; end: number; before: number } {
  let at = 0
  let row = first
  const last = first + count
  for (; row < last && at < span.start; row++) at += rowRaw(table, row)
  const before = at
  let end = row
  for (; end < last && at + rowRaw(table, end) <= span.end; end++) at += rowRaw(table, end)
  return { first: row, end, before }
}

const looked = 4096

// What never came is a hole, which reads as zeros, or lies behind the end.
function isBegun(path: string, position: number): boolean {
  const fd = openSync(path, constants.O_RDONLY)
  try {
    const bytes = Buffer.alloc(looked)
    const length = readSync(fd, bytes, 0, looked, position)
    return bytes.subarray(0, length).some(byte => byte !== 0)
  } finally {
    closeSync(fd)
  }
}

export interface SoundRequest {
  readonly path: string
  /** Where the first chunk begins in the file. */
  readonly position: number
  /** Of a pack's table, of chunks that follow each other in the file. */
  readonly rows: Uint8Array
}

/** Which parts of a file are as the rows say: in order, joined, as places in the file. */
export const findSoundChunks: Job<SoundRequest, readonly Span[]> = {
  name: 'remote.find-sound-chunks',
  run: ({ path, position, rows }) => {
    const table = { rows: Buffer.from(rows), count: rows.length / tableRowSize, end: 0 }
    const spans: Span[] = []
    const fd = openSync(path, constants.O_RDONLY)
    try {
      for (let row = 0, at = position; row < table.count; at += rowRaw(table, row++))
        if (isSound(fd, at, { row, table })) spans.push({ start: at, end: at + rowRaw(table, row) })
    } finally {
      closeSync(fd)
    }
    return joinSpans(spans)
  },
}

function isSound(fd: number, at: number, { row, table }: { row: number; table: PackTable }): boolean {
  const bytes = Buffer.allocUnsafe(rowRaw(table, row))
  for (let done = 0; done < bytes.length; ) {
    const read = readSync(fd, bytes, done, bytes.length - done, at + done)
    if (read === 0) return false
    done += read
  }
  return rowDigest(table, row).equals(hashToBytes(bytes))
}
