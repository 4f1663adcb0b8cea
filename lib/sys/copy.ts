// Copying a file with its digest known at the end: what is hashed is the copy, never a second read of the source.

import { closeSync, constants, copyFileSync, fstatSync, openSync, readSync, rmSync, writeSync } from 'node:fs'
import type { Digest } from '../core/digest.js'
import { DdvError, systemCode } from '../core/errors.js'
import { createHasher, finishDigest } from './hash.js'
import type { Job, Pool } from './pool.js'

/** A file of at most this many bytes is read whole, hashed by one call and written; larger ones are copied in pieces. */
export const wholeReadLimit = 8 * 1024 * 1024

const readSize = 4 * 1024 * 1024

export type OnBytes = (bytes: number) => void

export interface CopyResult {
  readonly digest: Digest
  readonly size: number
}

/**
 * Copies to a new file: as a reflink where the file system can, otherwise in pieces, each of which a thread hashes from
 * the memory that it is written from. Bytes beyond the size at the start are left out. An error leaves no copy; a file that
 * is there already is an error, and stays. Not for links: `from` is opened as it is. `onBytes` hears from time to time of
 * what was copied, not of a reflink; what it throws ends the copy.
 */
export async function copyHashed(from: string, to: string, pool: Pool, onBytes?: OnBytes): Promise<CopyResult> {
  try {
    if (reflink(from, to)) return await pool.run(hashFileJob, { path: to })
    return await copyAndHash(from, to, { pool, onBytes })
  } catch (error) {
    if (systemCode(error) !== 'EEXIST') rmSync(to, { force: true })
    throw error
  }
}

/** False where the file system cannot share blocks between the two. */
export function reflink(from: string, to: string): boolean {
  try {
    copyFileSync(from, to, constants.COPYFILE_FICLONE_FORCE | constants.COPYFILE_EXCL)
    return true
  } catch (error) {
    const code = systemCode(error)
    if (code === 'EEXIST' || code === 'ENOENT' || code === 'EACCES' || code === 'ENOSPC') throw error
    rmSync(to, { force: true }) // libuv leaves an empty file behind where the clone is refused
    return false
  }
}

interface CopyOptions {
  readonly pool: Pool
  readonly onBytes: OnBytes | undefined
}

/** How often `onBytes` hears, in milliseconds. */
const tellEvery = 50

async function copyAndHash(from: string, to: string, { pool, onBytes }: CopyOptions): Promise<CopyResult> {
  const ring = pool.size > 1 ? newRing() : undefined
  const shared = { copied: new BigInt64Array(new SharedArrayBuffer(8)), stopped: newFlag() }
  let told = 0n
  let failure: unknown
  const tell = (): void => {
    const copied = Atomics.load(shared.copied, 0)
    if (copied > told) onBytes?.(Number(copied - told))
    told = copied
  }
  const timer = setInterval(() => {
    try {
      tell()
    } catch (error) {
      failure ??= error
      Atomics.store(shared.stopped, 0, 1)
    }
  }, tellEvery)
  const copying = pool.run(copyLargeJob, { from, to, ...shared, ring })
  const hashing = ring && pool.run(hashRingJob, ring)
  // Each would wait for the other for good.
  copying.catch(() => ring && endRing(ring))
  hashing?.catch(() => Atomics.store(shared.stopped, 0, 1))
  // Settled, not raced: neither may still touch the copy, or fail unheard, once the caller has removed it.
  const [copied, hashed] = await Promise.allSettled([copying, hashing])
  clearInterval(timer)
  if (failure !== undefined) throw failure
  if (hashed.status === 'rejected') throw hashed.reason
  if (copied.status === 'rejected') throw copied.reason
  tell()
  const result = hashed.value ?? copied.value
  if (result === undefined) throw new DdvError('io', `was copied and not hashed: ${to}`)
  return result
}

const pieceSize = 1024 * 1024
const slots = 4
/** In `counters`: how many pieces were filled and hashed so far, and whether no more come. */
const [filledAt, hashedAt, endedAt] = [0, 1, 2]
/** How long a thread waits before it looks whether the other is still there, in milliseconds. */
const patience = 50

const newFlag = (): Int32Array => new Int32Array(new SharedArrayBuffer(4))

interface Ring {
  /** `slots` pieces. */
  readonly bytes: SharedArrayBuffer
  /** Of the pieces, in bytes. */
  readonly lengths: Int32Array
  readonly counters: Int32Array
}

const newRing = (): Ring => ({
  bytes: new SharedArrayBuffer(slots * pieceSize),
  lengths: new Int32Array(new SharedArrayBuffer(4 * slots)),
  counters: new Int32Array(new SharedArrayBuffer(4 * 3)),
})

