// What may be a key, for every driver alike. Keys are made by ddv, but listings are written by strangers, and in a
// directory remote a key becomes a path: nothing that fails here ever reaches a file system or a URL.

import { DdvError } from '../core/errors.js'
import { displayPath } from '../core/tree-path.js'
import type { Key } from './remote.js'

/** Well below the 1,024 bytes of S3, prefix included. */
const maxKey = 512
const maxSegment = 255

/** Where drivers keep what is not an object yet; no key begins with it. */
export const temporaryPrefix = 'tmp'

export function isKey(text: string): boolean {
  if (text.length > maxKey) return false
  const segments = text.split('/')
  return segments[0] !== temporaryPrefix && segments.every(isKeySegment)
}

/** One part of a key: never empty, `.` or `..`. */
export const isKeySegment = (text: string): boolean =>
  text.length <= maxSegment && /^[a-z0-9.-]+$/.test(text) && text !== '.' && text !== '..'

/** Throws `bad-path` for what is no key. */
export function checkKey(key: Key): void {
  if (!isKey(key)) throw new DdvError('bad-path', `not a key of a remote: ${displayPath(key)}`)
}

/** Throws `bad-path` for what can't be listed: '' or a key and a `/` can. */
export function checkPrefix(prefix: string): void {
  if (prefix !== '' && !(prefix.endsWith('/') && isKey(prefix.slice(0, -1))))
    throw new DdvError('bad-path', `not a prefix of keys: ${displayPath(prefix)}`)
}
