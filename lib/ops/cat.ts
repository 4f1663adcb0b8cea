// `cat`: the bytes of one file of any version, from the cache, or from the remote by way of the cache. The blob is hashed
// whole before the first byte is given out, and once more while they are: a disk may answer twice, differently.

import { createReadStream } from 'node:fs'
import { blobPath, hasBlob } from '../cache/cache.js'
import { setAside } from '../cache/quarantine.js'
import type { Digest } from '../core/digest.js'
import { DdvError, fromSystemError, isDdvError, throwIfAborted } from '../core/errors.js'
import { type FileEntry, isFileEntry } from '../core/manifest.js'
import { displayPath, isWithin, joinTreePath, type TreePath } from '../core/tree-path.js'
import { hashFileJob } from '../sys/copy.js'
import { createHasher, finishDigest } from '../sys/hash.js'
import { fetchParts, listEntries, type PartOptions } from './fetch-parts.js'
import { targetsOf } from './list.js'
import type { Project } from './project.js'
import type { NamedPointer } from './revision.js'
import { toNamed } from './targets.js'

export interface CatOptions extends PartOptions {
  readonly cwd: string
  /** The pointers in the workspace unless told. */
  readonly revision?: string | undefined
  /** Takes the bytes, in order; nobody wants more where it gives false. */
  readonly write: (bytes: Uint8Array) => Promise<boolean>
}

export interface CatResult {
  /** Relative to the workspace. */
  readonly path: TreePath
  readonly hash: Digest
  readonly size: number
}

/** Throws `usage` for what is no file, `missing`, and `corrupt`: then whatever was given out by then is not to be used. */
export async function cat(project: Project, target: string, options: CatOptions): Promise<CatResult> {
  const { named, entry } = await findFile(project, target, options)
  await bringFile(project, named, entry, options)
  await give(project, entry, options)
  const path = entry.path === '' ? named.path : joinTreePath(named.path, entry.path)
  return { path, hash: entry.digest, size: entry.size }
}

/** Where the cache has the blob of this file, checked whole; fetched where it is missing. */
export async function findBlob(
  project: Project,
  target: string,
  options: Omit<CatOptions, 'write'>,
): Promise<CatResult & { readonly blob: string }> {
  const { named, entry } = await findFile(project, target, options)
  await bringFile(project, named, entry, options)
  const path = entry.path === '' ? named.path : joinTreePath(named.path, entry.path)
  return { path, hash: entry.digest, size: entry.size, blob: blobPath(project.cache, entry.digest) }
}

interface Found {
  readonly named: NamedPointer
  readonly entry: FileEntry
}

async function findFile(project: Project, target: string, options: Omit<CatOptions, 'write'>): Promise<Found> {
  const { targets, failures } = await targetsOf(project, [target], options)
  const [failure] = failures
  if (failure !== undefined) throw failure.error
  const [first, second] = targets
  if (first === undefined || second !== undefined) throw notOneFile(target)
  const named = toNamed(project, first)
  if (named.pointer.kind === 'directory' && first.within === '') throw notOneFile(target)
  const listing = (await listEntries(project, [named], options)).get(named)
  if (listing === undefined || 'error' in listing) throw listing?.error ?? notOneFile(target)
  const entry = listing.entries.find(({ path }) => path === first.within)
  if (entry !== undefined && isFileEntry(entry)) return { named, entry }
  if (listing.entries.some(({ path }) => isWithin(path, first.within))) throw notOneFile(target)
  throw new DdvError('usage', `no such file in the data: ${displayPath(target)}`)
}

const notOneFile = (target: string): DdvError =>
  new DdvError('usage', `is a directory: ${displayPath(target)}`, { hint: `'ddv list' shows the files in it` })

/** Into the cache, whole and good. A blob that rotted is set aside, and fetched again where a remote has it. */
export async function bringFile(
  project: Project,
  named: NamedPointer,
  entry: FileEntry,
  options: PartOptions,
): Promise<void> {
  const rotten = hasBlob(project.cache, entry.digest, entry.size) ? await damageOf(project, entry) : undefined
  if (rotten === undefined && hasBlob(project.cache, entry.digest, entry.size)) return
  if (project.config.remotes.size === 0) throw rotten ?? absent(named, entry)
  if (rotten !== undefined)
    options.onEvent?.({ type: 'warning', message: `damaged in the cache, fetched again: ${displayPath(named.path)}` })
  const failed = await fetchParts(project, [{ named, only: new Set([entry.digest]) }], options)
  const error = failed.get(named)
  if (error !== undefined) throw rotten ?? error
}

const absent = ({ path }: NamedPointer, { path: within }: FileEntry): DdvError =>
  new DdvError(
    'missing',
    `blob is not in the cache, and no remote is configured: ${displayPath(within === '' ? path : joinTreePath(path, within))}`,
  )

async function damageOf({ cache, pool }: Project, { digest }: FileEntry): Promise<DdvError | undefined> {
  const hashed = await pool.run(hashFileJob, { path: blobPath(cache, digest), progress: undefined })
  return hashed.digest === digest ? undefined : setAside(cache, digest)
}

async function give(
  project: Project,
  { digest, size }: FileEntry,
  { write, signal, onEvent }: CatOptions,
): Promise<void> {
  const file = blobPath(project.cache, digest)
  const hasher = createHasher()
  onEvent?.({ type: 'total', phase: 'write', files: 1, bytes: size })
  try {
    for await (const bytes of createReadStream(file, { highWaterMark: readSize }) as AsyncIterable<Buffer>) {
      throwIfAborted(signal)
      hasher.update(bytes)
      if (!(await write(bytes))) return
      onEvent?.({ type: 'done', phase: 'write', files: 0, bytes: bytes.length })
    }
  } catch (error) {
    if (isDdvError(error)) throw error
    throw fromSystemError(error, file)
  }
  if (finishDigest(hasher) !== digest) throw setAside(project.cache, digest)
}

const readSize = 1_048_576
