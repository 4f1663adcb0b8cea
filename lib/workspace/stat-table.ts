// What a look at an output saw: its files in manifest order with their stats, and its empty directories.
// A file output is a table of one row whose path is ''.

import { lstatSync } from 'node:fs'
import { createHasher } from '../sys/hash.js'
import { isSameState } from '../sys/read-stable.js'
import { ctimeColumn, mtimeColumn, statWidth, writeStat } from '../sys/stats.js'

export interface StatTable {
  /** Relative to the output, in the order of their UTF-8 bytes. */
  readonly paths: readonly string[]
  /** `statWidth` columns a path. */
  readonly stats: BigInt64Array
  /** In the same order, without the final slash. */
  readonly emptyDirectories: readonly string[]
}

export const emptyTable: StatTable = { paths: [], stats: new BigInt64Array(0), emptyDirectories: [] }

export const statsBytes = (stats: BigInt64Array): Buffer =>
  Buffer.from(stats.buffer, stats.byteOffset, stats.byteLength)

/** 64 hex digits over all that the table says: equal fingerprints, equal tables. 5 ms at 100,000 files. */
export function fingerprint(table: StatTable): string {
  const hasher = createHasher()
  // No name is empty or holds a NUL, so that two of them part the lists whatever the names are.
  hasher.update(Buffer.from(`${table.paths.join('\0')}\0\0${table.emptyDirectories.join('\0')}\0\0`))
  hasher.update(statsBytes(table.stats))
  return hasher.finish().toString('hex')
}

/** The latest change that the row's stat tells, in ns: a row not older than the clock's tick at its reading proves nothing. */
export function lastChange(stats: BigInt64Array, row: number): bigint {
  const mtime = stats[row * statWidth + mtimeColumn] as bigint
  const ctime = stats[row * statWidth + ctimeColumn] as bigint
  return mtime > ctime ? mtime : ctime
}

export function newestChange(stats: BigInt64Array): bigint {
  let newest = 0n
  for (let row = 0; row * statWidth < stats.length; row++) {
    const change = lastChange(stats, row)
    if (change > newest) newest = change
  }
  return newest
}

/**
 * A test of whether the file at an absolute path is still what the table saw under a relative one, or gone: asked right
 * before it is overwritten or deleted. What the table did not see, and a link, is not.
 */
export function asSeenIn(table: StatTable): (path: string, absolute: string) => boolean {
  const rows = new Map(table.paths.map((path, row) => [path, row]))
  const now = new BigInt64Array(statWidth)
  return (path, absolute) => {
    const stat = lstatSync(absolute, { bigint: true, throwIfNoEntry: false })
    if (stat === undefined) return true
    const row = rows.get(path)
    if (row === undefined) return false
    // Seen through a link: the link is what goes.
    if (stat.isSymbolicLink()) return true
    writeStat(now, 0, stat)
    return isSameState(now, table.stats.subarray(row * statWidth, (row + 1) * statWidth))
  }
}

export function sameStat(a: BigInt64Array, rowA: number, b: BigInt64Array, rowB: number): boolean {
  const [atA, atB] = [rowA * statWidth, rowB * statWidth]
  for (let column = 0; column < statWidth; column++) if (a[atA + column] !== b[atB + column]) return false
  return true
}
