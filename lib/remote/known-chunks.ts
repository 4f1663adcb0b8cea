// Which chunks are known to be on a remote: the tables of packs seen, in the local index. It only ever saves sending
// bytes again: it may be deleted, be old, or lie. What it says is confirmed in a pack's table, and no recipe names a
// pack by it that was not claimed and then seen on the remote (reuse.ts).
//
// Keys, all with the first 8 bytes of the hash of the remote's URL:
//   c <url> <first 8 bytes of a chunk's digest> → first 8 bytes of the pack's digest, row u32
//   p <url> <first 8 bytes of a pack's digest>  → digest (32), size u32, table offset u32, group (8), rows of the table
//   s <url> <first 8 bytes of a pack's digest>  → digest (32), size u32, when it was last seen there (f64, ms)
//   m <url> <name>                              → when this was last true (f64, ms)

import { type Digest, digestFromBytes, digestToBytes } from '../core/digest.js'
import { isDdvError } from '../core/errors.js'
import { checkTable, type PackInfo, type PackTable, rowDigest, rowsOf, tableRowSize } from '../core/pack.js'
import { hashToBytes } from '../sys/hash.js'
import type { Kv, KvBatch } from '../sys/kv.js'

export interface KnownPack {
  readonly info: PackInfo
  readonly table: PackTable
  /** Packs that one push sent, or that one recipe names, have the same: who meets one will meet the others. */
  readonly group: string
}

export interface KnownChunk {
  readonly pack: KnownPack
  readonly row: number
}

const headSize = 48
/** Dirty pages stay in memory until a transaction ends: in a large index each new chunk dirties a page of its own. */
const rowsAtOnce = 8192
const cachedBytes = 16_777_216

const latin = (tag: string): Buffer => Buffer.from(tag, 'latin1')

export class KnownChunks {
  readonly #kv: Kv
  readonly #remote: Buffer
  /** In the order of their last use. */
  readonly #cache = new Map<string, KnownPack>()
  #cached = 0
  #last: KnownChunk | undefined

  constructor(kv: Kv, url: string) {
    this.#kv = kv
    this.#remote = Buffer.from(hashToBytes(Buffer.from(url)).subarray(0, 8))
  }

  /** `digest`: 32 bytes. A chunk that stands behind the one found last is found without a look into the store. */
  find(digest: Buffer): KnownChunk | undefined {
    const last = this.#last
    if (last !== undefined && holds(last.pack, last.row + 1, digest)) {
      this.#last = { pack: last.pack, row: last.row + 1 }
      return this.#last
    }
    const value = this.#kv.get(this.#key('c', digest))
    if (value?.length !== 12) return undefined
    const pack = this.#load(value.subarray(0, 8))
    const row = value.readUInt32LE(8)
    if (pack === undefined || !holds(pack, row, digest)) return undefined
    this.#last = { pack, row }
    return this.#last
  }

  pack(digest: Digest): KnownPack | undefined {
    const pack = this.#load(digestToBytes(digest).subarray(0, 8))
    return pack?.info.digest === digest ? pack : undefined
  }

