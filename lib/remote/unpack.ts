// Pool jobs of a pull: unpacking chunks straight into files, and copying what the cache has of other versions.
// A file that lies whole in what was fetched is checked before it is written under its temporary name; of a larger one
// the pieces are put at their places, and the whole is checked by whoever joins it (assembly.ts).

import { closeSync, openSync, readSync, unlinkSync, writeSync } from 'node:fs'
import type { Digest } from '../core/digest.js'
import { DdvError, fromSystemError } from '../core/errors.js'
import { type ChunkHeader, chunkHeaderSize, readChunkHeader, readTable, rowDigest, rowOffset } from '../core/pack.js'
import { zstdDecompress } from '../sys/compress.js'
import { createHasher, finishDigest, type Hasher, hashBytes, hashToBytes } from '../sys/hash.js'
import type { Job } from '../sys/pool.js'
import { openRegular } from '../sys/read-stable.js'

/** Chunks side by side in the pack, which give bytes side by side. */
export interface UnpackExtent {
  readonly first: number
  readonly count: number
  /** In the pack. */
  readonly offset: number
  readonly stored: number
  readonly raw: number
}

export interface UnpackPiece {
  readonly extent: number
  /** In the bytes that the extent gives. */
  readonly at: number
  readonly length: number
  readonly path: string
  /** Where in the file. */
  readonly position: number
  /** For a file that lies whole in the extent: it is made here. Other files are there already. */
  readonly digest: Digest | undefined
}

export interface UnpackRequest {
  readonly bytes: Uint8Array
  /** Where in the pack the bytes begin. */
  readonly base: number
  /** For messages. */
  readonly name: string
  readonly extents: readonly UnpackExtent[]
  /** In the order of the extents and, within each, of `at`. */
  readonly pieces: readonly UnpackPiece[]
  /** Rows of the pack's table, or how large the pack is where `bytes` reach to its end: then chunks are checked by it. */
  readonly check: { readonly rows: Uint8Array; readonly end: number } | { readonly size: number } | undefined
}

/** Gives back which whole files did not hash to their digest; these are not there. Throws `corrupt`. */
export const unpack: Job<UnpackRequest, readonly number[]> = {
  name: 'remote.unpack',
  run: async request => {
    const unpacker = new Unpacker(request)
    try {
      for (const index of request.extents.keys()) await unpacker.extent(index)
      return unpacker.failed
    } finally {
      unpacker.close()
    }
  },
}

/** Decoded side by side; libuv has four threads unless told. */
const decodeAtOnce = 8

interface Chunk extends ChunkHeader {
  readonly row: number
  readonly body: Buffer
  /** In the bytes that the extent gives. */
  readonly at: number
}

class Unpacker {
  readonly failed: number[] = []
  readonly #request: UnpackRequest
  readonly #bytes: Buffer
  readonly #digestOf: ((row: number, offset: number) => Buffer | undefined) | undefined
  /** The next piece that is not done. */
  #next = 0
  #open: { readonly piece: UnpackPiece; readonly fd: number; readonly hasher: Hasher | undefined } | undefined

  constructor(request: UnpackRequest) {
    this.#request = request
    const { bytes } = request
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.#digestOf = digestsOf(request, this.#bytes)
  }

