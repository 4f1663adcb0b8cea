import t from 'tap'
import { outputsAt, outputsOfRevisions } from '../../lib/ops/revision.js'
import { git, makeRepository } from '../support/git.js'
import { ddv, digestOf, errorOf, makeWorkspace, openWorkspace, temporaryDirectory } from '../support/workspace.js'

const none = { signal: undefined }

t.test('what a commit names is read from git alone', async t => {
  const w = await makeWorkspace(t, { files: { 'data/x.csv': 'one', 'data/set/a': 'a' } })
  await w.add(['data/x.csv', 'data/set'])
  const first = w.commit()
  w.write({ 'data/x.csv': 'two' })
  await w.add('data/x.csv')
  w.commit()
  w.remove('data')
  const project = await w.project()
  const at = await outputsAt(project, 'HEAD~1', none)
  t.equal(at.commit, first)
  t.same(at.failures, [])
  t.same(
    at.outputs.map(({ path, pointer }) => [path, pointer.kind, pointer.size]),
    [
      ['data/set', 'directory', 1],
      ['data/x.csv', 'file', 3],
    ],
  )
  t.equal(at.outputs[1]?.pointer.hash, digestOf('one'))
  t.equal((await outputsAt(project, 'main', none)).outputs[1]?.pointer.hash, digestOf('two'))
  t.match(await errorOf(t, outputsAt(project, 'nowhere', none), 'usage'), {
    message: 'no such revision: nowhere',
    hint: /'git branch -a'/,
  })
  t.match(await errorOf(t, outputsAt(project, 'mian', none), 'usage'), { hint: `did you mean 'main'?` })
  w.git('checkout', '-q', '--orphan', 'new')
  w.git('branch', '-q', '-D', 'main')
  t.match(await errorOf(t, outputsAt(project, 'HEAD', none), 'usage'), { hint: 'there is no commit yet' })
})

t.test('each version once; targets narrow it', async t => {
  const w = await makeWorkspace(t, { files: { x: 'one', y: 'why', 'd/s/a': 'a' } })
  await w.add(['x', 'y', 'd/s'])
  w.commit()
  w.write({ x: 'two' })
  await w.add('x')
  w.commit()
  const project = await w.project()
  const of = async (...targets: string[]) =>
    (await outputsOfRevisions(project, { revisions: ['HEAD', 'HEAD~1'], targets, cwd: w.root }, none)).outputs.map(
      ({ path, pointer }) => `${path} ${pointer.hash === digestOf('one') ? 'old' : 'new'}`,
    )
  t.same(await of(), ['d/s new', 'x new', 'y new', 'x old'])
  t.same(await of('x'), ['x new', 'x old'])
  t.same(await of('d'), ['d/s new'])
  t.same(await of('d/s/a'), ['d/s new'])
  await errorOf(t, of('z'), 'usage')
})

t.test('a pointer that cannot be read is a failure of its output', async t => {
  const w = await makeWorkspace(t, { files: { x: 'one' } })
  await w.add('x')
  w.write({ 'bad.ddv': '<<<<<<< ours\n', 'node_modules/m/z.ddv': 'nobody looks here' })
  w.git('add', '-f', '-A')
  w.commit()
  const { outputs, failures } = await outputsAt(await w.project(), 'HEAD', none)
  t.same(
    outputs.map(({ path }) => path),
    ['x'],
  )
  t.match(failures, [{ path: 'bad', error: { code: 'conflict' } }])
})

t.test('push and fetch of older commits, from a clone without data', async t => {
  const w = await makeWorkspace(t, { files: { x: 'one' } })
  await w.ddv('remote', 'add', 'origin', '../remote', '--default')
  await w.add('x')
  w.git('add', '-A')
  w.commit()
  w.write({ x: 'two' })
  await w.add('x')
  w.commit()
  const pushed = await w.push([], { revisions: ['HEAD~1'] })
  t.same(
    pushed.outputs.map(({ hash, outcome }) => [hash, outcome]),
    [[digestOf('one'), 'pushed']],
  )
  const root = `${temporaryDirectory(t)}/clone`
  git(w.root, 'clone', '-q', w.root, root)
  const clone = openWorkspace(t, root)
  await clone.ddv('remote', 'modify', 'origin', '--url', w.path('../remote'), '--local')
  const fetched = await clone.ddv('fetch', '--rev', 'HEAD~1', '--rev', 'HEAD', '--json')
  t.equal(fetched.code, 12, 'the newer one is nowhere')
  t.match(JSON.parse(fetched.stdout), { outputs: [{ path: 'x', hash: digestOf('one'), outcome: 'fetched' }] })
  t.notOk(clone.has('x'), 'the workspace stays as it is')
})

t.test('a workspace below the top of its repository', async t => {
  const top = makeRepository(`${temporaryDirectory(t)}/top`, { 'sub/code.js': '' })
  await ddv(`${top}/sub`, ['init'])
  const w = openWorkspace(t, `${top}/sub`)
  w.write({ x: 'one' })
  await w.add('x')
  w.commit()
  t.match((await outputsAt(await w.project(), 'HEAD', none)).outputs, [{ path: 'x' }])
})
