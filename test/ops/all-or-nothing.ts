import { chmodSync } from 'node:fs'
import t from 'tap'
import { requireWritable } from '../../lib/ops/all-or-nothing.js'
import { planOutput } from '../../lib/ops/checkout-plan.js'
import { openInside } from '../../lib/sys/inside.js'
import { makeWorkspace } from '../support/workspace.js'

const isRoot = process.getuid?.() === 0

t.test('where everything may be written nothing is said, and nothing changes', async t => {
  const w = await makeWorkspace(t, { files: { 'data/d/a': '1', 'data/d/e/': '' } })
  await w.add('data/d')
  w.remove('data/d')
  const before = w.tree('data')
  const plan = await planOutput(await w.project(), { output: 'data/d' as never, within: '' }, { force: false })
  requireWritable(openInside(w.root), plan)
  t.same(w.tree('data'), before)
})

t.test('a file where a directory is to be, and the other way round', async t => {
  const w = await makeWorkspace(t, { files: { 'd/a/b': '1', 'd/c': '2' } })
  await w.add('d')
  w.remove('d/a', 'd/c')
  w.write({ 'd/a': '3', 'd/c/e': '4' })
  const plan = await planOutput(await w.project(), { output: 'd' as never, within: '' }, { force: true })
  requireWritable(openInside(w.root), plan)
  t.match(plan.writes, [{ path: 'a/b' }, { path: 'c' }])
})

t.test('a directory that may not be written', { skip: isRoot && 'root may write everywhere' }, async t => {
  const w = await makeWorkspace(t, { files: { 'data/x': '1' } })
  await w.add('data/x')
  w.remove('data/x')
  chmodSync(w.path('data'), 0o555)
  t.teardown(() => chmodSync(w.path('data'), 0o755))
  const plan = await planOutput(await w.project(), { output: 'data/x' as never, within: '' }, { force: false })
  t.throws(() => requireWritable(openInside(w.root), plan), { code: 'permission' })
})
