// A remote in memory: the reference that says what the other drivers must do, and a fast one for tests.

import { throwIfAborted } from '../core/errors.js'
import { checkKey, checkPrefix } from './key.js'
import { rangeWithin, roomFor } from './range.js'
import type { Key, ObjectStat, Remote } from './remote.js'

export interface MemoryRemoteOptions {
  /** The store's clock, in milliseconds; that of the process unless told. */
  readonly now?: () => number
}

interface Stored {
  readonly bytes: Buffer
  readonly written: number
}

export function openMemoryRemote({ now = Date.now }: MemoryRemoteOptions = {}): Remote {
  const objects = new Map<Key, Stored>()
  const statOf = ({ bytes, written }: Stored): ObjectStat => ({
    size: bytes.length,
    age: Math.max(0, now() - written),
  })
  return {
    url: 'memory:',
    async stat(key, { signal } = {}) {
      checkKey(key)
      throwIfAborted(signal)
      const stored = objects.get(key)
      return stored && statOf(stored)
    },
    async get(key, options) {
      checkKey(key)
      throwIfAborted(options.signal)
      const stored = objects.get(key)
      if (stored === undefined) return undefined
      const { offset, length } = rangeWithin(stored.bytes.length, key, options)
      // A copy: what a caller does to it must not reach the store.
      const bytes = roomFor(length, options)
      stored.bytes.copy(bytes, 0, offset, offset + length)
      return { ...statOf(stored), bytes }
    },
    async put(key, bytes, { signal } = {}) {
      checkKey(key)
      throwIfAborted(signal)
      objects.set(key, { bytes: Buffer.from(bytes), written: now() })
    },
    async create(key, bytes, { signal } = {}) {
      checkKey(key)
      throwIfAborted(signal)
      if (objects.has(key)) return 'exists'
      objects.set(key, { bytes: Buffer.from(bytes), written: now() })
      return 'created'
    },
    async *list(prefix, { signal } = {}) {
      checkPrefix(prefix)
      throwIfAborted(signal)
      for (const [key, stored] of [...objects]) {
        throwIfAborted(signal)
        if (key.startsWith(prefix)) yield { key, ...statOf(stored) }
      }
    },
    async remove(key, { signal } = {}) {
      checkKey(key)
      throwIfAborted(signal)
      objects.delete(key)
    },
    async close() {},
  }
}
