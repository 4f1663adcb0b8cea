// Data on another file system than the workspace, where no rename leads from `.ddv/tmp/`.

import { spawnSync } from 'node:child_process'
import { lstatSync, mkdirSync, readdirSync, rmSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { noise } from '../support/program.js'
import { makeWorkspace, readTree, type TestWorkspace, temporaryDirectory } from '../support/workspace.js'

t.setTimeout(120_000)

const mount = (directory: string, size = '64m'): boolean =>
  spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'none', directory]).status === 0

const skip = ((): string | false => {
  const directory = t.testdir({ probe: {} })
  if (!mount(join(directory, 'probe'))) return 'may not mount a file system here'
  spawnSync('umount', [join(directory, 'probe')])
  return false
})()

async function makeMounted(t: Test, place: string, size?: string): Promise<TestWorkspace> {
  const root = join(temporaryDirectory(t), 'w')
  const w = await makeWorkspace(t, { root, env: { DDV_CORE_FSYNC: 'batch' } })
  mkdirSync(w.path(place), { recursive: true })
  t.ok(mount(w.path(place), size))
  t.teardown(() => spawnSync('umount', ['-l', w.path(place)]))
  return w
}

const many = Object.fromEntries(Array.from({ length: 40 }, (_, i) => [`data/many/${i % 3}/${i}`, `${i}`]))
const large = noise(1, 9_000_000)

t.test('add, checkout, pull, remove', { skip }, async t => {
  const w = await makeMounted(t, 'data')
  w.write({ 'data/file': 'f', 'data/large': large, 'here/x': 'x', ...many })
  const targets = ['data/file', 'data/large', 'data/many', 'here/x']
  t.same((await w.add(targets)).failures, [])
  const before = w.tree('data')
  await w.ddv('remote', 'add', 'r', '../r', '--default')
  await w.close()
  await w.push()
  const damage = (): void => w.remove('data/file', 'data/large', 'data/many', 'here/x')
  damage()
  t.same((await w.checkout()).failures, [])
  t.same(w.tree('data'), before)
  t.ok((await w.status()).clean)
  damage()
  w.remove('.cache')
  t.same((await w.pull()).failures, [])
  t.same(w.tree('data'), before)
  w.write({ 'data/file': 'mine' })
  t.match((await w.checkout('data/file')).failures, [{ error: { code: 'would-lose-data' } }])
  t.same((await w.checkout('data/file', { force: true })).failures, [])
  t.same(w.tree('data'), before)
  for (const target of targets) t.equal((await w.ddv('remove', target, '--data')).code, 0)
  t.same(readdirSync(w.path('data')), [], 'nothing is left')
  t.same(readdirSync(w.path('.ddv/tmp')), [])
})

t.test('an output that is the mount point', { skip }, async t => {
  const w = await makeMounted(t, 'data')
  w.write({ 'data/a': 'a', 'data/b/c': 'c' })
  t.same((await w.add('data')).failures, [])
  const before = w.tree('data')
  for (const name of readdirSync(w.path('data'))) w.remove(`data/${name}`)
  t.same((await w.checkout()).failures, [])
  t.same(w.tree('data'), before)
  t.match(await w.ddv('move', 'data', 'other'), { code: 1, stderr: /is a mount point, which cannot be moved: data/ })
  t.notOk(w.has('other.ddv'))
  t.equal((await w.ddv('remove', 'data', '--data')).code, 0)
  t.same(w.tree('data'), { '/': '' })
})

t.test('move, there and back', { skip }, async t => {
  const w = await makeMounted(t, 'data')
  w.write({ 'x/a': 'a', 'x/b/c': 'c', file: 'f' })
  await w.add(['x', 'file'])
  const before = w.tree('x')
  w.write({ 'x/new': 'in no cache' })
  for (const [from, to] of [
    ['x', 'data/x'],
    ['file', 'data/file'],
    ['data/x', 'y'],
    ['data/file', 'z'],
  ] as const) {
    const { code, stderr } = await w.ddv('move', from, to)
    t.equal(code, 0, stderr)
    t.notOk(w.has(from) || w.has(`${from}.ddv`), from)
  }
  t.same(w.tree('y'), { ...before, new: 'in no cache' })
  t.equal(w.read('z'), 'f')
  t.same(readdirSync(w.path('data')), [])
})

t.test('a move cut off between the copy and the removal goes on', { skip }, async t => {
  const w = await makeMounted(t, 'data')
  w.write({ 'x/a': 'a', 'x/b': 'b' })
  await w.add('x')
  await w.ddv('move', 'x', 'data/x')
  w.write({ 'x/a': 'a', 'x/b': 'b', 'data/.ddv-tmp-0123456789abcdef/x': 'a crash left it' })
  await w.add('x')
  t.equal((await w.ddv('move', 'x', 'data/x')).code, 0)
  t.notOk(w.has('x'))
  t.same(w.tree('data/x'), { a: 'a', b: 'b' })
  t.ok((await w.status()).clean)
  // Where the two are not the same both stay.
  w.write({ 'x/a': 'a', 'x/b': 'b' })
  await w.add('x')
  w.write({ 'x/b': 'edited' })
  const { code, stderr } = await w.ddv('move', 'x', 'data/x')
  t.equal(code, 15)
  t.match(stderr, /is there already/)
  t.same([w.read('x/b'), w.read('data/x/b')], ['edited', 'b'])
})

t.test('a full file system: what was there stays', { skip }, async t => {
  const w = await makeMounted(t, 'data', '1m')
  w.write({ 'data/a': 'a', large })
  await w.add(['data/a', 'large'])
  const { code, stderr } = await w.ddv('move', 'large', 'data/large')
  t.equal(code, 1)
  t.match(stderr, /no space left on the device/)
  t.ok(lstatSync(w.path('large')).size === large.length)
  t.same(Object.keys(readTree(w.path('data'))).sort(), ['.gitignore', 'a', 'a.ddv', 'large.ddv'])
})

t.test('never through a link that leads to another file system', { skip }, async t => {
  const w = await makeMounted(t, '../outside')
  w.write({ 'd/sub/a': 'a' })
  await w.add('d')
  rmSync(w.path('d/sub'), { recursive: true })
  symlinkSync(w.path('../outside'), w.path('d/sub'))
  t.match((await w.checkout()).failures, [{ error: { code: 'would-lose-data' } }])
  t.same((await w.checkout('d', { force: true })).failures, [])
  t.same(w.tree('d'), { 'sub/a': 'a' })
  t.same(readdirSync(w.path('../outside')), [])
})
