import t from 'tap'
import { git } from '../support/git.js'
import { ddv, makeWorkspace, readTree, testEnv } from '../support/workspace.js'

const env = { ...testEnv, DDV_ENV: 'production' }

/** Every command that writes for others to see, as it is typed; what its project lacks does not matter. */
const writing: readonly (readonly string[])[] = [
  ['init'],
  ['init', '--no-git'],
  ['add', 'y'],
  ['add', 'x'],
  ['remove', 'x'],
  ['remove', 'x', '--data'],
  ['move', 'x', 'z'],
  ['commit', '-m', 'm'],
  ['commit', '-m', 'm', '--push'],
  ['push'],
  ['push', '--rev', 'HEAD'],
  ['remote', 'add', 'other', '../other'],
  ['remote', 'modify', 'origin', '--url', '../other'],
  ['remote', 'remove', 'origin'],
  ['config', 'set', 'core.jobs', '3'],
  ['config', 'unset', 'core.remote'],
]

t.test('production only reads: refused before anything is touched', async t => {
  const w = await makeWorkspace(t, { files: { x: '1', y: '2' } })
  await w.ddv('remote', 'add', 'origin', '../remote', '--default')
  await w.add('x')
  w.commit()
  await w.close()
  w.write({ x: 'edited' })
  const before = readTree(w.path('..'))
  for (const argv of writing) {
    const { code, stdout, stderr } = await ddv(w.root, argv, env)
    t.equal(code, 15, argv.join(' '))
    t.equal(stdout, '')
    t.match(stderr, /^ddv: error: 'ddv [a-z ]+' does not run in production$/m)
    t.match(stderr, /^ddv: hint: .*where the data is made.*DDV_ENV/m)
    t.match(await ddv(w.root, [...argv, '--json'], env), { code: 15, stdout: '', stderr: /"code":"production"/ })
  }
  t.same(readTree(w.path('..')), before, 'not a byte anywhere, in .git and .ddv neither')
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
  t.equal(git(there, 'status', '--porcelain'), '')
  // A machine's own settings are its own business.
  for (const argv of [
    ['config', 'set', '--local', 'cache.link', 'copy'],
    ['config', 'list'],
    ['describe'],
    ['verify'],
    ['du'],
    ['doctor'],
    ['remote', 'list'],
    ['root'],
    ['version'],
  ])
    t.same((await ddv(there, argv, env)).code, 0, argv.join(' '))
})

t.test('by the configuration as well as by the environment', async t => {
  const w = await makeWorkspace(t, { files: { x: '1' } })
  w.write({ '.ddv/config.yaml': 'environment: production\n' })
  t.equal((await w.ddv('add', 'x')).code, 15)
  t.equal((await ddv(w.root, ['add', 'x'], { ...testEnv, DDV_ENV: 'development' })).code, 0)
})

t.test('status: data in its place needs no cache; what it advises can be done there', async t => {
  const w = await makeWorkspace(t, { files: { x: '1', 'd/a': '1' } })
  await w.add(['x', 'd'])
  await w.close()
  w.remove('.cache')
  t.match(await w.ddv('status', '--exit-code'), { code: 1, stdout: /not in cache/ })
  t.match(await ddv(w.root, ['status', '--exit-code'], env), {
    code: 0,
    stdout: '2 outputs, all as their pointers say\n',
  })
  w.write({ x: '2' })
  const { code, stdout } = await ddv(w.root, ['status', '--exit-code'], env)
  t.equal(code, 1)
  t.match(stdout, /^modified +x\nnot in cache +x .*\n\('ddv checkout --force' .*; 'ddv pull' fetches/)
  t.notMatch(stdout, /ddv add|cache +d/)
  t.match((await ddv(w.root, ['checkout', 'd', 'x'], env)).stderr, /copy them elsewhere, or throw them away/)
  w.write({ y: '1' })
  t.notMatch((await ddv(w.root, ['pull', 'y'], env)).stderr, /ddv add/)
})
