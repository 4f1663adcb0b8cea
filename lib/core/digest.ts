// Digests: BLAKE3-256 of content as 64 lower-case hex digits, the name of every blob.

import { DdvError } from './errors.js'

declare const digestBrand: unique symbol
/** 64 lower-case hex digits. Made by `parseDigest`, `digestFromBytes` or a hasher of `sys/hash.ts`, nothing else. */
export type Digest = string & { readonly [digestBrand]: true }

const pattern = /^[0-9a-f]{64}$/

export const isDigest = (text: unknown): text is Digest => typeof text === 'string' && pattern.test(text)

/** Throws `usage`; decoders that know better what is wrong use `isDigest`. */
export function parseDigest(text: string): Digest {
  if (!isDigest(text)) throw new DdvError('usage', `not a digest of 64 lower-case hex digits: ${text.slice(0, 80)}`)
  return text
}

/** From the 32 bytes that a hash function gives. */
export function digestFromBytes(bytes: Uint8Array): Digest {
  if (bytes.length !== 32) throw new RangeError(`a digest has 32 bytes, not ${bytes.length}`)
  return Buffer.from(bytes.buffer, bytes.byteOffset, 32).toString('hex') as Digest
}

export const digestToBytes = (digest: Digest): Buffer => Buffer.from(digest, 'hex')

/** `48/3b93…`: the place of a digest below the cache, or below `packs/` on a remote. */
export const digestPath = (digest: Digest): string => `${digest.slice(0, 2)}/${digest.slice(2)}`
