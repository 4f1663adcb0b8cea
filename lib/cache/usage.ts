// How much room the cache takes.

import { lstatSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { systemCode } from '../core/errors.js'
import { statIfThere } from '../sys/stats.js'
import { type Cache, corruptDirectory, temporaryDirectory } from './cache.js'

export interface CacheUsage {
  readonly blobs: number
  /** Of the blobs. */
  readonly bytes: number
  /** What was found corrupt, and what is being written or was left behind by a crash. */
  readonly otherBytes: number
}

/** A stat a file. What comes or goes meanwhile counts or does not. */
export function cacheUsage(cache: Cache): CacheUsage {
  const total = { files: 0, bytes: 0 }
  for (const shard of namesIn(cache.root).filter(name => /^[0-9a-f]{2}$/.test(name))) {
    const { files, bytes } = usageOf(join(cache.root, shard))
    total.files += files
    total.bytes += bytes
  }
  const otherBytes = usageOf(corruptDirectory(cache)).bytes + bytesBelow(temporaryDirectory(cache))
  return { blobs: total.files, bytes: total.bytes, otherBytes }
}

const bytesBelow = (directory: string): number =>
  namesIn(directory).reduce((sum, name) => sum + bytesBelow(join(directory, name)), usageOf(directory).bytes)

function usageOf(directory: string): { readonly files: number; readonly bytes: number } {
  const sizes = namesIn(directory).flatMap(name => {
    const stat = statIfThere(join(directory, name))
    return stat?.isFile() === true ? [Number(stat.size)] : []
  })
  return { files: sizes.length, bytes: sizes.reduce((sum, size) => sum + size, 0) }
}

function namesIn(directory: string): string[] {
  try {
    return lstatSync(directory).isDirectory() ? readdirSync(directory) : []
  } catch (error) {
    if (systemCode(error) === 'ENOENT' || systemCode(error) === 'ENOTDIR') return []
    throw error
  }
}
