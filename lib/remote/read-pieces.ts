// The blobs of a push as a sequence of cut pieces, in order, with the next ones read ahead on the pool. Small blobs
// are read many to a piece; a large one is cut piece by piece, each from the last cut of the one before.

import type { Digest } from '../core/digest.js'
import { maxChunk } from '../core/pack.js'
import { createHasher, finishDigest, type Hasher } from '../sys/hash.js'
import type { Pool } from '../sys/pool.js'
import type { Buffers } from './concurrently.js'
import { type BlobProblem, type Cut, cutBatch, cutSegment, hashChunks, type SegmentResult } from './cut.js'

export interface SourceBlob<T> {
  readonly path: string
  readonly digest: Digest
  readonly size: number
  /** Whose it is. */
  readonly owner: T
}

/** Some chunks of one blob, side by side in their piece. */
export interface BlobPart<T> {
  readonly blob: SourceBlob<T>
  readonly chunks: number
  /** No part of this blob follows. */
  readonly done: boolean
  /** Told with the last part of a blob: its bytes are not what they should be. */
  readonly problem: BlobProblem | undefined
}

export interface Piece<T> extends Cut {
  readonly parts: readonly BlobPart<T>[]
}

/** So that each piece but a blob's last gives at least 4 MiB: what follows its last cut is read again. */
export const pieceSize = 4_194_304 + maxChunk
const largeBlob = 2_097_152
/** Blobs in a piece; each may have a chunk more than its bytes tell. */
const maxBatch = 1024

interface ReadContext {
  readonly pool: Pool
  readonly buffers: Buffers
}

/** Each piece's buffer is for the caller to give back. */
export async function* readPieces<T>(
  blobs: Iterable<SourceBlob<T>>,
  context: ReadContext,
): AsyncGenerator<Piece<T>, void> {
  const ahead: Promise<Piece<T>>[] = []
  const batch: SourceBlob<T>[] = []
  let bytes = 0
  const flush = (): void => {
    if (batch.length > 0) ahead.push(quiet(readBatch(batch.splice(0), context)))
    bytes = 0
  }
  for (const blob of blobs) {
    const large = blob.size > largeBlob
    if (large || bytes + blob.size > pieceSize || batch.length >= maxBatch) flush()
    while (ahead.length > (large ? 0 : context.pool.size)) yield (await ahead.shift()) as Piece<T>
    if (large) yield* readLarge(blob, context)
    else {
      batch.push(blob)
      bytes += blob.size
    }
  }
  flush()
  for (const piece of ahead) yield await piece
}

// Read ahead of whoever takes them, who may have stopped by then.
function quiet<P>(promise: Promise<P>): Promise<P> {
  promise.catch(() => undefined)
  return promise
}

async function readBatch<T>(blobs: readonly SourceBlob<T>[], { pool, buffers }: ReadContext): Promise<Piece<T>> {
  const buffer = buffers.take()
  const request = { blobs: blobs.map(({ path, size, digest }) => ({ path, size, digest })), buffer }
  const result = await pool.run(cutBatch, request)
  const problems = new Map(result.problems.map(({ index, problem }) => [index, problem]))
  const parts = blobs.map((blob, i) => ({ blob, chunks: result.counts[i] ?? 0, done: true, problem: problems.get(i) }))
  return { buffer: result.buffer, ends: result.ends, digests: result.digests, parts }
}

// Where a piece begins is known once the one before is cut, so the cutting is a chain; that goes on while the pieces
// behind are hashed and taken.
async function* readLarge<T>(blob: SourceBlob<T>, { pool, buffers }: ReadContext): AsyncGenerator<Piece<T>, void> {
  const { path, size, digest } = blob
  const read = (offset: number): Promise<SegmentResult> => {
    const buffer = buffers.take()
    return quiet(pool.run(cutSegment, { path, offset, size, buffer }))
  }
  const hasher = createHasher()
  const ahead: Promise<Piece<T>>[] = []
  let offset = 0
  for (let next: Promise<SegmentResult> | undefined = read(0); next !== undefined; ) {
    const { buffer, ends, problem: found }: SegmentResult = await next
    const length = ends.at(-1) ?? 0
    offset += length
    const more: boolean = found === undefined && offset < size
    next = more ? read(offset) : undefined
    const digests = pool.run(hashChunks, { buffer, ends })
    hasher.update(new Uint8Array(buffer, 0, length))
    const problem = more ? undefined : (found ?? hashProblem(hasher, digest))
    const parts = [{ blob, chunks: ends.length, done: !more, problem }]
    ahead.push(quiet(digests.then(digests => ({ buffer, ends, digests, parts }))))
    if (ahead.length > pool.size) yield (await ahead.shift()) as Piece<T>
  }
  for (const piece of ahead) yield await piece
}

const hashProblem = (hasher: Hasher, digest: Digest): BlobProblem | undefined =>
  finishDigest(hasher) === digest ? undefined : 'corrupt'
