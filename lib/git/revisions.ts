// What ddv reads from git's history: pointers of any revision, and earlier versions of one file.

import { nearest } from '../core/did-you-mean.js'
import { DdvError } from '../core/errors.js'
import { pointerSuffix } from '../core/pointer.js'
import { lockFileName } from '../core/stage.js'
import { displayPath, treePathProblem } from '../core/tree-path.js'
import { splitZero } from './git-index.js'
import { tryGit } from './git-program.js'
import { orUndefined } from './isomorphic.js'
import { findCommit, findInTree, listTree, openReader, type ReadOptions, readBlobs } from './objects.js'
import { type GitRepository, shallowCommits } from './repository.js'

export { findCommit }

export const shallowHint = `the history of this shallow clone ends early: 'git fetch --unshallow' brings the rest`

/** The full id of the commit that the revision means: a branch, tag, id or what else git understands. Throws `usage`. */
export async function resolveRevision(repository: GitRepository, revision: string): Promise<string> {
  const commit = await findCommit(repository, revision)
  if (commit !== undefined) return commit
  throw new DdvError('usage', `no such revision: ${displayPath(revision)}`, {
    hint: await revisionHint(repository, revision),
  })
}

async function revisionHint(repository: GitRepository, revision: string): Promise<string> {
  const args = ['for-each-ref', '--format=%(refname:short)', 'refs/heads', 'refs/tags', 'refs/remotes']
  const names = (await tryGit(repository, args, { answers: [0, 128] }))?.stdout.toString().split('\n') ?? []
  const guess = nearest(revision, names)
  if (guess !== undefined) return `did you mean '${displayPath(guess)}'?`
  if (shallowCommits(repository).size > 0) return shallowHint
  if ((await findCommit(repository, 'HEAD')) === undefined) return 'there is no commit yet'
  return `'git branch -a' and 'git tag' list names, 'git log --oneline' commits`
}

/** The bytes of a file of that revision, `path` relative to the repository's root; undefined where it has none. */
export async function readBlobAt(
  repository: GitRepository,
  revision: string,
  path: string,
): Promise<Buffer | undefined> {
  const found = await findInTree(repository, await resolveRevision(repository, revision), path)
  return found === undefined ? undefined : (await readBlobs(repository, [found.id]))[0]
}

export interface CommittedFile {
  /** Relative to the repository's root. */
  readonly path: string
  readonly bytes: Buffer
}

export interface ListOptions extends ReadOptions {
  /** Only below this directory, relative to the repository's root: where a workspace lies. */
  readonly under?: string
}

const batchSize = 256

/** Every pointer and lock of the revision's tree, sorted by path. Not decoded: each may be anything that was committed. */
export async function* listPointersAt(
  repository: GitRepository,
  revision: string,
  options: ListOptions = {},
): AsyncIterable<CommittedFile> {
  const commit = await resolveRevision(repository, revision)
  const files = await listTree(repository, commit, { ...options, wanted: isDataFile })
  for (let at = 0; at < files.length; at += batchSize) {
    const batch = files.slice(at, at + batchSize)
    const ids = batch.map(file => file.id)
    const blobs = await readBlobs(repository, ids, options)
    for (const [i, file] of batch.entries()) {
      const bytes = blobs[i]
      if (bytes !== undefined) yield { path: file.path, bytes }
    }
  }
}

/** Whether a path of a tree names a pointer; nothing that lies in a `.ddv` or `.git` directory is one. */
export const isPointerPath = (path: string): boolean =>
  path.endsWith(pointerSuffix) && treePathProblem(path) === undefined

/** Whether it names a lock of stages, which names data too. */
export const isLockPath = (path: string): boolean =>
  (path === lockFileName || path.endsWith(`/${lockFileName}`)) && treePathProblem(path) === undefined

export const isDataFile = (path: string): boolean => isPointerPath(path) || isLockPath(path)

export interface HistoryOptions extends ReadOptions {
  /** How many commits of first-parent history to look at; 200 unless told. */
  readonly commits?: number
  /** How many versions of each file; 4 unless told. */
  readonly versions?: number
}

/**
 * The distinct contents that each of these files had in the last commits of HEAD's first-parent history, newest first;
 * no row for a file that had none. Any number of files costs two starts of git. Paths relative to the repository's root.
 */
