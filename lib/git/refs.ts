// The names of branches, tags and other refs.

import { tryGit } from './git-program.js'
import { findCommit, openReader, type ReadOptions } from './objects.js'
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

/** The commits that HEAD and all refs lead to: branches, tags, what is known of other clones, the stash. Each once. */
export async function listHeads(repository: GitRepository, { signal }: ReadOptions = {}): Promise<readonly string[]> {
  const found = new Set<string>()
  const add = async (revision: string): Promise<void> => {
    const commit = await findCommit(repository, revision)
    if (commit !== undefined) found.add(commit)
  }
  await add('HEAD')
  const format = '%(objecttype) %(objectname)'
  const result = await tryGit(repository, ['for-each-ref', `--format=${format}`], { signal })
  if (result === undefined) {
    const { git, base } = await openReader(repository)
    const names = await git.listRefs({ ...base, filepath: 'refs' })
    // Of packed tags it gives what they lead to as well.
    for (const name of names) if (!name.endsWith('^{}')) await add(`refs/${name}`)
    return [...found]
  }
  for (const line of splitNames(result.stdout.toString())) {
    const [type, id = ''] = line.split(' ')
    // A tag may lead to a tag, or to no commit at all.
    if (type === 'commit') found.add(id)
    else await add(id)
  }
  return [...found]
}

const splitNames = (text: string): readonly string[] =>
  text
    .split('\n')
    .filter(name => name !== '')
    .sort()
