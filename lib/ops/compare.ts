// One output, three ways: what the pointer says, what the workspace has, what the cache holds.

import type { Control } from '../core/events.js'
import { encodeManifest, type ManifestEntry, manifestKey, manifestTotals, sameEntry } from '../core/manifest.js'
import type { Pointer } from '../core/pointer.js'
import { compareUtf8, type TreePath } from '../core/tree-path.js'
import { hashBytes } from '../sys/hash.js'
import type { FileFailure } from '../sys/hash-files.js'
import { isExecutable, modeColumn, statWidth } from '../sys/stats.js'
import { type Scan, scanOutput } from '../workspace/scan.js'
import type { Snapshot, Summary } from '../workspace/stat-index.js'
import { loadEntries } from './entries.js'
import { digestOfRow, hashRows, knownDigests, toEntries, unknownRows } from './inspect.js'
import type { Project } from './project.js'

export const scanOf = (project: Project, output: TreePath, control: Control): Promise<Scan | undefined> =>
  scanOutput(output, {
    root: project.workspace.root,
    ignore: project.ignore,
    pool: project.pool,
    // A link that `add --follow` took for its target must not look like a change now.
    follow: true,
    signal: control.signal,
  })

/** Whether the stat index proves that the workspace has just what the pointer says. */
export function isUnchanged(
  project: Project,
  { output, pointer, scan }: { readonly output: TreePath; readonly pointer: Pointer; readonly scan: Scan },
): boolean {
  if (scan.kind !== pointer.kind || scan.problems.length > 0) return false
  // A file's executable bit is in the pointer, not in the digest; a directory's manifest has those of its files.
  if (pointer.kind === 'file' && executableRow(scan.table.stats, 0) !== pointer.executable) return false
  return project.index().findUnchanged(output, scan.table)?.hash === pointer.hash
}

/** What the workspace has, with every digest known; what could not be read is a failure and its row says nothing. */
export interface Content {
  readonly kind: Pointer['kind']
  readonly snapshot: Snapshot
  readonly summary: Summary
  readonly unreadable: readonly FileFailure[]
}

/** Reads what the index does not know, and remembers it. */
export async function readContent(project: Project, output: TreePath, scan: Scan, control: Control): Promise<Content> {
  const { table, kind } = scan
  const index = project.index()
  const known = knownDigests(table, index.find(output))
  const rows = unknownRows(known)
  const { snapshot, failures, tick } = await hashRows(project, { output, table, known, rows }, control)
  const summary = summaryOf(kind, snapshot)
  if (failures.length === 0) index.save([{ path: output, snapshot, tick, summary }])
  return { kind, snapshot, summary, unreadable: failures }
}

function summaryOf(kind: Pointer['kind'], snapshot: Snapshot): Summary {
  if (kind === 'file') return { hash: digestOfRow(snapshot.digests, 0), size: Number(snapshot.table.stats[0]) }
  const entries = toEntries(snapshot)
  return { hash: hashBytes(encodeManifest(entries)), size: manifestTotals(entries).size }
}

/** The content as manifest entries: one with the path '' for a file. */
export function contentEntries({ kind, snapshot, unreadable }: Content): ManifestEntry[] {
  if (unreadable.length > 0) {
    const names = new Set(unreadable.map(failure => failure.name))
    return toEntries(snapshot).filter(entry => !names.has(entry.path))
  }
  if (kind === 'directory') return toEntries(snapshot)
  const { table, digests } = snapshot
  return [fileEntry(digestOfRow(digests, 0), Number(table.stats[0]), executableRow(table.stats, 0))]
}

const fileEntry = (digest: ManifestEntry['digest'] & string, size: number, executable: boolean): ManifestEntry => ({
  path: '' as TreePath, // the output itself: never joined without it
  digest,
  size,
  executable,
})

/** What the pointer says, in the same form. Throws where a manifest cannot be had. */
export const pointerEntries = (project: Project, output: TreePath, pointer: Pointer): readonly ManifestEntry[] =>
  pointer.kind === 'directory'
    ? loadEntries(project, output, pointer)
    : [fileEntry(pointer.hash, pointer.size, pointer.executable)]

export interface EntryChange {
  readonly path: TreePath
  readonly before: ManifestEntry | undefined
  readonly after: ManifestEntry | undefined
}

/** The rows in which two listings differ, in manifest order. Both must be sorted. */
export function diffEntries(before: readonly ManifestEntry[], after: readonly ManifestEntry[]): EntryChange[] {
  const changes: EntryChange[] = []
  for (let i = 0, j = 0; i < before.length || j < after.length; ) {
    const [a, b] = [before[i], after[j]]
    const order = a === undefined ? 1 : b === undefined ? -1 : compareUtf8(manifestKey(a), manifestKey(b))
    if (order < 0 && a !== undefined) changes.push({ path: a.path, before: a, after: undefined })
    else if (order > 0 && b !== undefined) changes.push({ path: b.path, before: undefined, after: b })
    else if (a !== undefined && b !== undefined && !sameEntry(a, b)) changes.push({ path: a.path, before: a, after: b })
    if (order <= 0) i++
    if (order >= 0) j++
  }
  return changes
}

/** What is there and cannot be read as content: links, special files, files without permission. '' is a file itself. */
export const unreadNames = (output: TreePath, scan: Scan, { unreadable }: Content): ReadonlySet<string> =>
  new Set([...scan.problems.map(({ path }) => path.slice(output.length + 1)), ...unreadable.map(({ name }) => name)])

/** In place of "removed", since something is there. */
export function withUnread(
  changes: readonly EntryChange[],
  wanted: readonly ManifestEntry[],
  unread: ReadonlySet<string>,
): readonly EntryChange[] {
  if (unread.size === 0) return changes
  const before = new Map(wanted.map(entry => [entry.path as string, entry]))
  const unknown = [...unread].map(path => {
    const entry = before.get(path)
    return { path: path as TreePath, before: entry, after: entry }
  })
  const others = changes.filter(({ path }) => !unread.has(path))
  return [...others, ...unknown].sort((a, b) => compareUtf8(a.path, b.path))
}

/** Whether a file's row says "executable", for the row of a table. */
export const executableRow = (stats: BigInt64Array, row: number): boolean =>
  isExecutable(stats[row * statWidth + modeColumn] as bigint)
