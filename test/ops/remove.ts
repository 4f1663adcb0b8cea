import { execFileSync } from 'node:child_process'
import { symlinkSync } from 'node:fs'
import t from 'tap'
import type { Event } from '../../lib/core/events.js'
import { type RemoveOptions, remove } from '../../lib/ops/remove.js'
import { digestOf, errorOf, makeWorkspace, setAside, type TestWorkspace } from '../support/workspace.js'

const removeFrom = async (w: TestWorkspace, targets: string | string[], options: Partial<RemoveOptions> = {}) =>
  remove(await w.project(), [targets].flat(), { cwd: w.root, ...options })

t.test('tracking ends, the data stays', async t => {
  const w = await makeWorkspace(t, { files: { 'p/x': '1', 'p/y': '2', 'p/d/a': '3' } })
  await w.add(['p/x', 'p/y', 'p/d'])
  w.commit()
  t.same(await removeFrom(w, ['p/x', 'p/d']), { outputs: ['p/x', 'p/d'] })
  t.match(w.tree('p'), { x: '1', y: '2', 'd/a': '3', '.gitignore': '/y\n' })
  t.notOk(w.has('p/x.ddv') || w.has('p/d.ddv'))
  t.equal(
    w.git('status', '--porcelain', '--untracked-files=all'),
    'M  p/.gitignore\nD  p/d.ddv\nD  p/x.ddv\n?? p/d/a\n?? p/x',
  )
  await removeFrom(w, 'p/y')
  t.notOk(w.has('p/.gitignore'), 'an ignore file that is empty goes')
  t.match(w.tree('.cache'), { [w.blob(digestOf('1')).slice(w.path('.cache').length + 1)]: '1' }, 'the blobs stay')
  t.match(await w.add('p/x'), { failures: [], outputs: [{ changed: true }] })
})

t.test('--data deletes what the cache has, and only that', async t => {
  const w = await makeWorkspace(t, {
    files: {
      '.ddvignore': '*.log\n',
      x: '1',
      'd/a': '2',
      'd/s/b': '3',
      'd/empty/deep/': '',
      'e/a': '4',
      'e/my.log': 'mine',
    },
  })
  await w.add(['x', 'd', 'e'])
  await removeFrom(w, ['x', 'd', 'e'], { data: true })
  t.notOk(w.has('x'))
  t.notOk(w.has('d'), 'empty directories and all')
  t.same(w.tree('e'), { 'my.log': 'mine' }, 'what ddv does not look at stays')
})

t.test('--data and links that were followed', async t => {
  const w = await makeWorkspace(t, { files: { 'd/s/b': '1', 'd/a': '2', keep: '3' } })
  symlinkSync('s', w.path('d/sub'))
  symlinkSync('a', w.path('d/link'))
  await w.add('d', { follow: true })
  await removeFrom(w, 'd', { data: true })
  t.notOk(w.has('d'))
  t.equal(w.read('keep'), '3')
})

t.test('--data refuses to lose anything, and then does nothing', async t => {
  const w = await makeWorkspace(t, { files: { x: '1', y: '2', 'd/a': '3', 'd/data2': 'x', r: 'rotten' } })
  await w.add(['x', 'y', 'd', 'r'])
  const acts: readonly [string, string, () => void][] = [
    ['y', 'y', () => w.write({ y: 'changed' })],
    ['d', 'd/a', () => w.write({ 'd/a': 'changed' })],
    ['d', 'd/new', () => w.write({ 'd/new': 'new' })],
    ['d', 'd/data2', () => w.write({ 'd/data2': 'changed' })],
    ['d', 'd/link', () => symlinkSync('nowhere', w.path('d/link'))],
    ['d', 'd/pipe', () => execFileSync('mkfifo', [w.path('d/pipe')])],
    ['r', 'r', () => w.corrupt(digestOf('rotten'))],
  ]
  for (const [output, file, act] of acts) {
    act()
    const before = w.tree()
    const error = await errorOf(t, removeFrom(w, ['x', output], { data: true }), 'would-lose-data')
    t.ok(
      error.message
        .split(/[:,] ?/)
        .map(part => part.trim())
        .includes(file),
      `${file} is named: ${error.message}`,
    )
    t.match(error.hint, /ddv add.*--force/)
    for (const path of ['x', 'x.ddv', file]) t.equal(w.tree()[path], before[path], path)
    w.remove('d', 'y')
    await w.checkout(['d', 'y'])
  }
  t.equal(setAside(w.root).length, 1)
  w.write({ y: 'changed' })
  await removeFrom(w, 'y', { data: true, force: true })
  t.notOk(w.has('y') || w.has('y.ddv'))
})

t.test('what cannot be meant', async t => {
  const w = await makeWorkspace(t, { files: { x: '1', 'd/a': '2' } })
  await w.add('d')
  const before = w.tree()
  await errorOf(t, removeFrom(w, []), 'usage')
  t.match(await errorOf(t, removeFrom(w, 'x'), 'usage'), { message: 'not under ddv: x' })
  t.match(await errorOf(t, removeFrom(w, 'd/a'), 'usage'), { message: /part of d/, hint: /ddv add d/ })
  t.match(w.tree(), before)
})

t.test('a broken pointer can be removed', async t => {
  const w = await makeWorkspace(t, { files: { x: '1' } })
  await w.add('x')
  w.write({ 'x.ddv': '{' })
  await removeFrom(w, 'x')
  t.match(w.tree(), { x: '1' })
  t.notOk(w.has('x.ddv'))
})

t.test('without autostage git’s index is left alone', async t => {
  const w = await makeWorkspace(t, { files: { x: '1' }, env: { DDV_GIT_AUTOSTAGE: 'false' } })
  await w.add('x')
  w.git('add', 'x.ddv', '.gitignore')
  w.commit()
  await removeFrom(w, 'x')
  t.notOk(w.has('x.ddv'))
  t.equal(w.git('diff', '--cached', '--name-only'), '')
})

t.test('--data leaves what was edited since it was looked at', async t => {
  const w = await makeWorkspace(t, { files: { 'd/a': 'a', 'd/b': 'b' } })
  await w.add('d')
  await w.close()
  w.remove('.ddv/state') // so that all is read
  const edit = (event: Event): void => {
    if (event.type === 'done') w.write({ 'd/b': 'edited' })
  }
  const removing = removeFrom(w, 'd', { data: true, onEvent: edit })
  t.match(await errorOf(t, removing, 'would-lose-data'), { message: /d\/b/ })
  t.equal(w.read('d/b'), 'edited')
  t.ok(w.has('d.ddv'))
})
