import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { DdvError } from '../../lib/core/errors.js'
import { checkFormat, claimRenewal, encodeHolding, listHoldings, sweepAge, touchAge } from '../../lib/remote/claims.js'
import { packOfKey } from '../../lib/remote/packs.js'
import { recipeKey } from '../../lib/remote/recipes.js'
import { upload } from '../../lib/remote/upload.js'
import { alter, Clone, flip, keysOf, noise, openTestPool, watchedRemote } from '../support/transfer.js'

const hour = 3_600_000

t.test('an order that a collection can rely on', async t => {
  const pool = openTestPool(t)
  const { remote, traffic } = watchedRemote()
  const a = new Clone(t, t.testdir())
  await a.push(remote, pool, [a.addFile(noise(100_000, 1))])
  const steps = traffic.calls.map(({ method, key }) => `${method} ${key.replace(/\/.*/, '')}`)
  t.same(steps, [
    'get ddv.json',
    'put ddv.json',
    'stat repositories',
    'put repositories',
    'get recipes',
    'put claims',
    'list sweeps',
    'put packs',
    'put recipes',
    'remove claims',
  ])
  t.same(await keysOf(remote, 'claims/'), [])
})

t.test('a push of nothing new', async t => {
  const pool = openTestPool(t)
  const { remote, traffic } = watchedRemote()
  const a = new Clone(t, t.testdir())
  const items = Array.from({ length: 20 }, (_, i) => a.addFile(noise(100_000, i), `${i}`))
  await a.push(remote, pool, items)
  traffic.reset()
  const again = await a.push(remote, pool, items)
  t.ok(again.items.every(({ outcome }) => outcome === 'present'))
  t.equal(again.bytesSent, 0)
  t.ok(traffic.calls.length <= 2 * items.length + 3, `${traffic.calls.length} requests`)
  traffic.reset()
  const b = new Clone(t, join(t.testdirName, 'b'))
  await b.push(remote, pool, items)
  t.ok(traffic.calls.length <= 2 * items.length + 6, `${traffic.calls.length} requests in a fresh clone`)
})

t.test('a remote that was emptied is begun anew', async t => {
  const pool = openTestPool(t)
  const { remote } = watchedRemote()
  const a = new Clone(t, t.testdir())
  const item = a.addFile(noise(100_000, 1))
  await a.push(remote, pool, [item])
  const before = (await keysOf(remote, '')).map(key => key.split('/')[0])
  for (const key of await keysOf(remote, '')) await remote.remove(key)
  const again = await a.push(remote, pool, [item])
  t.same(
    again.items.map(({ outcome }) => outcome),
    ['pushed'],
  )
  t.same(
    (await keysOf(remote, '')).map(key => key.split('/')[0]),
    before,
  )
})

t.test('many small files share packs, and each chunk is sent once', async t => {
  const pool = openTestPool(t)
  const { remote, traffic } = watchedRemote()
  const a = new Clone(t, t.testdir())
  const files = Object.fromEntries(Array.from({ length: 5000 }, (_, i) => [`f${i}`, noise(4096, i % 2500)]))
  const item = a.addDirectory(files)
  const outputs = Array.from({ length: 100 }, (_, i) => a.addFile(noise(4096, i), `${i}`))
  const result = await a.push(remote, pool, [item, ...outputs])
  t.equal(result.packs, 1)
  t.ok(traffic.bytes('put') < 2500 * 4200 + 5000 * 90 + 200_000, `${traffic.bytes('put')}`)
  traffic.reset()
  const changed = a.addDirectory({ ...files, f77: noise(4096, 9999) })
  await a.push(remote, pool, [changed])
  t.equal(traffic.count('put', 'packs/'), 1)
  t.ok(traffic.bytes('put') < 500_000, `${traffic.bytes('put')}`)
})

