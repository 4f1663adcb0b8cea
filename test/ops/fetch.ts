import { rmSync } from 'node:fs'
import t from 'tap'
import { git } from '../support/git.js'
import { digestOf, errorOf, makeWorkspace, openWorkspace, type TestWorkspace } from '../support/workspace.js'

type Test = Parameters<typeof makeWorkspace>[0]

const files = { x: 'xxxx', 'd/a': 'aaaa', 'd/s/b': 'bbbb', 'd/e/': '', y: 'yyyy' }

/** One workspace that pushed, and a fresh clone of it. */
async function makePair(t: Test): Promise<{ w: TestWorkspace; clone: TestWorkspace }> {
  const w = await makeWorkspace(t, { files })
  await w.ddv('remote', 'add', 'origin', '../remote', '--default')
  await w.add(['x', 'd', 'y'])
  w.commit()
  await w.push()
  git(w.root, 'clone', '-q', '.', '../clone')
  return { w, clone: openWorkspace(t, w.path('../clone')) }
}

t.test('into the cache, and nowhere else', async t => {
  const { clone } = await makePair(t)
  const before = Object.keys(clone.tree()).filter(path => !/^\.(git|ddv|cache)\//.test(path))
  const result = await clone.fetch()
  t.same(result.failures, [])
  t.same(
    result.outputs.map(({ path, outcome }) => `${path} ${outcome}`),
    ['d fetched', 'x fetched', 'y fetched'],
  )
  t.ok(result.bytesReceived > 0)
  t.same(
    Object.keys(clone.tree()).filter(path => !/^\.(git|ddv|cache)\//.test(path)),
    before,
  )
  t.match((await clone.status()).outputs, Array(3).fill({ workspace: 'missing', cache: 'complete' }))
  t.same(clone.tree('.cache/tmp'), { '/': '' })

  const again = await clone.fetch()
  t.match(again, { remote: undefined, bytesReceived: 0 }, 'what is there is not asked for')
  t.same(
    again.outputs.map(one => one.outcome),
    ['present', 'present', 'present'],
  )
})

t.test('only targets', async t => {
  const { clone } = await makePair(t)
  await clone.fetch('y')
  t.same(
    (await clone.status()).outputs.map(({ path, cache }) => `${path} ${cache}`),
    ['d incomplete', 'x incomplete', 'y complete'],
  )
})

t.test('without a remote nothing is needed where all is there', async t => {
  const w = await makeWorkspace(t, { files: { x: '1' } })
  await w.add('x')
  t.match(await w.fetch(), { remote: undefined, failures: [], outputs: [{ outcome: 'present' }] })
  rmSync(w.blob(digestOf('1')))
  t.match(await errorOf(t, w.fetch(), 'remote'), { message: 'no remote is configured', hint: /ddv remote add/ })
})

t.test('what the remote lacks is named, and the rest arrives', async t => {
  const { w, clone } = await makePair(t)
  const recipe = w.path('../remote/recipes/file', digestOf('xxxx').slice(0, 2), digestOf('xxxx').slice(2))
  rmSync(recipe)
  const { failures, outputs } = await clone.fetch()
  t.match(failures, [{ path: 'x', error: { code: 'missing', message: 'x', hint: /ddv push/ } }])
  t.same(
    outputs.map(one => one.path),
    ['d', 'y'],
  )
})

t.test('a recipe that is not what it should be is refused', async t => {
  const { w, clone } = await makePair(t)
  for (const text of ['', 'no recipe', '["ddv-recipe",1,"file"]\n']) {
    w.write({ [`../remote/recipes/file/${digestOf('xxxx').slice(0, 2)}/${digestOf('xxxx').slice(2)}`]: text })
    const { failures, outputs } = await clone.fetch()
    t.match(failures, [{ path: 'x', error: { code: 'corrupt' } }], JSON.stringify(text))
    t.same(
      outputs.map(one => one.path),
      ['d', 'y'],
    )
  }
  const manifest = clone.pointer('d')
  t.ok(manifest.hash)
})

t.test('a pointer with another size than its recipe', async t => {
  const { clone } = await makePair(t)
  clone.write({ 'x.ddv': clone.read('x.ddv').replace('"size": 4', '"size": 3') })
  const { failures } = await clone.fetch('x')
  t.match(failures, [{ path: 'x', error: { code: /corrupt|bad-pointer/ } }])
})

t.test('a remote that is not there', async t => {
  const { w, clone } = await makePair(t)
  rmSync(w.path('../remote'), { recursive: true })
  const failed = await clone.fetch().catch(error => ({ failures: [{ path: '', error }] }))
  t.match(failed.failures[0]?.error, { code: 'remote', message: /remote directory does not exist/ })
})

t.test('directories of the same content, and a file of the bytes of their listing', async t => {
  const listing = `ddv-manifest 1\n${JSON.stringify(['a', digestOf('1'), 1])}\n`
  const files = { 'one/a': '1', 'two/a': '1', 'three/a': '1', listing }
  const w = await makeWorkspace(t, { files })
  await w.ddv('remote', 'add', 'origin', '../remote', '--default')
  await w.add(['one', 'two', 'three', 'listing'])
  t.equal(w.pointer('listing').hash, w.pointer('one').hash)
  w.commit()
  await w.push()
  git(w.root, 'clone', '-q', '.', '../clone')
  const clone = openWorkspace(t, w.path('../clone'))
  t.same((await clone.pull()).failures, [])
  for (const [path, content] of Object.entries(files)) t.equal(clone.read(path), content, path)
})
