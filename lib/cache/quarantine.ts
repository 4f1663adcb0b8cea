// A blob whose bytes do not hash to its name is set aside, never deleted: it may be the nearest thing to the user's data
// that is left.

import { lstatSync, mkdirSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import type { Digest } from '../core/digest.js'
import { DdvError, systemCode } from '../core/errors.js'
import { hashFileJob } from '../sys/copy.js'
import { randomName } from '../sys/random.js'
import { blobPath, type Cache, corruptDirectory } from './cache.js'

/**
 * Moves the blob to `corrupt/` and gives the error to report. Done also where another process was faster. One that hashes
 * to its name stays: whoever found it wrong expected another size, and so it is the pointer that is wrong.
 */
export function setAside(cache: Cache, digest: Digest): DdvError {
  if (isWhole(blobPath(cache, digest), digest))
    return new DdvError('bad-pointer', `pointer gives another size than its blob has: ${digest}`, {
      hint: 'restore the pointer from git',
    })
  moveAside(cache, blobPath(cache, digest), digest)
  const directory = corruptDirectory(cache)
  return new DdvError('corrupt', `blob in the cache does not hash to its name; set aside in ${directory}: ${digest}`, {
    hint: `'ddv pull' fetches it again where a remote has it; 'ddv add' stores it again where the data is still here`,
  })
}

/** Makes room for a good blob: whatever has its name and is not it goes to `corrupt/`, as it is. */
export function clearPlace(cache: Cache, digest: Digest): void {
  const blob = blobPath(cache, digest)
  if (!isWhole(blob, digest)) moveAside(cache, blob, digest)
}

/**
 * The same for what stands where directories of blobs are to be. Throws `refused` for a link: blobs would be written where
 * it leads.
 */
export function clearShards(cache: Cache, digests: readonly Digest[]): void {
  for (const shard of new Set(digests.map(digest => digest.slice(0, 2)))) {
    const path = join(cache.root, shard)
    const stat = lstatSync(path, { throwIfNoEntry: false })
    if (stat?.isSymbolicLink() === true)
      throw new DdvError('refused', `is a symbolic link where ddv keeps its own files: ${path}`, { hint: 'delete it' })
    if (stat?.isDirectory() === false) moveAside(cache, path, shard)
  }
}

function moveAside(cache: Cache, path: string, name: string): void {
  const directory = corruptDirectory(cache)
  mkdirSync(directory, { recursive: true })
  try {
    renameSync(path, join(directory, `${name}-${randomName()}`))
  } catch (error) {
    if (systemCode(error) !== 'ENOENT' && systemCode(error) !== 'ENOTDIR') throw error
  }
}

function isWhole(blob: string, digest: Digest): boolean {
  try {
    if (!lstatSync(blob).isFile()) return false // a pipe would never end
    return hashFileJob.run({ path: blob }).digest === digest
  } catch (error) {
    if (systemCode(error) === undefined) throw error
    return false // a link, a directory, unreadable, or gone
  }
}
