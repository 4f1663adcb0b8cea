// Where a file is cut: the published Xet chunking rule ("xet-1" in ddv.json). A 64-bit Gear hash over the bytes, reset
// at each cut; a cut where its top 16 bits are zero, at least 8,192 bytes and at most 131,072 after the last one.
//
// Since the hash is reset, a file can be cut on from any of its cuts without knowing what came before. And since a bit
// leaves the hash after 64 bytes, whatever lies more than 64 bytes before the first place that is tested need not be
// hashed at all: the cuts are the same, and an eighth of the work is saved.

import { Hasher } from 'gearhash-jit'
import { maxChunk } from '../core/pack.js'

export const minChunk = 8192
export const chunkerName = 'xet-1'

const mask = 0xffff000000000000n
/** Bytes that the hash knows of. */
const window = 64
/**
 * Bytes a call. The hasher copies what it is given, and half of it would lie behind the cut at the most it takes
 * (520,192): 16 KiB wastes little and its calls cost little.
 */
const feed = 16_384

let hasher: Hasher | undefined

/**
 * Ends of the chunks of `bytes`, which begin at a cut (or at the file's begin). With `last` they reach to the file's
 * end; without, what follows the last end given back is to be cut again together with the bytes that come after it.
 */
export function findCuts(bytes: Uint8Array, last: boolean): number[] {
  const ends: number[] = []
  for (let start = 0; start < bytes.length; ) {
    const end = findCut(bytes, start, last)
    if (end === undefined) break
    ends.push(end)
    start = end
  }
  return ends
}

function findCut(bytes: Uint8Array, start: number, last: boolean): number | undefined {
  const left = bytes.length - start
  const tail = last ? bytes.length : undefined
  if (left < minChunk) return tail
  const gear = warmHasher(bytes, start + minChunk - window)
  const stop = Math.min(bytes.length, start + maxChunk)
  for (let at = start + minChunk - 1; at < stop; at += feed) {
    const match = gear.nextMatch(bytes.subarray(at, Math.min(at + feed, stop)))
    if (match >= 0) return at + match
  }
  return left >= maxChunk ? start + maxChunk : tail
}

// All but the last byte of the first tested window; matches there come before the shortest chunk and do not count.
function warmHasher(bytes: Uint8Array, at: number): Hasher {
  hasher ??= new Hasher(mask)
  hasher.resetHash()
  for (const end = at + window - 1; at < end; ) {
    const match = hasher.nextMatch(bytes.subarray(at, end))
    if (match < 0) break
    at += match
  }
  return hasher
}
