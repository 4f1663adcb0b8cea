// The commits that changed pointers, newest first. A merge counts where it made something that none of its parents had:
// what it only brings together is told by the commits that it brings.

import type { ReadCommitResult, TreeEntry } from 'isomorphic-git'
import { throwIfAborted } from '../core/errors.js'
import { pointerSuffix } from '../core/pointer.js'
import { lockFileName } from '../core/stage.js'
import { splitZero } from './git-index.js'
import { tryGit } from './git-program.js'
import { type Isomorphic, orUndefined } from './isomorphic.js'
import { openReader, type ReadOptions } from './objects.js'
import { listHeads } from './refs.js'
import { type GitRepository, shallowCommits } from './repository.js'
import { isDataFile, resolveRevision } from './revisions.js'

/** One pointer, or lock of stages, of a commit, against its first parent. */
export interface PointerChange {
  /** Relative to the repository's root. */
  readonly path: string
  /** Ids of blobs; undefined where there is no such file. */
  readonly before: string | undefined
  readonly after: string | undefined
}

export interface PointerCommit {
  readonly id: string
  readonly parents: readonly string[]
  readonly author: string
  readonly email: string
  /** When it was written, by its author's clock, as ISO 8601. */
  readonly date: string
  readonly subject: string
  /** Sorted by path. */
  readonly changes: readonly PointerChange[]
}

export interface PointerHistoryOptions extends ReadOptions {
  /** HEAD unless told. */
  readonly revision?: string | undefined
  /** From HEAD and every ref that there is, in place of a revision. */
  readonly everywhere?: boolean | undefined
  /** Only below this directory, relative to the repository's root. */
  readonly under?: string
  /** At most so many commits. */
  readonly limit?: number | undefined
}

export interface PointerHistory {
  readonly commits: readonly PointerCommit[]
  /** Commits at which a shallow clone ends. What they changed cannot be known, so that they are not among the others. */
  readonly ends: readonly string[]
}

/** Throws `usage` for an unknown revision. */
export async function pointerHistory(
  repository: GitRepository,
  options: PointerHistoryOptions = {},
): Promise<PointerHistory> {
  const { revision = 'HEAD', everywhere = false, under = '', limit = Number.POSITIVE_INFINITY, signal } = options
  const heads = everywhere ? await listHeads(repository, { signal }) : [await resolveRevision(repository, revision)]
  if (heads.length === 0) return { commits: [], ends: [] }
  const ends = shallowCommits(repository)
  const walk = { heads, under, limit: limit + ends.size, signal }
  const all =
    (await fromProgram(repository, walk)) ?? (await fromObjects(await openReader(repository), { ...walk, ends }))
  const known = all.filter(({ id }) => !ends.has(id))
  const commits = known.slice(0, limit)
  const complete = commits.length === known.length && all.length < limit + ends.size
  return { commits, ends: complete ? [...ends] : [] }
}

interface Walk extends ReadOptions {
  readonly heads: readonly string[]
  readonly under: string
  readonly limit: number
}

const format = `%x01${['%H', '%P', '%an', '%ae', '%aI', '%s'].join('%x00')}`

async function fromProgram(
  repository: GitRepository,
  { heads, under, limit, signal }: Walk,
): Promise<PointerCommit[] | undefined> {
  const shape = ['-c', '--raw', '-z', '--no-abbrev', '--no-renames', `--format=${format}`]
  const count = Number.isFinite(limit) ? ['-n', String(limit)] : []
  const patterns = dataFiles.map(name => `:(top,glob)${under === '' ? '' : `${escapeGlob(under)}/`}**/${name}`)
  const result = await tryGit(repository, ['log', '--stdin', '--date-order', ...shape, ...count, '--', ...patterns], {
    input: heads.map(head => `${head}\n`).join(''),
    signal,
    patterns: true,
    maxOutput: 1_073_741_824,
  })
  return result === undefined ? undefined : decodeLog(splitZero(result.stdout))
}

const dataFiles = [`*${pointerSuffix}`, lockFileName]

