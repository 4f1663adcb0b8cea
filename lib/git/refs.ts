// The names of branches and tags.

import { tryGit } from './git-program.js'
import { openReader, type ReadOptions } from './objects.js'
import type { GitRepository } from './repository.js'

/** Sorted; without `refs/heads/` or `refs/tags/`. */
export async function listRefs(
  repository: GitRepository,
  kind: 'heads' | 'tags',
  { signal }: ReadOptions = {},
): Promise<readonly string[]> {
  const result = await tryGit(repository, ['for-each-ref', '--format=%(refname:strip=2)', `refs/${kind}`], { signal })
  if (result !== undefined) return splitNames(result.stdout.toString())
  const { git, base } = await openReader(repository)
  return (await (kind === 'heads' ? git.listBranches(base) : git.listTags(base))).sort()
}

const splitNames = (text: string): readonly string[] =>
  text
    .split('\n')
    .filter(name => name !== '')
    .sort()
