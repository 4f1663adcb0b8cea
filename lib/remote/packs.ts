// Making packs: a pool job that lays chunks out, compresses those that shrink, and names the whole. And reading tables
// back from a remote.

import { type Digest, digestFromBytes, digestPath } from '../core/digest.js'
import { DdvError } from '../core/errors.js'
import {
  chunkHeaderSize,
  type PackInfo,
  type PackTable,
  readTable,
  rowsOf,
  tableRowSize,
  trailerSize,
  writeChunkHeader,
  writeTableRow,
  writeTrailer,
} from '../core/pack.js'
import { zstdCompress } from '../sys/compress.js'
import { hashToBytes } from '../sys/hash.js'
import type { Job } from '../sys/pool.js'
import { randomBytes } from '../sys/random.js'
import { openPackMemory, type PackMemory } from './pack-memory.js'
import type { Key, Remote } from './remote.js'

export const packKey = (digest: Digest): Key => `packs/${digestPath(digest)}`

/** The digest that a pack's key names, or undefined for other keys below `packs/`. */
export function packOfKey(key: Key): Digest | undefined {
  const match = /^packs\/([0-9a-f]{2})\/([0-9a-f]{62})$/.exec(key)
  return match === null ? undefined : (`${match[1]}${match[2]}` as Digest)
}

/** Chunks somewhere in one buffer, to be laid out behind those that the pack has already. */
export interface AppendRequest {
  readonly buffer: SharedArrayBuffer
  /** Begin and end of each chunk, in pairs. */
  readonly spans: Uint32Array
  /** 32 bytes a chunk. */
  readonly digests: Uint8Array
  /** The pack, with room for these chunks as they are. */
  readonly into: PackMemory
  readonly at: number
  readonly compress: boolean
}

export interface AppendResult {
  /** Rows of the table for these chunks. */
  readonly rows: Uint8Array
  /** Where the next chunk begins. */
  readonly end: number
}

/** No pack of this many raw bytes and rows is larger: a chunk that does not shrink is stored as it is. */
export const packBound = (raw: number, rows: number): number =>
  raw + rows * (chunkHeaderSize + tableRowSize) + trailerSize

export const appendChunks: Job<AppendRequest, AppendResult> = {
  name: 'remote.append-chunks',
  run: async request => {
    const chunks = chunksOf(request)
    const small = request.compress ? await compressChunks(chunks) : []
    return layOut(request, chunks, small)
  },
  transfer: result => [result.rows.buffer],
}

const chunksOf = ({ buffer, spans }: AppendRequest): Buffer[] =>
  Array.from({ length: spans.length / 2 }, (_, i) => {
    const start = spans[i * 2] ?? 0
    return Buffer.from(buffer, start, (spans[i * 2 + 1] ?? 0) - start)
  })

function layOut(
  { buffer, spans, into, at, digests }: AppendRequest,
  chunks: readonly Buffer[],
  small: readonly (Buffer | undefined)[],
): AppendResult {
  const target = openPackMemory(into, buffer)
  const rows = Buffer.from(new ArrayBuffer(chunks.length * tableRowSize))
  let end = at
  chunks.forEach((chunk, i) => {
    const body = small[i]
    const digest = digests.subarray(i * 32, i * 32 + 32)
    const stored = body?.length ?? chunk.length
    writeTableRow(rows, i * tableRowSize, { digest, offset: end, raw: chunk.length })
    writeChunkHeader(target.bytes, end, { raw: chunk.length, stored, codec: body === undefined ? 'raw' : 'zstd' })
    end += chunkHeaderSize
    if (body === undefined) target.copy(end, spans[i * 2] ?? 0, spans[i * 2 + 1] ?? 0)
    else target.bytes.set(body, end)
    end += stored
  })
  return { rows, end }
}

export interface SealRequest {
  /** Holds the chunks from its begin on. */
  readonly into: SharedArrayBuffer
  /** Where they end. */
  readonly end: number
  /** Of all chunks. */
  readonly rows: Uint8Array
}

/** Completes a pack with its table and trailer, and names it. */
export const sealPack: Job<SealRequest, PackInfo> = {
  name: 'remote.seal-pack',
  run: ({ into, end: tableOffset, rows }) => {
    const target = Buffer.from(into)
    target.set(rows, tableOffset)
    const count = rows.length / tableRowSize
    const trailer = { random: randomBytes(16), tableHash: hashToBytes(rows), rows: count, tableOffset }
    writeTrailer(target, tableOffset + rows.length, trailer)
    const size = tableOffset + rows.length + trailerSize
    return { digest: digestFromBytes(hashToBytes(target.subarray(0, size))), size, tableOffset }
  },
}

/** Frames in the making at once; libuv has four threads unless told. */
const compressAtOnce = 4
/** A chunk counts as shrinking where this share of it is saved. */
const worthwhile = 0.03
const longestSkip = 16

// Data that does not shrink is noticed early: after a chunk that did not, 1, then 2, 4, … 16 are taken as they are, until
// one shrinks again; but not those that plainly will, so that text behind pictures is not stored as it is.
async function compressChunks(chunks: readonly Buffer[]): Promise<(Buffer | undefined)[]> {
  const results: (Buffer | undefined)[] = new Array(chunks.length)
  let next = 0
  let skip = 0
  let left = 0
  const lane = async (): Promise<void> => {
    while (next < chunks.length) {
      const index = next++
      const chunk = chunks[index] as Buffer
      if (left > 0 && !isPlain(chunk)) {
        left--
        continue
      }
      const small = await zstdCompress(chunk)
      if (small.length < chunk.length) results[index] = small
      const shrinks = small.length <= chunk.length * (1 - worthwhile)
      skip = shrinks ? 0 : Math.min(longestSkip, Math.max(1, skip * 2))
      left = skip
    }
  }
  await Promise.all(Array.from({ length: compressAtOnce }, lane))
  return results
}

/** Of 256 random bytes about 162 differ; of text some 50. */
const plainBytes = 110

/** Whether a look at 256 bytes is enough to say that it will shrink. */
function isPlain(chunk: Buffer): boolean {
  const seen = new Uint8Array(256)
  const step = Math.max(1, Math.floor(chunk.length / 256))
  let different = 0
  for (let i = 0, at = 0; i < 256 && at < chunk.length; i++, at += step) {
    const byte = chunk[at] ?? 0
    if (seen[byte] === 0) different++
    seen[byte] = 1
  }
  return chunk.length >= 256 && different < plainBytes
}

/** The table of a pack, in one request. Throws `missing` where there is no such pack and `corrupt`. */
export async function fetchTable(remote: Remote, info: PackInfo, signal?: AbortSignal): Promise<PackTable> {
  const key = packKey(info.digest)
  const length = info.size - info.tableOffset
  const got = await remote.get(key, { offset: info.tableOffset, length, maxBytes: length, signal })
  if (got === undefined) throw new DdvError('missing', `a pack is not on the remote: ${key}`)
  if (got.size !== info.size || got.bytes.length !== length)
    throw new DdvError('corrupt', `pack is of another length than its recipe says: ${key}`)
  const table = readTable(got.bytes, info.size, { hash: hashToBytes, name: key })
  if (table.count !== rowsOf(info)) throw new DdvError('corrupt', `pack has another table than its recipe says: ${key}`)
  return table
}
