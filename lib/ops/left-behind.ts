// A commit of a lock without the code, params and metrics that the lock was made with: whoever clones it finds its stages
// stale. Git keeps these files, and to stage them is the user's; to forget one is easy, and seen late.

import { join } from 'node:path'
import { isDdvError } from '../core/errors.js'
import type { Control } from '../core/events.js'
import type { StageLock } from '../core/lockfile.js'
import { pipelineFileName } from '../core/stage.js'
import { dirname, displayPath, isWithin, joinTreePath, type TreePath } from '../core/tree-path.js'
import { indexChanges } from '../git/changes.js'
import { toGitPath } from '../git/git-path.js'
import type { GitRepository } from '../git/repository.js'
import { unstagedFiles } from '../git/uncommitted.js'
import { readLock } from '../workspace/locks.js'
import type { Project } from './project.js'

export interface LeftBehindOptions extends Control {
  readonly git: GitRepository
  /** Of the workspace. */
  readonly locks: readonly TreePath[]
}

const maxShown = 3

/** Warns where the index, as it is to be committed, has a new lock and lacks what is here of files that the lock names. */
export async function warnOfLeftBehind(
  project: Project,
  { git, locks, signal, onEvent }: LeftBehindOptions,
): Promise<void> {
  const { root } = project.workspace
  if (locks.length === 0) return
  const gitPath = (path: TreePath): string => toGitPath(git, join(root, path))
  const named = new Map(locks.map(lock => [gitPath(lock), keptByGit(root, lock).map(gitPath)]))
  const unstaged = await unstagedFiles(git, [...new Set([...named.values()].flat())], { signal })
  if (unstaged === undefined || unstaged.length === 0) return
  const changed = (await indexChanges(git, 'HEAD', { signal })).flatMap(({ path }) => named.get(path) ?? [])
  const left = unstaged.filter(file => changed.some(path => isWithin(file as TreePath, path as TreePath)))
  if (left.length === 0) return
  const shown = left.slice(0, maxShown).map(displayPath).join(', ')
  const more = left.length > maxShown ? ` and ${left.length - maxShown} more` : ''
  onEvent?.({
    type: 'warning',
    message: `the commit lacks what its locks name and git is to keep: ${shown}${more}`,
    hint: `'git status' names them; 'git add' and 'git commit --amend' put them into it`,
  })
}

/** What a lock names beside data; of deps that are data git says nothing, since it ignores them. */
function keptByGit(root: string, lock: TreePath): readonly TreePath[] {
  const paths = stagesOf(root, lock).flatMap(({ deps, params, outs }) => [
    ...deps.keys(),
    ...params.keys(),
    ...[...outs].flatMap(([path, { cache }]) => (cache ? [] : [path])),
  ])
  return [...paths, joinTreePath(dirname(lock), pipelineFileName as TreePath)]
}

// One that cannot be read is told where what it names is asked for.
function stagesOf(root: string, lock: TreePath): readonly StageLock[] {
  try {
    return [...readLock(root, lock).values()]
  } catch (error) {
    if (isDdvError(error)) return []
    throw error
  }
}
