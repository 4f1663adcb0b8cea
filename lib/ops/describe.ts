// `describe`: one name for code and data together, fit for a container's tag: the commit, and `-dirty` where what is here
// is not what that commit names.

import { DdvError } from '../core/errors.js'
import type { Control } from '../core/events.js'
import { compareUtf8, displayPath, type TreePath } from '../core/tree-path.js'
import { changedFiles } from '../git/uncommitted.js'
import { type CurrentCommit, requireCommit } from './current-commit.js'
import { isInPlace } from './in-place.js'
import { pointerChanges } from './pointer-changes.js'
import type { Project } from './project.js'
import { findTargets, type Target, wholeOutputs } from './targets.js'

export interface DescribeOptions extends Control {
  readonly cwd: string
  /** Whether the outputs in the workspace are held against their pointers; true unless told. */
  readonly data?: boolean | undefined
  /** Twelve digits of the commit's id. */
  readonly short?: boolean | undefined
}

export interface Description {
  /** Of letters, digits, `_`, `.` and `-`; 128 at most. */
  readonly name: string
  readonly commit: string
  readonly source: CurrentCommit['source']
  readonly dirty: boolean
  /** Files that git tracks, relative to its root, which differ from the commit; undefined where there is no git to tell. */
  readonly code: readonly string[] | undefined
  /** Outputs whose pointer is not the commit's, those that only the commit has among them; likewise. */
  readonly pointers: readonly TreePath[] | undefined
  /** Outputs that are not what their pointer says, or not there; undefined where nobody looked. */
  readonly data: readonly TreePath[] | undefined
}

/** Throws `usage` or `git` where nothing names the commit. */
export async function describe(project: Project, options: DescribeOptions): Promise<Description> {
  const { id: commit, source } = await requireCommit(project)
  const outputs = wholeOutputs(findTargets(project, [], options))
  const isInGit = source === 'git'
  const pointers = isInGit ? await changedPointers(project, outputs, options) : undefined
  const code = isInGit && project.git !== undefined ? await changedFiles(project.git, options) : undefined
  const data = options.data === false ? undefined : await changedData(project, outputs, options)
  const dirty = [code, pointers, data].some(list => list !== undefined && list.length > 0)
  const name = nameOf(commit, { source, dirty, short: options.short ?? false })
  return { name, commit, source, dirty, code, pointers, data }
}

async function changedPointers(project: Project, outputs: readonly Target[], control: Control): Promise<TreePath[]> {
  const { changed, gone } = await pointerChanges(project, outputs, control)
  return [...changed, ...gone].sort(compareUtf8)
}

/** What a container's tag takes, short of the six characters of `-dirty`. */
const tagPattern = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,121}$/
const shortLength = 12

function nameOf(
  commit: string,
  { source, dirty, short }: { readonly source: string; readonly dirty: boolean; readonly short: boolean },
): string {
  if (!tagPattern.test(commit))
    throw new DdvError('usage', `${source} is not fit for a container's tag: ${displayPath(commit)}`, {
      hint: `set it to the commit's id`,
    })
  // A name that somebody gave is not cut: only an id is as good in short.
  const name = short && /^[0-9a-f]{40,64}$/.test(commit) ? commit.slice(0, shortLength) : commit
  return dirty ? `${name}-dirty` : name
}

async function changedData(project: Project, outputs: readonly Target[], control: Control): Promise<TreePath[]> {
  const changed: TreePath[] = []
  for (const target of outputs) if (!(await isInPlace(project, target, control))) changed.push(target.output)
  return changed
}
