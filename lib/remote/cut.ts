// Pool jobs that read what a push sends: cut, and hashed again, since a blob may have rotted in the cache. One job takes
// a piece of a large file, whose chunks another one hashes while the next piece is cut; the last takes a batch of small
// files whole. All read into the chunker's own memory, cut and hash there, and copy to a buffer that threads share once.

import { closeSync, fstatSync, readSync } from 'node:fs'
import type { Digest } from '../core/digest.js'
import { hashBytes, hashToBytes } from '../sys/hash.js'
import type { Job } from '../sys/pool.js'
import { openRegular } from '../sys/read-stable.js'
import { findCuts, minChunk } from './chunker.js'
import { gearInput } from './gear.js'

/** Chunks in one buffer, side by side from its begin on. */
export interface Cut {
  readonly buffer: SharedArrayBuffer
  /** Where each chunk ends in the buffer; the first begins at 0. */
  readonly ends: Uint32Array
  /** 32 bytes a chunk. */
  readonly digests: Uint8Array
}

export type BlobProblem = 'missing' | 'corrupt'

export interface SegmentRequest {
  readonly path: string
  /** A cut of the file. */
  readonly offset: number
  /** Bytes of the whole file, as its name promises. */
  readonly size: number
  readonly buffer: SharedArrayBuffer
}

export interface SegmentResult extends Omit<Cut, 'digests'> {
  readonly problem: BlobProblem | undefined
}

/** Reads from a cut on as much as the buffer holds, and cuts it; the file's last piece reaches to its end. */
export const cutSegment: Job<SegmentRequest, SegmentResult> = {
  name: 'remote.cut-segment',
  run: ({ path, offset, size, buffer }) => {
    const bytes = gearInput(Math.min(buffer.byteLength, size - offset))
    const problem = readPiece(path, bytes, { offset, size })
    if (problem !== undefined) return { buffer, ends: new Uint32Array(), problem }
    const ends = Uint32Array.from(findCuts(bytes, offset + bytes.length === size))
    new Uint8Array(buffer).set(bytes)
    return { buffer, ends, problem: undefined }
  },
  transfer: result => [result.ends.buffer],
}

/** 32 bytes for each chunk. */
export const hashChunks: Job<Pick<Cut, 'buffer' | 'ends'>, Uint8Array> = {
  name: 'remote.hash-chunks',
  run: ({ buffer, ends }) => {
    const bytes = new Uint8Array(buffer)
    const digests = new Uint8Array(ends.length * 32)
    let start = 0
    ends.forEach((end, i) => {
      digests.set(hashToBytes(bytes.subarray(start, end)), i * 32)
      start = end
    })
    return digests
  },
  transfer: digests => [digests.buffer],
}

export interface SmallBlob {
  readonly path: string
  readonly size: number
  readonly digest: Digest
}

export interface BatchRequest {
  readonly blobs: readonly SmallBlob[]
  /** At least the sum of their sizes. */
  readonly buffer: SharedArrayBuffer
}

export interface BatchResult extends Cut {
  /** How many chunks each blob has; 0 also where it has a problem. */
  readonly counts: Uint32Array
  readonly problems: readonly { readonly index: number; readonly problem: BlobProblem }[]
}

/** Reads whole blobs, checks each against its digest and cuts it. A blob with a problem gives no chunks. */
export const cutBatch: Job<BatchRequest, BatchResult> = {
  name: 'remote.cut-batch',
  run: ({ blobs, buffer }) => {
    const batch = new BatchCut(buffer, gearInput(blobs.reduce((sum, { size }) => sum + size, 0)))
    blobs.forEach((blob, index) => {
      batch.take(blob, index)
    })
    return batch.finish(blobs.length)
  },
  transfer: result => [result.ends.buffer, result.digests.buffer, result.counts.buffer],
}

class BatchCut {
  readonly #buffer: SharedArrayBuffer
  readonly #bytes: Uint8Array
  readonly #ends: number[] = []
  readonly #digests: Uint8Array[] = []
  readonly #counts: number[] = []
  readonly #problems: { index: number; problem: BlobProblem }[] = []
  #at = 0

  constructor(buffer: SharedArrayBuffer, bytes: Uint8Array) {
    this.#buffer = buffer
    this.#bytes = bytes
  }

  take({ path, size, digest }: SmallBlob, index: number): void {
    const bytes = this.#bytes.subarray(this.#at, this.#at + size)
    const before = this.#ends.length
    let problem = readPiece(path, bytes, { offset: 0, size })
    if (problem === undefined && !this.#add(bytes, digest)) problem = 'corrupt'
    if (problem === undefined) this.#at += size
    else this.#problems.push({ index, problem })
    this.#counts[index] = this.#ends.length - before
  }

  // The digest of a blob of one chunk is that of the chunk: hashed once.
  #add(bytes: Uint8Array, digest: Digest): boolean {
    if (bytes.length <= minChunk) {
      const found = hashToBytes(bytes)
      if (Buffer.from(found.buffer, found.byteOffset, 32).toString('hex') !== digest) return false
      if (bytes.length > 0) this.#push(bytes.length, found)
      return true
    }
    if (hashBytes(bytes) !== digest) return false
    let start = 0
    for (const end of findCuts(bytes, true)) {
      this.#push(end, hashToBytes(bytes.subarray(start, end)))
      start = end
    }
    return true
  }

  #push(end: number, digest: Uint8Array): void {
    this.#ends.push(this.#at + end)
    this.#digests.push(digest)
  }

  finish(blobs: number): BatchResult {
    const digests = new Uint8Array(this.#digests.length * 32)
    this.#digests.forEach((digest, i) => {
      digests.set(digest, i * 32)
    })
    new Uint8Array(this.#buffer).set(this.#bytes.subarray(0, this.#at))
    const counts = new Uint32Array(blobs)
    counts.set(this.#counts)
    return { buffer: this.#buffer, ends: Uint32Array.from(this.#ends), digests, counts, problems: this.#problems }
  }
}

// A blob of another size than its name promises is as bad as one with other bytes.
function readPiece(
  path: string,
  bytes: Uint8Array,
  { offset, size }: { offset: number; size: number },
): BlobProblem | undefined {
  const fd = openRegular(path)
  if (fd === undefined) return 'missing'
  try {
    if (fstatSync(fd).size !== size) return 'corrupt'
    for (let at = 0; at < bytes.length; ) {
      const read = readSync(fd, bytes, at, bytes.length - at, offset + at)
      if (read === 0) return 'corrupt'
      at += read
    }
    return undefined
  } finally {
    closeSync(fd)
  }
}
