// Against fragmentation: an output that is edited and pushed again and again comes to lie in many packs of which each
// gives little, and whoever pulls it makes a request for each. So where a recipe would use more than a few packs for a
// little each, these chunks are sent again, together.

import { closeSync, readSync } from 'node:fs'
import type { Digest } from '../core/digest.js'
import { hashToBytes } from '../sys/hash.js'
import type { Job } from '../sys/pool.js'
import { openRegular } from '../sys/read-stable.js'

/** Packs of one class that a recipe may use. */
const mostPacks = 8
/** A pack of which fewer bytes are used is of the first class, of the second, or none of either. */
const classes = [1_048_576, 8_388_608] as const
/** So many bytes may be sent again in any case, and as many as are new. */
const allowance = 8_388_608

/**
 * The packs whose chunks are worth sending again, of all that a recipe would use, with the stored bytes it would use of
 * each. `fresh`: bytes that are sent in any case.
 */
export function chooseFragments(usage: ReadonlyMap<Digest, number>, fresh: number): Set<Digest> {
  const chosen = new Set<Digest>()
  let left = Math.max(allowance, fresh)
  let above = 0
  for (const below of classes) {
    const few = [...usage].filter(([, bytes]) => bytes >= above && bytes < below).sort((a, b) => a[1] - b[1])
    above = below
    if (few.length <= mostPacks) continue
    for (const [digest, bytes] of few) {
      if (bytes > left) break
      left -= bytes
      chosen.add(digest)
    }
  }
  // One alone would only move.
  return chosen.size > 1 ? chosen : new Set()
}

export interface ChunkSource {
  readonly path: string
  readonly position: number
  readonly length: number
}

export interface ReadChunksRequest {
  readonly sources: readonly ChunkSource[]
  /** Of all sources, 32 bytes each. */
  readonly digests: Uint8Array
  /** At least as large as all of them together. */
  readonly buffer: SharedArrayBuffer
}

/** Reads chunks side by side into the buffer. False where one is not what it should be, or not there. */
export const readChunks: Job<ReadChunksRequest, boolean> = {
  name: 'remote.read-chunks',
  run: ({ sources, digests, buffer }) => {
    let at = 0
    return sources.every((source, i) => {
      const bytes = new Uint8Array(buffer, at, source.length)
      at += source.length
      return (
        readWhole(source, bytes) &&
        Buffer.from(digests.buffer, digests.byteOffset + i * 32, 32).equals(hashToBytes(bytes))
      )
    })
  },
}

function readWhole({ path, position }: ChunkSource, bytes: Uint8Array): boolean {
  const fd = openRegular(path)
  if (fd === undefined) return false
  try {
    for (let at = 0; at < bytes.length; ) {
      const read = readSync(fd, bytes, at, bytes.length - at, position + at)
      if (read === 0) return false
      at += read
    }
    return true
  } finally {
    closeSync(fd)
  }
}
