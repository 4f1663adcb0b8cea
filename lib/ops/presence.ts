// Whether the cache holds every blob of an output. A stat a blob the first time; after that the stats of the cache's 256
// shard directories answer, as long as nothing was added there or removed.

import { type Cache, shardStats } from '../cache/cache.js'
import { setAside } from '../cache/quarantine.js'
import { type Digest, digestPath } from '../core/digest.js'
import type { Control } from '../core/events.js'
import { encodeManifest, isFileEntry } from '../core/manifest.js'
import type { Pointer } from '../core/pointer.js'
import type { TreePath } from '../core/tree-path.js'
import { hashToBytes } from '../sys/hash.js'
import { hashFiles } from '../sys/hash-files.js'
import type { Pool } from '../sys/pool.js'
import { isRegular, modeColumn, sizeColumn, statFilesJob, statWidth } from '../sys/stats.js'
import type { StatIndex } from '../workspace/stat-index.js'
import { pointerEntries } from './compare.js'
import type { Project } from './project.js'

export interface Blob {
  readonly digest: Digest
  readonly size: number
}

export interface PresenceOptions {
  readonly cache: Cache
  readonly pool: Pool
  readonly index: StatIndex
}

const batchBlobs = 4096
/** The shards are 256 stats: outputs of fewer files are looked at blob by blob. */
const worthShards = 256

/**
 * The blobs that are not there in their size, in order. The pointer stands for the whole list, which is only made where
 * it must be; its kind counts, since a file may have the bytes of a directory's manifest.
 */
export async function findAbsent<B extends Blob>(
  pointer: Pointer,
  list: () => readonly B[],
  { cache, pool, index }: PresenceOptions,
): Promise<B[]> {
  if (pointer.kind === 'file' || pointer.files < worthShards) return absentBlobs(list(), { cache, pool })
  const before = shardMark(cache)
  const key = `p/${pointer.kind}/${pointer.hash}`
  if (index.notes.get(key)?.equals(before.mark) === true) return []
  const tick = index.tick()
  const absent = await absentBlobs(list(), { cache, pool })
  // As with files: a directory changed in this very tick may change again and look the same.
  if (absent.length === 0 && before.newest < tick) index.notes.write(batch => batch.put(key, before.mark))
  return absent
}

function shardMark(cache: Cache): { mark: Buffer; newest: bigint } {
  const { stats, newest } = shardStats(cache)
  return { mark: Buffer.from(hashToBytes(Buffer.from(stats.buffer))), newest }
}

/** The blobs that the cache lacks, or has in another size, in order: a stat each, on worker threads where there are many. */
export async function absentBlobs<B extends Blob>(
  blobs: readonly B[],
  { cache, pool }: Pick<PresenceOptions, 'cache' | 'pool'>,
): Promise<B[]> {
  if (blobs.length === 0) return []
  const absent: B[][] = []
  const check = async (from: number): Promise<void> => {
    const part = blobs.slice(from, from + batchBlobs)
    const args = { directory: cache.root, names: part.map(blob => digestPath(blob.digest)).join('\0') }
    const stats = await (blobs.length <= batchBlobs ? statFilesJob.run(args) : pool.run(statFilesJob, args))
    absent[from / batchBlobs] = part.filter((blob, row) => {
      const at = row * statWidth
      return stats[at + sizeColumn] !== BigInt(blob.size) || !isRegular(stats[at + modeColumn] as bigint)
    })
  }
  const starts = Array.from({ length: Math.ceil(blobs.length / batchBlobs) }, (_, i) => i * batchBlobs)
  await Promise.all(starts.map(check))
  return absent.flat()
}

/**
 * The blobs that the cache lacks, or holds with bytes that are not theirs; all are read. Asked before another copy of
 * them goes, which may be the only good one. What is found corrupt is set aside.
 */
export async function unsavedBlobs<B extends Blob>(
  { cache, pool }: Pick<PresenceOptions, 'cache' | 'pool'>,
  blobs: readonly B[],
  { signal }: Control,
): Promise<B[]> {
  const absent = new Set(await absentBlobs(blobs, { cache, pool }))
  const there = blobs.filter(blob => !absent.has(blob))
  const stats = new BigInt64Array(there.length * statWidth)
  for (const [row, { size }] of there.entries()) stats[row * statWidth + sizeColumn] = BigInt(size)
  const names = there.map(({ digest }) => digestPath(digest))
  const hashed = await hashFiles({ directory: cache.root, names, stats, follow: false }, pool, { signal })
  const unread = new Set(hashed.failures.map(({ name }) => name))
  const corrupt = there.filter((blob, row) => {
    if (hashed.digests.subarray(row * 32, row * 32 + 32).toString('hex') === blob.digest) return false
    if (!unread.has(names[row] as string)) setAside(cache, blob.digest)
    return true
  })
  return blobs.filter(blob => absent.has(blob) || corrupt.includes(blob))
}

/** Every blob that an output needs: its own, or its manifest and its files', each digest once. */
export function blobsOf(project: Project, output: TreePath, pointer: Pointer): readonly Blob[] {
  const entries = pointerEntries(project, output, pointer)
  const files = [...new Map(entries.filter(isFileEntry).map(entry => [entry.digest, entry])).values()]
  if (pointer.kind === 'file') return files
  return [{ digest: pointer.hash, size: encodeManifest(entries).length }, ...files]
}
