// Every blob in the cache, by looking: no index says what is there.

import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Digest } from '../core/digest.js'
import { systemCode } from '../core/errors.js'
import type { Cache } from './cache.js'

/** Digests in order; what else lies in the cache is passed over. */
export function* listBlobs({ root }: Cache): Generator<Digest> {
  for (let shard = 0; shard < 256; shard++) {
    const first = shard.toString(16).padStart(2, '0')
    for (const rest of namesIn(join(root, first)).sort())
      if (/^[0-9a-f]{62}$/.test(rest)) yield (first + rest) as Digest
  }
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory)
  } catch (error) {
    if (systemCode(error) === 'ENOENT' || systemCode(error) === 'ENOTDIR') return []
    throw error
  }
}
