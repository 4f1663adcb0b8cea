// `list`: the outputs that a commit, or the workspace's pointers, name, and the files in them. Read from pointers and
// manifests: neither the data nor the branch is touched.

import type { Digest } from '../core/digest.js'
import { DdvError, isDdvError } from '../core/errors.js'
import { isFileEntry, type ManifestEntry } from '../core/manifest.js'
import { compareUtf8, displayPath, isWithin, joinTreePath, type TreePath } from '../core/tree-path.js'
import { findCommit } from '../git/revisions.js'
import { coveringOutput } from '../workspace/pointers.js'
import { toTreePath } from '../workspace/workspace.js'
import type { OutputFailure } from './add.js'
import { listEntries, type PartOptions } from './fetch-parts.js'
import type { Project } from './project.js'
import { type NamedPointer, targetsAt } from './revision.js'
import { findTargets, type Target, toNamed } from './targets.js'

export interface ListOptions extends PartOptions {
  readonly cwd: string
  /** The pointers in the workspace unless told. */
  readonly revision?: string | undefined
  /** Every file of every directory. */
  readonly recursive?: boolean | undefined
}

export interface ListedEntry {
  /** Relative to the workspace. */
  readonly path: TreePath
  readonly kind: 'file' | 'directory'
  /** Bytes; of all files for a directory. */
  readonly size: number
  /** Directories only. */
  readonly files?: number
  /** Of files and of whole outputs. */
  readonly hash?: Digest
  readonly executable?: true
}

export interface ListResult {
  /** The full id of the commit, where one was named. */
  readonly commit?: string
  /** Sorted by path. */
  readonly entries: readonly ListedEntry[]
  readonly failures: readonly OutputFailure[]
}

/**
 * Without a path all outputs; for a path what lies directly in it. Throws `usage` for an unknown revision, and for a path
 * under which nothing is.
 */
export async function list(project: Project, path: string | undefined, options: ListOptions): Promise<ListResult> {
  const { commit, targets, failures } = await targetsOf(project, path === undefined ? [] : [path], options)
  const { recursive = false } = options
  const named = targets.map(target => ({ target, named: toNamed(project, target) }))
  const top = path === undefined ? '' : toTreePath(project.workspace, path, options.cwd)
  const isOpened = ({ target: { output }, named: { pointer } }: (typeof named)[number]): boolean =>
    pointer.kind === 'directory' && (recursive || isWithin(top, output))
  const opened = named.filter(isOpened)
  const listings = await listEntries(
    project,
    opened.map(one => one.named),
    options,
  )
  const entries: ListedEntry[] = []
  const failed: OutputFailure[] = [...failures]
  for (const one of named) {
    const listing = listings.get(one.named)
    if (listing === undefined) entries.push(outputEntry(one.named))
    else if ('error' in listing) failed.push({ path: one.named.path, error: listing.error })
    else entries.push(...entriesWithin(one.target, listing.entries, recursive))
  }
  if (
    path !== undefined &&
    entries.length === 0 &&
    failed.length === 0 &&
    opened.some(({ target }) => target.within !== '')
  )
    throw new DdvError('usage', `no such file or directory in the data: ${displayPath(path)}`)
  entries.sort((a, b) => compareUtf8(a.path, b.path))
  return { ...(commit !== undefined && { commit }), entries, failures: failed }
}

/** The outputs that are meant, of a commit or of the workspace. */
export async function targetsOf(
  project: Project,
  targets: readonly string[],
  { revision, cwd, ...control }: Pick<ListOptions, 'revision' | 'cwd' | 'signal' | 'onEvent'>,
): Promise<{ commit: string | undefined; targets: readonly Target[]; failures: readonly OutputFailure[] }> {
  if (revision !== undefined) return targetsAt(project, { revision, targets, cwd }, control)
  return { commit: undefined, targets: findTargets(project, targets, { cwd }), failures: [] }
}

/**
 * What one word alone means: a path if something under ddv goes by it here, a commit if git knows one. Throws `usage`
 * where it may be both.
 */
export async function revisionOrPath(project: Project, word: string, cwd: string): Promise<'revision' | 'path'> {
  const isPath = isTracked(project, word, cwd)
  // `./name` is how a path is told from a commit of the same name.
  const commit = project.git === undefined || /^\.{0,2}\//.test(word) ? undefined : await findCommit(project.git, word)
  if (commit === undefined) return 'path'
  if (!isPath) return 'revision'
  throw new DdvError('usage', `is a commit and a path, either may be meant: ${displayPath(word)}`, {
    hint: `'./${displayPath(word)}' is the path; '${displayPath(word)} .' is all of the commit`,
  })
}

/** Whether something under ddv goes by this path in the workspace. */
export function isTracked(project: Project, word: string, cwd: string): boolean {
  try {
    const path = toTreePath(project.workspace, word, cwd)
    if (path === '' || coveringOutput(project.workspace.root, path) !== undefined) return true
    return findTargets(project, [word], { cwd }).length > 0
  } catch (error) {
    if (isDdvError(error, 'usage', 'bad-path')) return false
    throw error
  }
}

function outputEntry({ path, pointer }: NamedPointer): ListedEntry {
  const { kind, hash, size } = pointer
  if (kind === 'directory') return { path, kind, size, files: pointer.files, hash }
  return { path, kind, size, hash, ...(pointer.executable && { executable: true as const }) }
}

function entriesWithin({ output, within }: Target, rows: readonly ManifestEntry[], recursive: boolean): ListedEntry[] {
  const asked = rows.filter(({ path }) => isWithin(path, within))
  if (recursive) return asked.map(row => rowEntry(output, row))
  const found = new Map<string, ListedEntry>()
  for (const row of asked) {
    const rest = within === '' || row.path === within ? row.path : row.path.slice(within.length + 1)
    const slash = row.path === within ? -1 : rest.indexOf('/')
    if (slash < 0) {
      found.set(row.path, rowEntry(output, row))
      continue
    }
    const path = row.path.slice(0, row.path.length - rest.length + slash) as TreePath
    const old = found.get(path)
    const [size, files] = isFileEntry(row) ? [row.size, 1] : [0, 0]
    const sum = { size: (old?.size ?? 0) + size, files: (old?.files ?? 0) + files }
    found.set(path, { path: joinTreePath(output, path), kind: 'directory', ...sum })
  }
  return [...found.values()]
}

function rowEntry(output: TreePath, row: ManifestEntry): ListedEntry {
  const path = joinTreePath(output, row.path)
  if (!isFileEntry(row)) return { path, kind: 'directory', size: 0, files: 0 }
  return { path, kind: 'file', size: row.size, hash: row.digest, ...(row.executable && { executable: true as const }) }
}
