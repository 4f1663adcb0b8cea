// Making packs: a pool job that lays chunks out, compresses those that shrink, and names the whole. And reading tables
// back from a remote.

import { randomBytes } from 'node:crypto'
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
import type { Key, Remote } from './remote.js'

export const packKey = (digest: Digest): Key => `packs/${digestPath(digest)}`

/** The digest that a pack's key names, or undefined for other keys below `packs/`. */
export function packOfKey(key: Key): Digest | undefined {
  const match = /^packs\/([0-9a-f]{2})\/([0-9a-f]{62})$/.exec(key)
  return match === null ? undefined : (`${match[1]}${match[2]}` as Digest)
}

/** Chunks somewhere in one buffer. */
export interface PackPart {
  readonly buffer: ArrayBuffer
  /** Begin and end of each chunk, in pairs. */
  readonly spans: Uint32Array
  /** 32 bytes a chunk. */
  readonly digests: Uint8Array
}

export interface SealRequest {
  readonly parts: readonly PackPart[]
  /** Where the pack is laid out; at least `packBound` bytes. */
  readonly into: ArrayBuffer
  readonly compress: boolean
}

export interface SealResult {
  /** The buffers of the parts, to be used again. */
  readonly buffers: readonly ArrayBuffer[]
  /** Holds the pack from its begin on. */
  readonly into: ArrayBuffer
  readonly info: PackInfo
  /** A copy of the table's rows. */
  readonly rows: Uint8Array
}

/** No pack of this many raw bytes and rows is larger: a chunk that does not shrink is stored as it is. */
export const packBound = (raw: number, rows: number): number =>
  raw + rows * (chunkHeaderSize + tableRowSize) + trailerSize

export const sealPack: Job<SealRequest, SealResult> = {
  name: 'remote.seal-pack',
  run: async ({ parts, into, compress }) => {
    const target = Buffer.from(into)
    const sources = parts.flatMap(chunksOf)
    const stored = compress ? await compressChunks(sources.map(source => source.bytes)) : []
    const { info, rows } = layOut(target, sources, stored)
    return { buffers: parts.map(part => part.buffer), into, info, rows }
  },
  transfer: result => [...result.buffers, result.into, result.rows.buffer],
}

interface Source {
  readonly bytes: Buffer
  readonly digest: Uint8Array
}

function chunksOf({ buffer, spans, digests }: PackPart): Source[] {
  return Array.from({ length: spans.length / 2 }, (_, i) => {
    const start = spans[i * 2] ?? 0
    const bytes = Buffer.from(buffer, start, (spans[i * 2 + 1] ?? 0) - start)
    return { bytes, digest: digests.subarray(i * 32, i * 32 + 32) }
  })
}

function layOut(
  target: Buffer,
  sources: readonly Source[],
  stored: readonly (Buffer | undefined)[],
): { info: PackInfo; rows: Uint8Array } {
  const rows = Buffer.from(new ArrayBuffer(sources.length * tableRowSize))
  let at = 0
  sources.forEach(({ bytes, digest }, i) => {
    const small = stored[i]
    const body = small ?? bytes
    writeTableRow(rows, i * tableRowSize, { digest, offset: at, raw: bytes.length })
    const codec = small === undefined ? 'raw' : 'zstd'
    writeChunkHeader(target, at, { raw: bytes.length, stored: body.length, codec })
    target.set(body, at + chunkHeaderSize)
    at += chunkHeaderSize + body.length
  })
  target.set(rows, at)
  const trailer = { random: randomBytes(16), tableHash: hashToBytes(rows), rows: sources.length, tableOffset: at }
  writeTrailer(target, at + rows.length, trailer)
  const size = at + rows.length + trailerSize
  const digest = digestFromBytes(hashToBytes(target.subarray(0, size)))
  return { info: { digest, size, tableOffset: at }, rows }
}

/** Frames in the making at once; libuv has four threads unless told. */
const compressAtOnce = 4
/** A chunk counts as shrinking where this share of it is saved. */
const worthwhile = 0.03
const longestSkip = 16

// Data that does not shrink is noticed early: after a chunk that did not, 1, then 2, 4, … 16 are taken as they are, until
// one shrinks again. Each of those at work skips for itself, so up to 64 chunks in a row that would shrink are missed.
async function compressChunks(chunks: readonly Buffer[]): Promise<(Buffer | undefined)[]> {
  const results: (Buffer | undefined)[] = new Array(chunks.length)
  let next = 0
  let skip = 0
  const lane = async (): Promise<void> => {
    while (next < chunks.length) {
      const index = next++
      const chunk = chunks[index] as Buffer
      const small = await zstdCompress(chunk)
      if (small.length < chunk.length) results[index] = small
      const shrinks = small.length <= chunk.length * (1 - worthwhile)
      skip = shrinks ? 0 : Math.min(longestSkip, Math.max(1, skip * 2))
      next += skip
    }
  }
  await Promise.all(Array.from({ length: compressAtOnce }, lane))
  return results
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
