// Large files that are still coming, in the cache's `tmp/` under names that others find: whoever fetches the same blob
// after an interruption takes the file over. It is taken for nothing but a place where right bytes may lie.
//
//     tmp/partial-<digest>-<holder>    of a process; anybody's once that is dead
//     tmp/partial-<digest>-<random>    left behind by its process: anybody's

import { closeSync, constants, fstatSync, openSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { type Digest, isDigest } from '../core/digest.js'
import { systemCode } from '../core/errors.js'
import { isHolderAlive, newHolderName } from '../sys/lock.js'
import { randomName } from '../sys/random.js'
import { type Cache, newTemporary, temporaryDirectory } from './cache.js'

const pathOf = (cache: Cache, digest: Digest, owner: string): string =>
  join(temporaryDirectory(cache), `partial-${digest}-${owner}`)

/** A path that nobody else uses; the directory is made. */
export function newPartial(cache: Cache, digest: Digest): string {
  newTemporary(cache) // makes tmp/
  return pathOf(cache, digest, newHolderName())
}

/** The files that nobody works on any more, by digest. */
export function findPartials(cache: Cache): Map<Digest, string[]> {
  const found = new Map<Digest, string[]>()
  for (const name of namesIn(temporaryDirectory(cache))) {
    const [, digest, owner] = /^partial-([0-9a-f]{64})-(.+)$/.exec(name) ?? []
    if (!isDigest(digest) || owner === undefined) continue
    if (!/^[0-9a-f]{16}$/.test(owner) && isHolderAlive(owner)) continue
    const others = found.get(digest)
    if (others === undefined) found.set(digest, [name])
    else others.push(name)
  }
  return found
}

/**
 * Makes one of these files (of `findPartials`) this process's and removes the others. undefined where none could be had:
 * of two who want one, the first gets it.
 */
export function takePartial(cache: Cache, digest: Digest, names: readonly string[]): string | undefined {
  const path = pathOf(cache, digest, newHolderName())
  let taken = false
  for (const name of names) {
    const file = join(temporaryDirectory(cache), name)
    try {
      if (taken) rmSync(file, { force: true })
      else {
        renameSync(file, path)
        taken = isUsable(path)
        if (!taken) rmSync(path, { force: true })
      }
    } catch (error) {
      if (systemCode(error) === undefined) throw error
    }
  }
  return taken ? path : undefined
}

/** Lets others have it. Loses it rather than fail. */
export function leavePartial(cache: Cache, digest: Digest, path: string): void {
  try {
    renameSync(path, pathOf(cache, digest, randomName()))
  } catch (error) {
    if (systemCode(error) === undefined) throw error
    rmSync(path, { force: true })
  }
}

// In a cache that several people share it may be another's file, or a link.
function isUsable(path: string): boolean {
  const fd = openSync(path, constants.O_RDWR | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0))
  try {
    const stat = fstatSync(fd)
    return stat.isFile() && stat.nlink === 1
  } finally {
    closeSync(fd)
  }
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory)
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return []
    throw error
  }
}
