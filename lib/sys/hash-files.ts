// Digests of files in the workspace, without storing them: what `status` does with a file whose stat has changed.

import {
  type DdvError,
  type ErrorCode,
  DdvError as Failure,
  fromSystemError,
  isDdvError,
  throwIfAborted,
} from '../core/errors.js'
import type { Control } from '../core/events.js'
import { displayPath } from '../core/tree-path.js'
import { hashFileJob } from './copy.js'
import { hashToBytes } from './hash.js'
import type { Job, Pool } from './pool.js'
import {
  batchesBySize,
  changedError,
  isSameState,
  joinName,
  readStable,
  readStat,
  sharedReadBuffer,
  worthThreads,
} from './read-stable.js'
import { sizeColumn, statWidth } from './stats.js'

/** Files of one directory: relative names ('' for a file output itself) and `statWidth` columns each. */
export interface FileList {
  readonly directory: string
  readonly names: readonly string[]
  readonly stats: BigInt64Array
  /** Whether a symbolic link stands for its target, which was checked before. */
  readonly follow: boolean
}

export interface FileFailure {
  readonly name: string
  readonly error: DdvError
}

export interface FileDigests {
  /** 32 bytes a name, zero where it failed. */
  readonly digests: Buffer
  /** Stats taken around the reading: what the stat index may remember. */
  readonly stats: BigInt64Array
  readonly failures: readonly FileFailure[]
}

export const sizeOfRow = (stats: BigInt64Array, row: number): number => Number(stats[row * statWidth + sizeColumn])

export async function hashFiles(files: FileList, pool: Pool, control: Control): Promise<FileDigests> {
  const { names, directory, follow } = files
  const result = new DigestCollector(files, control)
  const { small, large } = batchesBySize(names.length, row => sizeOfRow(files.stats, row))
  const hashSmall = async (rows: readonly number[]): Promise<void> => {
    const { signal } = control
    throwIfAborted(signal)
    const args = { directory, follow, names: rows.map(row => names[row] as string) }
    result.absorb(
      rows,
      await (names.length < worthThreads ? hashSmallJob.run(args) : pool.run(hashSmallJob, args, { signal })),
    )
  }
  await Promise.all(small.map(hashSmall))
  for (const row of large) {
    throwIfAborted(control.signal)
    const path = joinName(directory, names[row] as string)
    try {
      const before = readStat(path, follow)
      const { digest } = await pool.run(hashFileJob, { path })
      const after = readStat(path, follow)
      if (!isSameState(before, after)) throw changedError(path)
      result.set(row, Buffer.from(digest, 'hex'), { stat: after, told: 0 })
    } catch (error) {
      result.fail(row, error)
    }
  }
  return result
}

/** An error as it crosses threads. */
export interface BatchFailure {
  readonly index: number
  readonly code: ErrorCode
  readonly message: string
  readonly hint: string | undefined
}

/** What jobs over batches of files give back, row by row. */
export interface BatchDigests {
  readonly digests: Uint8Array
  readonly stats: BigInt64Array
  readonly failures: BatchFailure[]
}

export const newBatchDigests = (count: number): BatchDigests => ({
  digests: new Uint8Array(count * 32),
  stats: new BigInt64Array(count * statWidth),
  failures: [],
})

/** Writes down why a file of a batch failed; what is no error of the system or of ours is thrown on. */
export function noteFailure(
  batch: BatchDigests,
  index: number,
  { error, path }: { error: unknown; path: string },
): void {
  const shown = fromSystemError(error, displayPath(path))
  if (!isDdvError(shown)) throw shown
  const { code, message, hint } = shown
  batch.failures.push({ index, code, message, hint })
}

export const batchError = ({ code, message, hint }: BatchFailure): DdvError =>
  new Failure(code, message, hint === undefined ? {} : { hint })

/** Gathers batches into one answer. */
export class DigestCollector implements FileDigests {
  readonly digests: Buffer
  readonly stats: BigInt64Array
  readonly failures: FileFailure[] = []
  readonly #files: FileList
  readonly #control: Control

  constructor(files: FileList, control: Control) {
    this.#files = files
    this.#control = control
    this.digests = Buffer.alloc(files.names.length * 32)
    this.stats = files.stats.slice()
  }

  absorb(rows: readonly number[], batch: BatchDigests): void {
    rows.forEach((row, i) => {
      this.digests.set(batch.digests.subarray(i * 32, i * 32 + 32), row * 32)
      this.stats.set(batch.stats.subarray(i * statWidth, (i + 1) * statWidth), row * statWidth)
    })
    for (const failure of batch.failures) this.fail(rows[failure.index] as number, batchError(failure))
    const bytes = rows.reduce((sum, row) => sum + sizeOfRow(this.stats, row), 0)
    this.#control.onEvent?.({ type: 'done', phase: 'hash', files: rows.length, bytes })
  }

  /** A file by itself; of its bytes so many were told of already. */
  set(row: number, digest: Uint8Array, { stat, told }: { stat: BigInt64Array; told: number }): void {
    this.digests.set(digest, row * 32)
    this.stats.set(stat, row * statWidth)
    this.#control.onEvent?.({ type: 'done', phase: 'hash', files: 1, bytes: sizeOfRow(stat, 0) - told })
  }

  /** A full disk ends everything; any other failure is this file's. */
  fail(row: number, error: unknown): void {
    const name = this.#files.names[row] as string
    const shown = fromSystemError(error, displayPath(joinName(this.#files.directory, name)))
    if (!isDdvError(shown) || isDdvError(shown, 'no-space', 'interrupted')) throw shown
    this.failures.push({ name, error: shown })
  }
}

interface HashSmallArgs {
  readonly directory: string
  readonly names: readonly string[]
  readonly follow: boolean
}

export const hashSmallJob = {
  name: 'sys.hash-small',
  run: ({ directory, names, follow }) => {
    const batch = newBatchDigests(names.length)
    const buffer = sharedReadBuffer()
    names.forEach((name, index) => {
      const path = joinName(directory, name)
      try {
        const bytes = readStable(path, buffer, { follow, stats: batch.stats, row: index })
        batch.digests.set(hashToBytes(bytes), index * 32)
      } catch (error) {
        noteFailure(batch, index, { error, path })
      }
    })
    return batch
  },
} satisfies Job<HashSmallArgs, BatchDigests>
