import { chmodSync } from 'node:fs'
import t from 'tap'
import type { TreePath } from '../../lib/core/tree-path.js'
import { isInPlace } from '../../lib/ops/in-place.js'
import { makeWorkspace, openWorkspace, type TestWorkspace } from '../support/workspace.js'

type Change = (w: TestWorkspace) => void

const rows: readonly (readonly [string, string, boolean, Change])[] = [
  ['a file as it was added', 'x', true, () => undefined],
  ['a directory as it was added', 'd', true, () => undefined],
  ['without the cache', 'd', true, w => w.remove('.cache')],
  ['without the stat index', 'd', true, w => w.remove('.ddv/state')],
  ['written anew with the same bytes', 'x', true, w => w.write({ x: '1' })],
  ['an edited file', 'x', false, w => w.write({ x: '2' })],
  ['an executable one', 'x', false, w => chmodSync(w.path('x'), 0o755)],
  ['a file more', 'd', false, w => w.write({ 'd/more': '' })],
  ['a file less', 'd', false, w => w.remove('d/a')],
  ['nothing there', 'd', false, w => w.remove('d')],
  ['another kind', 'x', false, w => [w.remove('x'), w.write({ 'x/a': '' })]],
  ['no pointer', 'x', false, w => w.remove('x.ddv')],
  ['a pointer that cannot be read', 'x', false, w => w.write({ 'x.ddv': '{' })],
]

for (const [name, output, expected, change] of rows)
  t.test(name, async t => {
    const w = await makeWorkspace(t, { files: { x: '1', 'd/a': '1', 'd/b': '2' }, inMemory: true })
    await w.add(['x', 'd'])
    await w.close()
    change(w)
    t.equal(
      await isInPlace(await openWorkspace(t, w.root).project(), { output: output as TreePath, within: '' }, {}),
      expected,
    )
  })
