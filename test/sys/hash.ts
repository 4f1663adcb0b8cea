import { join } from 'node:path'
import t from 'tap'
import { chooseHash, createHasher, finishDigest, hashBytes, hashName, hashToBytes } from '../../lib/sys/hash.js'
import { formats, readJson } from '../support/fixtures.js'
import { hashBothWays, hashBothWaysJob } from '../support/jobs.js'
import { filesPool } from '../support/pool.js'

// The official test vectors of BLAKE3: the bytes 0, 1, …, 250, again and again.
const vectors = readJson(join(formats, 'blake3.json')) as { length: number; digest: string }[]
const input = (length: number): Buffer => Buffer.from(Uint8Array.from({ length }, (_, i) => i % 251))

t.equal(vectors.length, 35)
t.afterEach(() => chooseHash(undefined))

for (const name of ['native', 'wasm'] as const) {
  t.test(`${name}: the official vectors, at once and in pieces`, async t => {
    chooseHash(name)
    for (const { length, digest } of vectors)
      t.same(hashBothWays(input(length)), { name, whole: digest, streamed: digest }, `${length} bytes`)
  })

  t.test(`${name}: the same on threads`, async t => {
    const pool = filesPool(t, { data: { hash: name } })
    const reports = await Promise.all(vectors.map(({ length }) => pool.run(hashBothWaysJob, input(length))))
    reports.forEach((report, i) => {
      const { digest, length } = vectors[i] as { length: number; digest: string }
      t.same(report, { name, whole: digest, streamed: digest }, `${length} bytes`)
    })
  })

  t.test(`${name}: parts of a buffer, several hashers at once, nothing at all`, async t => {
    chooseHash(name)
    const { digest, length } = vectors.find(vector => vector.length === 1025) as { length: number; digest: string }
    const within = Buffer.concat([Buffer.alloc(7, 0xff), input(length), Buffer.alloc(9, 0xff)]).subarray(7, 7 + length)
    t.equal(hashBytes(within), digest)
    t.equal(hashBytes(new Uint8Array(input(length))), digest, 'no Buffer')
    t.equal(Buffer.from(hashToBytes(within)).toString('hex'), digest)
    const [a, b] = [createHasher(), createHasher()]
    a.update(within.subarray(0, 500))
    b.update(within)
    a.update(within.subarray(500))
    t.equal(finishDigest(a), digest)
    t.equal(finishDigest(b), digest)
    const empty = createHasher()
    empty.update(Buffer.alloc(0))
    t.equal(finishDigest(empty), vectors[0]?.digest)
  })

  t.test(`${name}: bytes that are changed after update do not count`, async t => {
    chooseHash(name)
    const buffer = input(1025)
    const hasher = createHasher()
    hasher.update(buffer)
    buffer.fill(0)
    t.equal(finishDigest(hasher), vectors.find(vector => vector.length === 1025)?.digest)
  })
}

t.test('the choice is the best that loads unless told', async t => {
  chooseHash('wasm')
  t.equal(hashName(), 'wasm')
  chooseHash(undefined)
  t.equal(hashName(), 'native')
})
