// The run cache of this machine: `.cache/runs/<scope>/<2>/<62>`, one small file a result, named by its key.

import { mkdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { type Digest, digestPath } from '../core/digest.js'
import { isDdvError } from '../core/errors.js'
import type { StageLock } from '../core/lockfile.js'
import { decodeRunResult, encodeRunResult, maxResultSize, resultKeyText } from '../core/run-result.js'
import { writeFileAtomic } from '../sys/fs.js'
import { hashBytes } from '../sys/hash.js'
import { readRegular } from '../sys/read-stable.js'
import { statIfThere } from '../sys/stats.js'
import { type Cache, temporaryDirectory } from './cache.js'

export interface ResultPlace {
  readonly scope: string
  /** The BLAKE3 of `resultKeyText`. */
  readonly key: Digest
}

const resultPath = (cache: Cache, { scope, key }: ResultPlace): string =>
  join(cache.root, 'runs', scope, digestPath(key))

/** undefined where there is none, or none that can be read and is what its name says: the stage is run then. */
export function findRunResult(cache: Cache, place: ResultPlace): StageLock | undefined {
  const file = resultPath(cache, place)
  if ((statIfThere(file)?.size ?? 0) > maxResultSize) return undefined
  const bytes = readRegular(file)
  if (bytes === undefined || bytes.length > maxResultSize) return undefined
  return readResult(bytes, place, file)
}

/** Also for those that come from a remote. */
export function readResult(bytes: Uint8Array, { key }: ResultPlace, name: string): StageLock | undefined {
  try {
    const stage = decodeRunResult(Buffer.from(bytes).toString(), name)
    return hashBytes(Buffer.from(resultKeyText({ ...stage, outs: stage.outs.keys() }))) === key ? stage : undefined
  } catch (error) {
    if (isDdvError(error, 'corrupt', 'newer-format')) return undefined
    throw error
  }
}

/**
 * Replaces what is there. Not made durable: an entry that a power failure tears is none, which costs a run; 1,000 stages
 * of a millisecond would wait for the disk 1,000 times.
 */
export function writeRunResult(cache: Cache, place: ResultPlace, stage: StageLock): void {
  const file = resultPath(cache, place)
  const temporary = temporaryDirectory(cache)
  mkdirSync(temporary, { recursive: true })
  mkdirSync(dirname(file), { recursive: true })
  writeFileAtomic(file, encodeRunResult(stage), { durable: false, temporary })
}
