// A cache, a pool and a remote for tests of push and pull: the smallest things that do what upload.ts and download.ts
// ask for.

import { existsSync, mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import { type Digest, digestPath } from '../../lib/core/digest.js'
import { encodeManifest, type ManifestEntry, manifestTotals, sortEntries } from '../../lib/core/manifest.js'
import { parseTreePath } from '../../lib/core/tree-path.js'
import { type BlobSink, type DownloadContext, download, type FetchItem } from '../../lib/remote/download.js'
import { openMemoryRemote } from '../../lib/remote/memory.js'
import type { Key, ObjectEntry, Remote } from '../../lib/remote/remote.js'
import { type PushItem, type UploadContext, upload } from '../../lib/remote/upload.js'
import { hashBytes } from '../../lib/sys/hash.js'
import { type Kv, openKv } from '../../lib/sys/kv.js'
import { openPool, type Pool } from '../../lib/sys/pool.js'

export const openTestPool = (t: Test, size = 2): Pool => {
  const pool = openPool({ entry: new URL('./remote-thread.js', import.meta.url), size })
  t.teardown(() => pool.close())
  return pool
}

/** Bytes that do not shrink and are the same in every run. */
export function noise(length: number, seed: number): Buffer {
  const bytes = Buffer.alloc(length)
  let state = (seed * 2654435761 + 1) >>> 0
  for (let i = 0; i + 4 <= length; i += 4) {
    state ^= state << 13
    state ^= state >>> 17
    state = (state ^ (state << 5)) >>> 0
    bytes.writeUInt32LE(state, i)
  }
  return bytes
}

/** A clone: its cache, chunk index and recipes below one directory. */
export class Clone {
  readonly root: string
  readonly index: Kv

  constructor(t: Test, root: string) {
    this.root = root
    mkdirSync(join(root, 'tmp'), { recursive: true })
    this.index = openKv(join(root, 'index'))
    t.teardown(() => this.index.close())
  }

  readonly blobPath = (digest: Digest): string => join(this.root, 'cache', digestPath(digest))

  add(bytes: Uint8Array): Digest {
    const digest = hashBytes(bytes)
    mkdirSync(join(this.root, 'cache', digest.slice(0, 2)), { recursive: true })
    writeFileSync(this.blobPath(digest), bytes)
    return digest
  }

  addFile(bytes: Uint8Array, label = 'file'): PushItem {
    return { kind: 'file', hash: this.add(bytes), size: bytes.length, label, previous: [] }
  }

  addDirectory(files: Readonly<Record<string, Uint8Array>>, label = 'directory'): PushItem {
    const entries: ManifestEntry[] = Object.entries(files).map(([path, bytes]) => ({
      path: parseTreePath(path),
      digest: this.add(bytes),
      size: bytes.length,
      executable: false,
    }))
    const hash = this.add(encodeManifest(sortEntries(entries)))
    return { kind: 'directory', hash, ...manifestTotals(entries), label, previous: [] }
  }

  has(digest: Digest): boolean {
    return existsSync(this.blobPath(digest))
  }

  read(digest: Digest): Buffer {
    return readFileSync(this.blobPath(digest))
  }

  uploadContext(remote: Remote, pool: Pool, more: Partial<UploadContext> = {}): UploadContext {
    return {
      remote,
      pool,
      blobPath: this.blobPath,
      index: this.index,
      compression: true,
      repository: { id: 'test', url: 'https://example.com/test' },
      concurrency: 4,
      recipes: join(this.root, 'recipes'),
      ...more,
    }
  }

  /** Fails the test where an item did. */
  async push(remote: Remote, pool: Pool, items: readonly PushItem[], more: Partial<UploadContext> = {}) {
    const result = await upload(this.uploadContext(remote, pool, more), items, {})
    for (const { error } of result.items) if (error !== undefined) throw error
    return result
  }

  downloadContext(remote: Remote, pool: Pool): DownloadContext {
    let next = 0
    let batch: { temporary: string; digest: Digest }[] = []
    const sink: BlobSink = {
      has: (digest, size) => statSync(this.blobPath(digest), { throwIfNoEntry: false })?.size === size,
      newTemporary: () => join(this.root, 'tmp', `${process.pid}-${next++}`),
      newPartial: () => join(this.root, 'tmp', `${process.pid}-${next++}`),
      takePartial: digest => {
        const left = join(this.root, 'tmp', digest)
        if (!existsSync(left)) return undefined
        renameSync(left, `${left}-taken`)
        return `${left}-taken`
      },
      leavePartial: (digest, path) => renameSync(path, join(this.root, 'tmp', digest)),
      add: (temporary, digest, size) => {
        const bytes = readFileSync(temporary)
        if (bytes.length !== size || hashBytes(bytes) !== digest) throw new Error('unchecked bytes came to the cache')
        batch.push({ temporary, digest })
      },
      commit: async () => {
        for (const { temporary, digest } of batch) {
          mkdirSync(join(this.root, 'cache', digest.slice(0, 2)), { recursive: true })
          renameSync(temporary, this.blobPath(digest))
        }
        batch = []
      },
    }
    return { remote, sink, pool, blobPath: this.blobPath, concurrency: 4, recipes: join(this.root, 'recipes') }
  }

  fetch(remote: Remote, pool: Pool, items: readonly FetchItem[]) {
    return download(this.downloadContext(remote, pool), items, {})
  }
}

export interface Traffic {
  readonly calls: { readonly method: string; readonly key: string; readonly bytes: number }[]
  /** Calls whose key starts so, by method. */
  count(method: string, prefix?: string): number
  bytes(method: string): number
  reset(): void
}

/** A memory remote whose clock can be turned, with its traffic written down. */
export function watchedRemote(): { remote: Remote; traffic: Traffic; clock: { now: number } } {
  const clock = { now: 0 }
  const inner = openMemoryRemote({ now: () => clock.now })
  const calls: { method: string; key: string; bytes: number }[] = []
  const note = (method: string, key: string, bytes = 0): void => {
    calls.push({ method, key, bytes })
  }
  const remote: Remote = {
    url: inner.url,
    stat: (key, options) => {
      note('stat', key)
      return inner.stat(key, options)
    },
    get: async (key, options) => {
      const got = await inner.get(key, options)
      note('get', key, got?.bytes.length)
      return got
    },
    put: (key, bytes, options) => {
      note('put', key, bytes.length)
      return inner.put(key, bytes, options)
    },
    create: (key, bytes, options) => {
      note('create', key, bytes.length)
      return inner.create(key, bytes, options)
    },
    list: (prefix, options) => {
      note('list', prefix)
      return inner.list(prefix, options)
    },
    remove: (key, options) => {
      note('remove', key)
      return inner.remove(key, options)
    },
    close: () => inner.close(),
  }
  const traffic: Traffic = {
    calls,
    count: (method, prefix = '') => calls.filter(c => c.method === method && c.key.startsWith(prefix)).length,
    bytes: method => calls.reduce((sum, c) => sum + (c.method === method ? c.bytes : 0), 0),
    reset: () => {
      calls.length = 0
    },
  }
  return { remote, traffic, clock }
}

export async function keysOf(remote: Remote, prefix = ''): Promise<Key[]> {
  const keys: Key[] = []
  for await (const { key } of remote.list(prefix) as AsyncIterable<ObjectEntry>) keys.push(key)
  return keys.sort()
}

/** Replaces an object by what `change` makes of it. */
export async function alter(remote: Remote, key: Key, change: (bytes: Buffer) => Buffer): Promise<void> {
  const got = await remote.get(key, { maxBytes: 2 ** 30 })
  if (got === undefined) throw new Error(`no such object: ${key}`)
  await remote.put(key, change(got.bytes))
}

export function flip(bytes: Buffer, at: number): Buffer {
  const changed = Buffer.from(bytes)
  changed.writeUInt8(changed.readUInt8(at) ^ 1, at)
  return changed
}
