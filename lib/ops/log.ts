// `log`: the commits that changed data, read from the pointers in git alone.

import type { Digest } from '../core/digest.js'
import { DdvError, isDdvError } from '../core/errors.js'
import type { Control } from '../core/events.js'
import type { ManifestEntry } from '../core/manifest.js'
import type { OutputKind, Pointer } from '../core/pointer.js'
import { compareUtf8, displayPath, isWithin, type TreePath } from '../core/tree-path.js'
import { type PointerChange, type PointerCommit, pointerHistory } from '../git/history.js'
import { readBlobs } from '../git/objects.js'
import { isLockPath, type LockedOuts, parseOuts } from '../workspace/locks.js'
import { outputOfPointer, parsePointer, skippedParent } from '../workspace/pointers.js'
import { toTreePath } from '../workspace/workspace.js'
import { diffEntries, pointerEntries } from './compare.js'
import { type OutputVersion, versionOfPointer } from './diff.js'
import { type Change, pairOutputs } from './diff-files.js'
import type { Project } from './project.js'
import { namedOut, requireGit, workspacePrefix } from './revision.js'

export interface LogOptions extends Control {
  readonly cwd: string
  /** Where to begin: HEAD unless told. */
  readonly revision?: string | undefined
  /** At most so many commits. */
  readonly limit?: number | undefined
}

export interface LoggedChange {
  readonly path: TreePath
  readonly change: Change
  /** Of a renamed output, its old path. */
  readonly previous?: TreePath
  readonly kind: OutputKind
  /** After the commit; of what it removed, before. */
  readonly hash: Digest
  readonly size: number
  readonly files?: number
  /** Bytes more, or fewer, than before. */
  readonly sizeChange: number
  /** A pointer that was committed and cannot be read stands on one side. */
  readonly unreadable?: true
}

export interface LoggedCommit {
  readonly commit: string
  readonly parents: readonly string[]
  readonly author: string
  readonly email: string
  /** ISO 8601, by the author's clock. */
  readonly date: string
  readonly subject: string
  /** Against the first parent, sorted by path. */
  readonly changes: readonly LoggedChange[]
}

export interface LogResult {
  /** Newest first; a merge that only brings together what its parents made is left out. */
  readonly commits: readonly LoggedCommit[]
  /** Commits at which a shallow clone ends, where the listing got that far. */
  readonly ends: readonly string[]
}

/** Throws `usage` for an unknown revision or a target that no commit has, `git` without a repository. */
export async function log(project: Project, target: string | undefined, options: LogOptions): Promise<LogResult> {
  const path = target === undefined ? '' : toTreePath(project.workspace, target, options.cwd)
  const { limit } = options
  // How many commits git must give shows only when their pointers were read: it is asked for few, and then for more.
  for (
    let asked = limit === undefined ? undefined : limit * 2 + 16;
    ;
    asked = asked === undefined ? undefined : asked * 8
  ) {
    const { result, complete } = await logOf(project, path, { ...options, asked })
    if (!complete) continue
    if (result.commits.length > 0 || path === '' || result.ends.length > 0) return result
    throw new DdvError('usage', `no commit has this under ddv: ${displayPath(target ?? '')}`, {
      hint: `'ddv log' lists all that changed data`,
    })
  }
}

/** Of so many commits; complete where more would not tell more. */
async function logOf(
  project: Project,
  path: TreePath | '',
  options: LogOptions & { readonly asked: number | undefined },
): Promise<{ readonly result: LogResult; readonly complete: boolean }> {
  const { revision, limit = Number.POSITIVE_INFINITY, signal, asked } = options
  const under = workspacePrefix(project).slice(0, -1)
  const history = await pointerHistory(requireGit(project), { revision, under, limit: asked, signal })
  const trail = new Trail(project, path)
  const commits: LoggedCommit[] = []
  for await (const { commit, sides } of readSides(project, history.commits, options)) {
    const changes = trail.follow(changesOf(sides))
    if (changes.length === 0) continue
    if (commits.length === limit) return { result: { commits, ends: [] }, complete: true }
    commits.push(toLogged(commit, changes))
  }
  return { result: { commits, ends: history.ends }, complete: asked === undefined || history.commits.length < asked }
}

