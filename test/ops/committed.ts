import t from 'tap'
import { readCommitted } from '../../lib/ops/committed.js'
import { digestOf, makeWorkspace } from '../support/workspace.js'

t.test('each version once, with the first commit that has it', async t => {
  const w = await makeWorkspace(t, { files: { x: '1', 'd/a': '1' } })
  await w.add(['x', 'd'])
  const one = w.commit()
  w.write({ x: '2' })
  await w.add('x')
  const two = w.commit()
  w.write({ x: '1' })
  await w.add('x', { meta: { again: true } })
  const three = w.commit()
  const { versions, problems } = await readCommitted(await w.project(), [one, two, three], {})
  t.same(problems, [])
  t.same(
    versions.map(({ path, pointer, commit }) => [path, pointer.hash, commit]),
    [
      ['d', w.pointer('d').hash, one],
      ['x', digestOf('1'), one],
      ['x', digestOf('2'), two],
    ],
  )
})

t.test('what no hook would have let through', async t => {
  const w = await makeWorkspace(t, { files: { x: '1', 'd/a': '1', 'beside.csv': '1' } })
  await w.add(['x', 'd'])
  w.git('add', '-f', 'beside.csv')
  const clean = w.commit()
  t.same((await readCommitted(await w.project(), [clean], {})).problems, [])
  w.write({ 'd/b.ddv': '1' })
  w.git('add', '-f', 'x', 'd')
  w.write({ 'bad.ddv': '<<<<<<< ours\n', 'node_modules/p/bad.ddv': '{' })
  w.git('add', '-f', 'bad.ddv', 'node_modules')
  const dirty = w.commit()
  w.write({ more: '' })
  w.git('add', 'more')
  const later = w.commit()
  const { problems, versions } = await readCommitted(await w.project(), [clean, dirty, later], {})
  t.same(problems.map(({ path, commit, error }) => [path, commit, error.code]).toSorted(), [
    ['bad', dirty, 'conflict'],
    ['d/a', dirty, 'refused'],
    ['d/b.ddv', dirty, 'refused'],
    ['x', dirty, 'refused'],
  ])
  t.same(
    versions.map(({ path }) => path),
    ['d', 'x'],
  )
})