function endRing({ counters }: Ring): void {
  Atomics.store(counters, endedAt, 1)
  Atomics.notify(counters, filledAt)
}

interface CopyArgs {
  readonly from: string
  readonly to: string
  /** Bytes so far, for whoever waits. */
  readonly copied: BigInt64Array
  /** 1: whoever waits has given up. */
  readonly stopped: Int32Array
  /** undefined: this thread hashes, too. */
  readonly ring: Ring | undefined
}

/**
 * Copies with synchronous calls, which is a third faster than with promises: 1 MiB takes less than the way to Node's own
 * threads and back. Not by `copyFile`, which never ends where the source is cut short under it (libuv asks the kernel for
 * the rest again and again).
 */
export const copyLargeJob = {
  name: 'sys.copy-large',
  run: ({ from, to, copied, stopped, ring }: CopyArgs): CopyResult | undefined => {
    const hasher = ring === undefined ? createHasher() : undefined
    const bytes = ring?.bytes ?? new SharedArrayBuffer(slots * pieceSize)
    let size = 0
    try {
      withFiles(from, to, (source, target, end) => {
        for (let pieces = 0; size < end; pieces++) {
          if (ring !== undefined) waitForRoom(ring, pieces, stopped)
          throwIfStopped(stopped)
          const piece = Buffer.from(bytes, (pieces % slots) * pieceSize, pieceSize)
          const length = readSync(source, piece, 0, Math.min(pieceSize, end - size), size)
          if (length === 0) break // cut short
          hasher?.update(piece.subarray(0, length))
          if (ring !== undefined) fillPiece(ring, pieces, length)
          for (let at = 0; at < length; ) at += writeSync(target, piece, at, length - at, null)
          size += length
          Atomics.store(copied, 0, BigInt(size))
        }
      })
    } finally {
      if (ring !== undefined) endRing(ring)
    }
    return hasher && { digest: finishDigest(hasher), size }
  },
} satisfies Job<CopyArgs, CopyResult | undefined>

function withFiles(from: string, to: string, copy: (source: number, target: number, size: number) => void): void {
  const target = openSync(to, 'wx', 0o600)
  try {
    const source = openSync(from, 'r')
    try {
      copy(source, target, fstatSync(source).size)
    } finally {
      closeSync(source)
    }
  } finally {
    closeSync(target)
  }
}

function throwIfStopped(stopped: Int32Array): void {
  if (Atomics.load(stopped, 0) === 1) throw new DdvError('interrupted', 'interrupted')
}

/** Until what is in the place of this piece was hashed. */
function waitForRoom({ counters }: Ring, pieces: number, stopped: Int32Array): void {
  for (;;) {
    const hashed = Atomics.load(counters, hashedAt)
    if (hashed + slots > pieces) return
    throwIfStopped(stopped)
    Atomics.wait(counters, hashedAt, hashed, patience)
  }
}

function fillPiece({ lengths, counters }: Ring, pieces: number, length: number): void {
  lengths[pieces % slots] = length
  Atomics.add(counters, filledAt, 1)
  Atomics.notify(counters, filledAt)
}

/** The hasher's side: digest and size of all pieces that come. */
export const hashRingJob = {
  name: 'sys.hash-ring',
  run: ({ bytes, lengths, counters }: Ring): CopyResult => {
    const hasher = createHasher()
    for (let pieces = 0, size = 0; ; ) {
      // Read before the count: an end that was seen means that all pieces are there to be seen.
      const ended = Atomics.load(counters, endedAt) === 1
      if (Atomics.load(counters, filledAt) > pieces) {
        const length = lengths[pieces % slots] as number
        hasher.update(Buffer.from(bytes, (pieces % slots) * pieceSize, length))
        size += length
        pieces = Atomics.add(counters, hashedAt, 1) + 1
        Atomics.notify(counters, hashedAt)
      } else if (ended) return { digest: finishDigest(hasher), size }
      else Atomics.wait(counters, filledAt, pieces, patience)
    }
  },
} satisfies Job<Ring, CopyResult>

/** Digest and size of a file, read in order. */
export const hashFileJob = {
  name: 'sys.hash-file',
  run: ({ path }: { readonly path: string }): CopyResult => {
    const fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW)
    try {
      const buffer = Buffer.allocUnsafe(readSize)
      const hasher = createHasher()
      for (let size = 0; ; ) {
        const count = readSync(fd, buffer, 0, readSize, size)
        if (count === 0) return { digest: finishDigest(hasher), size }
        hasher.update(buffer.subarray(0, count))
        size += count
      }
    } finally {
      closeSync(fd)
    }
  },
} satisfies Job<{ readonly path: string }, CopyResult>
