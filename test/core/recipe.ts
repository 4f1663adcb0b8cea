import fc from 'fast-check'
import t from 'tap'
import { digestFromBytes } from '../../lib/core/digest.js'
import type { PackInfo } from '../../lib/core/pack.js'
import { decodeRecipe, encodeRecipe, maxRecipeSize, type Recipe, type RecipeClaim } from '../../lib/core/recipe.js'

const digest = (n: number) => digestFromBytes(Buffer.alloc(32, n))
const hash = digest(255)
const name = 'recipes/file/ff'

/** A pack of `rows` chunks that are stored in 100 bytes each, header included. */
const pack = (n: number, rows: number): PackInfo => ({
  digest: digest(n),
  size: rows * 140 + 64,
  tableOffset: rows * 100,
})

const recipe: Recipe = {
  kind: 'file',
  hash,
  size: 1_000,
  packs: [pack(1, 10), pack(2, 3)],
  runs: [
    { pack: 0, first: 2, count: 3, offset: 200, stored: 300, raw: 400 },
    { pack: 1, first: 0, count: 3, offset: 0, stored: 300, raw: 500 },
    { pack: 0, first: 9, count: 1, offset: 900, stored: 100, raw: 100 },
  ],
}
const claim: RecipeClaim = { kind: 'file', hash, size: 1_000 }
const good = encodeRecipe(recipe)

t.test('text', async t => {
  t.equal(
    good,
    [
      `["ddv-recipe",1,"file","${hash}",1000]`,
      `["p","${digest(1)}",1464,1000]`,
      '["r",0,2,3,200,300,400]',
      `["p","${digest(2)}",484,300]`,
      '["r",1,0,3,0,300,500]',
      '["r",0,9,1,900,100,100]',
      '',
    ].join('\n'),
  )
  t.same(decodeRecipe(Buffer.from(good), claim, name), recipe)
  const empty: Recipe = { kind: 'file', hash, size: 0, packs: [], runs: [] }
  t.same(decodeRecipe(Buffer.from(encodeRecipe(empty)), { ...claim, size: 0 }, name), empty)
})

t.test('directories', async t => {
  const directory = encodeRecipe({ ...recipe, kind: 'directory' })
  const of = (size: number, files: number): RecipeClaim => ({ kind: 'directory', hash, size, files })
  t.equal(decodeRecipe(Buffer.from(directory), of(900, 2), name).size, 1000)
  t.throws(() => decodeRecipe(Buffer.from(directory), of(986, 2), name), { code: 'corrupt' }, 'no room for a manifest')
  t.throws(() => decodeRecipe(Buffer.from(directory), of(1001, 2), name), { code: 'corrupt' }, 'less than its files')
  const huge = directory.replace(',1000]', ',67117665]')
  t.throws(() => decodeRecipe(Buffer.from(huge), of(0, 2), name), /another size/, 'a manifest beyond bounds')
})

t.test('what it does not say canonically, or says of something else, is refused', async t => {
  const swap = (from: string, to: string): string => good.replace(from, to)
  const cases: Readonly<Record<string, string>> = {
    empty: '',
    'no final newline': good.slice(0, -1),
    'a space': swap('[200,', '[200 ,').replace('0,2,3', '0, 2,3'),
    'carriage returns': good.replaceAll('\n', '\r\n'),
    'not JSON': swap('["p"', '["p'),
    'an object': swap('["r",0,2,3,200,300,400]', '{}'),
    'another hash': good.replace(hash, digest(3)),
    'another kind': swap('"file"', '"directory"'),
    'another size': swap(',1000]', ',1001]'),
    'a pack twice': swap('["r",1,0', `["p","${digest(2)}",484,300]\n["r",1,0`),
    'a pack that no run uses': `${good}["p","${digest(4)}",484,300]\n`,
    'a pack told too early': good.replace(
      /(\["r",0,2,3,200,300,400\]\n)(\["p",.*\n)/,
      (_all: string, run: string, told: string) => told + run,
    ),
    'an unknown pack': swap('["r",1,0', '["r",2,0'),
    'half a row in a pack': swap('1464,1000', '1465,1000'),
    'a pack beyond 64 MiB': swap('1464,1000', '67109000,67108536'),
    'a run behind the pack': swap('0,9,1,900,100,100', '0,9,2,900,100,100'),
    'bytes behind the table': swap('0,9,1,900,100,100', '0,9,1,901,100,100'),
    'a first chunk that is not at 0': swap('1,0,3,0,300,500', '1,0,2,10,280,500'),
    'a last chunk that does not reach the table': swap('1,0,3,0,300,500', '1,0,3,0,299,500'),
    'no chunks': swap('0,2,3,200,300,400', '0,2,0,200,300,400'),
    'too many raw bytes for its chunks': swap('0,2,3,200,300,400', '0,2,3,200,300,393217'),
    'more stored than raw allows': swap('0,9,1,900,100,100', '0,9,1,900,100,20'),
    'too few raw bytes': swap('0,9,1,900,100,100', '0,9,1,900,100,99'),
    'runs that are one': good
      .replace('["r",0,2,3,200,300,400]', '["r",0,2,2,200,200,300]\n["r",0,4,1,400,100,100]')
      .replace('', ''),
    negative: swap('0,2,3,200,300,400', '0,-2,3,200,300,400'),
    fractional: swap('0,2,3,200,300,400', '0,2.5,3,200,300,400'),
    'written otherwise': swap('0,2,3,200,300,400', '0,2,3,2e2,300,400'),
  }
  for (const [what, text] of Object.entries(cases))
    t.throws(() => decodeRecipe(Buffer.from(text), claim, name), { code: 'corrupt', message: /: recipes/ }, what)
  t.throws(() => decodeRecipe(Buffer.from(swap('recipe",1', 'recipe",2')), claim, name), { code: 'newer-format' })
})

t.test('one flipped bit never gives a recipe of other bytes that is taken for the same', async t => {
  const bytes = Buffer.from(good)
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    const bad = Buffer.from(bytes)
    bad.writeUInt8(bad.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3)
    try {
      // What still parses names other packs or places: their chunks will not hash to what is asked for.
      t.notSame(decodeRecipe(bad, claim, name), recipe)
    } catch (error) {
      t.match(error, { name: 'DdvError' })
    }
  }
})

t.test('runs of any form read back', async t => {
  const runs = fc.array(
    fc.record({ pack: fc.nat(5), first: fc.nat(40), count: fc.integer({ min: 1, max: 40 }), raw: fc.nat(1000) }),
  )
  fc.assert(
    fc.property(runs, some => {
      const made = makeRecipe(some)
      const bytes = Buffer.from(encodeRecipe(made))
      t.same(decodeRecipe(bytes, { kind: 'file', hash, size: made.size }, name), made)
      t.ok(bytes.length <= maxRecipeSize({ size: made.size }))
    }),
    { numRuns: 100 },
  )
})

function makeRecipe(some: readonly { pack: number; first: number; count: number; raw: number }[]): Recipe {
  const numbers = new Map<number, number>()
  const runs: Recipe['runs'][number][] = []
  for (const { pack: which, first, count, raw } of some) {
    const number = numbers.get(which) ?? numbers.size
    const last = runs.at(-1)
    if (last?.pack === number && last.first + last.count === first) continue
    numbers.set(which, number)
    runs.push({ pack: number, first, count, offset: first * 100, stored: count * 100, raw: count * (100 + raw) })
  }
  const packs = [...numbers.keys()].map(which => pack(which, 80))
  return { kind: 'file', hash, size: runs.reduce((sum, run) => sum + run.raw, 0), packs, runs }
}