  /** All packs of a group, tables not loaded. */
  *packsOf(group: string): Generator<PackInfo> {
    for (const { digest, size, tableOffset } of this.#groups().get(group) ?? []) yield { digest, size, tableOffset }
  }

  #groupIndex: Map<string, PackInfo[]> | undefined

  // Read once, when a pack of an earlier push is first met.
  #groups(): Map<string, PackInfo[]> {
    if (this.#groupIndex !== undefined) return this.#groupIndex
    const groups = new Map<string, PackInfo[]>()
    const prefix = `g${this.#remote.toString('hex')}`
    for (const key of this.#kv.keys(prefix)) {
      const value = this.#kv.get(key)
      if (value?.length !== headSize) continue
      const group = value.toString('hex', 40, 48)
      const list = groups.get(group) ?? []
      list.push(infoOf(value))
      groups.set(group, list)
    }
    this.#groupIndex = groups
    return groups
  }

  /** Written down before the call returns. The pack's own record comes last: chunks that name no pack are not found. */
  add(info: PackInfo, rows: Uint8Array, group: string): void {
    const digest = digestToBytes(info.digest)
    const table = Buffer.from(rows.buffer, rows.byteOffset, rows.byteLength)
    const count = table.length / tableRowSize
    const head = headOf(info, group)
    for (let first = 0; first < count; first += rowsAtOnce) {
      const end = Math.min(count, first + rowsAtOnce)
      this.#kv.write(batch => {
        for (let row = first; row < end; row++) this.#putChunk(batch, table, { row, pack: digest })
        if (end < count) return
        batch.put(this.#key('p', digest), Buffer.concat([head, table]))
        batch.put(this.#groupKey(digest), head)
        batch.put(this.#key('s', digest), seenValue(info))
      })
    }
    this.#groupIndex = undefined
  }

  #putChunk(batch: KvBatch, table: Buffer, { row, pack }: { row: number; pack: Buffer }): void {
    const value = Buffer.allocUnsafe(12)
    pack.copy(value, 0, 0, 8)
    value.writeUInt32LE(row, 8)
    batch.put(this.#key('c', table.subarray(row * tableRowSize, row * tableRowSize + 8)), value)
  }

  /** For packs that are gone from the remote or are about to be. */
  remove(packs: Iterable<Digest>): void {
    this.#kv.write(batch => {
      for (const digest of packs) {
        const bytes = digestToBytes(digest)
        const cached = this.#cache.get(bytes.toString('hex', 0, 8))
        if (cached !== undefined) this.#drop(cached)
        for (const key of [this.#key('p', bytes), this.#groupKey(bytes), this.#key('s', bytes)]) batch.remove(key)
      }
    })
    this.#last = undefined
    this.#groupIndex = undefined
  }

  /** Whether this pack, with this size, was seen on the remote less than `maxAge` milliseconds ago. */
  seen({ digest, size }: Pick<PackInfo, 'digest' | 'size'>, maxAge: number): boolean {
    const bytes = digestToBytes(digest)
    const value = this.#kv.get(this.#key('s', bytes))
    if (value?.length !== 44 || !value.subarray(0, 32).equals(bytes) || value.readUInt32LE(32) !== size) return false
    return isRecent(value.readDoubleLE(36), maxAge)
  }

  noteSeen(packs: Iterable<Pick<PackInfo, 'digest' | 'size'>>): void {
    this.#kv.write(batch => {
      for (const pack of packs) batch.put(this.#key('s', digestToBytes(pack.digest)), seenValue(pack))
    })
  }

  /** Whether `noteTrue(name)` was said less than `maxAge` milliseconds ago. */
  wasTrue(name: string, maxAge: number): boolean {
    const value = this.#kv.get(this.#noteKey(name))
    return value?.length === 8 && isRecent(value.readDoubleLE(0), maxAge)
  }

  noteTrue(name: string): void {
    const value = Buffer.alloc(8)
    value.writeDoubleLE(Date.now())
    this.#kv.write(batch => batch.put(this.#noteKey(name), value))
  }

  #noteKey(name: string): Buffer {
    return Buffer.concat([latin('m'), this.#remote, Buffer.from(name)])
  }

  #key(tag: string, digest: Buffer): Buffer {
    const key = Buffer.allocUnsafe(17)
    key.writeUInt8(tag.charCodeAt(0), 0)
    this.#remote.copy(key, 1)
    digest.copy(key, 9, 0, 8)
    return key
  }

  #groupKey(digest: Buffer): string {
    return `g${this.#remote.toString('hex')}${digest.toString('hex', 0, 8)}`
  }

  #load(prefix: Buffer): KnownPack | undefined {
    const name = prefix.toString('hex', 0, 8)
    const cached = this.#cache.get(name)
    if (cached !== undefined) {
      this.#cache.delete(name)
      this.#cache.set(name, cached)
      return cached
    }
    const value = this.#kv.get(this.#key('p', prefix))
    const pack = value === undefined ? undefined : decodePack(value)
    if (pack !== undefined) this.#remember(name, pack)
    return pack
  }

  #remember(name: string, pack: KnownPack): void {
    this.#cache.set(name, pack)
    this.#cached += pack.table.rows.length
    for (const oldest of this.#cache.values()) {
      if (this.#cached <= cachedBytes || oldest === pack) return
      this.#drop(oldest)
    }
  }

  #drop(pack: KnownPack): void {
    this.#cache.delete(pack.info.digest.slice(0, 16))
    this.#cached -= pack.table.rows.length
  }
}

const holds = (pack: KnownPack, row: number, digest: Buffer): boolean =>
  row < pack.table.count && rowDigest(pack.table, row).equals(digest)

function isRecent(then: number, maxAge: number): boolean {
  const age = Date.now() - then
  return age >= 0 && age < maxAge
}

function headOf(info: PackInfo, group: string): Buffer {
  const head = Buffer.alloc(headSize)
  digestToBytes(info.digest).copy(head)
  head.writeUInt32LE(info.size, 32)
  head.writeUInt32LE(info.tableOffset, 36)
  head.write(group, 40, 8, 'hex')
  return head
}

const infoOf = (value: Buffer): PackInfo => ({
  digest: digestFromBytes(value.subarray(0, 32)),
  size: value.readUInt32LE(32),
  tableOffset: value.readUInt32LE(36),
})

function decodePack(value: Buffer): KnownPack | undefined {
  if (value.length <= headSize) return undefined
  const info = infoOf(value)
  const rows = value.subarray(headSize)
  const count = rows.length / tableRowSize
  if (rowsOf(info) !== count) return undefined
  try {
    const table = checkTable({ rows, count, end: info.tableOffset }, 'chunk index')
    return { info, table, group: value.toString('hex', 40, 48) }
  } catch (error) {
    if (isDdvError(error, 'corrupt')) return undefined
    throw error
  }
}

function seenValue({ digest, size }: Pick<PackInfo, 'digest' | 'size'>): Buffer {
  const value = Buffer.alloc(44)
  digestToBytes(digest).copy(value)
  value.writeUInt32LE(size, 32)
  value.writeDoubleLE(Date.now(), 36)
  return value
}
