// What a push takes away: the refs that git names to the hook, and the commits that the other side does not have yet.

import { type Change, commitChanges, emptyTree, treeChanges } from './changes.js'
import { tryGit } from './git-program.js'
import { describeObjects, noProgram, type ReadOptions } from './objects.js'
import type { GitRepository } from './repository.js'

export interface RefUpdate {
  /** As git was told: a ref, or `HEAD~2`; `(delete)` for a deletion. */
  readonly localRef: string
  /** undefined for a deletion. */
  readonly local: string | undefined
  readonly remoteRef: string
  /** What the other side has there; undefined where it has nothing. */
  readonly remote: string | undefined
}

/** The lines that git writes to the standard input of pre-push. What is no such line is passed over. */
export function parseRefUpdates(text: string): RefUpdate[] {
  const id = (hex: string): string | undefined => (/^0+$/.test(hex) ? undefined : hex)
  return text.split('\n').flatMap(line => {
    const [, localRef = '', local = '', remoteRef = '', remote = ''] =
      /^(.+) ([0-9a-f]{40,64}) (\S+) ([0-9a-f]{40,64})$/.exec(line) ?? []
    return remoteRef === '' ? [] : [{ localRef, local: id(local), remoteRef, remote: id(remote) }]
  })
}

export interface LeavingCommit {
  readonly id: string
  readonly parents: readonly string[]
}

/**
 * The commits that the updates send and that no ref which is known of the remote reaches. `remote` is its name, or its
 * URL where it has none.
 */
export async function leavingCommits(
  repository: GitRepository,
  updates: readonly RefUpdate[],
  { remote, signal }: ReadOptions & { readonly remote: string },
): Promise<readonly LeavingCommit[]> {
  const sent = updates.flatMap(({ local }) => local ?? [])
  if (sent.length === 0) return []
  const there = updates.flatMap(({ remote: id }) => (id === undefined ? [] : `^${id}`))
  const input = [...sent, ...there].map(line => `${line}\n`).join('')
  // What the other side has may never have been fetched, and is then no object here.
  const known = /^[\w.-]+(\/[\w.-]+)*$/.test(remote) ? ['--not', `--remotes=${remote}`] : []
  const args = ['rev-list', '--parents', '--ignore-missing', '--stdin', ...known]
  const result = await tryGit(repository, args, { input, signal, maxOutput: 1_073_741_824 })
  if (result === undefined) throw noProgram()
  const lines = result.stdout.toString('latin1').split('\n')
  return lines.flatMap(line => {
    const [id = '', ...parents] = line.split(' ')
    return id === '' ? [] : [{ id, parents }]
  })
}

/** The trees that tags lead to without a commit: they leave too. */
export async function leavingTrees(
  repository: GitRepository,
  updates: readonly RefUpdate[],
  options: ReadOptions = {},
): Promise<readonly string[]> {
  const ids = updates.flatMap(({ local, remoteRef }) =>
    local === undefined || remoteRef.startsWith('refs/heads/') ? [] : [local],
  )
  const peeled = await describeObjects(
    repository,
    ids.map(id => `${id}^{}`),
    options,
  )
  return peeled.flatMap(facts => (facts?.type === 'tree' ? [facts.id] : []))
}

/** A commit, or a tree that leaves without one, and what it changes. */
export interface Changed {
  readonly id: string
  /** Against the first parent. */
  readonly changes: readonly Change[]
  /** Of these, what no parent has. */
  readonly fresh: readonly Change[]
}

/** In the order of the commits; one start of git for all of them. */
export async function changesOf(
  repository: GitRepository,
  commits: readonly LeavingCommit[],
  options: ReadOptions = {},
): Promise<readonly Changed[]> {
  const pairs = commits.flatMap(({ id, parents }) =>
    (parents.length === 0 ? [undefined] : parents).map(parent => ({ commit: id, parent })),
  )
  const all = await commitChanges(repository, pairs, options)
  let at = 0
  return commits.map(({ id, parents }) => {
    const [changes = [], ...others] = all.slice(at, at + Math.max(1, parents.length))
    at += 1 + others.length
    const differing = others.map(rows => new Set(rows.map(({ path }) => path)))
    return { id, changes, fresh: changes.filter(({ path }) => differing.every(paths => paths.has(path))) }
  })
}

/** Of trees without a commit everything is new. */
export async function contentsOf(
  repository: GitRepository,
  trees: readonly string[],
  options: ReadOptions = {},
): Promise<readonly Changed[]> {
  const all: Changed[] = []
  for (const id of trees) {
    const changes = await treeChanges(repository, { from: emptyTree(repository), to: id, ...options })
    all.push({ id, changes, fresh: changes })
  }
  return all
}

/** The commits that none of the others has for a parent: together their history is all of them. */
export function tipsOf(commits: readonly LeavingCommit[]): readonly string[] {
  const inner = new Set(commits.flatMap(({ parents }) => parents))
  return commits.flatMap(({ id }) => (inner.has(id) ? [] : [id]))
}
