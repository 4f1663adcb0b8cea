// Where a file is cut: the published Xet chunking rule ("xet-1" in ddv.json). A 64-bit Gear hash over the bytes, reset
// at each cut; a cut where its top 16 bits are zero, at least 8,192 bytes and at most 131,072 after the last one.
//
// Since the hash is reset, a file can be cut on from any of its cuts without knowing what came before. And since a bit
// leaves the hash after 64 bytes, whatever lies more than 64 bytes before the first place that is tested need not be
// hashed at all: the cuts are the same, and an eighth of the work is saved.

import { maxChunk } from '../core/pack.js'
import { asGearInput, findMatch } from './gear.js'

export const minChunk = 8192
export const chunkerName = 'xet-1'

/** Bytes that the hash knows of. */
const window = 64

/**
 * Ends of the chunks of `bytes`, which begin at a cut (or at the file's begin). With `last` they reach to the file's
 * end; without, what follows the last end given back is to be cut again together with the bytes that come after it.
 * Bytes that lie in `gearInput` are not copied.
 */
export function findCuts(bytes: Uint8Array, last: boolean): number[] {
  const input = asGearInput(bytes)
  const ends: number[] = []
  for (let start = 0; start < input.length; ) {
    const end = findCut(input, start, last)
    if (end === undefined) break
    ends.push(end)
    start = end
  }
  return ends
}

function findCut(input: Uint8Array, start: number, last: boolean): number | undefined {
  const left = input.length - start
  const tail = last ? input.length : undefined
  if (left < minChunk) return tail
  // Matches before the shortest chunk do not count.
  const test = start + minChunk - 1
  const end = Math.min(input.length, start + maxChunk)
  return findMatch(input, { from: test - window + 1, test, end }) ?? (left >= maxChunk ? start + maxChunk : tail)
}
