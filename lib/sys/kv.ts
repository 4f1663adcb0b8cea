// LMDB: the one store for what may be deleted without loss (stat index, chunk index). Many processes may read and write
// at once; a process that dies in a transaction leaves the state before it.

import { mkdirSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'

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

/** Opens or makes the store in this directory. A store that cannot be opened is deleted and made anew: nothing in it is the only copy. */
export function openKv(directory: string): Kv {
  try {
    return open(directory)
  } catch (error) {
    if (!(error instanceof Error) || !/MDB_(INVALID|CORRUPTED|VERSION_MISMATCH|PAGE_NOTFOUND)/.test(error.message))
      throw error
    rmSync(directory, { recursive: true, force: true })
    return open(directory)
  }
}

function open(directory: string): Kv {
  mkdirSync(directory, { recursive: true })
  // Loaded here: 20 ms that commands which never look into an index do not pay.
  const lmdb = require('lmdb') as typeof import('lmdb')
  const db = lmdb.open<Buffer, string | Buffer>({
    path: directory,
    encoding: 'binary',
    keyEncoding: 'binary',
    noSubdir: false,
  })
  const toKey = (key: string | Buffer): Buffer => (typeof key === 'string' ? Buffer.from(key) : key)
  return {
    get: key => db.get(toKey(key)),
    has: key => db.doesExist(toKey(key)),
    *keys(prefix) {
      const start = Buffer.from(prefix)
      const end = Buffer.concat([start, Buffer.alloc(1, 0xff)])
      for (const key of db.getKeys({ start, end })) yield key.toString()
    },
    write: change =>
      db.transactionSync(() =>
        change({
          put: (key, value) =>
            void db.putSync(toKey(key), Buffer.from(value.buffer, value.byteOffset, value.byteLength)),
          remove: key => void db.removeSync(toKey(key)),
        }),
      ),
    close: () => db.close(),
  }
}
