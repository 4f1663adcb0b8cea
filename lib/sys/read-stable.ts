// Reading whole files in one state, and cutting long lists of files into jobs.

import { closeSync, constants, fstatSync, openSync, readFileSync, readSync } from 'node:fs'
import { DdvError, systemCode } from '../core/errors.js'
import { displayPath } from '../core/tree-path.js'
import { wholeReadLimit } from './copy.js'
import { ctimeColumn, inodeColumn, mtimeColumn, sizeColumn, statWidth, writeStat } from './stats.js'

let readBuffer: Buffer | undefined
/**
 * This thread's buffer for `readStable`, valid until the next read: one byte more than is ever read whole, so that growth
 * shows. One a thread, since 8 MiB a job would keep the collector busy.
 */
export function sharedReadBuffer(): Buffer {
  readBuffer ??= Buffer.allocUnsafeSlow(wholeReadLimit + 1)
  return readBuffer
}

/** Opens without waiting, since what was a file a moment ago may be a pipe that nobody writes to. */
export const openForReading = (path: string, follow: boolean): number =>
  openSync(path, constants.O_RDONLY | nonBlocking | (follow ? 0 : constants.O_NOFOLLOW))

const nonBlocking = constants.O_NONBLOCK ?? 0 // Windows has none

/**
 * For files that ddv made, by whose names a stranger may have put anything. undefined where no regular file has this
 * name: nothing, a link, a pipe, a socket, a device, a directory. Never waits.
 */
export function openRegular(path: string): number | undefined {
  let fd: number
  try {
    fd = openForReading(path, false)
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', 'ELOOP', 'ENXIO', 'ENODEV'].includes(systemCode(error) ?? '')) return undefined
    throw error
  }
  if (fstatSync(fd).isFile()) return fd
  closeSync(fd)
  return undefined
}

/** All of such a file. */
export function readRegular(path: string): Buffer | undefined {
  const fd = openRegular(path)
  if (fd === undefined) return undefined
  try {
    return readFileSync(fd)
  } finally {
    closeSync(fd)
  }
}

/** `directory/name`, or the directory itself for the name ''. */
export const joinName = (directory: string, name: string): string => (name === '' ? directory : `${directory}/${name}`)

/** The file's columns by its open descriptor. */
export function readStat(path: string, follow: boolean): BigInt64Array {
  const columns = new BigInt64Array(statWidth)
  const fd = openForReading(path, follow)
  try {
    writeStat(columns, 0, fstatSync(fd, { bigint: true }))
  } finally {
    closeSync(fd)
  }
  return columns
}

/** Whether two stats of one file say that nothing was written between them. */
export const isSameState = (a: BigInt64Array, b: BigInt64Array): boolean =>
  a[sizeColumn] === b[sizeColumn] &&
  a[mtimeColumn] === b[mtimeColumn] &&
  a[ctimeColumn] === b[ctimeColumn] &&
  a[inodeColumn] === b[inodeColumn]

export const changedError = (path: string): DdvError =>
  new DdvError('changed', `changed while it was read: ${displayPath(path)}`, {
    hint: 'let whatever writes there finish, then run the same command again',
  })

export interface ReadStableOptions {
  readonly follow: boolean
  /** Where the columns of the state that was read go. */
  readonly stats: BigInt64Array
  readonly row: number
}

/**
 * The bytes of a file of at most `wholeReadLimit`, as a part of `buffer`. A stat before and one after, both by the open
 * file: equal ones, with the size that was read, make it one state. Throws `changed`, or the system's error.
 */
export function readStable(path: string, buffer: Buffer, { follow, stats, row }: ReadStableOptions): Buffer {
  const fd = openForReading(path, follow)
  try {
    const before = new BigInt64Array(statWidth)
    const stat = fstatSync(fd, { bigint: true })
    if (stat.isFIFO() || stat.isSocket() || stat.isCharacterDevice())
      throw new DdvError('io', `is neither a file nor a directory: ${displayPath(path)}`)
    writeStat(before, 0, stat)
    const length = readUpTo(fd, buffer, Number(before[sizeColumn]))
    writeStat(stats, row, fstatSync(fd, { bigint: true }))
    const after = stats.subarray(row * statWidth, (row + 1) * statWidth)
    if (!isSameState(before, after) || BigInt(length) !== before[sizeColumn]) throw changedError(path)
    return buffer.subarray(0, length)
  } finally {
    closeSync(fd)
  }
}

/**
 * Reads from the file's start until so many bytes are there, the file ends, or the buffer is full; bytes read. That
 * nothing follows is for a stat or a digest to tell: a read only to see the end is a fifth of the calls a small file costs.
 */
export function readUpTo(fd: number, buffer: Buffer, size: number): number {
  const wanted = Math.min(size, buffer.length)
  let length = 0
  for (let count = -1; count !== 0 && length < wanted; length += count)
    count = readSync(fd, buffer, length, wanted - length, null)
  return length
}

const batchFiles = 512
const batchBytes = 32 * 1024 * 1024

/** Fewer files than this are done before a thread has started (20 ms). */
export const worthThreads = 17

export interface Batches {
  /** Rows of files that are read whole, in groups of at most 512 files or 32 MiB. */
  readonly small: readonly (readonly number[])[]
  readonly large: readonly number[]
}

export function batchesBySize(count: number, sizeOf: (row: number) => number): Batches {
  const small: number[][] = []
  const large: number[] = []
  let bytes = 0
  for (let row = 0; row < count; row++) {
    const size = sizeOf(row)
    if (size > wholeReadLimit) {
      large.push(row)
      continue
    }
    const last = small.at(-1)
    if (last === undefined || bytes + size > batchBytes || last.length >= batchFiles) {
      small.push([row])
      bytes = size
    } else {
      last.push(row)
      bytes += size
    }
  }
  return { small, large }
}
