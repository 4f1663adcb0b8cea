// post-checkout, post-merge, post-rewrite: brings the data to the commit that is checked out now. Only outputs whose
// pointer, or part of a lock, git changed are looked at. What would be lost stays, and is named.

import { closeSync, constants, lstatSync, openSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { DdvError, isDdvError } from '../core/errors.js'
import type { Control } from '../core/events.js'
import type { Pointer } from '../core/pointer.js'
import { displayPath, type TreePath } from '../core/tree-path.js'
import { type Change, dataFileGlobs, dataFilesInIndex, emptyTree, indexChanges, treeChanges } from '../git/changes.js'
import { trackedAmong } from '../git/git-index.js'
import { findCommit, readBlobs } from '../git/objects.js'
import type { GitRepository } from '../git/repository.js'
import { openInside } from '../sys/inside.js'
import { statIfThere } from '../sys/stats.js'
import { isLockPath } from '../workspace/locks.js'
import { ownStateDirectory } from '../workspace/own-state.js'
import { findPointer, outputOfPointer, parsePointer, pointerPath } from '../workspace/pointers.js'
import type { OutputFailure } from './add.js'
import { checkoutTargets } from './checkout.js'
import { executableRow, isUnchanged, readContent, scanOf } from './compare.js'
import { type FetchResult, fetchTargets } from './fetch.js'
import { openHookProject } from './hook-project.js'
import { changedOuts, goneOuts, readLockChanges } from './judge-locks.js'
import { withWorkspaceLock } from './locked.js'
import { coveringIn, findCovering, listAll, outputTargets, stageOutAt } from './outputs.js'
import type { Project } from './project.js'
import { dataOf, removeData } from './remove.js'
import { namedOut } from './revision.js'
import type { Target } from './targets.js'
import { isTerritoryLock, isTerritoryPointer, openTerritory, type Territory } from './territory.js'

/** What git did, as its hooks tell. */
export type Moved =
  /** The commits that were checked out before, undefined for none, and the one that is now. */
  | { readonly type: 'commit'; readonly before: readonly (string | undefined)[]; readonly now: string }
  /** Files came from the index or a commit, which ones is not told. */
  | { readonly type: 'files' }
  /** A merge that left its result uncommitted. */
  | { readonly type: 'squash' }

export interface FollowResult {
  readonly outputs: readonly { readonly path: string; readonly written: number; readonly removed: number }[]
  /** Data whose pointer is gone, and which went with it. */
  readonly gone: readonly string[]
  /** What stays as it is: unsaved, or not in the cache. */
  readonly failures: readonly OutputFailure[]
}

/** Never throws for one output: others are brought all the same. */
export async function followHead(repository: GitRepository, moved: Moved, control: Control): Promise<FollowResult> {
  const territory = openTerritory(repository)
  const changes = (await movedFiles(repository, moved, control)).filter(
    ({ path }) => isTerritoryPointer(territory, path) || isTerritoryLock(territory, path),
  )
  const outputs: FollowResult['outputs'][number][] = []
  const gone: string[] = []
  const failures: OutputFailure[] = []
  const prefixes = new Set(changes.map(({ path }) => territory.prefixOf(path) ?? ''))
  for (const prefix of prefixes) {
    const own = changes.filter(({ path }) => territory.prefixOf(path) === prefix)
    const project = await openHookProject(repository, territory.rootOf(prefix))
    try {
      const named = (path: string): string => `${prefix}${path}`
      const pointers = own.filter(({ path }) => isTerritoryPointer(territory, path))
      const candidates = moved.type === 'files' ? pickedPointers(project, prefix, pointers) : pointers
      const locks = own.filter(({ path }) => isTerritoryLock(territory, path))
      const stages =
        moved.type === 'files'
          ? { gone: [], targets: pickedOuts(project, prefix, locks) }
          : await movedOuts(project, { prefix, changes: locks, territory }, control)
      const lost = [...(await goneByPointer(project, { prefix, changes: candidates }, control)), ...stages.gone]
      const removed = await removeGone(project, { prefix, lost }, control)
      const targets = [...pointerTargets(project, { prefix, changes: candidates }), ...stages.targets]
      const brought = await bring(project, targets, control)
      outputs.push(...brought.outputs.map(one => ({ ...one, path: named(one.path) })))
      gone.push(...removed.gone.map(named))
      failures.push(...[...removed.failures, ...brought.failures].map(one => ({ ...one, path: named(one.path) })))
      noteSeen(project)
    } finally {
      await project.close()
    }
  }
  return { outputs, gone, failures }
}

/** Pointers and locks that git changed, or may have changed. */
async function movedFiles(repository: GitRepository, moved: Moved, control: Control): Promise<readonly Change[]> {
  if (moved.type === 'squash') return indexChanges(repository, 'HEAD', control)
  if (moved.type === 'files') {
    const names = await dataFilesInIndex(repository, control)
    return names.map(path => ({ path, kind: 'file', id: undefined, oldKind: undefined, oldId: undefined }))
  }
  const changes = new Map<string, Change>()
  for (const before of moved.before) {
    // A commit that is gone, after a prune, tells nothing.
    const from = before === undefined ? emptyTree(repository) : await findCommit(repository, before)
    if (from === undefined) continue
    const rows = await treeChanges(repository, { from, to: moved.now, globs: dataFileGlobs, ...control })
    // Of a lock every version before counts: each may have brought other outputs.
    for (const row of rows) changes.set(isLockPath(row.path) ? `${row.path}\0${row.oldId}` : row.path, row)
  }
  return [...changes.values()]
}

/** When a hook of this working tree was last through. */
const seenFile = (project: Project): string => join(ownStateDirectory(project.workspace), 'hooks-seen')

function noteSeen(project: Project): void {
  // Never through a link, which may stand there in a stranger's repository.
  const { O_WRONLY, O_CREAT, O_TRUNC, O_NOFOLLOW = 0 } = constants
  const fd = openSync(seenFile(project), O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0o666)
  writeSync(fd, '.') // which gives it the file system's own time
  closeSync(fd)
}

/**
 * git does not say which files it took from the index: those pointers that are younger than the last hook and their data,
 * and name something else than the data was when it was last known. Data that a person edited is younger than its pointer.
 */
function pickedPointers(project: Project, prefix: string, changes: readonly Change[]): readonly Change[] {
  const seen = statIfThere(seenFile(project))?.mtimeNs ?? 0n
  return changes.filter(({ path }) => {
    const output = outputOfPointer(path.slice(prefix.length) as TreePath)
    const stat = statIfThere(join(project.workspace.root, pointerPath(output)))
    const data = statIfThere(join(project.workspace.root, output))
    if (stat === undefined || stat.mtimeNs < seen || (data !== undefined && data.mtimeNs > stat.mtimeNs)) return false
    const pointer = readablePointer(project, output)
    return pointer !== undefined && project.index().lastKnown(output) !== pointer.hash
  })
}

function readablePointer({ workspace }: Project, output: TreePath): Pointer | undefined {
  try {
    return findPointer(workspace.root, output)
  } catch (error) {
    if (isDdvError(error)) return undefined
    throw error
  }
}

interface Own {
  readonly prefix: string
  readonly changes: readonly Change[]
}

const outputOf = ({ path }: Change, prefix: string): TreePath => outputOfPointer(path.slice(prefix.length) as TreePath)

/** A pointer that the working tree does not have: sparse, or deleted by its owner. */
function pointerTargets(project: Project, { prefix, changes }: Own): Target[] {
  const outputs = changes.filter(({ kind }) => kind !== undefined).map(change => outputOf(change, prefix))
  const isThere = (output: TreePath): boolean =>
    lstatSync(join(project.workspace.root, pointerPath(output)), { throwIfNoEntry: false })?.isFile() === true
  return outputs.filter(isThere).map(output => ({ output, within: '' as const }))
}

interface MovedOuts {
  /** That the workspace's locks name now, otherwise than before. */
  readonly targets: readonly Target[]
  readonly gone: readonly Lost[]
}

async function movedOuts(
  project: Project,
  { prefix, changes, territory }: Own & { readonly territory: Territory },
  control: Control,
): Promise<MovedOuts> {
  if (changes.length === 0 || project.git === undefined) return { targets: [], gone: [] }
  const read = await readLockChanges(project.git, changes, territory, control)
  const moved = new Set(read.flatMap(one => changedOuts(one).map(({ path }) => path)))
  const gone = read.flatMap(one => goneOuts(one).map(namedOut))
  const all = outputTargets(listAll(project))
  const locks = new Set<string>(changes.map(({ path }) => path.slice(prefix.length)))
  const targets = all.filter(
    ({ output, stage, problem }) =>
      (stage !== undefined && moved.has(output)) || (problem !== undefined && (moved.has(output) || locks.has(output))),
  )
  return { targets, gone: gone.map(({ path, pointer }) => ({ output: path, pointer })) }
}

/** As for pointers: those of locks that are younger than the last hook, and that say something else than is known of the data. */
function pickedOuts(project: Project, prefix: string, changes: readonly Change[]): readonly Target[] {
  const seen = statIfThere(seenFile(project))?.mtimeNs ?? 0n
  const { root } = project.workspace
  return changes.flatMap(change => {
    const lock = change.path.slice(prefix.length) as TreePath
    const stat = statIfThere(join(root, lock))
    if (stat === undefined || stat.mtimeNs < seen) return []
    const outs = project.locks.find(lock)?.outs ?? []
    return outs.flatMap(stage => {
      const { path, out } = stage
      const data = statIfThere(join(root, path))
      if (!out.cache || (data !== undefined && data.mtimeNs > stat.mtimeNs)) return []
      return project.index().lastKnown(path) === out.hash ? [] : [{ output: path, within: '' as const, stage }]
    })
  })
}

async function bring(project: Project, targets: readonly Target[], control: Control) {
  if (targets.length === 0) return { outputs: [], failures: [] }
  const options = { ...control, cwd: project.workspace.root }
  const fetched: Pick<FetchResult, 'failures' | 'left'> = project.config.hooks.fetch
    ? await fetchMissing(project, targets, options)
    : { failures: [], left: [] }
  const left = new Set(fetched.left)
  const open = targets.filter(({ output }) => !left.has(output))
  const { outputs: written, failures } = await checkoutTargets(project, open, options)
  const failed = new Set(fetched.failures.map(({ path }) => path))
  return { outputs: written, failures: [...fetched.failures, ...failures.filter(({ path }) => !failed.has(path))] }
}

async function fetchMissing(
  project: Project,
  targets: Parameters<typeof fetchTargets>[1],
  options: Parameters<typeof fetchTargets>[2],
): Promise<Pick<FetchResult, 'failures' | 'left'>> {
  try {
    return await fetchTargets(project, targets, options)
  } catch (error) {
    if (!isDdvError(error) || isDdvError(error, 'interrupted')) throw error
    return { failures: [{ path: targets[0]?.output ?? '', error }], left: [] } // no remote, or it does not answer: the cache may have all
  }
}

/** What an output was by the commit before; an error where its pointer could not be read. */
interface Lost {
  readonly output: TreePath
  readonly pointer: Pointer | DdvError
}

async function goneByPointer({ git }: Project, { prefix, changes }: Own, control: Control): Promise<readonly Lost[]> {
  const lost = changes.filter(({ kind, oldId }) => kind === undefined && oldId !== undefined)
  if (git === undefined || lost.length === 0) return []
  const texts = await readBlobs(
    git,
    lost.map(({ oldId }) => oldId ?? ''),
    control,
  )
  return lost.map((change, i) => {
    const output = outputOf(change, prefix)
    try {
      return { output, pointer: parsePointer(texts[i]?.toString() ?? '', pointerPath(output)) }
    } catch (error) {
      if (!isDdvError(error)) throw error
      return { output, pointer: error }
    }
  })
}

/** Data that nothing names any more: it goes too where it is what that pointer or lock said, and in the cache. */
async function removeGone(
  project: Project,
  { prefix, lost }: { readonly prefix: string; readonly lost: readonly Lost[] },
  control: Control,
) {
  const { git } = project
  const gone: TreePath[] = []
  const failures: OutputFailure[] = []
  if (git === undefined || lost.length === 0) return { gone, failures }
  const tracked = await trackedAmong(
    git,
    lost.map(({ output }) => `${prefix}${output}`),
    control,
  )
  const all = listAll(project)
  await withWorkspaceLock(project, control, async () => {
    for (const { output, pointer } of lost) {
      const isGit = tracked.some(path => path === `${prefix}${output}` || path.startsWith(`${prefix}${output}/`))
      if (isGit || findCovering(project, output) !== undefined || coveringIn(all, output) !== undefined) continue
      if (stageOutAt(all, output) !== undefined) continue // it holds what a stage made
      try {
        if (isDdvError(pointer)) throw pointer
        if (await removeUnchanged(project, { output, pointer }, control)) gone.push(output)
      } catch (error) {
        if (!isDdvError(error) || isDdvError(error, 'interrupted')) throw error
        failures.push({ path: output, error: staysError(output) })
      }
    }
  })
  return { gone, failures }
}

/** Whether there was something to remove. Throws where it is not what the pointer says, or not in the cache. */
async function removeUnchanged(
  project: Project,
  { output, pointer }: { readonly output: TreePath; readonly pointer: Pointer },
  control: Control,
): Promise<boolean> {
  const scan = await scanOf(project, output, control)
  if (scan === undefined) return false
  if (!isUnchanged(project, { output, pointer, scan })) {
    if (scan.kind !== pointer.kind || scan.problems.length > 0) throw staysError(output)
    const { summary, unreadable } = await readContent(project, output, scan, control)
    const isSame =
      summary.hash === pointer.hash &&
      (pointer.kind === 'directory' || executableRow(scan.table.stats, 0) === pointer.executable)
    if (unreadable.length > 0 || !isSame) throw staysError(output)
  }
  removeData(openInside(project.workspace.root), await dataOf(project, [output], control), false)
  project.index().forget(output)
  return true
}

const staysError = (output: TreePath): DdvError =>
  new DdvError(
    'would-lose-data',
    `stays, since it is not what its pointer said or not in the cache: ${displayPath(output)}`,
    {
      hint: `its pointer is gone from this commit: move it away, delete it, or 'ddv add' it here`,
    },
  )
