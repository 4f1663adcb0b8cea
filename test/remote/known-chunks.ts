import { join } from 'node:path'
import t from 'tap'
import { digestFromBytes } from '../../lib/core/digest.js'
import { type PackInfo, tableRowSize, writeTableRow } from '../../lib/core/pack.js'
import { KnownChunks } from '../../lib/remote/known-chunks.js'
import { hashToBytes } from '../../lib/sys/hash.js'
import { openKv } from '../../lib/sys/kv.js'

const chunk = (n: number): Buffer => Buffer.from(hashToBytes(Buffer.from(`chunk ${n}`)))

/** A pack of the chunks `from` to `to`, each of 100 bytes. */
function pack(name: string, from: number, to: number): { info: PackInfo; rows: Buffer } {
  const rows = Buffer.alloc((to - from) * tableRowSize)
  for (let n = from; n < to; n++)
    writeTableRow(rows, (n - from) * tableRowSize, { digest: chunk(n), offset: (n - from) * 109, raw: 100 })
  const tableOffset = (to - from) * 109
  const digest = digestFromBytes(hashToBytes(Buffer.from(name)))
  return { info: { digest, size: tableOffset + rows.length + 64, tableOffset }, rows }
}

const [one, two] = ['0000000000000001', '0000000000000002']

t.test('chunks are found by their digests, for their remote', async t => {
  const kv = openKv(t.testdir())
  t.teardown(() => kv.close())
  const known = new KnownChunks(kv, 'memory:a')
  const [a, b] = [pack('a', 0, 20_000), pack('b', 20_000, 20_010)]
  t.equal(known.find(chunk(3)), undefined)
  known.add(a.info, a.rows, one)
  known.add(b.info, b.rows, two)
  for (const n of [0, 1, 2, 9000, 19_999, 7, 8]) {
    const found = known.find(chunk(n))
    t.same(found?.pack.info, a.info)
    t.equal(found?.row, n)
    t.equal(found?.pack.group, one)
  }
  t.same(known.find(chunk(20_003))?.pack.info, b.info)
  t.equal(known.find(chunk(20_010)), undefined)
  t.equal(new KnownChunks(kv, 'memory:b').find(chunk(3)), undefined)
  t.same(new KnownChunks(kv, 'memory:a').find(chunk(3))?.pack.info, a.info)
  t.same(known.pack(a.info.digest)?.info, a.info)
  t.same([...known.packsOf(one)], [a.info])
  known.remove([a.info.digest])
  t.equal(known.find(chunk(3)), undefined)
  t.equal(known.pack(a.info.digest), undefined)
  t.same([...known.packsOf(one)], [])
  t.same(known.find(chunk(20_003))?.pack.info, b.info)
})

t.test('only the first 8 bytes are stored: the table decides', async t => {
  const kv = openKv(t.testdir())
  t.teardown(() => kv.close())
  const known = new KnownChunks(kv, 'memory:')
  const a = pack('a', 0, 10)
  known.add(a.info, a.rows, one)
  const twin = Buffer.from(chunk(4))
  twin.writeUInt8(twin.readUInt8(31) ^ 1, 31)
  t.equal(known.find(twin), undefined)
  t.equal(known.find(chunk(4))?.row, 4)
})

t.test('a store with nonsense in it finds nothing', async t => {
  const kv = openKv(join(t.testdir(), 'x'))
  t.teardown(() => kv.close())
  const a = pack('a', 0, 10)
  new KnownChunks(kv, 'memory:').add(a.info, a.rows, one)
  const remote = hashToBytes(Buffer.from('memory:')).subarray(0, 8)
  const key = Buffer.concat([Buffer.from('p'), remote, Buffer.from(a.info.digest.slice(0, 16), 'hex')])
  t.ok(kv.has(key))
  for (const value of [Buffer.alloc(0), Buffer.alloc(48), Buffer.alloc(88), Buffer.alloc(448)]) {
    kv.write(batch => batch.put(key, value))
    t.equal(new KnownChunks(kv, 'memory:').find(chunk(4)), undefined)
  }
})

t.test('what was seen is remembered for a while', async t => {
  const kv = openKv(t.testdir())
  t.teardown(() => kv.close())
  const known = new KnownChunks(kv, 'memory:')
  const a = pack('a', 0, 10)
  t.notOk(known.seen(a.info, 1000))
  known.noteSeen([a.info])
  t.ok(known.seen(a.info, 1000))
  t.notOk(known.seen({ ...a.info, size: a.info.size + 1 }, 1000), 'of another size')
  t.notOk(known.seen(a.info, 0))
  t.notOk(known.wasTrue('x', 1000))
  known.noteTrue('x')
  t.ok(known.wasTrue('x', 1000))
  t.notOk(new KnownChunks(kv, 'other').wasTrue('x', 1000))
})
