// post-checkout, post-merge, post-rewrite: brings the data to the commit that is checked out now. Only outputs whose
// pointer git changed are looked at. What would be lost stays, and is named.

import { closeSync, constants, lstatSync, openSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { DdvError, isDdvError } from '../core/errors.js'
import type { Control } from '../core/events.js'
import type { Pointer } from '../core/pointer.js'
import { displayPath, type TreePath } from '../core/tree-path.js'
import { type Change, emptyTree, indexChanges, pointersGlob, pointersInIndex, treeChanges } from '../git/changes.js'
import { trackedAmong } from '../git/git-index.js'
import { findCommit, readBlobs } from '../git/objects.js'
import type { GitRepository } from '../git/repository.js'
import { openInside } from '../sys/inside.js'
import { statIfThere } from '../sys/stats.js'
import { ownStateDirectory } from '../workspace/own-state.js'
import { coveringOutput, findPointer, outputOfPointer, parsePointer, pointerPath } from '../workspace/pointers.js'
import type { OutputFailure } from './add.js'
import { checkoutTargets } from './checkout.js'
import { executableRow, isUnchanged, readContent, scanOf } from './compare.js'
import { fetchTargets } from './fetch.js'
import { openHookProject } from './hook-project.js'
import { withWorkspaceLock } from './locked.js'
import type { Project } from './project.js'
import { dataOf, removeData } from './remove.js'
import { isTerritoryPointer, openTerritory } from './territory.js'

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
  const changes = (await movedPointers(repository, moved, control)).filter(({ path }) =>
    isTerritoryPointer(territory, path),
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
      const candidates = moved.type === 'files' ? pickedPointers(project, prefix, own) : own
      const removed = await removeGone(project, { prefix, changes: candidates }, control)
      const brought = await bring(project, { prefix, changes: candidates }, control)
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

/** Pointers that git changed, or may have changed. */
async function movedPointers(repository: GitRepository, moved: Moved, control: Control): Promise<readonly Change[]> {
  if (moved.type === 'squash') return indexChanges(repository, 'HEAD', control)
  if (moved.type === 'files') {
    const names = await pointersInIndex(repository, control)
    return names.map(path => ({ path, kind: 'file', id: undefined, oldKind: undefined, oldId: undefined }))
  }
  const changes = new Map<string, Change>()
  for (const before of moved.before) {
    // A commit that is gone, after a prune, tells nothing.
    const from = before === undefined ? emptyTree(repository) : await findCommit(repository, before)
    if (from === undefined) continue
    const rows = await treeChanges(repository, { from, to: moved.now, glob: pointersGlob, ...control })
    for (const row of rows) changes.set(row.path, row)
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

async function bring(project: Project, { prefix, changes }: Own, control: Control) {
  const outputs = changes.filter(({ kind }) => kind !== undefined).map(change => outputOf(change, prefix))
  const isThere = (output: TreePath): boolean =>
    lstatSync(join(project.workspace.root, pointerPath(output)), { throwIfNoEntry: false })?.isFile() === true
  // A pointer that the working tree does not have: sparse, or deleted by its owner.
  const targets = outputs.filter(isThere).map(output => ({ output, within: '' as const }))
  if (targets.length === 0) return { outputs: [], failures: [] }
  const options = { ...control, cwd: project.workspace.root }
  const fetched: readonly OutputFailure[] = project.config.hooks.fetch
    ? await fetchMissing(project, targets, options)
    : []
  const { outputs: written, failures } = await checkoutTargets(project, targets, options)
  const failed = new Set(fetched.map(({ path }) => path))
  return { outputs: written, failures: [...fetched, ...failures.filter(({ path }) => !failed.has(path))] }
}

async function fetchMissing(
  project: Project,
  targets: Parameters<typeof fetchTargets>[1],
  options: Parameters<typeof fetchTargets>[2],
): Promise<readonly OutputFailure[]> {
  try {
    return (await fetchTargets(project, targets, options)).failures
  } catch (error) {
    if (!isDdvError(error) || isDdvError(error, 'interrupted')) throw error
    return [{ path: targets[0]?.output ?? '', error }] // no remote, or it does not answer: the cache may have all
  }
}

/** Data whose pointer went: it goes too where it is what that pointer said, and in the cache. */
async function removeGone(project: Project, { prefix, changes }: Own, control: Control) {
  const { git, workspace } = project
  const lost = changes.filter(({ kind, oldId }) => kind === undefined && oldId !== undefined)
  const gone: TreePath[] = []
  const failures: OutputFailure[] = []
  if (git === undefined || lost.length === 0) return { gone, failures }
  const texts = await readBlobs(
    git,
    lost.map(({ oldId }) => oldId ?? ''),
    control,
  )
  const tracked = await trackedAmong(
    git,
    lost.map(change => outputOfPointer(change.path as TreePath)),
    control,
  )
  await withWorkspaceLock(project, control, async () => {
    for (const [i, change] of lost.entries()) {
      const output = outputOf(change, prefix)
      const isGit = tracked.some(path => path === `${prefix}${output}` || path.startsWith(`${prefix}${output}/`))
      if (isGit || coveringOutput(workspace.root, output) !== undefined) continue
      try {
        const pointer = parsePointer(texts[i]?.toString() ?? '', pointerPath(output))
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