const toLogged = (
  { id, parents, author, email, date, subject }: PointerCommit,
  changes: readonly SidedChange[],
): LoggedCommit => ({ commit: id, parents, author, email, date, subject, changes: changes.map(({ told }) => told) })

/** One output in one commit: `undefined` where it has no pointer, `unreadable` where that is none. */
interface Sides {
  readonly path: TreePath
  readonly before: Pointer | 'unreadable' | undefined
  readonly after: Pointer | 'unreadable' | undefined
}

interface SidedChange extends Sides {
  readonly told: LoggedChange
}

/** Commits whose blobs are read with one start of git; locks are larger than pointers. */
const batchCommits = 256
const batchWithLocks = 64

async function* readSides(
  project: Project,
  commits: readonly PointerCommit[],
  { signal }: Control,
): AsyncGenerator<{ readonly commit: PointerCommit; readonly sides: readonly Sides[] }> {
  const git = requireGit(project)
  const prefix = workspacePrefix(project)
  const hasLocks = commits.some(({ changes }) => changes.some(({ path }) => isLockPath(path)))
  const count = hasLocks ? batchWithLocks : batchCommits
  for (let at = 0; at < commits.length; at += count) {
    const batch = commits.slice(at, at + count)
    const ids = new Set(batch.flatMap(({ changes }) => changes.flatMap(({ before, after }) => [before, after])))
    const wanted = [...ids].filter(id => id !== undefined)
    const blobs = await readBlobs(git, wanted, { signal })
    const texts = new Map(wanted.map((id, i) => [id, (blobs[i] as Buffer).toString()]))
    for (const commit of batch)
      yield { commit, sides: joined(commit.changes.flatMap(change => sidesOf(change, prefix, texts))) }
  }
}

function sidesOf(
  { path: file, before, after }: PointerChange,
  prefix: string,
  texts: ReadonlyMap<string, string>,
): readonly Sides[] {
  const pointer = file.slice(prefix.length) as TreePath
  if (skippedParent(pointer) !== undefined) return []
  const textOf = (id: string | undefined) => (id === undefined ? undefined : (texts.get(id) ?? ''))
  if (isLockPath(pointer)) return lockSides(pointer, textOf(before), textOf(after))
  const path = outputOfPointer(pointer)
  const read = (id: string | undefined) => (id === undefined ? undefined : readPointer(texts.get(id) ?? '', pointer))
  return [{ path, before: read(before), after: read(after) }]
}

/** What differs between two versions of a lock. One that cannot be read says nothing of what the other names. */
function lockSides(lock: TreePath, before: string | undefined, after: string | undefined): readonly Sides[] {
  const [old, now] = [before, after].map(text => (text === undefined ? undefined : parseOuts(text, lock)))
  const pointers = (found: LockedOuts | undefined) =>
    new Map((found?.outs ?? []).flatMap(one => (one.out.cache ? [[one.path, namedOut(one).pointer] as const] : [])))
  const [olds, news] = [pointers(old), pointers(now)]
  const sideOf = (found: LockedOuts | undefined, pointer: Pointer | undefined): Sides['before'] =>
    found?.error === undefined ? pointer : 'unreadable'
  return [...new Set([...olds.keys(), ...news.keys()])].flatMap(path => {
    const sides = { path, before: sideOf(old, olds.get(path)), after: sideOf(now, news.get(path)) }
    return isSamePointer(sides) ? [] : [sides]
  })
}

/** An output that went from a pointer to a stage, or between locks, is one row. */
function joined(sides: readonly Sides[]): readonly Sides[] {
  const byPath = new Map<TreePath, Sides>()
  for (const side of sides) {
    const other = byPath.get(side.path)
    byPath.set(side.path, {
      path: side.path,
      before: other?.before ?? side.before,
      after: other?.after ?? side.after,
    })
  }
  return [...byPath.values()]
}

function readPointer(text: string, file: TreePath): Pointer | 'unreadable' {
  try {
    return parsePointer(text, file)
  } catch (error) {
    if (isDdvError(error)) return 'unreadable'
    throw error
  }
}

