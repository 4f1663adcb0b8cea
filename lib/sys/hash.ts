// BLAKE3-256. The native binding where it loads (7 GB/s on one thread, as fast as b3sum), the `blake3` package's WASM
// otherwise (0.95 GB/s): slower, the same digests. Both are loaded by `require`, which costs half of `import` here and
// lets a missing optional package be an ordinary branch.

import { createRequire } from 'node:module'
import { getEnvironmentData, isMainThread } from 'node:worker_threads'
import { type Digest, digestFromBytes } from '../core/digest.js'

export interface Hasher {
  update(bytes: Uint8Array): void
  /** 32 bytes; no update after it. */
  finish(): Buffer
}

interface Backend {
  readonly name: 'native' | 'wasm'
  hash(bytes: Uint8Array): Uint8Array
  hasher(): Hasher
}

const require = createRequire(import.meta.url)
let backend: Backend | undefined
let forced: 'native' | 'wasm' | undefined

/** Which implementation to use from now on; `undefined` is the best that loads. Threads get it through the pool. */
export function chooseHash(name: 'native' | 'wasm' | undefined): void {
  forced = name
  backend = undefined
}

/** Which implementation is at work, for `ddv version` and tests. */
export const hashName = (): 'native' | 'wasm' => loaded().name

/** One call for bytes at hand: at 4 KiB a hasher object costs twice as much. */
export const hashToBytes = (bytes: Uint8Array): Uint8Array => loaded().hash(bytes)

export const hashBytes = (bytes: Uint8Array): Digest => digestFromBytes(loaded().hash(bytes))

export const createHasher = (): Hasher => loaded().hasher()

export const finishDigest = (hasher: Hasher): Digest => digestFromBytes(hasher.finish())

function loaded(): Backend {
  backend ??= load(forced ?? inherited())
  return backend
}

function inherited(): 'native' | 'wasm' | undefined {
  if (isMainThread) return undefined
  const data = getEnvironmentData('ddv')
  if (typeof data !== 'object' || data === null || !('hash' in data)) return undefined
  return data.hash === 'wasm' || data.hash === 'native' ? data.hash : undefined
}

function load(name: 'native' | 'wasm' | undefined): Backend {
  if (name !== 'wasm') {
    try {
      return nativeBackend(require('@napi-rs/blake-hash') as typeof import('@napi-rs/blake-hash'))
    } catch (error) {
      if (name === 'native') throw error
      // An optional package that is absent, or has no binary for this platform: the portable one serves.
    }
  }
  return wasmBackend(require('blake3') as typeof import('blake3'))
}

const nativeBackend = (native: typeof import('@napi-rs/blake-hash')): Backend => ({
  name: 'native',
  hash: bytes => native.blake3(bytes),
  hasher: () => {
    const state = new native.Blake3Hasher()
    return {
      update: bytes => {
        state.update(bytes)
      },
      finish: () => state.digestBuffer(),
    }
  },
})

const wasmBackend = (wasm: typeof import('blake3')): Backend => ({
  name: 'wasm',
  hash: bytes => wasm.hash(asBuffer(bytes)) as Buffer,
  hasher: () => {
    const state = wasm.createHash()
    return {
      update: bytes => {
        state.update(asBuffer(bytes))
      },
      finish: () => state.digest() as Buffer,
    }
  },
})

const asBuffer = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