t.test('a fresh clone learns from the version before', async t => {
  const pool = openTestPool(t)
  const { remote, traffic } = watchedRemote()
  const a = new Clone(t, t.testdir())
  const before = noise(20_000_000, 1)
  const first = a.addFile(before)
  await a.push(remote, pool, [first])
  const b = new Clone(t, join(t.testdirName, 'b'))
  const second = b.addFile(Buffer.concat([Buffer.from('new'), before]))
  traffic.reset()
  await b.push(remote, pool, [{ ...second, previous: [first] }])
  t.ok(traffic.bytes('put') < 300_000, `${traffic.bytes('put')}`)
  t.ok((await new Clone(t, join(t.testdirName, 'c')).fetch(remote, pool, [second])).items[0]?.outcome === 'fetched')
})

t.test('blobs that are damaged or gone are named and never pushed', async t => {
  const pool = openTestPool(t)
  const { remote } = watchedRemote()
  const a = new Clone(t, t.testdir())
  const cases = [
    ['small', noise(5000, 1)],
    ['middle', noise(500_000, 2)],
    ['large', noise(9_000_000, 3)],
  ] as const
  const good = a.addFile(noise(1000, 4), 'good')
  const items = cases.map(([label, bytes]) => a.addFile(bytes, label))
  const directory = a.addDirectory(Object.fromEntries(cases), 'directory')
  const context = a.uploadContext(remote, pool)
  const outcomes = async () => (await upload(context, [...items, directory, good], {})).items
  for (const [i, [label, bytes]] of cases.entries()) {
    const path = a.blobPath(items[i]?.hash as never)
    await remote.remove(recipeKey('file', items[i]?.hash as never))
    for (const bad of [flip(bytes, bytes.length - 1), bytes.subarray(1), Buffer.concat([bytes, bytes])]) {
      writeFileSync(path, bad)
      const results = await outcomes()
      const hash = items[i]?.hash
      t.match(results[i], { outcome: 'failed', error: { code: 'corrupt' }, corrupt: [hash], missing: [] }, label)
      t.match(results[3], { outcome: 'failed', error: { code: 'corrupt' }, corrupt: [hash] })
      t.not(results[4]?.outcome, 'failed')
      t.equal(await remote.stat(recipeKey('file', hash as never)), undefined)
      t.equal(await remote.stat(recipeKey('directory', directory.hash)), undefined)
    }
    rmSync(path)
    t.match((await outcomes())[i], { outcome: 'failed', error: { code: 'missing' }, missing: [items[i]?.hash] })
    writeFileSync(path, bytes)
    await remote.remove(recipeKey('file', items[i]?.hash as never))
    t.equal((await upload(context, [items[i] as never], {})).items[0]?.outcome, 'pushed')
    await remote.remove(recipeKey('file', items[i]?.hash as never))
  }
  writeFileSync(a.blobPath(directory.hash), 'no listing')
  t.match((await outcomes())[3], { error: { code: 'corrupt' }, corrupt: [directory.hash] })
  rmSync(a.blobPath(directory.hash))
  t.match((await outcomes())[3], { error: { code: 'missing' }, missing: [directory.hash] })
})

t.test('an interrupted push goes on where it was', async t => {
  const pool = openTestPool(t)
  const { remote, traffic } = watchedRemote()
  const a = new Clone(t, t.testdir())
  const item = a.addFile(noise(120_000_000, 1))
  const controller = new AbortController()
  let puts = 0
  const stopping = {
    ...remote,
    put: async (...args: Parameters<typeof remote.put>) => {
      if (args[0].startsWith('packs/') && ++puts > 2) {
        controller.abort()
        throw new DdvError('interrupted', 'interrupted')
      }
      return await remote.put(...args)
    },
  }
  const context = a.uploadContext(stopping, pool)
  await t.rejects(upload(context, [item], { signal: controller.signal }), { code: 'interrupted' })
  t.equal(traffic.count('put', 'packs/'), 2)
  traffic.reset()
  await a.push(remote, pool, [item])
  t.equal(traffic.count('put', 'packs/'), 2, 'the other two')
})

