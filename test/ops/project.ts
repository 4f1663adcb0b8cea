import { mkdirSync, rmSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { errorOf, makeWorkspace } from '../support/workspace.js'

t.test('a link where ddv keeps its own files is refused, and nothing is done where it leads', async t => {
  for (const place of ['.ddv/state', '.ddv/tmp', '.ddv/lock', '.ddv/recipes', '.cache', '.cache/tmp']) {
    const w = await makeWorkspace(t, { files: { x: '1', 'victim/thesis': 'precious' } })
    rmSync(w.path(place), { recursive: true, force: true })
    mkdirSync(join(w.path(place), '..'), { recursive: true })
    symlinkSync(w.path('victim'), w.path(place))
    const error = await errorOf(t, w.add('x'), 'refused')
    t.match(error.message, place, place)
    t.equal(w.read('victim/thesis'), 'precious')
  }
})
