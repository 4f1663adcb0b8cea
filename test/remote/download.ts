import { join } from 'node:path'
import t from 'tap'
import type { Digest } from '../../lib/core/digest.js'
import { decodeManifest, isFileEntry } from '../../lib/core/manifest.js'
import { decodeRecipe } from '../../lib/core/recipe.js'
import { recipeKey } from '../../lib/remote/recipes.js'
import { alter, Clone, flip, keysOf, noise, openTestPool, watchedRemote } from '../support/transfer.js'

const text = (rows: number, from = 0): Buffer =>
  Buffer.from(
    Array.from({ length: rows }, (_, i) => `${i + from},row ${(i + from) * 7919},${(i * i) % 997}\n`).join(''),
  )

t.test('what was pushed is what is fetched', async t => {
  const pool = openTestPool(t)
  for (const compression of [true, false]) {
    const { remote } = watchedRemote()
    const a = new Clone(t, join(t.testdir(), 'a'))
    const b = new Clone(t, join(t.testdirName, 'b'))
    const large = noise(40_000_000, 1)
    const items = [
      a.addFile(Buffer.alloc(0), 'empty'),
      a.addFile(Buffer.from('x'), 'one byte'),
      a.addFile(noise(8192, 2), 'a chunk'),
      a.addFile(noise(8193, 3), 'a byte more'),
      a.addFile(text(200_000), 'text'),
      a.addFile(large, 'large'),
      a.addDirectory({}, 'empty directory'),
      a.addDirectory(
        {
          'a/empty': Buffer.alloc(0),
          'a/one': Buffer.from('1'),
          'a/same': Buffer.from('1'),
          'b/text': text(50_000),
          'b/large': noise(3_000_000, 4),
          'c/same as the large file': large,
        },
        'directory',
      ),
    ]
    const pushed = await a.push(remote, pool, items, { compression })
    t.ok(pushed.items.every(({ outcome }) => outcome === 'pushed'))
    t.equal(pushed.packs, 2)
    const fetched = await b.fetch(remote, pool, items)
    for (const { item, outcome, error } of fetched.items) t.equal(outcome, 'fetched', `${item.label} ${error}`)
    for (const { hash, kind } of items) {
      t.ok(b.read(hash).equals(a.read(hash)))
      if (kind === 'directory')
        for (const { digest } of decodeManifest(b.read(hash), hash).filter(isFileEntry)) t.ok(b.has(digest))
    }
    const again = await b.fetch(remote, pool, items)
    t.ok(again.items.filter(({ item }) => item.kind === 'file').every(({ outcome }) => outcome === 'present'))
  }
})

t.test('with the listing at hand nothing new costs no request', async t => {
  const pool = openTestPool(t)
  const { remote, traffic } = watchedRemote()
  const root = t.testdir()
  const a = new Clone(t, join(root, 'a'))
  const b = new Clone(t, join(root, 'b'))
  const item = a.addDirectory({ x: Buffer.from('1'), y: Buffer.from('2') })
  await a.push(remote, pool, [item])
  const entries = decodeManifest(a.read(item.hash), item.hash)
  traffic.reset()
  t.equal((await b.fetch(remote, pool, [{ ...item, entries }])).items[0]?.outcome, 'fetched')
  t.equal(traffic.calls.length, 2, 'recipe and pack')
  t.ok(b.has(item.hash))
  traffic.reset()
  t.equal((await b.fetch(remote, pool, [{ ...item, entries }])).items[0]?.outcome, 'present')
  t.equal(traffic.calls.length, 0)
})

