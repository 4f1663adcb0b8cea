// The vectors in fixtures/formats/v1: what was written once must be read for ever, and cut in the same places.

import { readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import t from 'tap'
import { parseDigest } from '../../lib/core/digest.js'
import { readChunkHeader, readTable, rowDigestText, rowOffset } from '../../lib/core/pack.js'
import { decodeRecipe } from '../../lib/core/recipe.js'
import { findCuts } from '../../lib/remote/chunker.js'
import { decodeHolding, encodeHolding } from '../../lib/remote/claims.js'
import { zstdDecompress } from '../../lib/sys/compress.js'
import { hashBytes, hashToBytes } from '../../lib/sys/hash.js'
import { chunkInputs } from '../support/remote-fixtures.js'

const root = resolve(import.meta.dirname, '../../../fixtures/formats/v1')
const read = (name: string): Buffer => readFileSync(join(root, name))

t.test('chunks', async t => {
  const vectors: unknown = JSON.parse(read('chunks.json').toString())
  const made = chunkInputs.map(({ name, make }) => {
    const bytes = make()
    const ends = findCuts(bytes, true)
    const digests = ends.map((end, i) => hashBytes(bytes.subarray(ends[i - 1] ?? 0, end)))
    return { name, size: bytes.length, digest: hashBytes(bytes), ends, digests }
  })
  t.same(made, vectors)
})

t.test('packs', async t => {
  const options = { hash: hashToBytes, name: 'pack' }
  const good = read('packs/good')
  const table = readTable(good, good.length, options)
  t.equal(table.count, 3)
  for (let row = 0; row < 3; row++) {
    const at = rowOffset(table, row)
    const header = readChunkHeader(good, at, { end: table.end, name: 'pack' })
    const body = good.subarray(at + 9, at + 9 + header.stored)
    const raw = header.codec === 'zstd' ? await zstdDecompress(body, header.raw, 'pack') : body
    t.equal(hashBytes(raw), rowDigestText(table, row))
  }
  for (const name of readdirSync(join(root, 'packs')).filter(name => name.startsWith('bad'))) {
    const bad = read(`packs/${name}`)
    t.throws(() => readTable(bad, bad.length, options), { code: 'corrupt' }, name)
  }
})

t.test('recipes', async t => {
  const good = read('recipes/good-file')
  const [, , , hash, size] = JSON.parse(good.toString().split('\n')[0] as string) as [
    string,
    number,
    string,
    string,
    number,
  ]
  const claim = { kind: 'file', hash: parseDigest(hash), size } as const
  const recipe = decodeRecipe(good, claim, 'recipe')
  t.equal(recipe.packs[0]?.digest, hashBytes(read('packs/good')))
  for (const name of readdirSync(join(root, 'recipes')).filter(name => name.startsWith('bad')))
    t.throws(() => decodeRecipe(read(`recipes/${name}`), claim, name), { code: 'corrupt' }, name)
})

t.test('claims', async t => {
  const good = read('claims/good')
  t.ok(encodeHolding(decodeHolding(good, 'claim')).equals(good))
})
