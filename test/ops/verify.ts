import { rmSync } from 'node:fs'
import t from 'tap'
import { digestOf, makeWorkspace, setAside, type TestWorkspace } from '../support/workspace.js'

type Test = Parameters<typeof makeWorkspace>[0]

const files = { x: 'xxxx', 'd/a': 'aaaa', 'd/b': 'bbbb', y: 'yyyy' }

async function pushed(t: Test): Promise<TestWorkspace> {
  const w = await makeWorkspace(t, { files, inMemory: true })
  await w.ddv('remote', 'add', 'origin', '../remote', '--default')
  await w.add(['x', 'd', 'y'])
  w.commit()
  await w.push()
  await w.close()
  return w
}

const gone = (w: TestWorkspace, content: string): void => rmSync(w.blob(digestOf(content)))

t.test('all good', async t => {
  const w = await pushed(t)
  t.match(await w.ddv('verify'), { code: 0, stdout: /^verified {2}3 outputs, 5 blobs, / })
  const { stdout } = await w.ddv('verify', 'd', '--json')
  t.match(JSON.parse(stdout), { outputs: 1, blobs: 3, problems: [], repaired: [] })
  t.match(await w.ddv('verify', 'nowhere'), { code: 2 })
})

t.test('missing 12, corrupt 13 and above all, a pointer that cannot be read 3', async t => {
  const w = await pushed(t)
  const listing = w.pointer('d').hash
  w.write({ 'd.ddv': JSON.stringify({ ...w.pointer('d'), entries: undefined }, null, 2) })
  gone(w, 'xxxx')
  t.match(await w.ddv('verify'), { code: 12, stdout: '', stderr: /blob is not in the cache: .*: x/ })
  t.match(await w.ddv('verify', 'd', 'y'), { code: 0 })
  w.corrupt(digestOf('aaaa'))
  const both = await w.ddv('verify', '--json')
  t.equal(both.code, 13)
  t.match(JSON.parse(both.stdout), {
    problems: [
      { path: 'd', code: 'corrupt' },
      { path: 'x', code: 'missing' },
    ],
  })
  t.match(JSON.parse(both.stderr), { error: { code: 'corrupt', failures: [{ path: 'd' }, { path: 'x' }] } })
  w.corrupt(listing)
  t.match(await w.ddv('verify', 'd'), { code: 13, stderr: /hash to its name.*: d/ })
  t.same(setAside(w.root), [], 'told, and left where it is')
  w.write({ 'y.ddv': '{' })
  t.match(await w.ddv('verify', 'y'), { code: 3 })
})

t.test('a pointer with another size than its blob', async t => {
  const w = await pushed(t)
  w.write({ 'x.ddv': w.read('x.ddv').replace('"size": 4', '"size": 5') })
  t.match(await w.ddv('verify', 'x'), { code: 3, stderr: /another size/ })
})

t.test('--cache: what no pointer names, too', async t => {
  const w = await pushed(t)
  w.write({ x: 'new x' })
  await w.add('x')
  w.corrupt(digestOf('xxxx'))
  t.match(await w.ddv('verify'), { code: 0 })
  const { code, stderr } = await w.ddv('verify', '--cache')
  t.equal(code, 13)
  t.match(stderr, digestOf('xxxx'))
  t.match(
    await w.ddv('verify', '--cache', '--repair'),
    { code: 13 },
    'nothing here names it, so it cannot be asked for',
  )
  t.equal(setAside(w.root).length, 1)
  t.match(await w.ddv('verify', '--cache'), { code: 0, stdout: /5 blobs/ })
})

t.test('--repair: corrupt ones aside, all again from the remote', async t => {
  const w = await pushed(t)
  gone(w, 'xxxx')
  w.corrupt(digestOf('aaaa'))
  w.write({ y: 'edited' })
  const { code, stdout } = await w.ddv('verify', '--repair', '--json')
  t.equal(code, 0)
  t.match(JSON.parse(stdout), { repaired: ['d', 'x'], problems: [] })
  t.equal(setAside(w.root).length, 1)
  t.match(await w.ddv('verify'), { code: 0 })
  t.equal(w.read('y'), 'edited', 'the workspace is not touched')
  gone(w, 'yyyy')
  w.corrupt(digestOf('aaaa'))
  rmSync(w.path('../remote'), { recursive: true })
  const lost = await w.ddv('verify', '--repair')
  t.equal(lost.code, 12, lost.stderr)
  t.match(lost.stderr, /d[\s\S]*y/)
})

t.test('flags that do not go together', async t => {
  const w = await pushed(t)
  for (const argv of [['--cache', '--remote'], ['--repair', '--rev', 'HEAD'], ['--deep']])
    t.equal((await w.ddv('verify', ...argv)).code, 2, argv.join(' '))
})
