// Writing one file so that a reader, or a crash, sees the old bytes or the new ones and nothing between.

import { closeSync, fsyncSync, mkdirSync, openSync, renameSync, rmSync, writeSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { systemCode } from '../core/errors.js'
import { randomName } from './random.js'

export interface WriteOptions {
  /** Permission bits before the umask; 0o666 unless told. */
  readonly mode?: number
  /** Bytes, then name, on the disk when this returns; true unless told. */
  readonly durable?: boolean
  /** A directory on the same file system for the temporary file; beside the target unless told. */
  readonly temporary?: string
}

/** Replaces or makes the file. Throws system errors; then the old file stands and no temporary one is left. */
export function writeFileAtomic(file: string, bytes: string | Uint8Array, options: WriteOptions = {}): void {
  const { mode = 0o666, durable = true } = options
  const temporary = join(options.temporary ?? dirname(file), `.${basename(file).slice(0, 100)}.${randomName()}`)
  try {
    writeNewFile(temporary, bytes, { mode, durable })
    renameSync(temporary, file)
  } catch (error) {
    rmSync(temporary, { force: true })
    if (options.temporary === undefined || systemCode(error) !== 'EXDEV') throw error
    // The directory for temporary files is on another file system after all.
    writeFileAtomic(file, bytes, { mode, durable })
    return
  }
  if (durable) syncDirectory(dirname(file))
}

/** Makes a file that must not be there yet, and never follows a link to do it. An error leaves none. */
export function writeNewFile(
  file: string,
  bytes: string | Uint8Array,
  { mode = 0o666, durable = false }: Pick<WriteOptions, 'mode' | 'durable'> = {},
): void {
  const data = typeof bytes === 'string' ? Buffer.from(bytes) : bytes
  const fd = openSync(file, 'wx', mode)
  try {
    writeAndClose(fd, data, durable)
  } catch (error) {
    rmSync(file, { force: true })
    throw error
  }
}

function writeAndClose(fd: number, data: Uint8Array, durable: boolean): void {
  try {
    for (let at = 0; at < data.length; ) at += writeSync(fd, data, at)
    if (durable) fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
}

/** Makes the names in a directory durable. Windows cannot open directories and needs none of it. */
export function syncDirectory(directory: string): void {
  if (process.platform === 'win32') return
  const fd = openSync(directory, 'r')
  try {
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
}

/** Makes the directory and its missing parents, and their names durable. */
export function makeDirectoryDurable(directory: string): void {
  const first = mkdirSync(directory, { recursive: true })
  if (first === undefined) return
  for (let at = directory; at.length >= first.length; at = dirname(at)) syncDirectory(dirname(at))
}
