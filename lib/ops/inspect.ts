// What an output in the workspace is, by the stat index as far as that is proved, by hashing where it is not.

import { join } from 'node:path'
import { type Digest, digestFromBytes } from '../core/digest.js'
import type { Control } from '../core/events.js'
import { type ManifestEntry, manifestKey } from '../core/manifest.js'
import { compareUtf8, type TreePath } from '../core/tree-path.js'
import { type FileFailure, hashFiles, sizeOfRow } from '../sys/hash-files.js'
import { isExecutable, modeColumn, statWidth } from '../sys/stats.js'
import type { Snapshot, StatIndex } from '../workspace/stat-index.js'
import { type StatTable, sameStat } from '../workspace/stat-table.js'
import type { Project } from './project.js'

/** For each row of the table, its digest if the index proves it: 32 bytes, and whether they count. */
export interface KnownDigests {
  readonly digests: Buffer
  readonly known: Uint8Array
}

/** Takes from the snapshot the digest of every row whose stat is the same. Both tables are in manifest order. */
export function knownDigests(table: StatTable, snapshot: Snapshot | undefined): KnownDigests {
  const count = table.paths.length
  const result = { digests: Buffer.alloc(count * 32), known: new Uint8Array(count) }
  if (snapshot === undefined) return result
  const old = snapshot.table
  for (let row = 0, oldRow = 0; row < count && oldRow < old.paths.length; ) {
    const [path, oldPath] = [table.paths[row] as string, old.paths[oldRow] as string]
    const order = path === oldPath ? 0 : compareUtf8(path, oldPath)
    if (order === 0 && sameStat(table.stats, row, old.stats, oldRow)) {
      snapshot.digests.copy(result.digests, row * 32, oldRow * 32, oldRow * 32 + 32)
      result.known[row] = 1
    }
    if (order <= 0) row++
    if (order >= 0) oldRow++
  }
  return result
}

export const unknownRows = ({ known }: KnownDigests): number[] => {
  const rows: number[] = []
  known.forEach((isKnown, row) => {
    if (isKnown === 0) rows.push(row)
  })
  return rows
}

/** The columns of some rows, in their order. */
export function selectStats(table: StatTable, rows: readonly number[]): BigInt64Array {
  const stats = new BigInt64Array(rows.length * statWidth)
  rows.forEach((row, i) => {
    stats.set(table.stats.subarray(row * statWidth, (row + 1) * statWidth), i * statWidth)
  })
  return stats
}

/** Some rows of a snapshot. */
export function selectRows({ table, digests }: Snapshot, rows: readonly number[]): Snapshot {
  return {
    table: { ...table, paths: rows.map(row => table.paths[row] as string), stats: selectStats(table, rows) },
    digests: Buffer.concat(rows.map(row => digests.subarray(row * 32, row * 32 + 32))),
  }
}

export interface HashedTable {
  /** The table, with the stats around each reading. */
  readonly snapshot: Snapshot
  readonly failures: readonly FileFailure[]
  readonly tick: bigint
}

/** Digests of the given rows by reading the files; the others stay as they are known. */
export async function hashRows(
  project: Project,
  { output, table, known, rows }: { output: TreePath; table: StatTable; known: KnownDigests; rows: readonly number[] },
  control: Control,
): Promise<HashedTable> {
  const tick = await settledTick(project.index(), table, rows)
  const names = rows.map(row => table.paths[row] as string)
  const directory = join(project.workspace.root, output)
  const list = { directory, names, stats: selectStats(table, rows), follow: true }
  const hashed = await hashFiles(list, project.pool, control)
  return { snapshot: withRows({ table, digests: known.digests }, rows, hashed), failures: hashed.failures, tick }
}

/** The snapshot with some rows replaced. */
export function withRows(
  snapshot: Snapshot,
  rows: readonly number[],
  fresh: { readonly digests: Buffer; readonly stats: BigInt64Array },
): Snapshot {
  const digests = Buffer.from(snapshot.digests)
  const stats = snapshot.table.stats.slice()
  rows.forEach((row, i) => {
    fresh.digests.copy(digests, row * 32, i * 32, i * 32 + 32)
    stats.set(fresh.stats.subarray(i * statWidth, (i + 1) * statWidth), row * statWidth)
  })
  return { digests, table: { ...snapshot.table, stats } }
}

/**
 * The file system's clock, once it has passed the last change of the rows that are about to be read, so that what is
 * read counts for the index. Ticks are 1–10 ms; files from the future are not waited for.
 */
export async function settledTick(index: StatIndex, table: StatTable, rows: readonly number[]): Promise<bigint> {
  let newest = 0n
  for (const row of rows) {
    const [mtime, ctime] = [table.stats[row * statWidth + 1] as bigint, table.stats[row * statWidth + 2] as bigint]
    if (mtime > newest) newest = mtime
    if (ctime > newest) newest = ctime
  }
  return tickAfter(index, newest)
}

export async function tickAfter(index: StatIndex, time: bigint): Promise<bigint> {
  for (let tries = 0; ; tries++) {
    const tick = index.tick()
    if (tick > time || tries === 10) return tick
    await new Promise(resolve => setTimeout(resolve, 2))
  }
}

export const digestOfRow = (digests: Buffer, row: number): Digest =>
  digestFromBytes(digests.subarray(row * 32, row * 32 + 32))

/** The manifest's entries for a table whose digests are all known. */
export function toEntries({ table, digests }: Snapshot): ManifestEntry[] {
  const files: ManifestEntry[] = table.paths.map((path, row) => ({
    path: path as TreePath,
    digest: digestOfRow(digests, row),
    size: sizeOfRow(table.stats, row),
    executable: isExecutable(table.stats[row * statWidth + modeColumn] as bigint),
  }))
  if (table.emptyDirectories.length === 0) return files
  return mergeEntries(
    files,
    table.emptyDirectories.map(path => ({ path: path as TreePath, digest: undefined })),
  )
}

function mergeEntries(a: readonly ManifestEntry[], b: readonly ManifestEntry[]): ManifestEntry[] {
  const merged: ManifestEntry[] = []
  let at = 0
  for (const entry of a) {
    for (; at < b.length && compareUtf8(manifestKey(b[at] as ManifestEntry), manifestKey(entry)) < 0; at++)
      merged.push(b[at] as ManifestEntry)
    merged.push(entry)
  }
  return [...merged, ...b.slice(at)]
}
