// What git's index keeps of a file in conflict: the version that both sides came from, ours and theirs. (In a rebase
// ours is the branch that is rebased onto, as everywhere in git.)

import { DdvError } from '../core/errors.js'
import { splitZero } from './git-index.js'
import { toGitPath } from './git-path.js'
import { tryGit } from './git-program.js'
import { readBlobs } from './objects.js'
import type { GitRepository } from './repository.js'

/** A side is absent that has no such file. */
export interface Unmerged {
  readonly base?: Buffer
  readonly ours?: Buffer
  readonly theirs?: Buffer
}

const stages = ['base', 'ours', 'theirs'] as const

/**
 * The files in conflict among these and below them, by their path from the repository's root, which is sorted as git
 * sorts. Throws `git` where there is no git program: without it nobody merges.
 */
export async function readUnmerged(
  repository: GitRepository,
  paths: readonly string[],
  { signal }: { readonly signal?: AbortSignal | undefined } = {},
): Promise<ReadonlyMap<string, Unmerged>> {
  const asked = paths.map(path => toGitPath(repository, path))
  const limit = asked.length === 0 || asked.includes('') ? [] : ['--', ...asked]
  const args = ['ls-files', '--unmerged', '-z', '--full-name', ...limit]
  const listing = await tryGit(repository, args, { signal, maxOutput: 1_073_741_824 })
  if (listing === undefined)
    throw new DdvError('git', `conflicts are in git's index, which needs the git program: ${repository.root}`, {
      hint: 'install git, then run the same command again',
    })
  const rows = splitZero(listing.stdout).flatMap(row => {
    const [, mode = '', id = '', stage = '', path = ''] = /^(\d+) ([0-9a-f]+) ([123])\t(.*)$/s.exec(row) ?? []
    return mode.startsWith('100') ? [{ id, path, side: stages[Number(stage) - 1] ?? 'base' }] : []
  })
  const blobs = await readBlobs(
    repository,
    rows.map(({ id }) => id),
    { signal },
  )
  const files = new Map<string, Unmerged>()
  for (const [i, { path, side }] of rows.entries()) files.set(path, { ...files.get(path), [side]: blobs[i] })
  return files
}