t.test('a remote that fails', async t => {
  const pool = openTestPool(t)
  const { remote } = watchedRemote()
  const a = new Clone(t, t.testdir())
  const broken = {
    ...remote,
    put: async (...args: Parameters<typeof remote.put>) => {
      if (args[0].startsWith('packs/')) throw new DdvError('remote', 'no route to host')
      return await remote.put(...args)
    },
  }
  const result = await upload(a.uploadContext(broken, pool), [a.addFile(noise(1000, 1)), a.addFile(noise(1000, 2))], {})
  t.match(result.items, [
    { outcome: 'failed', error: { code: 'remote' } },
    { outcome: 'failed', error: { code: 'remote' } },
  ])
  t.same(await keysOf(remote, 'recipes/'), [])
  t.same(await keysOf(remote, 'claims/'), [])
})

t.test('a recipe whose packs are gone is as good as none', async t => {
  const pool = openTestPool(t)
  const { remote } = watchedRemote()
  const a = new Clone(t, t.testdir())
  const item = a.addFile(noise(100_000, 1))
  await a.push(remote, pool, [item])
  for (const spoil of [() => Buffer.alloc(0), undefined]) {
    for (const pack of await keysOf(remote, 'packs/'))
      if (spoil === undefined) await remote.remove(pack)
      else await alter(remote, pack, spoil)
    const b = new Clone(t, join(t.testdirName, `b${spoil === undefined}`))
    b.addFile(noise(100_000, 1))
    t.equal((await b.push(remote, pool, [item])).items[0]?.outcome, 'pushed')
    t.equal((await new Clone(t, join(b.root, 'c')).fetch(remote, pool, [item])).items[0]?.outcome, 'fetched')
  }
  await remote.put(recipeKey('file', item.hash), Buffer.from('nonsense'))
  t.equal((await a.push(remote, pool, [item])).items[0]?.outcome, 'pushed')
})

t.test('a push that repairs sends anew what is missing or damaged on the remote, and nothing else', async t => {
  const pool = openTestPool(t)
  const [first, second] = [noise(400_000, 1), noise(300_000, 2)]
  const spoilers: readonly (readonly [
    string,
    'pack' | 'recipe' | 'format',
    ((bytes: Buffer) => Buffer) | undefined,
  ])[] = [
    ['nothing', 'pack', bytes => bytes],
    ['pack deleted', 'pack', undefined],
    ['pack truncated', 'pack', bytes => bytes.subarray(0, 1000)],
    ['pack longer', 'pack', bytes => Buffer.concat([bytes, Buffer.from('x')])],
    ['bit flipped in a chunk', 'pack', bytes => flip(bytes, 5000)],
    ['bit flipped in a table', 'pack', bytes => flip(bytes, bytes.length - 70)],
    ['recipe deleted', 'recipe', undefined],
    ['recipe garbage', 'recipe', () => Buffer.from('garbage')],
    ['recipe that its packs do not bear out', 'recipe', falseLengths],
    ['marker deleted', 'format', undefined],
  ]
  for (const [name, what, spoil] of spoilers) {
    const { remote, traffic } = watchedRemote()
    const a = new Clone(t, join(t.testdirName, name))
    // Two packs for the second file, so that the recipe has several runs and one pack stays whole.
    const part = a.addFile(Buffer.concat([first, second]).subarray(0, 400_000))
    await a.push(remote, pool, [part])
    const [old] = await keysOf(remote, 'packs/')
    const item = a.addFile(Buffer.concat([first, second]))
    const other = a.addDirectory({ 'a/b': Buffer.from('ab'), c: second.subarray(0, 20_000) })
    const items = [part, item, other]
    await a.push(remote, pool, items)
    const packs = await keysOf(remote, 'packs/')
    const pack = packs.find(key => key !== old) as string
    const key = { pack, recipe: recipeKey('file', item.hash), format: 'ddv.json' }[what]
    if (spoil === undefined) await remote.remove(key)
    else await alter(remote, key, spoil)
    traffic.reset()
    const result = await a.push(remote, pool, items, { repair: true })
    t.equal(result.packs, what === 'pack' && name !== 'nothing' ? 1 : 0, `${name}: packs`)
    t.ok(result.bytesSent < 500_000, `${name}: the pack that is whole is not sent again`)
    const pushed = { pack: ['present', 'pushed', 'pushed'], recipe: ['present', 'pushed', 'present'] }
    const outcomes = name === 'nothing' || what === 'format' ? ['present', 'present', 'present'] : pushed[what]
    t.same(
      result.items.map(one => one.outcome),
      outcomes,
      name,
    )
    t.ok(traffic.calls.filter(call => call.method === 'get' && call.key === old).length === 1, `${name}: read once`)
    const b = new Clone(t, join(t.testdirName, `${name} fetched`))
    const fetched = await b.fetch(remote, pool, items)
    t.same(
      fetched.items.map(one => one.error),
      [undefined, undefined, undefined],
      name,
    )
    t.equal(await checkFormat(remote), 'known')
  }
})