t.test('one file of a large directory takes five requests', async t => {
  const pool = openTestPool(t)
  const { remote, traffic } = watchedRemote()
  const root = t.testdir()
  const a = new Clone(t, join(root, 'a'))
  const b = new Clone(t, join(root, 'b'))
  const names = Array.from({ length: 10_000 }, (_, i) => `d${i % 10}/file-${i}`)
  const item = a.addDirectory(Object.fromEntries(names.map((name, i) => [name, noise(4096, i)])))
  await a.push(remote, pool, [item])
  const entries = decodeManifest(a.read(item.hash), item.hash).filter(isFileEntry)
  const wanted = entries.at(-7)
  traffic.reset()
  const result = await b.fetch(remote, pool, [{ ...item, only: new Set([wanted?.digest as Digest]) }])
  t.equal(result.items[0]?.error, undefined)
  t.ok(traffic.calls.length <= 5, JSON.stringify(traffic.calls))
  const manifest = a.read(item.hash).length
  t.ok(traffic.bytes('get') < manifest + 1_400_000, `${traffic.bytes('get')}`)
  t.ok(b.has(wanted?.digest as Digest))
  t.notOk(b.has(entries[3]?.digest as Digest))
})

t.test('a version close to one in the cache costs next to nothing', async t => {
  const pool = openTestPool(t)
  const { remote, traffic } = watchedRemote()
  const root = t.testdir()
  const a = new Clone(t, join(root, 'a'))
  const b = new Clone(t, join(root, 'b'))
  const before = noise(80_000_000, 5)
  const after = Buffer.concat([
    before.subarray(0, 1_000_003),
    Buffer.from('one row more\n'),
    before.subarray(1_000_003),
  ])
  const first = a.addFile(before)
  await a.push(remote, pool, [first])
  await b.fetch(remote, pool, [first])
  const second = a.addFile(after)
  traffic.reset()
  await a.push(remote, pool, [second])
  t.ok(traffic.bytes('put') < 400_000, `sent ${traffic.bytes('put')}`)
  traffic.reset()
  const result = await b.fetch(remote, pool, [second])
  t.equal(result.items[0]?.error, undefined)
  t.ok(b.read(second.hash).equals(after))
  t.ok(traffic.bytes('get') < 500_000, `received ${traffic.bytes('get')}`)
})

t.test('what is damaged on the remote is named, the rest arrives', async t => {
  const pool = openTestPool(t)
  const { remote, traffic } = watchedRemote()
  const root = t.testdir()
  const a = new Clone(t, join(root, 'a'))
  const good = a.addDirectory({ x: noise(100_000, 8) }, 'good')
  await a.push(remote, pool, [good])
  const sound = new Set(await keysOf(remote, 'packs/'))
  const items = [a.addFile(noise(60_000_000, 7), 'large'), a.addFile(noise(5000, 9), 'small')]
  await a.push(remote, pool, items)
  const bad = (await keysOf(remote, 'packs/')).filter(key => !sound.has(key))
  for (const at of [0, 4, 8, 9, 5000, 31_000_000]) {
    for (const key of bad) await alter(remote, key, bytes => flip(bytes, Math.min(at, bytes.length - 200)))
    const b = new Clone(t, join(root, `b${at}`))
    traffic.reset()
    const result = await b.fetch(remote, pool, [...items, good])
    t.match(result.items[0], { outcome: 'failed', error: { code: 'corrupt' } }, `byte ${at}`)
    t.equal(result.items[2]?.outcome, 'fetched')
    t.notOk(b.has(items[0]?.hash as Digest))
    t.ok(
      bad.some(key => traffic.count('get', key) === 2),
      'asked again, once',
    )
    for (const key of bad) await alter(remote, key, bytes => flip(bytes, Math.min(at, bytes.length - 200)))
  }
  const b = new Clone(t, join(root, 'b'))
  t.ok((await b.fetch(remote, pool, items)).items.every(({ outcome }) => outcome === 'fetched'))
})

