import t from 'tap'
import { git } from '../support/git.js'
import { ddv, makeWorkspace, testEnv } from '../support/workspace.js'

const env = { ...testEnv, DDV_ENV: 'production' }

t.test('production only reads', async t => {
  const w = await makeWorkspace(t, { files: { x: '1', y: '2' } })
  await w.add('x')
  w.commit()
  const before = [w.tree(), w.git('status', '--porcelain')]
  for (const argv of [
    ['add', 'y'],
    ['add', 'x'],
    ['remove', 'x'],
    ['move', 'x', 'z'],
    ['push'],
    ['remote', 'add', 'origin', '../remote'],
  ]) {
    const { code, stdout, stderr } = await ddv(w.root, argv, env)
    t.equal(code, 15, argv.join(' '))
    t.equal(stdout, '')
    t.match(stderr, /^ddv: error: 'ddv (add|remove|move|push|remote add)' does not run in production$/m)
    t.match(stderr, /^ddv: hint: .*where the data is made.*DDV_ENV/m)
  }
  t.same([w.tree(), w.git('status', '--porcelain')], before)
})

t.test('what reads runs there', async t => {
  const w = await makeWorkspace(t, { files: { x: '1' } })
  await w.add('x')
  w.commit()
  await w.ddv('remote', 'add', 'origin', '../remote', '--default')
  await w.ddv('push')
  w.commit()
  git(w.root, 'clone', '-q', '.', '../there')
  const there = w.path('../there')
  for (const argv of [['pull'], ['status', '--exit-code'], ['fetch'], ['checkout']])
    t.same((await ddv(there, argv, env)).code, 0, argv.join(' '))
  t.same((await ddv(there, ['status', '--exit-code'], env)).code, 0)
})

t.test('by the configuration as well as by the environment', async t => {
  const w = await makeWorkspace(t, { files: { x: '1' } })
  w.write({ '.ddv/config.yaml': 'environment: production\n' })
  t.equal((await w.ddv('add', 'x')).code, 15)
  t.equal((await ddv(w.root, ['add', 'x'], { ...testEnv, DDV_ENV: 'development' })).code, 0)
})
