// The locks among what a commit changes: which outputs they bring or change, against the locks that they replace. What a
// lock takes over unchanged was judged with the commit that brought it.

import { DdvError } from '../core/errors.js'
import type { Control } from '../core/events.js'
import { type LockedOut, pointerOfOut } from '../core/lockfile.js'
import { maxLockSize } from '../core/merge-lock.js'
import { displayPath, type TreePath } from '../core/tree-path.js'
import type { Change } from '../git/changes.js'
import { describeObjects, readBlobs } from '../git/objects.js'
import type { GitRepository } from '../git/repository.js'
import { type LockedOuts, parseOuts, type StageOut } from '../workspace/locks.js'
import { type Fresh, isFresh, type LargeOptions, type ReadPointers, readNewPointers } from './judge.js'
import { isTerritoryLock, type Territory } from './territory.js'

/** A lock's blob, by what git calls it (`<id>`, `<commit>:<path>`, `:<path>`), and where it lies in the repository. */
export interface LockBlob {
  readonly name: string
  readonly path: string
}

/** Each blob is read and parsed once, however many commits have it; undefined for what git does not have so. */
export async function readLockBlobs(
  repository: GitRepository,
  blobs: readonly LockBlob[],
  territory: Territory,
  control: Control,
): Promise<readonly (LockedOuts | undefined)[]> {
  if (blobs.length === 0) return []
  const facts = await describeObjects(
    repository,
    blobs.map(({ name }) => name),
    control,
  )
  const isReadable = (i: number): boolean => facts[i]?.type === 'blob' && (facts[i]?.size ?? 0) <= maxLockSize
  const keyOf = (i: number): string => `${facts[i]?.id}\0${blobs[i]?.path}`
  const lockOf = (path: string): TreePath => path.slice(territory.prefixOf(path)?.length ?? 0) as TreePath
  const distinct = new Map(blobs.flatMap((_, i) => (isReadable(i) ? [[keyOf(i), i] as const] : [])))
  const parsed = new Map<string, LockedOuts>()
  for (const batch of batches([...distinct.values()], i => facts[i]?.size ?? 0)) {
    const bytes = await readBlobs(
      repository,
      batch.map(i => facts[i]?.id ?? ''),
      control,
    )
    for (const [at, i] of batch.entries())
      parsed.set(keyOf(i), parseOuts(bytes[at]?.toString() ?? '', lockOf(blobs[i]?.path ?? '')))
  }
  return blobs.map(({ path }, i) =>
    facts[i] === undefined ? undefined : (parsed.get(keyOf(i)) ?? unreadable(lockOf(path))),
  )
}

/** Bytes of locks that are in memory as texts at the same time. */
const batchBytes = 67_108_864

function batches(rows: readonly number[], sizeOf: (row: number) => number): number[][] {
  const made: number[][] = []
  let bytes = 0
  for (const row of rows) {
    bytes += sizeOf(row)
    const last = made.at(-1)
    if (last !== undefined && bytes <= batchBytes) last.push(row)
    else {
      made.push([row])
      bytes = sizeOf(row)
    }
  }
  return made
}

const unreadable = (lock: TreePath): LockedOuts => ({
  lock,
  outs: [],
  error: new DdvError('bad-pointer', `lock is no file of at most ${maxLockSize} bytes: ${displayPath(lock)}`),
})

export interface LockChange {
  readonly change: Change
  readonly before: LockedOuts | undefined
  readonly after: LockedOuts | undefined
}

/** Both sides of every change of a lock; undefined where there is no such file on a side. */
export async function readLockChanges(
  repository: GitRepository,
  changes: readonly Change[],
  territory: Territory,
  control: Control,
): Promise<readonly LockChange[]> {
  const locks = changes.filter(({ path }) => isTerritoryLock(territory, path))
  const blobs = locks.flatMap(({ path, oldId, oldKind, id, kind }) => [
    { name: oldKind === 'file' ? (oldId ?? '') : '', path },
    { name: kind === 'file' ? (id ?? '') : '', path },
  ])
  const asked = blobs.filter(({ name }) => name !== '')
  const read = new Map((await readLockBlobs(repository, asked, territory, control)).map((one, i) => [asked[i], one]))
  return locks.map((change, i) => ({
    change,
    before: read.get(blobs[2 * i] as LockBlob),
    after: read.get(blobs[2 * i + 1] as LockBlob),
  }))
}

const ofData = (found: LockedOuts | undefined): readonly StageOut[] =>
  (found?.outs ?? []).filter(({ out }) => out.cache)

/** The outputs that ddv has the content of and that are not as they were before. */
export function changedOuts({ before, after }: Pick<LockChange, 'before' | 'after'>): readonly StageOut[] {
  const old = new Map(ofData(before).map(({ path, out }) => [path, out]))
  return ofData(after).filter(({ path, out }) => {
    const was = old.get(path)
    return was === undefined || !isSameOut(was, out)
  })
}

/** Those whose data ddv had the content of before, and no more. */
export function goneOuts({ before, after }: Pick<LockChange, 'before' | 'after'>): readonly StageOut[] {
  const now = new Set(ofData(after).map(({ path }) => path))
  return ofData(before).filter(({ path }) => !now.has(path))
}

/** Whether it has to be brought, judged or pushed no further. */
const isSameOut = (a: LockedOut, b: LockedOut): boolean =>
  a.kind === b.kind && a.hash === b.hash && a.executable === b.executable && (a.push || !b.push)

/** What new pointers and locks bring, and those that cannot be read; a few starts of git for all. */
export async function readNew(
  repository: GitRepository,
  changes: readonly Change[],
  { territory, facts }: Pick<LargeOptions, 'territory' | 'facts'>,
  control: Control,
): Promise<ReadPointers> {
  const pointers = await readNewPointers(repository, changes, { territory, facts }, control)
  const locks = await readNewLocks(repository, changes.filter(isFresh), territory, control)
  return { found: [...pointers.found, ...locks.found], problems: [...pointers.problems, ...locks.problems] }
}

async function readNewLocks(
  repository: GitRepository,
  changes: readonly Fresh[],
  territory: Territory,
  control: Control,
): Promise<ReadPointers> {
  const found: ReadPointers['found'][number][] = []
  const problems: ReadPointers['problems'][number][] = []
  for (const one of await readLockChanges(repository, changes, territory, control)) {
    const change = one.change as Fresh
    const prefix = territory.prefixOf(change.path) ?? ''
    const error = change.kind === 'file' ? one.after?.error : notAFile(change)
    if (error !== undefined) problems.push({ change, error })
    for (const stage of changedOuts(one)) {
      const { path, out } = stage
      found.push({ change, prefix, output: path, pointer: pointerOfOut(path, out), stage })
    }
  }
  return { found, problems }
}

const notAFile = ({ path }: Change): DdvError =>
  new DdvError('bad-pointer', `lock is not a regular file: ${displayPath(path)}`)

/** The output of one of these that the path is or lies in; all relative to the repository's root. */
export function coveringStage(outs: ReadonlySet<string>, path: string): string | undefined {
  if (outs.size === 0) return undefined
  if (outs.has(path)) return path
  for (let at = path.lastIndexOf('/'); at > 0; at = path.lastIndexOf('/', at - 1))
    if (outs.has(path.slice(0, at))) return path.slice(0, at)
  return undefined
}

/** Of these locks, the outputs that ddv has the content of, relative to the repository's root. */
export const outputsOfLocks = (prefix: string, locks: readonly (LockedOuts | undefined)[]): string[] =>
  locks.flatMap(one => ofData(one).map(({ path }) => `${prefix}${path}`))
