// The run cache of a remote: `runs/<scope>/<2>/<62>`, see FORMAT.md. The scope is part of the key, so that a bucket's
// policy can keep those who may write one scope from another.

import { type Digest, digestPath } from '../core/digest.js'
import { maxResultSize } from '../core/run-result.js'
import type { CallOptions, Key, Remote } from './remote.js'

export interface RemoteResultPlace {
  readonly scope: string
  readonly key: Digest
}

export const runResultKey = ({ scope, key }: RemoteResultPlace): Key => `runs/${scope}/${digestPath(key)}`

/** The entry's bytes, by a stranger's hand for all that is known; undefined where there is none. */
export async function fetchRunResult(
  remote: Remote,
  place: RemoteResultPlace,
  options: CallOptions,
): Promise<Buffer | undefined> {
  const found = await remote.get(runResultKey(place), { ...options, maxBytes: maxResultSize })
  return found?.bytes
}

/** After the recipes of its outs: an entry that is there can be used. */
export const sendRunResult = (
  remote: Remote,
  place: RemoteResultPlace,
  bytes: Uint8Array,
  options: CallOptions,
): Promise<void> => remote.put(runResultKey(place), bytes, options)
