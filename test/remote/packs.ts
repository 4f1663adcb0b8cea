import { randomBytes } from 'node:crypto'
import fc from 'fast-check'
import t from 'tap'
import { readChunkHeader, readTable, rowDigestText, rowOffset, rowRaw } from '../../lib/core/pack.js'
import { openMemoryRemote } from '../../lib/remote/memory.js'
import { newPackMemory, type PackMemory } from '../../lib/remote/pack-memory.js'
import { appendChunks, fetchTable, packBound, packKey, packOfKey, sealPack } from '../../lib/remote/packs.js'
import { zstdDecompress } from '../../lib/sys/compress.js'
import { hashBytes, hashToBytes } from '../../lib/sys/hash.js'
import { flip } from '../support/transfer.js'

async function append(into: PackMemory, at: number, chunks: readonly Buffer[], compress: boolean) {
  const bytes = Buffer.concat(chunks)
  const buffer = new SharedArrayBuffer(bytes.length)
  new Uint8Array(buffer).set(bytes)
  const spans: number[] = []
  for (let start = 0, i = 0; i < chunks.length; i++) {
    const length = chunks[i]?.length ?? 0
    spans.push(start, start + length)
    start += length
  }
  const digests = Uint8Array.from(Buffer.concat(chunks.map(chunk => hashToBytes(chunk))))
  return await appendChunks.run({ buffer, spans: Uint32Array.from(spans), digests, into, at, compress })
}

async function seal(parts: readonly (readonly Buffer[])[], compress: boolean) {
  const chunks = parts.flat()
  const raw = chunks.reduce((sum, chunk) => sum + chunk.length, 0)
  const into = newPackMemory(packBound(raw, chunks.length), raw)
  const rows: Uint8Array[] = []
  let end = 0
  for (const part of parts) {
    const result = await append(into, end, part, compress)
    rows.push(result.rows)
    end = result.end
  }
  const info = await sealPack.run({ into: into.buffer, end, rows: Buffer.concat(rows) })
  return { info, bytes: Buffer.from(into.buffer, 0, info.size) }
}

t.test('packs hold their chunks', async t => {
  const chunk = fc.oneof(
    fc.uint8Array({ minLength: 1, maxLength: 300 }),
    fc
      .record({ length: fc.integer({ min: 1, max: 131_072 }), byte: fc.nat(255) })
      .map(r => Buffer.alloc(r.length, r.byte)),
  )
  const parts = fc.array(fc.array(chunk, { minLength: 1, maxLength: 8 }), { minLength: 1, maxLength: 4 })
  await fc.assert(
    fc.asyncProperty(parts, fc.boolean(), async (some, compress) => {
      const buffers = some.map(part => part.map(bytes => Buffer.from(bytes)))
      const { bytes, info } = await seal(buffers, compress)
      t.equal(hashBytes(bytes), info.digest)
      const table = readTable(bytes, info.size, { hash: hashToBytes, name: 'pack' })
      t.equal(table.count, buffers.flat().length)
      for (const [row, expected] of buffers.flat().entries()) {
        const at = rowOffset(table, row)
        const header = readChunkHeader(bytes, at, { end: rowOffset(table, row + 1), name: 'pack' })
        const body = bytes.subarray(at + 9, at + 9 + header.stored)
        const raw = header.codec === 'zstd' ? await zstdDecompress(body, header.raw, 'pack') : body
        t.ok(raw.equals(expected))
        t.equal(rowRaw(table, row), expected.length)
        t.equal(rowDigestText(table, row), hashBytes(expected))
        if (!compress) t.equal(header.codec, 'raw')
      }
    }),
    { numRuns: 30 },
  )
})

t.test('the same chunks never give the same name', async t => {
  const chunks = [[Buffer.from('abc')]]
  t.not((await seal(chunks, false)).info.digest, (await seal(chunks, false)).info.digest)
})

t.test('what shrinks is compressed, what does not is left', async t => {
  const shrinks = Buffer.alloc(100_000, 'abc')
  const noise = randomBytes(100_000)
  const chunks = [...Array.from({ length: 200 }, () => noise), ...Array.from({ length: 200 }, () => shrinks)]
  const { bytes, info } = await seal([chunks], true)
  const table = readTable(bytes, info.size, { hash: hashToBytes, name: 'pack' })
  const codecs = Array.from({ length: 400 }, (_, row) => bytes.readUInt8(rowOffset(table, row) + 8))
  t.ok(codecs.slice(0, 200).every(codec => codec === 0))
  t.ok(codecs.slice(200).filter(codec => codec === 0).length <= 70, 'noticed again within 64 chunks')
})

t.test('a flipped bit anywhere in a pack changes its digest', async t => {
  const { bytes, info } = await seal([[Buffer.from('abc'), Buffer.alloc(500)]], true)
  for (let at = 0; at < bytes.length; at++) t.not(hashBytes(flip(bytes, at)), info.digest)
})

t.test('tables come from a remote in one request', async t => {
  const remote = openMemoryRemote()
  const { bytes, info } = await seal([[Buffer.from('abc'), randomBytes(10_000)]], false)
  await t.rejects(fetchTable(remote, info), { code: 'missing' })
  await remote.put(packKey(info.digest), bytes)
  t.equal((await fetchTable(remote, info)).count, 2)
  await remote.put(packKey(info.digest), Buffer.concat([bytes, Buffer.alloc(1)]))
  await t.rejects(fetchTable(remote, info), { code: 'corrupt' }, 'another length')
  await remote.put(packKey(info.digest), flip(bytes, info.tableOffset + 3))
  await t.rejects(fetchTable(remote, info), { code: 'corrupt' }, 'another table')
})

t.test('keys', async t => {
  const digest = hashBytes(Buffer.from('x'))
  t.equal(packOfKey(packKey(digest)), digest)
  for (const key of ['packs/aa/bb', `packs/${digest}`, `${packKey(digest)}0`, `recipes/file/${digest}`])
    t.equal(packOfKey(key), undefined, key)
})
