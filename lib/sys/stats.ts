// Stats of many files as columns of 64-bit integers: they cross threads without a copy, compare as memory, and are
// stored as they are. Times in nanoseconds: a float in milliseconds cannot tell apart what the kernel can.

import { type BigIntStats, lstatSync, statSync } from 'node:fs'
import { systemCode } from '../core/errors.js'
import type { Job } from './pool.js'

/** Columns of one file: size, mtime, ctime (ns), inode, mode (type and permissions). */
export const statWidth = 5
export const sizeColumn = 0
export const mtimeColumn = 1
export const ctimeColumn = 2
export const inodeColumn = 3
export const modeColumn = 4

/** In `size`: there is no such file. */
export const absent = -1n

export function writeStat(target: BigInt64Array, row: number, stat: BigIntStats | undefined): void {
  const at = row * statWidth
  if (stat === undefined) {
    target[at] = absent
    return
  }
  target[at] = stat.size
  target[at + mtimeColumn] = stat.mtimeNs
  target[at + ctimeColumn] = stat.ctimeNs
  target[at + inodeColumn] = stat.ino
  target[at + modeColumn] = stat.mode
}

const typeMask = 0o170000n
export const isRegular = (mode: bigint): boolean => (mode & typeMask) === 0o100000n
export const isLink = (mode: bigint): boolean => (mode & typeMask) === 0o120000n
export const isExecutable = (mode: bigint): boolean => (mode & 0o100n) !== 0n

/** The stat, or undefined where nothing is there: no such name, or a file where a directory of the path should be. */
export function statIfThere(path: string, follow = false): BigIntStats | undefined {
  try {
    return (follow ? statSync : lstatSync)(path, { bigint: true, throwIfNoEntry: false })
  } catch (error) {
    if (systemCode(error) === 'ENOTDIR') return undefined // Node's own option knows ENOENT alone
    throw error
  }
}

export interface StatFilesArgs {
  /** Put before each name, with a `/` between. */
  readonly directory: string
  /** Joined by NUL: one string crosses threads faster than many. */
  readonly names: string
  /** Whether a symbolic link stands for what it leads to. */
  readonly follow?: boolean
}

/** `lstat` of many files; a missing one has `absent` as its size. */
export const statFilesJob = {
  name: 'sys.stat-files',
  run: ({ directory, names, follow = false }: StatFilesArgs) => {
    const list = names.split('\0')
    const stats = new BigInt64Array(list.length * statWidth)
    for (let row = 0; row < list.length; row++) writeStat(stats, row, statIfThere(`${directory}/${list[row]}`, follow))
    return stats
  },
  transfer: (stats: BigInt64Array) => [stats.buffer],
} satisfies Job<StatFilesArgs, BigInt64Array>
