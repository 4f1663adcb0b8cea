import t from 'tap'
import type { TreePath } from '../../lib/core/tree-path.js'
import { lossError, planOutput, planTotals } from '../../lib/ops/checkout-plan.js'
import { makeWorkspace } from '../support/workspace.js'

const output = 'd' as TreePath

t.test('a plan says what will be done, and does nothing', async t => {
  const w = await makeWorkspace(t, {
    files: { 'd/same': '1', 'd/changed': 'old', 'd/gone': '3', 'd/was/dir': '4', 'd/empty/': '' },
  })
  await w.add('d')
  w.git('commit', '-q', '-m', 'old')
  w.remove('d/was', 'd/empty')
  w.write({ 'd/changed': 'newer', 'd/new': '5', 'd/was': 'a file', 'd/hollow/': '' })
  w.remove('d/gone')
  await w.add('d')
  w.git('checkout', '-q', 'HEAD', '--', 'd.ddv')
  const before = w.tree('d')
  const plan = await planOutput(await w.project(), { output, within: '' }, { force: false })
  const paths = (list: readonly { path: string }[]) => list.map(({ path }) => path)
  t.same(paths(plan.writes), ['changed', 'gone', 'was/dir'])
  t.same(paths(plan.removals), ['changed', 'new', 'was'])
  t.same([plan.directories, plan.oldDirectories], [['empty'], ['hollow']])
  t.same(planTotals([plan, plan]), { files: 6, bytes: 10 })
  t.same(w.tree('d'), before)

  const part = await planOutput(await w.project(), { output, within: 'was' as TreePath }, { force: false })
  t.same([paths(part.writes), paths(part.removals)], [['was/dir'], ['was']])
})

t.test('what would be lost is named, and not without end', async t => {
  const names = Array.from({ length: 25 }, (_, i) => `d/file ${i}`)
  const { message, hint } = lossError(output, names)
  t.match(message, /d\/file 0, d\/file 1, .*d\/file 9 and 15 more$/)
  t.match(hint, /ddv add d.*ddv checkout --force d/)
  t.notMatch(lossError(output, ['d/\u001b[31m']).message, '\u001b')
})