t.test('damage in a part of a pack is found as well', async t => {
  const pool = openTestPool(t)
  const { remote } = watchedRemote()
  const root = t.testdir()
  const a = new Clone(t, join(root, 'a'))
  const items = [a.addFile(noise(300_000, 20)), a.addFile(noise(300_000, 21)), a.addFile(noise(5000, 22))]
  await a.push(remote, pool, items)
  const [key] = await keysOf(remote, 'packs/')
  const stored = await remote.get(recipeKey('file', items[1]?.hash as Digest), { maxBytes: 10_000 })
  const recipe = decodeRecipe(stored?.bytes as Buffer, items[1] as never, 'recipe')
  const at = (recipe.runs[0]?.offset ?? 0) + 200_000
  await alter(remote, key as string, bytes => flip(bytes, at))
  const b = new Clone(t, join(root, 'b'))
  const result = await b.fetch(remote, pool, [items[1] as never])
  t.match(result.items[0], { outcome: 'failed', error: { code: 'corrupt' } })
  t.equal((await b.fetch(remote, pool, [items[0] as never])).items[0]?.outcome, 'fetched')
})

t.test('bytes that come wrong once are asked for again', async t => {
  const pool = openTestPool(t)
  const { remote } = watchedRemote()
  const root = t.testdir()
  const a = new Clone(t, join(root, 'a'))
  const items = [a.addFile(noise(300_000, 20)), a.addDirectory({ x: noise(5000, 22), y: noise(50_000, 23) })]
  await a.push(remote, pool, items)
  const hit = new Set<string>()
  const flaky = {
    ...remote,
    get: async (...args: Parameters<typeof remote.get>) => {
      const got = await remote.get(...args)
      const name = `${args[0]} ${args[1].offset}`
      if (got === undefined || !args[0].startsWith('packs/') || hit.has(name)) return got
      hit.add(name)
      return { ...got, bytes: flip(got.bytes, 100) }
    },
  }
  const b = new Clone(t, join(root, 'b'))
  const result = await b.fetch(flaky, pool, items)
  // A table is read once only; then the whole of the item is.
  t.equal(result.items[0]?.outcome, 'fetched', `${result.items[0]?.error}`)
})

t.test('missing on the remote', async t => {
  const pool = openTestPool(t)
  const { remote } = watchedRemote()
  const root = t.testdir()
  const a = new Clone(t, join(root, 'a'))
  const [first, second] = [a.addFile(noise(300_000, 30), 'first'), a.addFile(noise(300_000, 31), 'second')]
  await a.push(remote, pool, [first])
  const [pack] = await keysOf(remote, 'packs/')
  await a.push(remote, pool, [second])
  await remote.remove(pack as string)
  const b = new Clone(t, join(root, 'b'))
  const never = a.addFile(noise(1000, 32), 'never pushed')
  const result = await b.fetch(remote, pool, [never, first, second])
  t.match(result.items, [
    { outcome: 'failed', error: { code: 'missing', message: /never pushed$/ }, missing: [] },
    { outcome: 'failed', error: { code: 'missing' }, missing: [first.hash] },
    { outcome: 'fetched', missing: [] },
  ])
})

t.test('a recipe that promises too much is refused before anything is fetched', async t => {
  const pool = openTestPool(t)
  const { remote, traffic } = watchedRemote()
  const root = t.testdir()
  const a = new Clone(t, join(root, 'a'))
  const item = a.addFile(noise(300_000, 30), 'x')
  await a.push(remote, pool, [item])
  const key = recipeKey('file', item.hash)
  const good = (await remote.get(key, { maxBytes: 10_000 }))?.bytes.toString() as string
  for (const bad of [
    good.replace(',300000]', ',300001]'),
    good.replace(/\n$/, ''),
    `${good}["r",0,0,1,0,10,1]\n`,
    '',
  ]) {
    await remote.put(key, Buffer.from(bad))
    traffic.reset()
    const result = await new Clone(t, join(root, 'b')).fetch(remote, pool, [item])
    t.match(result.items[0], { outcome: 'failed', error: { code: 'corrupt' } })
    t.equal(traffic.count('get', 'packs/'), 0)
  }
})
