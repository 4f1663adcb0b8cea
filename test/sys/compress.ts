import { randomBytes } from 'node:crypto'
import fc from 'fast-check'
import t from 'tap'
import { frameProblem, zstdCompress, zstdDecompress, zstdName } from '../../lib/sys/compress.js'

const name = 'packs/ab'

t.test('what was compressed comes back', async t => {
  t.ok(zstdName())
  const inputs = [Buffer.from('x'), Buffer.alloc(131_072), randomBytes(131_072), Buffer.from('ab,1\n'.repeat(20_000))]
  for (const input of inputs)
    t.ok((await zstdDecompress(await zstdCompress(input), input.length, name)).equals(input), `${input.length}`)
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 5000 }), async input => {
      const frame = await zstdCompress(input)
      if (!(await zstdDecompress(frame, input.length, name)).equals(input)) throw new Error('differs')
    }),
    { numRuns: 50 },
  )
})

t.test('another length than the one promised', async t => {
  const frame = await zstdCompress(Buffer.alloc(1000, 'abc'))
  for (const length of [0, 1, 999, 1001]) await t.rejects(zstdDecompress(frame, length, name), { code: 'corrupt' })
})

t.test('a bomb is refused before it is unpacked', async t => {
  // 20,000 blocks of 128 KiB zeros in 80 kB: 2.6 GB.
  const block = Buffer.alloc(4)
  block.writeUIntLE((131_072 << 3) | (1 << 1), 0, 3)
  const head = Buffer.from('28b52ffd0058', 'hex')
  const last = Buffer.from(block)
  last.writeUInt8(last.readUInt8(0) | 1, 0)
  const bomb = Buffer.concat([head, ...Array.from({ length: 20_000 }, () => block), last])
  t.equal(frameProblem(bomb, 131_072), 'is longer than it says')
  await t.rejects(zstdDecompress(bomb, 131_072, name), { code: 'corrupt' })
  const compressed = Buffer.from([0x04, 0, 0])
  const many = Buffer.concat([head, ...Array.from({ length: 300 }, () => compressed)])
  t.equal(frameProblem(many, 131_072), 'has too many blocks')
  t.equal(frameProblem(Buffer.from('28b52ffd00f00100000000', 'hex'), 10), 'needs too much memory')
})

t.test('frames that are none', async t => {
  const frame = await zstdCompress(Buffer.from('hello, hello, hello'))
  const cases: readonly (readonly [string, Buffer])[] = [
    ['does not begin as a zstd frame', Buffer.alloc(20)],
    ['does not begin as a zstd frame', Buffer.alloc(0)],
    ['does not end where its frame ends', frame.subarray(0, -1)],
    ['does not end where its frame ends', Buffer.concat([frame, Buffer.alloc(1)])],
    ['does not end where its frame ends', Buffer.concat([frame, frame])],
    ['needs a dictionary', Buffer.concat([frame.subarray(0, 4), Buffer.from([1]), frame.subarray(5)])],
  ]
  for (const [problem, bytes] of cases) t.equal(frameProblem(bytes, 19), problem)
  for (let at = 0; at < frame.length; at++) {
    const bad = Buffer.from(frame)
    bad.writeUInt8(bad.readUInt8(at) ^ 0x10, at)
    const raw = await zstdDecompress(bad, 19, name).catch(error => error)
    // A flip within literals cannot be seen here; the digest of the chunk tells.
    if (!Buffer.isBuffer(raw)) t.match(raw, { code: 'corrupt' })
  }
})
