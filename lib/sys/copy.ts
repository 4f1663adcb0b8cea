// Copying a file with its digest known at the end: what is hashed is the copy, never a second read of the source.

import { closeSync, constants, copyFileSync, openSync, readSync, rmSync } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import type { Digest } from '../core/digest.js'
import { systemCode } from '../core/errors.js'
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
 * is there already is an error, and stays. Not for links: `from` is opened as it is. `onBytes` hears of each piece that
 * was copied, not of a reflink; what it throws ends the copy.
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

async function copyAndHash(from: string, to: string, { pool, onBytes }: CopyOptions): Promise<CopyResult> {
  const target = await open(to, 'wx', 0o600)
  const ring = new Ring()
  const hashing = pool.run(hashRingJob, ring.shared)
  // Without its hasher the copier would wait for good.
  hashing.catch(() => ring.abandon())
  const copying = copyInPieces(from, target, { ring, onBytes }).finally(async () => {
    ring.end()
    await target.close()
  })
  // Settled, not raced: neither may still touch the copy, or fail unheard, once the caller has removed it.
  const [copied, hashed] = await Promise.allSettled([copying, hashing])
  if (copied.status === 'rejected') throw copied.reason
  if (hashed.status === 'rejected') throw hashed.reason
  return hashed.value
}

// Not by `copyFile`, which never ends where the source is cut short under it (libuv asks the kernel for the rest again
// and again). While one piece is written the next is read, so that it is as fast.
async function copyInPieces(
  from: string,
  target: FileHandle,
  { ring, onBytes }: { readonly ring: Ring; readonly onBytes: OnBytes | undefined },
): Promise<void> {
  const source = await open(from, 'r')
  try {
    const { size } = await source.stat()
    let filled: Buffer = Buffer.alloc(0)
    for (let at = 0; at < size || filled.length > 0; ) {
      const spare = at < size ? await ring.next() : undefined
      const reading = spare && source.read(spare, 0, Math.min(pieceSize, size - at), at)
      const [read, written] = await Promise.allSettled([reading, writeAll(target, filled)])
      if (read.status === 'rejected') throw read.reason
      if (written.status === 'rejected') throw written.reason
      if (filled.length > 0) onBytes?.(filled.length)
      const length = read.value?.bytesRead ?? 0
      if (length > 0) ring.fill(length)
      filled = spare?.subarray(0, length) ?? Buffer.alloc(0)
      at = length === 0 ? size : at + length // the source may have been cut short
    }
  } finally {
    await source.close()
  }
}

async function writeAll(target: FileHandle, bytes: Buffer): Promise<void> {
  for (let at = 0; at < bytes.length; ) at += (await target.write(bytes, at, bytes.length - at, null)).bytesWritten
}

const pieceSize = 1024 * 1024
const slots = 4
/** In `counters`: how many pieces were filled and hashed so far, and whether no more come. */
const [filledAt, hashedAt, endedAt] = [0, 1, 2]

interface SharedRing {
  /** `slots` pieces. */
  readonly bytes: SharedArrayBuffer
  /** Of the pieces, in bytes. */
  readonly lengths: Int32Array
  readonly counters: Int32Array
}

/** The copier's side of pieces that a thread hashes: a class because it counts. */
class Ring {
  readonly shared: SharedRing = {
    bytes: new SharedArrayBuffer(slots * pieceSize),
    lengths: new Int32Array(new SharedArrayBuffer(4 * slots)),
    counters: new Int32Array(new SharedArrayBuffer(4 * 3)),
  }
  #abandoned = false
  #abandon: (() => void) | undefined

  /** The memory of the next piece, once what was in it is hashed. */
  async next(): Promise<Buffer> {
    const { bytes, counters } = this.shared
    const filled = counters[filledAt] as number
    for (;;) {
      const hashed = Atomics.load(counters, hashedAt)
      if (this.#abandoned || hashed + slots > filled) break
      const abandoned = new Promise<void>(resolve => {
        this.#abandon = resolve
      })
      await Promise.race([Atomics.waitAsync(counters, hashedAt, hashed).value, abandoned])
    }
    return Buffer.from(bytes, (filled % slots) * pieceSize, pieceSize)
  }

  /** The piece that `next` gave holds so many bytes. */
  fill(length: number): void {
    const { lengths, counters } = this.shared
    lengths[(counters[filledAt] as number) % slots] = length
    Atomics.add(counters, filledAt, 1)
    Atomics.notify(counters, filledAt)
  }

  end(): void {
    const { counters } = this.shared
    Atomics.store(counters, endedAt, 1)
    Atomics.notify(counters, filledAt)
  }

  abandon(): void {
    this.#abandoned = true
    this.#abandon?.()
  }
}

/** The hasher's side: digest and size of all pieces that come. */
export const hashRingJob = {
  name: 'sys.hash-ring',
  run: ({ bytes, lengths, counters }: SharedRing): CopyResult => {
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
      else Atomics.wait(counters, filledAt, pieces, 50)
    }
  },
} satisfies Job<SharedRing, CopyResult>

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
