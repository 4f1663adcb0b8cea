import t from 'tap'
import { digestFromBytes } from '../../lib/core/digest.js'
import {
  checkFormat,
  decodeHolding,
  encodeHolding,
  listHoldings,
  listRepositories,
  registerRepository,
  writeFormat,
} from '../../lib/remote/claims.js'
import { openMemoryRemote } from '../../lib/remote/memory.js'
import { recipeKey } from '../../lib/remote/recipes.js'

const digest = (n: number) => digestFromBytes(Buffer.alloc(32, n))
const holding = {
  recipes: new Set([recipeKey('file', digest(2)), recipeKey('directory', digest(1))]),
  packs: new Set([digest(9), digest(8)]),
}

t.test('holdings', async t => {
  const bytes = encodeHolding(holding)
  t.equal(
    bytes.toString(),
    `{"ddv":1,"recipes":["directory/${digest(1)}","file/${digest(2)}"],"packs":["${digest(8)}","${digest(9)}"]}\n`,
  )
  t.same(decodeHolding(bytes, 'claims/x'), holding)
  const none = { recipes: new Set<string>(), packs: new Set<never>() }
  t.same(decodeHolding(encodeHolding(none), 'claims/x'), none)
  for (const bad of [
    '',
    'null',
    '[]',
    '{}',
    '{"ddv":1,"recipes":[],"packs":{}}',
    '{"ddv":1,"recipes":[],"packs":["x"]}',
    '{"ddv":1,"recipes":["x"],"packs":[]}',
    `{"ddv":1,"recipes":["tree/${digest(1)}"],"packs":[]}`,
    `{"ddv":1,"recipes":["file/${digest(1)}/x"],"packs":[]}`,
  ])
    t.throws(() => decodeHolding(Buffer.from(bad), 'claims/x'), { code: 'corrupt' }, bad)
  t.throws(() => decodeHolding(Buffer.from('{"ddv":2}'), 'claims/x'), { code: 'newer-format' })
})

t.test('the old do not count, the unreadable are no excuse', async t => {
  let now = 0
  const remote = openMemoryRemote({ now: () => now })
  await remote.put('sweeps/aa', encodeHolding(holding))
  now = 10_000
  await remote.put('sweeps/bb', encodeHolding(holding))
  await remote.put('claims/bb', Buffer.from('?'))
  t.same(
    (await listHoldings(remote, 'sweeps', { maxAge: 10_000 })).map(({ key, age }) => [key, age]),
    [['sweeps/bb', 0]],
  )
  t.equal((await listHoldings(remote, 'sweeps', { maxAge: 10_001 })).length, 2)
  await t.rejects(listHoldings(remote, 'claims', { maxAge: 1 }), { code: 'corrupt' })
})

t.test('repositories', async t => {
  const remote = openMemoryRemote()
  t.ok((await registerRepository(remote, { id: 'abc-1', url: 'https://example.com/x.git' })) > 0)
  t.equal(await registerRepository(remote, { id: 'abc-1', url: 'another' }), 0)
  t.same([...(await listRepositories(remote))], [['abc-1', 'https://example.com/x.git']])
  await t.rejects(registerRepository(remote, { id: '../x', url: '' }), { code: 'usage' })
  await remote.put('repositories/x', Buffer.from('{}'))
  await t.rejects(listRepositories(remote), { code: 'corrupt' })
})

t.test('the format of the remote', async t => {
  const remote = openMemoryRemote()
  t.equal(await checkFormat(remote), 'empty')
  await writeFormat(remote)
  t.equal(await checkFormat(remote), 'known')
  for (const other of ['{"ddv":2,"chunker":"xet-1"}', '{"ddv":1,"chunker":"other"}']) {
    await remote.put('ddv.json', Buffer.from(other))
    await t.rejects(checkFormat(remote), { code: 'newer-format' })
  }
  await remote.put('ddv.json', Buffer.from('<html>'))
  await t.rejects(checkFormat(remote), { code: 'corrupt' })
})
