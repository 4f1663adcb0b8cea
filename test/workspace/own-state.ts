import { execFileSync } from 'node:child_process'
import { cpSync, mkdirSync, readdirSync, readFileSync, renameSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { ownStateDirectory } from '../../lib/workspace/own-state.js'

t.test('what was made here stays, also where the workspace is renamed', async t => {
  const root = join(t.testdir(), 'w')
  mkdirSync(join(root, '.ddv'), { recursive: true })
  const directory = ownStateDirectory({ root })
  t.equal(directory, join(root, '.ddv/state'))
  writeFileSync(join(directory, 'x'), 'kept')
  execFileSync('chmod', ['-R', 'g-r', root])
  renameSync(root, `${root}2`)
  const moved = ownStateDirectory({ root: `${root}2` })
  t.equal(readFileSync(join(moved, 'x'), 'utf8'), 'kept')
  t.same(readdirSync(join(`${root}2`, '.ddv/tmp')), [], 'nothing is left')
})

t.test('anything else gives way', async t => {
  const own = join(t.testdir(), 'own')
  mkdirSync(join(own, '.ddv'), { recursive: true })
  ownStateDirectory({ root: own })
  writeFileSync(join(own, '.ddv/state/x'), 'hostile')
  const cases: Record<string, (state: string) => void> = {
    'a copy of one': state => cpSync(join(own, '.ddv/state'), state, { recursive: true, preserveTimestamps: true }),
    'one without a seal': state => writeFileSync(join(state, 'mark'), '1 1\n'),
    'one without a mark': state => writeFileSync(join(state, 'seal'), ''),
    'a mark that is a link': state => {
      writeFileSync(join(state, 'seal'), '')
      symlinkSync('/dev/zero', join(state, 'mark'))
    },
  }
  for (const [name, make] of Object.entries(cases)) {
    const root = join(own, '..', name)
    mkdirSync(join(root, '.ddv/state/index'), { recursive: true })
    writeFileSync(join(root, '.ddv/state/x'), 'hostile')
    make(join(root, '.ddv/state'))
    ownStateDirectory({ root })
    t.same(readdirSync(join(root, '.ddv/state')).sort(), ['mark', 'seal'], name)
    t.same(readdirSync(join(root, '.ddv/tmp')), [], `${name}: nothing is left`)
    ownStateDirectory({ root })
  }
})
