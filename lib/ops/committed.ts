// What commits say of data: every version of every output, once; and what a commit that passed no hook may hold, pointers
// that cannot be read and data that went into git as content.

import { DdvError, isDdvError } from '../core/errors.js'
import type { Control } from '../core/events.js'
import { pointerSuffix } from '../core/pointer.js'
import { displayPath, type TreePath } from '../core/tree-path.js'
import { listTree, readBlobs, type TreeFile } from '../git/objects.js'
import type { GitRepository } from '../git/repository.js'
import { isLockPath, isPointerPath } from '../git/revisions.js'
import { type LockedOuts, parseOuts, type StageOut, settle } from '../workspace/locks.js'
import { outputOfPointer, parsePointer, skippedParent } from '../workspace/pointers.js'
import type { Project } from './project.js'
import { isPushed, type NamedPointer, namedOut, requireGit, workspacePrefix } from './revision.js'

export interface CommittedVersion extends NamedPointer {
  /** The first of the commits, in the order given, that has it. */
  readonly commit: string
}

export interface CommittedProblem {
  readonly path: TreePath
  readonly commit: string
  /** `refused`: git has the data itself. Others: the pointer cannot be read. */
  readonly error: DdvError
}

export interface Committed {
  readonly versions: readonly CommittedVersion[]
  /** Each path once for what is wrong with it, with the first commit that has it so. */
  readonly problems: readonly CommittedProblem[]
}

/** Of the workspace's part of each tree. The commits by their full ids, parents first. */
export async function readCommitted(
  project: Project,
  commits: readonly string[],
  { signal }: Control,
): Promise<Committed> {
  const git = requireGit(project)
  const prefix = workspacePrefix(project)
  const seen = new Set<string>()
  const versions = new Map<string, CommittedVersion>()
  const problems = new Map<string, CommittedProblem>()
  const locks = openLocks(git, { signal })
  const note = (version: CommittedVersion): void => {
    const { kind, hash, size } = version.pointer
    const key = `${version.path}\0${kind}\0${hash}\0${size}\0${isPushed(version)}`
    if (!versions.has(key)) versions.set(key, version)
  }
  for (const commit of commits) {
    const files = await listTree(git, commit, { under: prefix.slice(0, -1), wanted: () => true, signal })
    const own = files.map(file => ({ ...file, path: file.path.slice(prefix.length) }))
    const named = own.filter(isPointer).map(({ path }) => outputOfPointer(path as TreePath))
    const stages = settle(named, await locks.read(own.filter(isLock)))
    const { pointers, content } = sortOut(own, stages.outs)
    for (const stage of stages.outs.values()) note({ ...namedOut(stage), commit })
    for (const [path, error] of stages.problems) if (!problems.has(path)) problems.set(path, { path, commit, error })
    for (const path of content) if (!problems.has(path)) problems.set(path, contentProblem(path, commit))
    const fresh = pointers.filter(({ path, id }) => !seen.has(`${path}\0${id}`))
    const blobs = await readBlobs(
      git,
      fresh.map(({ id }) => id),
      { signal },
    )
    for (const [i, { path: file, id }] of fresh.entries()) {
      seen.add(`${file}\0${id}`)
      const path = outputOfPointer(file as TreePath)
      try {
        const pointer = parsePointer((blobs[i] as Buffer).toString(), file as TreePath)
        note({ path, pointer, commit })
      } catch (error) {
        if (!isDdvError(error)) throw error
        if (!problems.has(file)) problems.set(file, { path, commit, error })
      }
    }
  }
  return { versions: [...versions.values()], problems: [...problems.values()] }
}

const isPointer = ({ path }: TreeFile): boolean =>
  isPointerPath(path) && skippedParent(outputOfPointer(path as TreePath)) === undefined

const isLock = ({ path }: TreeFile): boolean => isLockPath(path) && skippedParent(path as TreePath) === undefined

/** Most commits leave a lock as it is: each is read once. */
function openLocks(git: GitRepository, options: Control) {
  const known = new Map<string, LockedOuts>()
  const read = async (files: readonly TreeFile[]): Promise<LockedOuts[]> => {
    const fresh = files.filter(({ path, id }) => !known.has(`${path}\0${id}`))
    const blobs = await readBlobs(
      git,
      fresh.map(({ id }) => id),
      options,
    )
    for (const [i, { path, id }] of fresh.entries())
      known.set(`${path}\0${id}`, parseOuts((blobs[i] as Buffer).toString(), path as TreePath))
    return files.flatMap(({ path, id }) => known.get(`${path}\0${id}`) ?? [])
  }
  return { read }
}

function sortOut(
  files: readonly TreeFile[],
  outs: ReadonlyMap<TreePath, StageOut>,
): { pointers: readonly TreeFile[]; content: readonly TreePath[] } {
  const candidates = files.filter(isPointer)
  if (candidates.length + outs.size === 0) return { pointers: [], content: [] }
  const outputs = new Set<string>([
    ...candidates.map(({ path }) => path.slice(0, -pointerSuffix.length)),
    ...outs.keys(),
  ])
  const content = new Set(files.filter(({ path }) => liesIn(path, outputs)).map(({ path }) => path))
  return { pointers: candidates.filter(({ path }) => !content.has(path)), content: [...content] as TreePath[] }
}

function liesIn(path: string, outputs: ReadonlySet<string>): boolean {
  if (outputs.has(path)) return true
  for (let at = path.lastIndexOf('/'); at > 0; at = path.lastIndexOf('/', at - 1))
    if (outputs.has(path.slice(0, at))) return true
  return false
}

const contentProblem = (path: TreePath, commit: string): CommittedProblem => ({
  path,
  commit,
  error: new DdvError('refused', `data under ddv is in git as content: ${displayPath(path)}`, {
    hint: `take it out: git rm --cached '${displayPath(path)}', and commit`,
  }),
})
