// What commits say of data: every version of every output, once; and what a commit that passed no hook may hold, pointers
// that cannot be read and data that went into git as content.

import { DdvError, isDdvError } from '../core/errors.js'
import type { Control } from '../core/events.js'
import { pointerSuffix } from '../core/pointer.js'
import { displayPath, type TreePath } from '../core/tree-path.js'
import { listTree, readBlobs, type TreeFile } from '../git/objects.js'
import { isPointerPath } from '../git/revisions.js'
import { outputOfPointer, parsePointer, skippedParent } from '../workspace/pointers.js'
import type { Project } from './project.js'
import { type NamedPointer, requireGit, workspacePrefix } from './revision.js'

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
  for (const commit of commits) {
    const files = await listTree(git, commit, { under: prefix.slice(0, -1), wanted: () => true, signal })
    const { pointers, content } = sortOut(files.map(file => ({ ...file, path: file.path.slice(prefix.length) })))
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
        const key = `${path}\0${pointer.kind}\0${pointer.hash}\0${pointer.size}`
        if (!versions.has(key)) versions.set(key, { path, pointer, commit })
      } catch (error) {
        if (!isDdvError(error)) throw error
        if (!problems.has(file)) problems.set(file, { path, commit, error })
      }
    }
  }
  return { versions: [...versions.values()], problems: [...problems.values()] }
}

function sortOut(files: readonly TreeFile[]): { pointers: readonly TreeFile[]; content: readonly TreePath[] } {
  const isPointer = ({ path }: TreeFile): boolean =>
    isPointerPath(path) && skippedParent(path.slice(0, -pointerSuffix.length) as TreePath) === undefined
  const candidates = files.filter(isPointer)
  if (candidates.length === 0) return { pointers: [], content: [] }
  const outputs = new Set(candidates.map(({ path }) => path.slice(0, -pointerSuffix.length)))
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
