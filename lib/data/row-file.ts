// A file of rows, written as they come and never whole in memory. It has its name only when it is whole: until then it is
// a temporary file of the caller's, which is gone after any error.

import { type FileHandle, open, rm } from 'node:fs/promises'
import type { Digest } from '../core/digest.js'
import { fromSystemError } from '../core/errors.js'
import { createHasher, finishDigest } from '../sys/hash.js'
import type { Batch, Column } from './connection.js'
import { csvHead, csvLines } from './csv.js'

export interface WrittenRows {
  readonly rows: number
  readonly columns: readonly Column[]
  /** Bytes. */
  readonly size: number
  readonly digest: Digest
}

export interface RowFileOptions {
  /** What the file will be called, for messages. */
  readonly goal: string
  /** Called before anything is written. */
  readonly check: (columns: readonly Column[]) => void
  /** Bytes that were written since the last call. */
  readonly onBytes: (bytes: number) => void
}

/** Characters that are gathered for one write. */
const writeSize = 1 << 20

/** All rows as CSV into a new file. Throws what the rows throw, and system errors with the goal's name. */
export async function writeCsv(
  batches: AsyncIterable<Batch>,
  file: string,
  options: RowFileOptions,
): Promise<WrittenRows> {
  const handle = await opened(file, options.goal)
  try {
    return await writeAll(batches, handle, options)
  } catch (error) {
    await rm(file, { force: true })
    throw error
  } finally {
    await handle.close()
  }
}

async function opened(file: string, goal: string): Promise<FileHandle> {
  try {
    return await open(file, 'wx')
  } catch (error) {
    throw fromSystemError(error, goal)
  }
}

async function writeAll(
  batches: AsyncIterable<Batch>,
  handle: FileHandle,
  options: RowFileOptions,
): Promise<WrittenRows> {
  const hasher = createHasher()
  let [rows, size, text] = [0, 0, '']
  let columns: readonly Column[] | undefined
  const flush = async (): Promise<void> => {
    const bytes = Buffer.from(text)
    text = ''
    await writeBytes(handle, bytes, options.goal)
    hasher.update(bytes)
    size += bytes.length
    options.onBytes(bytes.length)
  }
  for await (const batch of batches) {
    if (columns === undefined) {
      columns = batch.columns
      options.check(columns)
      text = csvHead(columns)
    }
    text += csvLines(batch.rows)
    rows += batch.rows.length
    if (text.length >= writeSize) await flush()
  }
  await flush()
  return { rows, columns: columns ?? [], size, digest: finishDigest(hasher) }
}

async function writeBytes(handle: FileHandle, bytes: Buffer, goal: string): Promise<void> {
  try {
    for (let at = 0; at < bytes.length; ) at += (await handle.write(bytes, at)).bytesWritten
  } catch (error) {
    throw fromSystemError(error, goal)
  }
}
