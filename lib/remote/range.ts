// Which bytes of an object a `get` is answered with, for every driver alike.

import { DdvError } from '../core/errors.js'
import type { GetOptions, Key } from './remote.js'

export interface Range {
  readonly offset: number
  readonly length: number
}

/** The bytes there are of those asked for. Throws `corrupt` where they are more than the caller can bear. */
export function rangeWithin(size: number, key: Key, { offset = 0, length, maxBytes }: GetOptions): Range {
  const start = Math.min(offset, size)
  const count = Math.min(length ?? size, size - start)
  checkLength(count, key, maxBytes)
  return { offset: start, length: count }
}

export function checkLength(length: number, key: Key, maxBytes: number): void {
  if (length > maxBytes)
    throw new DdvError('corrupt', `an object of the remote is larger than the ${maxBytes} bytes it may have: ${key}`)
}

/** Memory for the bytes of an answer: the caller's where they fit. */
export const roomFor = (length: number, { into }: Pick<GetOptions, 'into'>): Buffer =>
  into !== undefined && into.length >= length
    ? Buffer.from(into.buffer, into.byteOffset, length)
    : Buffer.allocUnsafe(length)