const escapeGlob = (path: string): string => path.replace(/[\\*?[]/g, '\\$&')

// For each commit its six fields; then, for each file, a row and its path. A merge's row begins with a colon for each
// parent and has their modes and ids before its own.
function decodeLog(fields: readonly string[]): PointerCommit[] {
  const commits: (PointerCommit & { changes: PointerChange[] })[] = []
  for (let i = 0; i < fields.length; i++) {
    const field = (fields[i] ?? '').replace(/^\n/, '')
    if (field.startsWith('\u0001')) {
      const [parents = '', author = '', email = '', date = '', subject = ''] = fields.slice(i + 1, i + 6)
      commits.push({ id: field.slice(1), parents: splitWords(parents), author, email, date, subject, changes: [] })
      i += 5
    } else if (field.startsWith(':')) {
      const change = decodeRow(field, fields[++i] ?? '')
      if (change !== undefined) commits.at(-1)?.changes.push(change)
    }
  }
  return commits.filter(({ changes }) => changes.length > 0)
}

const splitWords = (text: string): string[] => (text === '' ? [] : text.split(' '))

function decodeRow(row: string, path: string): PointerChange | undefined {
  const parents = /^:+/.exec(row)?.[0].length ?? 1
  const words = splitWords(row.slice(parents))
  const blob = (side: number): string | undefined =>
    /^100\d{3}$/.test(words[side] ?? '') ? words[parents + 1 + side] : undefined
  const [before, after] = [blob(0), blob(parents)]
  return !isDataFile(path) || before === after ? undefined : { path, before, after }
}

// Without the program: the newest commit that was met and not yet visited comes next; of trees, only what differs is read.
async function fromObjects(
  { git, base }: Isomorphic,
  { heads, under, limit, ends, signal }: Walk & { readonly ends: ReadonlySet<string> },
): Promise<PointerCommit[]> {
  const read = (oid: string) => orUndefined(git.readCommit({ ...base, oid }))
  const waiting: ReadCommitResult[] = []
  const met = new Set<string>()
  const found: PointerCommit[] = []
  const meet = async (oid: string): Promise<void> => {
    if (met.has(oid)) return
    met.add(oid)
    const commit = await read(oid)
    if (commit === undefined) return
    const at = waiting.findIndex(other => committed(other) < committed(commit))
    waiting.splice(at < 0 ? waiting.length : at, 0, commit)
  }
  for (const head of heads) await meet(head)
  while (waiting.length > 0 && found.length < limit) {
    throwIfAborted(signal)
    const commit = waiting.shift() as ReadCommitResult
    const parents = ends.has(commit.oid) ? [] : commit.commit.parent
    const changes = await changesOf({ git, base }, commit.oid, { parents, under })
    if (changes.length > 0) found.push(describe(commit, changes))
    for (const oid of parents) await meet(oid)
  }
  return found
}

const committed = ({ commit }: ReadCommitResult): number => commit.committer.timestamp

function describe({ oid, commit }: ReadCommitResult, changes: readonly PointerChange[]): PointerCommit {
  const { name, email, timestamp, timezoneOffset } = commit.author
  return {
    id: oid,
    parents: commit.parent,
    author: name,
    email,
    date: isoDate(timestamp, timezoneOffset),
    subject: (commit.message.trimStart().split(/\n[ \t]*\n/)[0] ?? '').trim().replaceAll('\n', ' '),
    changes,
  }
}

/** `offset` in minutes west of Greenwich, as isomorphic-git has it. */
function isoDate(timestamp: number, offset: number): string {
  const two = (value: number): string => String(value).padStart(2, '0')
  const local = new Date((timestamp - offset * 60) * 1000).toISOString().slice(0, 19)
  const distance = Math.abs(offset)
  return `${local}${offset > 0 ? '-' : '+'}${two(Math.floor(distance / 60))}:${two(distance % 60)}`
}

async function changesOf(
  isomorphic: Isomorphic,
  oid: string,
  { parents, under }: { readonly parents: readonly string[]; readonly under: string },
): Promise<PointerChange[]> {
  const lists: PointerChange[][] = []
  for (const parent of parents.length === 0 ? [undefined] : parents)
    lists.push(await diffCommits(isomorphic, parent, { oid, under }))
  const [first = [], ...others] = lists
  return first.filter(({ path }) => others.every(list => list.some(change => change.path === path)))
}

async function diffCommits(
  { git, base }: Isomorphic,
  parent: string | undefined,
  { oid, under }: { readonly oid: string; readonly under: string },
): Promise<PointerChange[]> {
  const changes: PointerChange[] = []
  const list = async (tree: string | undefined): Promise<Map<string, TreeEntry>> => {
    const entries = tree === undefined ? [] : (await git.readTree({ ...base, oid: tree })).tree
    return new Map(entries.map(entry => [entry.path, entry]))
  }
  const visit = async (before: string | undefined, after: string | undefined, prefix: string): Promise<void> => {
    if (before === after) return
    const [olds, news] = [await list(before), await list(after)]
    for (const name of [...new Set([...olds.keys(), ...news.keys()])].sort()) {
      const [old, now] = [olds.get(name), news.get(name)]
      if (old?.oid === now?.oid && old?.mode === now?.mode) continue
      await visit(treeOf(old), treeOf(now), `${prefix}${name}/`)
      const [from, to] = [fileOf(old), fileOf(now)]
      const path = prefix + name
      if (from !== to && isDataFile(path)) changes.push({ path, before: from, after: to })
    }
  }
  const top = async (commit: string | undefined): Promise<string | undefined> => {
    const at = under === '' ? {} : { filepath: under }
    return commit === undefined ? undefined : (await orUndefined(git.readTree({ ...base, oid: commit, ...at })))?.oid
  }
  await visit(await top(parent), await top(oid), under === '' ? '' : `${under}/`)
  return changes
}

const treeOf = (entry: TreeEntry | undefined): string | undefined => (entry?.type === 'tree' ? entry.oid : undefined)

const fileOf = (entry: TreeEntry | undefined): string | undefined =>
  entry?.type === 'blob' && /^0?100\d{3}$/.test(entry.mode) ? entry.oid : undefined