  async extent(index: number): Promise<void> {
    const chunks = this.#chunks(index)
    for (let at = 0; at < chunks.length; at += decodeAtOnce) {
      const some = chunks.slice(at, at + decodeAtOnce).filter(chunk => this.#isWanted(index, chunk))
      const bodies = await Promise.all(some.map(chunk => this.#decode(chunk)))
      for (const [i, chunk] of some.entries()) this.#write(index, chunk.at, bodies[i] as Buffer)
    }
  }

  close(): void {
    if (this.#open === undefined) return
    closeSync(this.#open.fd)
    if (this.#open.piece.digest !== undefined) unlinkSync(this.#open.piece.path)
    this.#open = undefined
  }

  // All headers before any byte is unpacked: what an extent gives is known before it is written.
  #chunks(index: number): Chunk[] {
    const { extents, base, name } = this.#request
    const { first, count, offset, stored, raw } = extents[index] as UnpackExtent
    const end = offset - base + stored
    if (offset < base || end > this.#bytes.length) throw new DdvError('corrupt', `pack is cut off: ${name}`)
    const chunks: Chunk[] = []
    let at = 0
    let place = offset - base
    while (place < end && chunks.length < count) {
      const header = readChunkHeader(this.#bytes, place, { end, name })
      const body = this.#bytes.subarray(place + chunkHeaderSize, place + chunkHeaderSize + header.stored)
      chunks.push({ ...header, body, at, row: first + chunks.length })
      at += header.raw
      place += chunkHeaderSize + header.stored
    }
    if (place !== end || chunks.length !== count || at !== raw)
      throw new DdvError('corrupt', `pack holds other chunks than its recipe says: ${name}`)
    return chunks
  }

  #isWanted(index: number, chunk: Chunk): boolean {
    for (let i = this.#next; ; i++) {
      const piece = this.#request.pieces[i]
      if (piece === undefined || piece.extent > index) return false
      if (piece.extent === index && piece.at + piece.length > chunk.at) return piece.at < chunk.at + chunk.raw
    }
  }

  async #decode({ codec, raw, body, row }: Chunk): Promise<Buffer> {
    const { name } = this.#request
    const bytes = codec === 'raw' ? body : await zstdDecompress(body, raw, name)
    const offset = body.byteOffset - this.#bytes.byteOffset - chunkHeaderSize + this.#request.base
    const expected = this.#digestOf?.(row, offset)
    if (this.#digestOf !== undefined && (expected === undefined || !expected.equals(hashToBytes(bytes))))
      throw new DdvError('corrupt', `pack has a damaged chunk: ${name}`)
    return bytes
  }

  #write(index: number, at: number, bytes: Buffer): void {
    for (;;) {
      const piece = this.#request.pieces[this.#next]
      if (piece === undefined || piece.extent > index || piece.at >= at + bytes.length) return
      const from = Math.max(piece.at, at)
      const to = Math.min(piece.at + piece.length, at + bytes.length)
      if (to > from) this.#writePart(piece, bytes.subarray(from - at, to - at), from - piece.at)
      if (to < piece.at + piece.length) return
      this.#next++
    }
  }

  #writePart(piece: UnpackPiece, bytes: Buffer, within: number): void {
    try {
      if (piece.digest !== undefined && bytes.length === piece.length) this.#writeWhole(piece, bytes)
      else this.#writeSome(piece, bytes, within)
    } catch (error) {
      throw fromSystemError(error, piece.path)
    }
  }

  #writeWhole(piece: UnpackPiece, bytes: Buffer): void {
    if (hashBytes(bytes) !== piece.digest) {
      this.failed.push(this.#next)
      return
    }
    const fd = openSync(piece.path, 'wx', 0o444)
    try {
      writeAll(fd, bytes, 0)
    } finally {
      closeSync(fd)
    }
  }

  #writeSome(piece: UnpackPiece, bytes: Buffer, within: number): void {
    const whole = piece.digest !== undefined
    this.#open ??= {
      piece,
      fd: whole ? openSync(piece.path, 'wx', 0o444) : openSync(piece.path, 'r+'),
      hasher: whole ? createHasher() : undefined,
    }
    this.#open.hasher?.update(bytes)
    writeAll(this.#open.fd, bytes, piece.position + within)
    if (within + bytes.length < piece.length) return
    const { fd, hasher } = this.#open
    this.#open = undefined
    closeSync(fd)
    if (hasher === undefined || finishDigest(hasher) === piece.digest) return
    unlinkSync(piece.path)
    this.failed.push(this.#next)
  }
}

type DigestOf = (row: number, offset: number) => Buffer | undefined

function digestsOf({ check, name }: UnpackRequest, bytes: Buffer): DigestOf | undefined {
  if (check === undefined) return undefined
  const table =
    'size' in check
      ? readTable(bytes, check.size, { hash: hashToBytes, name })
      : { rows: Buffer.from(check.rows), count: check.rows.length / 40, end: check.end }
  return (row, offset) => (row < table.count && rowOffset(table, row) === offset ? rowDigest(table, row) : undefined)
}

function writeAll(fd: number, bytes: Buffer, position: number): void {
  for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at, bytes.length - at, position + at)
}

export interface CopyPiece {
  readonly from: string
  readonly fromPosition: number
  readonly length: number
  /** Is there already. */
  readonly to: string
  readonly position: number
}

const copyBuffer = 1_048_576

/** Gives back which pieces could not be copied whole, since their source is gone or shorter. */
export const copyPieces: Job<readonly CopyPiece[], readonly number[]> = {
  name: 'remote.copy-pieces',
  run: pieces => {
    const buffer = Buffer.allocUnsafe(copyBuffer)
    return pieces.flatMap((piece, index) => (copyPiece(piece, buffer) ? [] : [index]))
  },
}

function copyPiece({ from, fromPosition, length, to, position }: CopyPiece, buffer: Buffer): boolean {
  const source = openRegular(from)
  if (source === undefined) return false
  try {
    const target = openSync(to, 'r+')
    try {
      for (let at = 0; at < length; ) {
        const read = readSync(source, buffer, 0, Math.min(buffer.length, length - at), fromPosition + at)
        if (read === 0) return false
        writeAll(target, buffer.subarray(0, read), position + at)
        at += read
      }
      return true
    } finally {
      closeSync(target)
    }
  } catch (error) {
    throw fromSystemError(error, to)
  } finally {
    closeSync(source)
  }
}