t.test('a push that repairs needs the cache only for what the remote lacks', async t => {
  const pool = openTestPool(t)
  const { remote } = watchedRemote()
  const a = new Clone(t, t.testdir())
  const [whole, broken] = [a.addFile(noise(100_000, 1)), a.addFile(noise(100_000, 2))]
  await a.push(remote, pool, [whole])
  const [sound] = await keysOf(remote, 'packs/')
  await a.push(remote, pool, [broken])
  for (const key of await keysOf(remote, 'packs/')) if (key !== sound) await alter(remote, key, b => flip(b, 99))
  const b = new Clone(t, join(t.testdirName, 'b'))
  const { items } = await upload(b.uploadContext(remote, pool, { repair: true }), [whole, broken], {})
  t.match(items, [{ outcome: 'present' }, { outcome: 'failed', missing: [broken.hash], error: { code: 'missing' } }])
})

/** A recipe that is in canonical form, of the right length, and wrong. */
function falseLengths(bytes: Buffer): Buffer {
  const [head, pack, run, ...rest] = bytes.toString().trimEnd().split('\n')
  const numbers = JSON.parse(run ?? '') as [string, ...number[]]
  numbers[6] = (numbers[6] ?? 0) - 1
  const last = JSON.parse(rest.at(-1) ?? '') as [string, ...number[]]
  last[6] = (last[6] ?? 0) + 1
  return Buffer.from(
    `${[head, pack, JSON.stringify(numbers), ...rest.slice(0, -1), JSON.stringify(last)].join('\n')}\n`,
  )
}

t.test('packs in the local index that the remote lost are not named', async t => {
  const pool = openTestPool(t)
  const { remote, traffic } = watchedRemote()
  const a = new Clone(t, t.testdir())
  const bytes = noise(1_000_000, 1)
  await a.push(remote, pool, [a.addFile(bytes)])
  for (const key of await keysOf(remote, 'packs/')) await remote.remove(key)
  const second = a.addFile(Buffer.concat([bytes, bytes.subarray(0, 100)]))
  traffic.reset()
  await a.push(remote, pool, [second])
  t.ok(traffic.bytes('put') > 1_000_000)
  t.equal((await new Clone(t, join(a.root, 'b')).fetch(remote, pool, [second])).items[0]?.outcome, 'fetched')
})

t.test('claims are written before what they claim is looked at', async t => {
  const pool = openTestPool(t)
  const { remote, traffic } = watchedRemote()
  const a = new Clone(t, t.testdir())
  const bytes = noise(1_000_000, 1)
  await a.push(remote, pool, [a.addFile(bytes)])
  const old = (await keysOf(remote, 'packs/')).map(packOfKey)
  let claimed: unknown
  const spying = {
    ...remote,
    put: async (...args: Parameters<typeof remote.put>) => {
      await remote.put(...args)
      if (args[0].startsWith('claims/')) [claimed] = await listHoldings(remote, 'claims', { maxAge: hour })
    },
  }
  const second = a.addFile(Buffer.concat([bytes, Buffer.from('x')]))
  traffic.reset()
  await a.push(spying, pool, [second])
  t.match(claimed, { recipes: new Set([recipeKey('file', second.hash)]), packs: new Set(old) })
  const order = traffic.calls.map(({ method, key }) => `${method} ${key.replace(/\/.*/, '')}`)
  t.ok(order.lastIndexOf('put claims') < order.lastIndexOf('list sweeps'))
  t.ok(order.lastIndexOf('list sweeps') < order.indexOf('stat packs'))
  t.ok(order.indexOf('stat packs') < order.indexOf('put recipes'))
})

