import fc from 'fast-check'
import { GEAR_TABLE } from 'gearhash-jit'
import t from 'tap'
import { findCuts, minChunk } from '../../lib/remote/chunker.js'
import { noise } from '../support/transfer.js'

const maxChunk = 131_072

// The published rule, byte by byte: the oracle.
function cutsByRule(bytes: Uint8Array): number[] {
  const ends: number[] = []
  let hash = 0n
  let start = 0
  bytes.forEach((byte, i) => {
    hash = ((hash << 1n) + (GEAR_TABLE[byte] ?? 0n)) & 0xffffffffffffffffn
    const size = i + 1 - start
    if (size < minChunk || (size < maxChunk && (hash & 0xffff000000000000n) !== 0n)) return
    ends.push(i + 1)
    start = i + 1
    hash = 0n
  })
  if (start < bytes.length) ends.push(bytes.length)
  return ends
}

const text = Buffer.from(Array.from({ length: 60_000 }, (_, i) => `${i},row ${i * 7919},${(i * i) % 997}\n`).join(''))

t.test('cuts are those of the rule', async t => {
  const inputs = [noise(2_000_000, 1), noise(777_777, 2), text, Buffer.alloc(500_000), Buffer.alloc(0)]
  for (const input of inputs) t.same(findCuts(input, true), cutsByRule(input))
  for (const length of [1, 8191, 8192, 8193, 131_071, 131_072, 131_073])
    for (const input of [noise(length, length), Buffer.alloc(length, 3)])
      t.same(findCuts(input, true), cutsByRule(input))
})

// A match at each of the places around the shortest chunk, where the skipped bytes would show.
t.test('matches around the shortest chunk', async t => {
  const sample = noise(3_000_000, 9)
  const ends = cutsByRule(sample).slice(0, -1)
  for (const end of ends.slice(0, 6)) {
    const window = sample.subarray(end - 64, end)
    for (const at of [8000, 8127, 8128, 8129, 8190, 8191, 8192, 8193, 8255, 8256, 9000]) {
      const input = Buffer.concat([Buffer.alloc(at - 64, 1), window, noise(200_000, 10)])
      t.same(findCuts(input, true), cutsByRule(input), `${at}`)
    }
  }
})

t.test('bounds, and cutting on from any cut', async () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 600_000 }), fc.nat(1000), fc.boolean(), (length, seed, zeros) => {
      const bytes = zeros ? Buffer.alloc(length, seed) : noise(length, seed)
      const ends = findCuts(bytes, true)
      const sizes = ends.map((end, i) => end - (ends[i - 1] ?? 0))
      if (sizes.some(size => size > maxChunk)) throw new Error('too long')
      if (sizes.slice(0, -1).some(size => size < minChunk)) throw new Error('too short')
      if ((ends.at(-1) ?? 0) !== length) throw new Error('does not reach the end')
      const first = ends[0] ?? 0
      const rest = findCuts(bytes.subarray(first), true).map(end => end + first)
      if (String(rest) !== String(ends.slice(1))) throw new Error('differs from a cut on')
      const open = findCuts(bytes, false)
      if (String(open) !== String(ends.slice(0, open.length))) throw new Error('differs when cut in pieces')
      if (length - (open.at(-1) ?? 0) >= maxChunk) throw new Error('left too much')
    }),
    { numRuns: 60 },
  )
})
