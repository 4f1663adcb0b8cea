import { rmSync } from 'node:fs'
import t from 'tap'
import { move } from '../../lib/ops/move.js'
import { errorOf, makeWorkspace, type TestWorkspace, writeFiles } from '../support/workspace.js'

const moveIn = async (w: TestWorkspace, from: string, to: string, cwd = w.root) =>
  move(await w.project(), from, to, { cwd })

t.test('data, pointer and ignore line go together', async t => {
  const w = await makeWorkspace(t, { files: { 'p/x': '1', 'd/a': '2' } })
  await w.add(['p/x', 'd'], { meta: { by: 'me' } })
  w.commit()
  t.same(await moveIn(w, 'p/x', 'q/r/y'), { from: 'p/x', to: 'q/r/y' })
  t.match(w.tree(), { 'q/r/y': '1', 'q/r/.gitignore': '/y\n' })
  t.notOk(w.has('p/x') || w.has('p/x.ddv') || w.has('p/.gitignore'))
  t.match(w.pointer('q/r/y'), { filename: 'y', meta: { by: 'me' } })
  await moveIn(w, 'd', 'q')
  t.match(w.tree('q'), { 'd/a': '2' }, 'into a directory, as mv does')
  await moveIn(w, 'q/d', 'e')
  t.ok((await w.status()).clean)
  t.match(w.git('status', '--porcelain'), /^R {2}d\.ddv -> e\.ddv$/m)
  t.notMatch(w.git('status', '--porcelain'), /\?\?/, 'no data shows in git')
  t.match(await moveIn(w, 'y', '../z', w.path('q/r')), { to: 'q/z' })
})

t.test('without its data too', async t => {
  const w = await makeWorkspace(t, { files: { x: '1' } })
  await w.add('x')
  w.remove('x')
  await moveIn(w, 'x', 'y')
  t.notOk(w.has('x.ddv') || w.has('y'))
  await w.checkout('y')
  t.equal(w.read('y'), '1')
})

t.test('changes that were not added move too', async t => {
  const w = await makeWorkspace(t, { files: { x: '1' } })
  await w.add('x')
  w.write({ x: 'changed' })
  await moveIn(w, 'x', 'y')
  t.equal(w.read('y'), 'changed')
  t.equal((await w.look('y')).workspace, 'modified')
})

t.test('a move that was cut off goes on', async t => {
  for (const cut of ['before the data', 'after the data'] as const) {
    const w = await makeWorkspace(t, { files: { x: '1' } })
    await w.add('x')
    const pointer = w.read('x.ddv')
    await moveIn(w, 'x', 'y')
    w.write({ 'x.ddv': pointer })
    if (cut === 'before the data') {
      w.write({ x: '1' })
      rmSync(w.path('y'))
    }
    await moveIn(w, 'x', 'y')
    t.match(w.tree(), { y: '1', '.gitignore': '/.cache\n/y\n' }, cut)
    t.notOk(w.has('x') || w.has('x.ddv'), cut)
  }
})

t.test('nothing is overwritten, nothing is moved where it cannot be', async t => {
  const w = await makeWorkspace(t, { files: { x: '1', 'd/a': '2', y: 'mine', 'd2/a': '3', 'n/z.ddv': '{' } })
  writeFiles(w.root, { '../outside/keep': '1' })
  await w.add(['x', 'd', 'd2'])
  const before = w.tree()
  const cases: readonly [string, string, string, string | RegExp][] = [
    ['x', 'y', 'would-lose-data', /already: y/],
    ['x', 'd', 'would-lose-data', 'd'],
    ['x', 'n/z', 'bad-pointer', 'n/z.ddv'],
    ['x', 'x', 'usage', 'x'],
    ['x', 'd/b', 'usage', /inside the output d: d\/b/],
    ['d', 'd/e', 'usage', 'd/e'],
    ['x', '../outside/x', 'usage', /outside the workspace/],
    ['x', '.git/x', 'bad-path', '.git/x'],
    ['x', '.cache/x', 'refused', '.cache/x'],
    ['x', '.venv/x', 'refused', '.venv/x'],
    ['x', 'a\nb', 'bad-path', 'a\\nb'],
    ['x', 'z.ddv', 'bad-path', 'z.ddv'],
    ['x', 'n'.repeat(252), 'bad-path', 'nnn'],
    ['y', 'z', 'usage', /not under ddv: y/],
    ['d/a', 'z', 'usage', /part of d/],
    ['.', 'z', 'usage', /more than one/],
  ]
  for (const [from, to, code, message] of cases) {
    const error = await errorOf(t, moveIn(w, from, to), code)
    t.match(error.message, message)
    t.same(w.tree(), { ...w.tree(), ...before }, `${from} to ${to}: nothing is changed`)
  }
})
