// Writes fixtures/formats/v1/{chunks.json,packs,recipes,claims}: what a reader of format 1 must be able to read for ever.
// Run by hand when a vector is added; existing ones are never made anew. `node dist/test/support/make-remote-fixtures.js`

import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { digestFromBytes } from '../../lib/core/digest.js'
import { rowOffset, tableRowSize, writeTrailer } from '../../lib/core/pack.js'
import { encodeRecipe } from '../../lib/core/recipe.js'
import { findCuts } from '../../lib/remote/chunker.js'
import { encodeHolding } from '../../lib/remote/claims.js'
import { newPackMemory } from '../../lib/remote/pack-memory.js'
import { appendChunks, packBound } from '../../lib/remote/packs.js'
import { recipeKey } from '../../lib/remote/recipes.js'
import { hashBytes, hashToBytes } from '../../lib/sys/hash.js'
import { chunkInputs } from './remote-fixtures.js'

const root = join(import.meta.dirname, '../../../fixtures/formats/v1')

function add(name: string, bytes: string | Uint8Array): void {
  const file = join(root, name)
  mkdirSync(dirname(file), { recursive: true })
  if (existsSync(file)) console.log(`stays: ${name}`)
  else writeFileSync(file, bytes)
}

const chunks = chunkInputs.map(({ name, make }) => {
  const bytes = make()
  const ends = findCuts(bytes, true)
  const digests = ends.map((end, i) => hashBytes(bytes.subarray(ends[i - 1] ?? 0, end)))
  return { name, size: bytes.length, digest: hashBytes(bytes), ends, digests }
})
add('chunks.json', `${JSON.stringify(chunks, null, 1)}\n`)

const bodies = [Buffer.from('one small chunk\n'), Buffer.alloc(20_000, 'abc,1,2\n'), Buffer.from([0])]
const parts = Buffer.concat(bodies)
const buffer = new SharedArrayBuffer(parts.length)
new Uint8Array(buffer).set(parts)
const into = newPackMemory(packBound(parts.length, bodies.length), parts.length)
const ends = bodies.map((_, i) => bodies.slice(0, i + 1).reduce((sum, body) => sum + body.length, 0))
const { rows, end } = await appendChunks.run({
  buffer,
  spans: Uint32Array.from(ends.flatMap((stop, i) => [ends[i - 1] ?? 0, stop])),
  digests: Uint8Array.from(Buffer.concat(bodies.map(body => hashToBytes(body)))),
  into,
  at: 0,
  compress: true,
})
const pack = Buffer.from(into.buffer, 0, end + rows.length + 64)
pack.set(rows, end)
// Its random bytes are counted here, so that the vector can be made again.
const random = Uint8Array.from({ length: 16 }, (_, i) => i)
const trailer = { random, tableHash: hashToBytes(rows), rows: bodies.length, tableOffset: end }
writeTrailer(pack, end + rows.length, trailer)
add('packs/good', pack)

const flipped = Buffer.from(pack)
flipped.writeUInt8(flipped.readUInt8(end + 3) ^ 1, end + 3)
add('packs/bad-table', flipped)
add('packs/bad-cut-off', pack.subarray(0, -1))

const table = { rows: Buffer.from(rows), count: rows.length / tableRowSize, end }
const stream = parts.subarray(0, ends[1])
const recipe = encodeRecipe({
  kind: 'file',
  hash: hashBytes(stream),
  size: stream.length,
  packs: [{ digest: hashBytes(pack), size: pack.length, tableOffset: end }],
  runs: [{ pack: 0, first: 0, count: 2, offset: 0, stored: rowOffset(table, 2), raw: stream.length }],
})
add('recipes/good-file', recipe)
add('recipes/bad-size', recipe.replace(`,${stream.length}]\n["p"`, `,${stream.length + 1}]\n["p"`))
add('recipes/bad-two-runs-that-are-one', recipe.replace(/\["r".*\n/, '["r",0,0,1,0,25,16]\n["r",0,1,1,25,34,20000]\n'))
add('recipes/bad-run-behind-its-pack', recipe.replace('["r",0,0,2,', '["r",0,2,2,'))

const digest = (n: number) => digestFromBytes(Buffer.alloc(32, n))
const holding = {
  recipes: new Set([recipeKey('file', digest(2)), recipeKey('directory', digest(1))]),
  packs: new Set([digest(4), digest(3)]),
}
add('claims/good', encodeHolding(holding))
