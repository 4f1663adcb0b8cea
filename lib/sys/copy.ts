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
 * Copies to a new file: as a reflink where the file system can, otherwise in pieces while a thread hashes the copy as it
 * grows. Bytes beyond the size at the start are left out. An error leaves no copy; a file that is there already is an
 * error, and stays. Not for links: `from` is opened as it is. `onBytes` hears of each piece that was copied, not of a
 * reflink; what it throws ends the copy.
 */
export async function copyHashed(from: string, to: string, pool: Pool, onBytes?: OnBytes): Promise<CopyResult> {
  try {
    if (reflink(from, to)) return await pool.run(hashFileJob, { path: to, progress: undefined })
    return await copyAndFollow(from, to, { pool, onBytes })
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

interface FollowOptions {
  readonly pool: Pool
  readonly onBytes: OnBytes | undefined
}

async function copyAndFollow(from: string, to: string, { pool, onBytes }: FollowOptions): Promise<CopyResult> {
  const progress = new Int32Array(new SharedArrayBuffer(4))
  const target = await open(to, 'wx', 0o600)
  const copying = copyInPieces(from, target, onBytes).finally(async () => {
    Atomics.store(progress, 0, 1)
    Atomics.notify(progress, 0)
    await target.close()
  })
  // Settled, not raced: neither may still touch the copy, or fail unheard, once the caller has removed it.
  const [copied, hashed] = await Promise.allSettled([copying, pool.run(hashFileJob, { path: to, progress })])
  if (copied.status === 'rejected') throw copied.reason
  if (hashed.status === 'rejected') throw hashed.reason
  return hashed.value
}

const pieceSize = 1024 * 1024

// Not by `copyFile`, which never ends where the source is cut short under it (libuv asks the kernel for the rest again
// and again). While one piece is written the next is read, so that it is as fast.
async function copyInPieces(from: string, target: FileHandle, onBytes: OnBytes | undefined): Promise<void> {
  const source = await open(from, 'r')
  try {
    const { size } = await source.stat()
    let [filled, spare] = [Buffer.allocUnsafeSlow(pieceSize), Buffer.allocUnsafeSlow(pieceSize)]
    let length = 0
    for (let at = 0; at < size || length > 0; ) {
      const reading = at < size ? source.read(spare, 0, Math.min(pieceSize, size - at), at) : undefined
      const [read, written] = await Promise.allSettled([reading, writeAll(target, filled.subarray(0, length))])
      if (read.status === 'rejected') throw read.reason
      if (written.status === 'rejected') throw written.reason
      if (length > 0) onBytes?.(length)
      ;[filled, spare] = [spare, filled]
      length = read.value?.bytesRead ?? 0
      at = length === 0 ? size : at + length // the source may have been cut short
    }
  } finally {
    await source.close()
  }
}

async function writeAll(target: FileHandle, bytes: Buffer): Promise<void> {
  for (let at = 0; at < bytes.length; ) at += (await target.write(bytes, at, bytes.length - at, null)).bytesWritten
}

export interface HashFileArgs {
  readonly path: string
  /** Where the file is still growing: 0 until its writer is done. */
  readonly progress: Int32Array | undefined
}

/** Digest and size of a file, read in order; while `progress` is 0 the end of the file is not the end. */
export const hashFileJob = {
  name: 'sys.hash-file',
  run: ({ path, progress }: HashFileArgs): CopyResult => {
    const fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW)
    try {
      return hashGrowing(fd, progress)
    } finally {
      closeSync(fd)
    }
  },
} satisfies Job<HashFileArgs, CopyResult>

function hashGrowing(fd: number, progress: Int32Array | undefined): CopyResult {
  const buffer = Buffer.allocUnsafe(readSize)
  const hasher = createHasher()
  for (let size = 0; ; ) {
    // Read before the file: a flag seen set means that all bytes are there to be seen.
    const complete = progress === undefined || Atomics.load(progress, 0) === 1
    const count = readSync(fd, buffer, 0, readSize, size)
    if (count > 0) {
      hasher.update(buffer.subarray(0, count))
      size += count
    } else if (complete) return { digest: finishDigest(hasher), size }
    else if (progress !== undefined) Atomics.wait(progress, 0, 0, 5)
  }
}