export async function earlierVersions(
  repository: GitRepository,
  paths: readonly string[],
  options: HistoryOptions = {},
): Promise<ReadonlyMap<string, readonly Buffer[]>> {
  const { commits = 200, versions = 4 } = options
  const head = await findCommit(repository, 'HEAD')
  if (head === undefined || paths.length === 0) return new Map()
  const wanted = new Set(paths)
  const changes =
    (await changesFromProgram(repository, { head, commits, wanted })) ??
    (await changesWithoutProgram(repository, { head, commits, wanted }))
  const rows = [...changes].map(([path, ids]) => [path, [...ids].slice(0, versions)] as const)
  const ids = [...new Set(rows.flatMap(row => row[1]))]
  const blobs = await readBlobs(repository, ids, options)
  const byId = new Map(ids.map((id, i) => [id, blobs[i]]))
  return new Map(rows.map(([path, own]) => [path, own.flatMap(id => byId.get(id) ?? [])]))
}

/** At most so many commits of all branches that changed one file. */
const maxEverywhere = 100

/**
 * The distinct contents that a file had lately on any branch, those that merges brought included, newest first; without
 * the git program those of HEAD's first-parent history. `path` relative to the repository's root.
 */
export async function versionsEverywhere(
  repository: GitRepository,
  path: string,
  options: ReadOptions = {},
): Promise<readonly Buffer[]> {
  const which = ['--all', '--full-history', '-m', '-n', String(maxEverywhere), '--', path]
  const result = await tryGit(repository, ['log', ...rawFormat, ...which], { ...options, maxOutput: 1_073_741_824 })
  if (result === undefined) return (await earlierVersions(repository, [path], options)).get(path) ?? []
  const ids = rawChanges(result.stdout, new Set([path])).get(path) ?? []
  return readBlobs(repository, [...ids], options)
}

interface Walk {
  readonly head: string
  readonly commits: number
  readonly wanted: ReadonlySet<string>
}
/** Path → ids of its blobs, newest first; sets keep the order. */
type Changes = Map<string, Set<string>>

const note = (changes: Changes, path: string, id: string): void => {
  if (/^0+$/.test(id)) return // absent on that side
  const ids = changes.get(path) ?? new Set()
  changes.set(path, ids.add(id))
}

// Without a pathspec, so that `-n` bounds the commits walked and not those that match: a file that never changed would
// cost the whole history otherwise.
async function changesFromProgram(repository: GitRepository, walk: Walk): Promise<Changes | undefined> {
  const args = ['log', '--first-parent', '-m', ...rawFormat, '-n', String(walk.commits), walk.head]
  const result = await tryGit(repository, args, { maxOutput: 1_073_741_824 })
  return result === undefined ? undefined : rawChanges(result.stdout, walk.wanted)
}

const rawFormat = ['--format=', '--raw', '--no-abbrev', '--no-renames', '-z'] as const

function rawChanges(bytes: Buffer, wanted: ReadonlySet<string>): Changes {
  const changes: Changes = new Map()
  const fields = splitZero(bytes)
  for (let i = 0; i + 1 < fields.length; i++) {
    const raw = /^:\d+ (\d+) ([0-9a-f]+) ([0-9a-f]+) [A-Z]$/.exec(fields[i] ?? '')
    if (raw === null) continue
    const path = fields[++i] ?? ''
    if (!wanted.has(path)) continue
    note(changes, path, raw[3] ?? '')
    note(changes, path, raw[2] ?? '')
  }
  return changes
}

async function changesWithoutProgram(repository: GitRepository, walk: Walk): Promise<Changes> {
  const { git, base } = await openReader(repository)
  const changes: Changes = new Map()
  let oid: string | undefined = walk.head
  for (let left = walk.commits; left > 0 && oid !== undefined; left--) {
    for (const filepath of walk.wanted) {
      const blob = await orUndefined(git.readBlob({ ...base, oid, filepath }))
      if (blob !== undefined) note(changes, filepath, blob.oid)
    }
    oid = (await orUndefined(git.readCommit({ ...base, oid })))?.commit.parent[0]
  }
  return changes
}