t.test('what a collection is about to delete is not relied on', async t => {
  const pool = openTestPool(t)
  const { remote, clock } = watchedRemote()
  const a = new Clone(t, t.testdir())
  const bytes = noise(1_000_000, 1)
  const first = a.addFile(bytes)
  await a.push(remote, pool, [first])
  const packs = (await keysOf(remote, 'packs/')).map(key => packOfKey(key) as never)
  await remote.put('sweeps/s', encodeHolding({ recipes: new Set(), packs: new Set(packs) }))
  const second = a.addFile(Buffer.concat([bytes, Buffer.from('x')]))
  t.ok((await a.push(remote, pool, [second])).bytesSent > 1_000_000, 'sent anew')
  clock.now += sweepAge
  // A recipe of ours: wait until the sweep is gone.
  await remote.put('sweeps/t', encodeHolding({ recipes: new Set([recipeKey('file', first.hash)]), packs: new Set() }))
  let waits = 0
  const sleep = async () => {
    if (++waits === 2) await remote.remove('sweeps/t')
  }
  t.equal((await a.push(remote, pool, [first], { sleep })).items[0]?.outcome, 'present')
  t.equal(waits, 2)
  await remote.put('sweeps/t', encodeHolding({ recipes: new Set([recipeKey('file', first.hash)]), packs: new Set() }))
  const late = async () => {
    clock.now += sweepAge
  }
  await a.push(remote, pool, [first], { sleep: late })
})

t.test('old recipes are written again', async t => {
  const pool = openTestPool(t)
  const { remote, traffic, clock } = watchedRemote()
  const a = new Clone(t, t.testdir())
  const item = a.addFile(noise(1_000_000, 1))
  await a.push(remote, pool, [item])
  const key = recipeKey('file', item.hash)
  clock.now += touchAge - 2 * hour
  await a.push(remote, pool, [item])
  t.equal((await remote.stat(key))?.age, touchAge - 2 * hour, 'young enough')
  clock.now += 2 * hour
  traffic.reset()
  t.equal((await a.push(remote, pool, [item])).items[0]?.outcome, 'present')
  t.equal((await remote.stat(key))?.age, 0)
  t.equal(traffic.count('put', 'packs/'), 0)
  clock.now += touchAge
  for (const pack of await keysOf(remote, 'packs/')) await remote.remove(pack)
  t.equal((await a.push(remote, pool, [item])).items[0]?.outcome, 'pushed', 'its packs are looked at then')
})

t.test('a push that takes longer than its claim protects looks at everything anew', async t => {
  const pool = openTestPool(t)
  const { remote, traffic } = watchedRemote()
  const a = new Clone(t, t.testdir())
  const items = [a.addFile(noise(1_000_000, 1)), a.addFile(noise(1000, 2))]
  let time = 0
  const slow = {
    ...remote,
    put: async (...args: Parameters<typeof remote.put>) => {
      await remote.put(...args)
      if (args[0].startsWith('packs/')) time += claimRenewal + 1
    },
  }
  const result = await a.push(slow, pool, items, { clock: () => time })
  t.ok(result.items.every(({ outcome }) => outcome === 'pushed'))
  t.equal(traffic.count('put', 'claims/'), 2)
  t.equal(traffic.count('put', 'packs/'), 1, 'nothing is sent twice')
  const recipes = traffic.calls.findIndex(({ method, key }) => method === 'put' && key.startsWith('recipes/'))
  const second = traffic.calls.findLastIndex(({ method, key }) => method === 'put' && key.startsWith('claims/'))
  t.ok(second < recipes, 'no recipe under the old claim')
})

t.test('a remote of a newer ddv is left alone', async t => {
  const pool = openTestPool(t)
  const { remote, traffic } = watchedRemote()
  const a = new Clone(t, t.testdir())
  await remote.put('ddv.json', Buffer.from('{"ddv":2,"chunker":"xet-1"}'))
  traffic.reset()
  await t.rejects(upload(a.uploadContext(remote, pool), [a.addFile(noise(10, 1))], {}), { code: 'newer-format' })
  t.equal(traffic.count('put'), 0)
})
