// LMDB: the one store for what may be deleted without loss (stat index, chunk index). Many processes may read and write
// at once; a process that dies in a transaction leaves the state before it.

import { closeSync, existsSync, linkSync, mkdirSync, openSync, readSync, rmSync, statSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { DdvError, fromSystemError, systemCode } from '../core/errors.js'
import { writeNewFile } from './fs.js'
import { randomName } from './random.js'

const require = createRequire(import.meta.url)

export interface Kv {
  /** The stored bytes, copied out of the map, or undefined. */
  get(key: string | Buffer): Buffer | undefined
  has(key: string | Buffer): boolean
  /** Keys that start with the prefix, in byte order. */
  keys(prefix: string): Iterable<string>
  /** All puts and removes of `change` in one transaction, seen by all or none; durable when it returns. */
  write(change: (batch: KvBatch) => void): void
  close(): Promise<void>
}

export interface KvBatch {
  put(key: string | Buffer, value: Uint8Array): void
  remove(key: string | Buffer): void
}

/** Opens or makes the store in this directory. A store that is damaged is deleted and made anew: nothing in it is the only copy. */
export function openKv(directory: string): Kv {
  if (!looksWhole(join(directory, 'data.mdb'))) rmSync(directory, { recursive: true, force: true })
  return open(directory)
}

// LMDB takes a file for granted: garbage, or an end that is missing, kills the process by SIGSEGV or SIGBUS. So its two
// meta pages are looked at first (mdb.c, MDB_meta: magic at 24 of a page, version at 28, page size at 48, last page at
// 144, transaction at 152). The newer one says how long the file is.
function looksWhole(file: string): boolean {
  const stat = statSync(file, { throwIfNoEntry: false })
  if (stat === undefined || stat.size === 0) return true // to be made
  const head = readHead(file, 65536 + metaSize)
  const pageSize = head.length < metaSize ? 0 : head.readUInt32LE(48)
  if (pageSize < 256 || pageSize > 65536 || head.length < pageSize + metaSize) return false
  const metas = [head, head.subarray(pageSize)]
  if (metas.some(meta => meta.readUInt32LE(24) !== 0xbeefc0de || meta.readUInt32LE(28) !== 2)) return false
  const newer = metas.reduce((a, b) => (b.readBigUInt64LE(152) > a.readBigUInt64LE(152) ? b : a))
  return BigInt(stat.size) >= (newer.readBigUInt64LE(144) + 1n) * BigInt(pageSize)
}

const metaSize = 160

function readHead(file: string, length: number): Buffer {
  const fd = openSync(file, 'r')
  try {
    const buffer = Buffer.alloc(length)
    return buffer.subarray(0, readSync(fd, buffer, 0, length, 0))
  } finally {
    closeSync(fd)
  }
}

type Lmdb = typeof import('lmdb')

// Its errors carry no code, only the words of strerror.
function openDatabase(lmdb: Lmdb, path: string): ReturnType<typeof lmdb.open<Buffer, string | Buffer>> {
  try {
    return lmdb.open<Buffer, string | Buffer>({ path, encoding: 'binary', keyEncoding: 'binary', noSubdir: false })
  } catch (cause) {
    const reason =
      cause instanceof Error ? /^(permission denied|read-only file system)/i.exec(cause.message)?.[1] : undefined
    if (reason === undefined) throw cause
    throw new DdvError('permission', `${reason.toLowerCase()}: ${path}`, { cause })
  }
}

function open(directory: string): Kv {
  mkdirSync(directory, { recursive: true })
  makeRoom(directory)
  // Loaded here: 20 ms that commands which never look into an index do not pay.
  const lmdb = require('lmdb') as Lmdb
  const db = openDatabase(lmdb, directory)
  const toKey = (key: string | Buffer): Buffer => (typeof key === 'string' ? Buffer.from(key) : key)
  return {
    get: key => db.get(toKey(key)),
    has: key => db.doesExist(toKey(key)),
    *keys(prefix) {
      const start = Buffer.from(prefix)
      const end = Buffer.concat([start, Buffer.alloc(1, 0xff)])
      for (const key of db.getKeys({ start, end })) yield key.toString()
    },
    write: change => {
      try {
        db.transactionSync(() =>
          change({
            put: (key, value) =>
              void db.putSync(toKey(key), Buffer.from(value.buffer, value.byteOffset, value.byteLength)),
            remove: key => void db.removeSync(toKey(key)),
          }),
        )
      } catch (error) {
        throw writeError(error, directory)
      }
    },
    close: () => db.close(),
  }
}

/** Bytes; LMDB takes 8,272 and no more than there are. */
const lockFileSize = 12_288
/** What a new store takes for a start, and more. */
const roomNeeded = 65_536

// On a full disk LMDB dies (SIGBUS, SIGSEGV) where it makes a store: its lock file is sparse and written to through a
// memory map, and the failed first write of its data is not heeded. So the lock file's blocks are taken beforehand,
// under another name since a file that is there may be in use; and for the data it is looked whether there is room.
function makeRoom(directory: string): void {
  const lock = join(directory, 'lock.mdb')
  const isNew = (statSync(join(directory, 'data.mdb'), { throwIfNoEntry: false })?.size ?? 0) === 0
  if (!isNew && existsSync(lock)) return
  const temporary = `${lock}.${randomName()}`
  try {
    writeNewFile(temporary, new Uint8Array(lockFileSize))
    if (!existsSync(lock)) linkSync(temporary, lock)
    rmSync(temporary)
    if (isNew) writeNewFile(temporary, new Uint8Array(roomNeeded))
  } catch (error) {
    const code = systemCode(error)
    if (code === 'ENOSPC' || code === 'EDQUOT') throw fromSystemError(error, lock)
    // Another was faster, or there are no hard links here: LMDB makes it then.
  } finally {
    rmSync(temporary, { force: true })
  }
}

/** LMDB gives the system's number of an error: 5 EIO, 28 ENOSPC, 122 EDQUOT (of Linux; the others have their own). */
const systemErrors: Readonly<Record<number, string>> = { 5: 'EIO', 28: 'ENOSPC', 122: 'EDQUOT' }

function writeError(error: unknown, directory: string): unknown {
  if (!(error instanceof Error) || !('code' in error) || typeof error.code !== 'number') return error
  const code = systemErrors[error.code]
  return code === undefined ? error : fromSystemError(Object.assign(error, { code }), join(directory, 'data.mdb'))
}
