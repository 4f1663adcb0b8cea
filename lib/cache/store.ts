// Putting files into the cache. Small ones in batches on worker threads, by synchronous calls (three times as fast as
// promises at 4 KiB); large ones copied by the kernel and hashed as they grow. Nothing has its name before `commit`.

import { chmodSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { type Digest, digestFromBytes, digestPath } from '../core/digest.js'
import { fromSystemError, throwIfAborted } from '../core/errors.js'
import type { Control } from '../core/events.js'
import { copyHashed, hashFileJob, type OnBytes } from '../sys/copy.js'
import { discard, type Rename, renameDurably } from '../sys/durable-renames.js'
import { writeNewFile } from '../sys/fs.js'
import { hashBytes, hashToBytes } from '../sys/hash.js'
import {
  type BatchDigests,
  DigestCollector,
  type FileDigests,
  type FileList,
  newBatchDigests,
  noteFailure,
  sizeOfRow,
} from '../sys/hash-files.js'
import type { Job, Pool } from '../sys/pool.js'
import {
  batchesBySize,
  changedError,
  isSameState,
  joinName,
  readStable,
  readStat,
  sharedReadBuffer,
  worthThreads,
} from '../sys/read-stable.js'
import { Staging } from '../sys/staging.js'
import { statIfThere } from '../sys/stats.js'
import { blobPath, type Cache, newTemporary, type Place, placeOf, temporaryDirectory } from './cache.js'
import { clearPlace, clearShards } from './quarantine.js'

/** What becomes blobs at the next `commit`, all at once; a class because it gathers. */
export class StoreBatch {
  readonly cache: Cache
  readonly pool: Pool
  readonly #renames: Rename[] = []
  readonly #digests: Digest[] = []
  /** Of files that lie where `temporaryFor` says: two paths for each would be most of what a large pull remembers. */
  readonly #staged: Digest[] = []
  readonly #occupied = new Set<Digest>()
  readonly #staging: Staging

  constructor(cache: Cache, pool: Pool) {
    this.cache = cache
    this.pool = pool
    this.#staging = new Staging(temporaryDirectory(cache))
  }

  /** A path in the cache's `tmp/` for this blob: the same until the next `commit`. */
  temporaryFor(digest: Digest): string {
    return this.#staging.path(blobPath(this.cache, digest))
  }

  /** A file in the cache's `tmp/` whose content was checked against the digest. */
  add(temporary: string, digest: Digest): void {
    this.#renames.push({ from: temporary, to: blobPath(this.cache, digest) })
    this.#digests.push(digest)
  }

  /** The same for a file that was written where `temporaryFor` says. */
  addStaged(digest: Digest): void {
    this.#staged.push(digest)
  }

  /** Something that is not the blob has its name: `commit` sets that aside. */
  occupied(digest: Digest): void {
    this.#occupied.add(digest)
  }

  /** Bytes at hand, such as a manifest. */
  addBytes(bytes: Uint8Array): Digest {
    const digest = hashBytes(bytes)
    const place = holdsBytes(blobPath(this.cache, digest), bytes)
    if (place === 'blob') return digest
    if (place === 'other') this.occupied(digest)
    const temporary = newTemporary(this.cache)
    writeNewFile(temporary, bytes, { mode: 0o444 })
    this.add(temporary, digest)
    return digest
  }

  /** Durable, under their names, when it returns. On an error none of them is, and their temporary files are gone. */
  async commit(signal?: AbortSignal): Promise<void> {
    const { root: directory, fsync: mode } = this.cache
    for (const digest of this.#staged.splice(0)) this.add(this.temporaryFor(digest), digest)
    const digests = this.#digests.splice(0)
    try {
      clearShards(this.cache, digests)
      for (const digest of digests) if (this.#occupied.delete(digest)) clearPlace(this.cache, digest)
    } catch (error) {
      this.discard()
      throw error
    }
    try {
      await renameDurably(this.#renames.splice(0), { mode, directory, pool: this.pool, signal })
    } finally {
      this.#staging.remove()
    }
  }

  discard(): void {
    this.#staged.length = 0
    discard(this.#renames.splice(0).map(r => r.from))
    this.#staging.remove()
  }
}

// By its content and not by its name: a blob that rotted is replaced by the good bytes at hand.
function holdsBytes(blob: string, bytes: Uint8Array): Place {
  const stat = statIfThere(blob)
  if (stat === undefined) return 'absent'
  return stat.isFile() && Number(stat.size) === bytes.length && readFileSync(blob).equals(bytes) ? 'blob' : 'other'
}

/** Reads, hashes and writes the files into the batch; a file that changes meanwhile or cannot be read is a failure. */
export async function storeFiles(batch: StoreBatch, files: FileList, control: Control): Promise<FileDigests> {
  const { directory, names, follow } = files
  const { cache, pool } = batch
  const result = new DigestCollector(files, control)
  const { small, large } = batchesBySize(names.length, row => sizeOfRow(files.stats, row))
  newTemporary(cache) // makes tmp/
  const storeSmall = async (rows: readonly number[]): Promise<void> => {
    const { signal } = control
    throwIfAborted(signal)
    const prefix = newTemporary(cache)
    const args = { cacheRoot: cache.root, prefix, directory, follow, names: rows.map(row => names[row] as string) }
    const stored = await (names.length < worthThreads
      ? storeSmallJob.run(args)
      : pool.run(storeSmallJob, args, { signal }))
    stored.written.forEach((written, i) => {
      if (written === 0) return
      const digest = digestFromBytes(stored.digests.subarray(i * 32, i * 32 + 32))
      if (written === 2) batch.occupied(digest)
      batch.add(`${prefix}-${i}`, digest)
    })
    result.absorb(rows, stored)
  }
  // Settled, not raced: on an error every temporary file must be known, so that `discard` finds it.
  for (const outcome of await Promise.allSettled(small.map(storeSmall)))
    if (outcome.status === 'rejected') throw outcome.reason
  for (const row of large) {
    throwIfAborted(control.signal)
    const path = joinName(directory, names[row] as string)
    try {
      let told = 0
      const onBytes = (bytes: number): void => {
        throwIfAborted(control.signal)
        told += bytes
        control.onEvent?.({ type: 'done', phase: 'hash', files: 0, bytes })
      }
      const { digest, stat } = await storeLarge(batch, path, { follow, onBytes })
      result.set(row, Buffer.from(digest, 'hex'), { stat, told })
    } catch (error) {
      result.fail(row, error)
    }
  }
  return result
}

async function storeLarge(
  batch: StoreBatch,
  path: string,
  { follow, onBytes }: { readonly follow: boolean; readonly onBytes: OnBytes },
): Promise<{ digest: Digest; stat: BigInt64Array }> {
  const { cache, pool } = batch
  const temporary = newTemporary(cache)
  const before = readStat(path, follow)
  const { digest, size } = await copyHashed(path, temporary, pool, onBytes)
  const stat = readStat(path, follow)
  if (!isSameState(before, stat) || size !== sizeOfRow(stat, 0)) {
    discard([temporary])
    throw changedError(path)
  }
  const place = placeOf(cache, digest, size)
  if (place === 'blob' && (await hashesTo(blobPath(cache, digest), digest, pool))) discard([temporary])
  else {
    if (place !== 'absent') batch.occupied(digest)
    chmodSync(temporary, 0o444)
    batch.add(temporary, digest)
  }
  return { digest, stat }
}

const hashesTo = async (blob: string, digest: Digest, pool: Pool): Promise<boolean> =>
  (await pool.run(hashFileJob, { path: blob })).digest === digest

// What fails here is the cache's fault, not the file's.
function writeTemporary(file: string, bytes: Uint8Array): void {
  try {
    writeNewFile(file, bytes, { mode: 0o444 })
  } catch (error) {
    throw fromSystemError(error, dirname(file))
  }
}

interface StoreSmallArgs {
  readonly cacheRoot: string
  /** Temporary files are this and `-<index>`. */
  readonly prefix: string
  readonly directory: string
  readonly names: readonly string[]
  readonly follow: boolean
}

interface StoredBatch extends BatchDigests {
  /** 0 where the blob was there already; 1 where a temporary file was written, 2 where something else has its name. */
  readonly written: Uint8Array
}

export const storeSmallJob = {
  name: 'cache.store-small',
  run: ({ cacheRoot, prefix, directory, names, follow }) => {
    const batch = { ...newBatchDigests(names.length), written: new Uint8Array(names.length) }
    const buffer = sharedReadBuffer()
    names.forEach((name, index) => {
      const path = joinName(directory, name)
      try {
        const bytes = readStable(path, buffer, { follow, stats: batch.stats, row: index })
        const digest = hashToBytes(bytes)
        batch.digests.set(digest, index * 32)
        const place = holdsBytes(join(cacheRoot, digestPath(digestFromBytes(digest))), bytes)
        if (place === 'blob') return
        writeTemporary(`${prefix}-${index}`, bytes)
        batch.written[index] = place === 'absent' ? 1 : 2
      } catch (error) {
        noteFailure(batch, index, { error, path })
      }
    })
    return batch
  },
} satisfies Job<StoreSmallArgs, StoredBatch>
