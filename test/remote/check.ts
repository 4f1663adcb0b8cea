import { mkdirSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { checkItems, readItems } from '../../lib/remote/check.js'
import { recipeKey } from '../../lib/remote/recipes.js'
import { alter, Clone, flip, keysOf, noise, openTestPool, watchedRemote } from '../support/transfer.js'

type Test = Parameters<typeof openTestPool>[0]

async function pushed(t: Test) {
  const { remote, traffic } = watchedRemote()
  const pool = openTestPool(t)
  const top = t.testdir()
  const clone = new Clone(t, join(top, 'clone'))
  const items = [
    clone.addFile(noise(300_000, 1), 'one'),
    clone.addFile(noise(200_000, 2), 'two'),
    clone.addDirectory({ a: noise(100_000, 3), 'b/c': noise(300_000, 1), empty: Buffer.alloc(0) }, 'three'),
    clone.addFile(Buffer.alloc(0), 'none'),
  ]
  for (const item of items) await clone.push(remote, pool, [item])
  const packs = await keysOf(remote, 'packs/')
  traffic.reset()
  const directory = join(top, 'room')
  mkdirSync(directory)
  const context = { remote, index: new Clone(t, join(top, 'other')).index, concurrency: 4 }
  const codes = async (): Promise<unknown> => (await checkItems(context, items, {})).map(error => error?.code)
  const read = { remote, pool, concurrency: 4, directory }
  const deepCodes = async (): Promise<unknown> => (await readItems(read, items, {})).map(error => error?.code)
  const tableCodes = async (): Promise<unknown> =>
    (await checkItems({ ...context, tables: true }, items, {})).map(error => error?.code)
  return { remote, tableCodes, traffic, items, codes, deepCodes, directory, packs }
}

const all = [undefined, undefined, undefined, undefined]

t.test('all there: a request a recipe, and one listing', async t => {
  const { codes, deepCodes, traffic, items, directory } = await pushed(t)
  t.same(await codes(), all)
  t.equal(traffic.count('get', 'recipes/'), items.length)
  t.equal(traffic.count('get', 'packs/') + traffic.count('put') + traffic.count('stat'), 0)
  t.equal(traffic.count('list', 'packs/'), 1)
  t.same(await deepCodes(), all)
  t.same(readdirSync(directory), [], 'nothing stays')
  t.equal(traffic.count('put') + traffic.count('remove'), 0, 'and nothing is written there')
})

t.test('a recipe that is gone, and one that is damaged', async t => {
  const { remote, items, codes, deepCodes } = await pushed(t)
  const [one, two] = items.map(({ kind, hash }) => recipeKey(kind, hash)) as [string, string]
  await remote.remove(one)
  await alter(remote, two, bytes => bytes.subarray(0, -1))
  t.same(await codes(), ['missing', 'corrupt', undefined, undefined])
  t.same(await deepCodes(), ['missing', 'corrupt', undefined, undefined])
})

t.test('packs that are gone, and of another size', async t => {
  const { remote, codes, packs } = await pushed(t)
  t.equal(packs.length, 3)
  for (const key of packs) await remote.remove(key)
  t.same(await codes(), ['missing', 'missing', 'missing', undefined])
  for (const key of packs) await remote.put(key, Buffer.from('short'))
  t.same(await codes(), ['corrupt', 'corrupt', 'corrupt', undefined])
})

t.test('a byte that rotted: only the deep look sees it', async t => {
  const { remote, codes, deepCodes, packs } = await pushed(t)
  for (const key of packs) await alter(remote, key, bytes => flip(bytes, 100))
  t.same(await codes(), all)
  t.same(await deepCodes(), ['corrupt', 'corrupt', 'corrupt', undefined])
})

t.test('a table that rotted', async t => {
  const { remote, codes, tableCodes, packs } = await pushed(t)
  t.same(await tableCodes(), all)
  for (const key of packs) await alter(remote, key, bytes => flip(bytes, bytes.length - 70))
  t.same(await codes(), all)
  t.same(await tableCodes(), ['corrupt', 'corrupt', 'corrupt', undefined])
})

t.test('nothing to ask, and no remote of ddv’s', async t => {
  const { remote, codes } = await pushed(t)
  t.same(await checkItems({ remote, index: undefined as never, concurrency: 1 }, [], {}), [])
  await alter(remote, 'ddv.json', () => Buffer.from('{"ddv":2}\n'))
  await t.rejects(codes(), { code: 'newer-format' })
})
