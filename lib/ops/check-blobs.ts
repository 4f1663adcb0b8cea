// Blobs in the cache, read and held against their names. Nothing is set aside: whoever asks decides.

import { blobPath } from '../cache/cache.js'
import { type Digest, digestPath } from '../core/digest.js'
import { DdvError } from '../core/errors.js'
import type { Control } from '../core/events.js'
import { hashFiles, sizeOfRow } from '../sys/hash-files.js'
import { absent, isRegular, modeColumn, sizeColumn, statFilesJob, statWidth } from '../sys/stats.js'
import { digestOfRow, selectStats } from './inspect.js'
import type { Project } from './project.js'

export interface CheckedBlobs {
  /** What is wrong; a digest that is not in here is good. */
  readonly faults: ReadonlyMap<Digest, DdvError>
  /** Of those that are good. */
  readonly sizes: ReadonlyMap<Digest, number>
}

/** `missing`, `corrupt`, or why one cannot be read. */
export async function checkBlobs(
  { cache, pool }: Pick<Project, 'cache' | 'pool'>,
  digests: readonly Digest[],
  control: Control,
): Promise<CheckedBlobs> {
  const faults = new Map<Digest, DdvError>()
  const sizes = new Map<Digest, number>()
  if (digests.length === 0) return { faults, sizes }
  const all = statFilesJob.run({ directory: cache.root, names: digests.map(digestPath).join('\0') })
  const there = digests.flatMap((digest, row) => {
    const isFile = isRegular(all[row * statWidth + modeColumn] as bigint)
    if (all[row * statWidth + sizeColumn] !== absent && isFile) return [row]
    const fault = all[row * statWidth + sizeColumn] === absent ? missing(digest) : corrupt(digest)
    faults.set(digest, fault)
    return []
  })
  const names = there.map(row => digestPath(digests[row] as Digest))
  const stats = selectStats({ paths: names, stats: all, emptyDirectories: [] }, there)
  const bytes = names.reduce((sum, _, row) => sum + sizeOfRow(stats, row), 0)
  control.onEvent?.({ type: 'total', phase: 'hash', files: names.length, bytes })
  const hashed = await hashFiles({ directory: cache.root, names, stats, follow: false }, pool, control)
  const unread = new Map(hashed.failures.map(({ name, error }) => [name, error]))
  for (const [i, row] of there.entries()) {
    const digest = digests[row] as Digest
    const error = unread.get(names[i] as string)
    if (error !== undefined) faults.set(digest, error)
    else if (digestOfRow(hashed.digests, i) !== digest) faults.set(digest, corrupt(digest, blobPath(cache, digest)))
    else sizes.set(digest, sizeOfRow(hashed.stats, i))
  }
  return { faults, sizes }
}

const missing = (digest: Digest): DdvError => new DdvError('missing', `blob is not in the cache: ${digest}`)

const corrupt = (digest: Digest, path: string = digest): DdvError =>
  new DdvError('corrupt', `blob in the cache does not hash to its name: ${path}`, {
    hint: `'ddv verify --repair' sets it aside and fetches it again`,
  })
