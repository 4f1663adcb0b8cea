// What of git's own files is not as HEAD has it: in the index, or in the working tree.

import { join } from 'node:path'
import { compareUtf8 } from '../core/tree-path.js'
import { splitZero } from './git-index.js'
import { tryGit } from './git-program.js'
import { asGitError, indexProblem, needsProgram, openIsomorphic } from './isomorphic.js'
import type { ReadOptions } from './objects.js'
import type { GitRepository } from './repository.js'

/**
 * Tracked files that differ between HEAD, index and working tree, relative to the repository's root, sorted; what nobody
 * tracks is no change. Writes nothing, not even the index's stats.
 */
export async function changedFiles(
  repository: GitRepository,
  { signal }: ReadOptions = {},
): Promise<readonly string[]> {
  const format = ['--porcelain=v1', '-z', '--no-renames']
  const args = ['status', ...format, '--untracked-files=no', '--ignore-submodules=untracked']
  const listing = await tryGit(repository, args, { signal, maxOutput: 1_073_741_824 })
  if (listing === undefined) return changedWithoutProgram(repository)
  return splitZero(listing.stdout)
    .map(row => row.slice(3))
    .sort(compareUtf8)
}

/** Paths that one start of git is asked about. */
const pathsAtOnce = 500

/**
 * Of these paths, files or directories relative to the repository's root, the files whose content here would not be in a
 * commit of the index, tracked or not; none that git ignores. Sorted; undefined where git does not tell.
 */
export async function unstagedFiles(
  repository: GitRepository,
  paths: readonly string[],
  { signal }: ReadOptions = {},
): Promise<readonly string[] | undefined> {
  const found = new Set<string>()
  const args = ['status', '--porcelain=v1', '-z', '--no-renames', '--untracked-files=all', '--ignore-submodules=all']
  for (let i = 0; i < paths.length; i += pathsAtOnce) {
    const asked = [...args, '--', ...paths.slice(i, i + pathsAtOnce)]
    const listing = await tryGit(repository, asked, { signal, maxOutput: 1_073_741_824, answers: [0, 128] })
    if (listing?.code !== 0) return undefined
    for (const row of splitZero(listing.stdout)) if (row[1] !== ' ') found.add(row.slice(3))
  }
  return [...found].sort(compareUtf8)
}

async function changedWithoutProgram(repository: GitRepository): Promise<readonly string[]> {
  const problem = indexProblem(join(repository.gitDir, 'index'))
  if (problem !== undefined) throw needsProgram(problem, repository.root)
  const { git, base } = await openIsomorphic(repository)
  try {
    const rows = await git.statusMatrix(base)
    const isTracked = ([, head, , stage]: (typeof rows)[number]): boolean => head !== 0 || stage !== 0
    return rows
      .filter(row => isTracked(row) && !(row[1] === 1 && row[2] === 1 && row[3] === 1))
      .map(([path]) => path)
      .sort(compareUtf8)
  } catch (error) {
    throw asGitError(error)
  }
}
