// The cache: whole blobs, each under its own digest, read-only (mode 0444).
//
//     .cache/<first 2 hex>/<other 62>     the blobs
//     .cache/tmp/                         being written
//     .cache/corrupt/                     found under a name that they do not hash to: kept, never used
//
// That a blob is there is a stat with the right size, and nothing else: no index says it.

import { lstatSync, mkdirSync, readdirSync, rmSync } from 'node:fs'
import { join, sep } from 'node:path'
import type { Digest } from '../core/digest.js'
import type { FsyncMode } from '../sys/durable-renames.js'
import { randomName } from '../sys/random.js'
import { isStaging, removeOldStaging } from '../sys/staging.js'
import { statIfThere } from '../sys/stats.js'

export interface Cache {
  readonly root: string
  readonly fsync: FsyncMode
}

// Not joined: of 100,000 blobs that alone takes 0.1 s.
export const blobPath = (cache: Cache, digest: Digest): string =>
  `${cache.root}${sep}${digest.slice(0, 2)}${sep}${digest.slice(2)}`

/** `other`: what cannot be the blob, such as a file of another size, a link, a pipe, a directory. */
export type Place = 'blob' | 'other' | 'absent'

/** What has the blob's name; a size of undefined accepts any. */
export function placeOf(cache: Cache, digest: Digest, size: number | undefined): Place {
  const stat = statIfThere(blobPath(cache, digest))
  if (stat === undefined) return 'absent'
  return stat.isFile() && (size === undefined || stat.size === BigInt(size)) ? 'blob' : 'other'
}

/**
 * The same for many blobs of a cache that has none of most: what is in shards that are not there now is absent, without a
 * look for each. A blob that another process adds meanwhile may so be missed.
 */
export function openPlaces(cache: Cache): (digest: Digest, size: number) => Place {
  const shards = new Map<string, boolean>()
  return (digest, size) => {
    const shard = digest.slice(0, 2)
    const isThere = shards.get(shard) ?? statIfThere(join(cache.root, shard)) !== undefined
    shards.set(shard, isThere)
    return isThere ? placeOf(cache, digest, size) : 'absent'
  }
}

/** Whether the blob is there in its exact size. */
export const hasBlob = (cache: Cache, digest: Digest, size: number | undefined): boolean =>
  placeOf(cache, digest, size) === 'blob'

export const temporaryDirectory = (cache: Cache): string => join(cache.root, 'tmp')
export const corruptDirectory = (cache: Cache): string => join(cache.root, 'corrupt')

/** A path in `tmp/` that nobody else uses; the directory is made. */
export function newTemporary(cache: Cache): string {
  const directory = temporaryDirectory(cache)
  mkdirSync(directory, { recursive: true })
  return join(directory, `${process.pid}-${randomName()}`)
}

/** A temporary file untouched for a day belongs to nobody who still works on it. */
const leftoverAge = 24 * 3600 * 1000

/** The names that ddv gives its temporary files; a shared cache's `tmp/` may hold those of other programs. */
const temporaryName = /^(?:(?:\d+-)?[0-9a-f]{16}(?:-\d+)?|\..+\.[0-9a-f]{16}|partial-[0-9a-f]{64}-.*[0-9a-f]{16})$/

/** Removes what crashed writers left in `tmp/`: by ddv's names alone, and never through a link. */
export function removeLeftovers(directory: string): void {
  if (lstatSync(directory, { throwIfNoEntry: false })?.isDirectory() !== true) return
  for (const name of readdirSync(directory)) {
    const file = join(directory, name)
    if (!temporaryName.test(name) && !isStaging(name)) continue
    const stat = lstatSync(file, { throwIfNoEntry: false })
    if (stat?.isDirectory() === true && isStaging(name)) removeOldStaging(file, Date.now() - leftoverAge)
    if (stat?.isFile() === true && Date.now() - stat.mtimeMs > leftoverAge) rmSync(file, { force: true })
  }
}

/**
 * 64 hex digits over the stats of the shard directories. While it stays the same no blob was added or removed, so that a
 * presence once checked blob by blob (2 µs each) holds at the cost of 256 stats.
 */
export function shardStats(cache: Cache): { readonly stats: BigInt64Array; readonly newest: bigint } {
  const stats = new BigInt64Array(256 * 2)
  let newest = 0n
  for (let shard = 0; shard < 256; shard++) {
    const directory = join(cache.root, shard.toString(16).padStart(2, '0'))
    const stat = lstatSync(directory, { bigint: true, throwIfNoEntry: false })
    if (stat === undefined) continue
    stats[shard * 2] = stat.mtimeNs
    stats[shard * 2 + 1] = stat.ino
    if (stat.mtimeNs > newest) newest = stat.mtimeNs
  }
  return { stats, newest }
}
