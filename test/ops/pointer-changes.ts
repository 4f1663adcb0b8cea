import t from 'tap'
import { pointerChanges } from '../../lib/ops/pointer-changes.js'
import { findTargets } from '../../lib/ops/targets.js'
import { makeWorkspace } from '../support/workspace.js'

t.test('which pointers are not those of HEAD', async t => {
  const w = await makeWorkspace(t, { files: { x: '1', y: '1', z: '1', 'd/a': '1', bad: '1', gone: '1' } })
  await w.add(['x', 'y', 'z', 'd', 'bad', 'gone'])
  w.commit()
  w.write({ x: '2', 'd/b': '2', new: '1', 'bad.ddv': '{' })
  await w.add(['x', 'd', 'new'])
  await w.add('z', { meta: { owner: 'me' } })
  w.git('rm', '-q', '--cached', 'gone.ddv')
  w.remove('gone.ddv')
  const project = await w.project()
  t.same(await pointerChanges(project, findTargets(project, [], { cwd: w.root }), {}), {
    changed: ['bad', 'd', 'new', 'x'],
    gone: ['gone'],
  })
})
