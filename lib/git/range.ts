// The commits that a range names, as `git log A..B` reads it.

import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { DdvError } from '../core/errors.js'
import { displayPath } from '../core/tree-path.js'
import { tryGit } from './git-program.js'
import { orUndefined } from './isomorphic.js'
import { openReader, type ReadOptions } from './objects.js'
import type { GitRepository } from './repository.js'
import { resolveRevision } from './revisions.js'

/**
 * Full ids, parents before children: one for a revision, for `A..B` those that B has and A has not (HEAD where a side is
 * left out). Throws `usage` for an unknown revision.
 */
export async function listCommits(
  repository: GitRepository,
  range: string,
  { signal }: ReadOptions = {},
): Promise<readonly string[]> {
  const dots = range.indexOf('..')
  if (dots < 0) return [await resolveRevision(repository, range)]
  const [from, to] = [range.slice(0, dots) || 'HEAD', range.slice(dots + 2) || 'HEAD']
  if (to.startsWith('.'))
    throw new DdvError('usage', `not a range: ${displayPath(range)}`, { hint: 'A..B is what B has and A has not' })
  const [a, b] = [await resolveRevision(repository, from), await resolveRevision(repository, to)]
  const args = ['rev-list', '--topo-order', '--reverse', b, `^${a}`]
  const listing = await tryGit(repository, args, { signal, maxOutput: 1_073_741_824 })
  if (listing === undefined) return listWithoutProgram(repository, a, b)
  return listing.stdout
    .toString('latin1')
    .split('\n')
    .filter(line => line !== '')
}

async function listWithoutProgram(repository: GitRepository, a: string, b: string): Promise<readonly string[]> {
  const { git, base } = await openReader(repository)
  const parentsOf = async (oid: string): Promise<readonly string[]> =>
    (await orUndefined(git.readCommit({ ...base, oid })))?.commit.parent ?? []
  const excluded = new Set<string>()
  for (const open = [a]; open.length > 0; ) {
    const id = open.pop() as string
    if (excluded.has(id)) continue
    excluded.add(id)
    open.push(...(await parentsOf(id)))
  }
  const listed = new Set<string>()
  // A commit is taken once its parents were: it stays on the stack below them.
  for (const open = [b]; open.length > 0; ) {
    const id = open.at(-1) as string
    const parents = (await parentsOf(id)).filter(parent => !excluded.has(parent) && !listed.has(parent))
    if (excluded.has(id) || listed.has(id) || parents.length === 0) {
      open.pop()
      if (!excluded.has(id)) listed.add(id)
    } else open.push(...parents)
  }
  return [...listed]
}

/** Whether the clone was made without all of its history (`--depth`). */
export const isShallow = ({ commonDir }: GitRepository): boolean => existsSync(join(commonDir, 'shallow'))