function changesOf(sides: readonly Sides[]): SidedChange[] {
  const changed = sides.filter(side => !isSamePointer(side)).sort((a, b) => compareUtf8(a.path, b.path))
  const came = changed.filter(({ before }) => before === undefined).flatMap(({ path, after }) => renamable(path, after))
  const went = changed.filter(({ after }) => after === undefined).flatMap(({ path, before }) => renamable(path, before))
  const renamed = pairOutputs(came, went)
  const origins = new Set(renamed.values())
  const byPath = new Map(changed.map(side => [side.path, side]))
  return changed.flatMap(side => {
    if (origins.has(side.path)) return []
    const previous = renamed.get(side.path)
    const before = previous === undefined ? side.before : byPath.get(previous)?.before
    const told = describe({ ...side, before }, previous)
    return told === undefined ? [] : [{ ...side, before, told }]
  })
}

/** A change of `meta` alone, or of the pointer's layout, is none of the data. */
function isSamePointer({ before, after }: Sides): boolean {
  if (typeof before !== 'object' || typeof after !== 'object') return false
  const executable = before.kind === 'file' && after.kind === 'file' && before.executable !== after.executable
  return before.kind === after.kind && before.hash === after.hash && !executable
}

const renamable = (path: TreePath, pointer: Sides['before']) =>
  typeof pointer === 'object' ? [{ ...pointer, path }] : []

function describe({ path, before, after }: Sides, previous: TreePath | undefined): LoggedChange | undefined {
  const [old, now] = [versionOf(before), versionOf(after)]
  const version = now ?? old
  if (version?.hash === undefined) return undefined // neither side can be read
  const change =
    previous !== undefined ? 'renamed' : before === undefined ? 'added' : after === undefined ? 'removed' : 'modified'
  return {
    path,
    change,
    ...(previous !== undefined && { previous }),
    kind: version.kind,
    hash: version.hash,
    size: version.size,
    ...(version.files !== undefined && { files: version.files }),
    sizeChange: (now?.size ?? 0) - (old?.size ?? 0),
    ...((before === 'unreadable' || after === 'unreadable') && { unreadable: true as const }),
  }
}

const versionOf = (pointer: Sides['before']): OutputVersion | undefined =>
  typeof pointer === 'object' ? versionOfPointer(pointer) : undefined

/**
 * The names by which a target went, from the newest commit back: a class because it learns them on the way. Where a
 * commit gave the target its name by renaming it, older commits are asked for the old name too.
 */
class Trail {
  readonly #project: Project
  readonly #paths: Set<TreePath>
  readonly #all: boolean

  constructor(project: Project, path: TreePath | '') {
    this.#project = project
    this.#all = path === ''
    this.#paths = new Set(path === '' ? [] : [path])
  }

  follow(changes: readonly SidedChange[]): readonly SidedChange[] {
    if (this.#all) return changes
    const found = changes.filter(change => [...this.#paths].some(path => this.#touches(change, path)))
    for (const { path, told } of found) {
      const { previous } = told
      if (previous === undefined) continue
      for (const followed of [...this.#paths])
        if (isWithin(followed, path)) this.#paths.add((previous + followed.slice(path.length)) as TreePath)
    }
    return found
  }

  #touches(change: SidedChange, target: TreePath): boolean {
    const { path, told } = change
    if (isWithin(path, target)) return true
    if (told.previous !== undefined && isWithin(told.previous, target)) return true
    return isWithin(target, path) && this.#differsWithin(change, target.slice(path.length + 1) as TreePath)
  }

  /** Whether a part of a directory changed; where a manifest is not at hand, it may have. */
  #differsWithin({ path, before, after, told }: SidedChange, within: TreePath): boolean {
    if (told.change === 'renamed') return true
    try {
      const [old, now] = [before, after].map(pointer => this.#entries(path, pointer))
      return diffEntries(old ?? [], now ?? []).some(row => isWithin(row.path, within))
    } catch (error) {
      if (isDdvError(error, 'missing', 'corrupt')) return true
      throw error
    }
  }

  #entries(path: TreePath, pointer: Sides['before']): readonly ManifestEntry[] {
    return typeof pointer === 'object' && pointer.kind === 'directory'
      ? pointerEntries(this.#project, path, pointer)
      : []
  }
}
