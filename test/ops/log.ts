import { existsSync } from 'node:fs'
import t from 'tap'
import { type LogOptions, log } from '../../lib/ops/log.js'
import { git } from '../support/git.js'
import { errorOf, makeWorkspace, openWorkspace, type TestWorkspace } from '../support/workspace.js'

async function told(w: TestWorkspace, target?: string, options: Partial<LogOptions> = {}): Promise<string[]> {
  const { commits } = await log(await w.project(), target, { cwd: w.root, ...options })
  return commits.map(({ subject, changes }) => {
    const rows = changes.map(({ path, previous, change, sizeChange }) => {
      const name = previous === undefined ? path : `${previous}->${path}`
      return `${change} ${name} ${sizeChange}`
    })
    return `${subject}: ${rows.join(', ')}`
  })
}

async function makeHistory(t: Parameters<typeof makeWorkspace>[0]): Promise<TestWorkspace> {
  const w = await makeWorkspace(t, { files: { x: 'one', 'd/a': 'aa', 'd/b': 'bb' } })
  await w.add(['x', 'd'])
  w.commit('first')
  w.write({ x: 'longer', 'd/a': 'a' })
  await w.add(['x', 'd'])
  w.commit('second')
  await w.add('x', { meta: { note: 'not the data' }, force: true })
  w.git('commit', '-q', '--allow-empty', '-m', 'no data')
  await w.ddv('move', 'x', 'moved')
  w.commit('move')
  w.write({ moved: 'm', 'code.ts': '1' })
  await w.add('moved')
  w.git('add', 'code.ts')
  w.commit('third')
  await w.ddv('remove', 'd')
  w.commit('gone')
  return w
}

t.test('the commits that changed data', async t => {
  const w = await makeHistory(t)
  const all = [
    'gone: removed d -3',
    'third: modified moved -5',
    'move: renamed x->moved 0',
    'second: modified d -1, modified x 3',
    'first: added d 4, added x 3',
  ]
  t.same(await told(w), all)
  t.same(await told(w, undefined, { limit: 2 }), all.slice(0, 2))
  t.same(await told(w, undefined, { revision: 'HEAD~3', limit: 1 }), [all[3]])
  t.same(await told(w, 'moved'), [all[1], all[2], 'second: modified x 3', 'first: added x 3'])
  t.same(await told(w, 'moved', { limit: 1 }), [all[1]])
  t.same(await told(w, 'd'), [all[0], 'second: modified d -1', 'first: added d 4'])
  t.same(await told(w, 'd/b'), [all[0], 'first: added d 4'], 'a part of a directory')
  await errorOf(t, told(w, 'absent'), 'usage')
})

t.test('a merge is told once', async t => {
  const w = await makeWorkspace(t, { files: { x: 'one', y: 'one' } })
  await w.add(['x', 'y'])
  w.commit('base')
  w.git('switch', '-q', '-c', 'side')
  w.write({ y: 'two' })
  await w.add('y')
  w.commit('side')
  w.git('switch', '-q', 'main')
  w.write({ x: 'two' })
  await w.add('x')
  w.commit('main')
  w.git('merge', '-q', '-m', 'merge', 'side')
  t.same((await told(w)).sort(), ['base: added x 3, added y 3', 'main: modified x 0', 'side: modified y 0'])
})

t.test('a pointer that could not be read is passed over, or said', async t => {
  const w = await makeWorkspace(t, { files: { x: 'one' } })
  await w.add('x')
  w.commit('first')
  w.write({ 'x.ddv': '<<<<<<< ours\n', 'bad.ddv': 'no pointer', 'node_modules/m/z.ddv': '{}' })
  w.git('add', '-A', '-f')
  w.commit('bad')
  const { commits } = await log(await w.project(), undefined, { cwd: w.root })
  t.match(commits, [{ subject: 'bad', changes: [{ path: 'x', unreadable: true }] }, { subject: 'first' }])
})

t.test('for people and for programs; where a shallow clone ends', async t => {
  const w = await makeHistory(t)
  const { stdout } = await w.ddv('log', 'moved')
  t.match(stdout, /^[0-9a-f]{8} \d{4}-\d\d-\d\d A {2}third\n {4}modified {2}[0-9a-f]{8} {2}moved \(1 B, -5 B\)\n/)
  t.ok(stdout.split('\n').every(line => line.length <= 80))
  t.match(JSON.parse((await w.ddv('log', '-n', '1', '--json')).stdout), {
    commits: [
      {
        commit: /^[0-9a-f]{40}$/,
        author: 'A',
        changes: [{ path: 'd', change: 'removed', hash: /^[0-9a-f]{64}$/, files: 2 }],
      },
    ],
  })
  t.match(await w.ddv('log', '-n', '0'), { code: 2 })
  const root = w.path('../shallow')
  git(w.root, 'clone', '-q', '--depth', '2', `file://${w.root}`, root)
  const shallow = openWorkspace(t, root)
  t.match((await shallow.ddv('log')).stdout, /gone\n.*removed.*\nhistory ends at [0-9a-f]{8}: this clone is shallow/)
  t.ok(existsSync(root))
})
