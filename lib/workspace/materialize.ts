// Writing blobs into the workspace. All new content is first staged below `.ddv/tmp/`, checked against its digest on the
// way, and made durable; only then do files move into place, so that a crash leaves each file old or new, never torn.
// Every copy is hashed, a reflink too: as it is written, or as it lies there. So no note says of a blob that it was whole
// once: it could spare no copy its hashing, only let a link to a blob go without, and there are no links.

import { chmodSync, closeSync, fstatSync, lstatSync, rmdirSync, rmSync } from 'node:fs'
import { type Digest, digestFromBytes } from '../core/digest.js'
import { DdvError, fromSystemError, isDdvError, systemCode, throwIfAborted } from '../core/errors.js'
import type { Control } from '../core/events.js'
import { copyHashed, type OnBytes, reflink } from '../sys/copy.js'
import { discard } from '../sys/durable-renames.js'
import { writeNewFile } from '../sys/fs.js'
import { hashToBytes } from '../sys/hash.js'
import { type BatchFailure, batchError } from '../sys/hash-files.js'
import type { Job, Pool } from '../sys/pool.js'
import { batchesBySize, openRegular, readUpTo, sharedReadBuffer, worthThreads } from '../sys/read-stable.js'
import { statIfThere } from '../sys/stats.js'

export interface WriteFile {
  /** Absolute path of the blob. */
  readonly blob: string
  readonly digest: Digest
  readonly size: number
  readonly executable: boolean
  /** Where it is staged; a name of `newTemporary` unless told. */
  readonly temporary?: string | undefined
}

export interface StageOptions {
  readonly pool: Pool
  /** A new path on the workspace's file system, with nothing there yet; `-<n>` may be put behind it. */
  readonly newTemporary: () => string
  /** Whether to share blocks with the blob where the file system can. */
  readonly reflink: boolean
}

export interface StageFailure {
  readonly row: number
  readonly error: DdvError
}

export interface Staged {
  /** The staged file for each row, undefined where it failed. */
  readonly temporaries: readonly (string | undefined)[]
  /** `missing`: no such blob, or something in its place that is no file. `corrupt`: its bytes are not those of its name. Others: the system's. */
  readonly failures: readonly StageFailure[]
}

/** Copies the blobs into temporary files. A full disk and an interruption throw, with nothing left behind. */
export async function stageFiles(
  files: readonly WriteFile[],
  options: StageOptions,
  control: Control,
): Promise<Staged> {
  const temporaries: (string | undefined)[] = new Array(files.length).fill(undefined)
  const failures: StageFailure[] = []
  const stageSmall = async (rows: readonly number[]): Promise<void> => {
    const { signal } = control
    throwIfAborted(signal)
    const prefix = options.newTemporary()
    const args = { prefix, reflink: options.reflink, files: rows.map(row => files[row] as WriteFile) }
    const failed = await (files.length < worthThreads
      ? stageJob.run(args)
      : options.pool.run(stageJob, args, { signal }))
    rows.forEach((row, i) => {
      temporaries[row] = temporaryOf(files[row] as WriteFile, prefix, i)
    })
    for (const failure of failed) {
      const row = rows[failure.index] as number
      temporaries[row] = undefined
      failures.push({ row, error: batchError(failure) })
    }
    const bytes = rows.reduce((sum, row) => sum + (files[row] as WriteFile).size, 0)
    control.onEvent?.({ type: 'done', phase: 'write', files: rows.length, bytes })
  }
  const { small, large } = batchesBySize(files.length, row => (files[row] as WriteFile).size)
  try {
    const results = await Promise.allSettled(small.map(stageSmall))
    for (const result of results) if (result.status === 'rejected') throw result.reason
    for (const row of large) {
      throwIfAborted(control.signal)
      const file = files[row] as WriteFile
      const temporary = file.temporary ?? `${options.newTemporary()}-0`
      temporaries[row] = temporary
      let told = 0
      const onBytes = (bytes: number): void => {
        throwIfAborted(control.signal)
        told += bytes
        control.onEvent?.({ type: 'done', phase: 'write', files: 0, bytes })
      }
      try {
        await stageLarge(file, temporary, { ...options, onBytes })
      } catch (error) {
        temporaries[row] = undefined
        failures.push({ row, error: stageError(error, file) })
      }
      control.onEvent?.({ type: 'done', phase: 'write', files: 1, bytes: file.size - told })
    }
    const fatal = failures.find(failure => isDdvError(failure.error, 'no-space'))
    if (fatal !== undefined) throw fatal.error
  } catch (error) {
    discard(temporaries.filter(t => t !== undefined))
    throw error
  }
  return { temporaries, failures }
}

async function stageLarge(
  file: WriteFile,
  temporary: string,
  { pool, onBytes }: StageOptions & { readonly onBytes: OnBytes },
): Promise<void> {
  refuseStrange(file)
  const { digest, size } = await copyHashed(file.blob, temporary, pool, onBytes)
  try {
    checkContent(file, digest, size)
  } catch (error) {
    discard([temporary])
    throw error
  }
  chmodSync(temporary, fileMode(file.executable))
}

// A blob that hashes to its name is whole: where its size is another than expected, it is the pointer that is wrong.
function checkContent(file: WriteFile, digest: Digest, size: number): void {
  if (digest !== file.digest) throw corrupt(file)
  if (size !== file.size)
    throw new DdvError('bad-pointer', `pointer gives a size of ${file.size} bytes to a blob of ${size}: ${digest}`, {
      hint: 'restore the pointer from git',
    })
}

// What `open` would give a new file: the umask is applied by hand, since a copy brings the blob's mode with it.
const fileMode = (executable: boolean): number => (executable ? 0o777 : 0o666) & ~process.umask()

const corrupt = (file: WriteFile): DdvError => new DdvError('corrupt', `blob does not hash to its name: ${file.digest}`)

const missing = (file: WriteFile): DdvError => new DdvError('missing', `blob is not in the cache: ${file.digest}`)

// A pipe would be waited for, a device never end, a link lead elsewhere.
function refuseStrange(file: WriteFile): void {
  if (statIfThere(file.blob)?.isFile() !== true) throw missing(file)
}

function stageError(error: unknown, file: WriteFile): DdvError {
  if (systemCode(error) === 'ENOENT') return missing(file)
  const shown = fromSystemError(error, file.blob)
  if (!isDdvError(shown)) throw shown
  return shown
}

const temporaryOf = (file: WriteFile, prefix: string, index: number): string => file.temporary ?? `${prefix}-${index}`

interface StageArgs {
  readonly prefix: string
  readonly reflink: boolean
  readonly files: readonly WriteFile[]
}

export const stageJob = {
  name: 'workspace.stage',
  run: ({ prefix, reflink: share, files }) => {
    const failures: BatchFailure[] = []
    const buffer = sharedReadBuffer()
    files.forEach((file, index) => {
      const temporary = temporaryOf(file, prefix, index)
      try {
        stageOne(file, temporary, { buffer, share })
      } catch (error) {
        const { code, message, hint } = stageError(error, file)
        rmSync(temporary, { force: true })
        failures.push({ index, code, message, hint })
      }
    })
    return failures
  },
} satisfies Job<StageArgs, BatchFailure[]>

function stageOne(file: WriteFile, temporary: string, { buffer, share }: { buffer: Buffer; share: boolean }): void {
  // A shared copy is hashed itself; a plain one is written from the bytes that were hashed.
  const worthSharing = share && file.size > 4096
  if (worthSharing) refuseStrange(file)
  const shared = worthSharing && reflink(file.blob, temporary)
  const bytes = readWhole(shared ? temporary : file.blob, buffer)
  if (bytes === undefined) throw missing(file)
  checkContent(file, digestFromBytes(hashToBytes(bytes)), bytes.length)
  if (shared) chmodSync(temporary, fileMode(file.executable))
  else writeNewFile(temporary, bytes, { mode: file.executable ? 0o777 : 0o666 })
}

function readWhole(path: string, buffer: Buffer): Buffer | undefined {
  const fd = openRegular(path)
  if (fd === undefined) return undefined
  try {
    return buffer.subarray(0, readUpTo(fd, buffer, fstatSync(fd).size))
  } finally {
    closeSync(fd)
  }
}

/** Removes a file or link if it is still there. */
export const removeFile = (path: string): void => rmSync(path, { force: true })

/** Removes the directory if nothing is in it and no file system is mounted there; says whether it is gone. */
export function removeIfEmpty(path: string): boolean {
  try {
    rmdirSync(path)
    return true
  } catch (error) {
    const code = systemCode(error)
    if (code === 'ENOENT') return true
    if (code === 'ENOTEMPTY' || code === 'EEXIST' || code === 'ENOTDIR' || code === 'EBUSY') return false
    throw error
  }
}

/** Sets or clears the executable bits, as far as the file is readable to each. */
export function setExecutable(path: string, executable: boolean): void {
  const { mode } = lstatSync(path)
  chmodSync(path, executable ? mode | ((mode & 0o444) >> 2) : mode & ~0o111)
}
