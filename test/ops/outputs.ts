// What stages made goes every way that data with a pointer goes: one project with both, seen by each op in turn.

import { existsSync, readdirSync, rmSync } from 'node:fs'
import t from 'tap'
import { describe } from '../../lib/ops/describe.js'
import { diff } from '../../lib/ops/diff.js'
import { log } from '../../lib/ops/log.js'
import { git } from '../support/git.js'
import { noise } from '../support/transfer.js'
import { ddv, digestOf, makeWorkspace, openWorkspace, readTree, type TestWorkspace } from '../support/workspace.js'

type Test = Parameters<typeof makeWorkspace>[0]

const made = { 'out/a': 'aaaa', 'out/s/b': 'bbbb', model: 'mmmm', 'sub/deep': 'dddd', raw: 'rrrr' }

/** With a pointer, two locks, an output that is not pushed and one that git has; committed, and pushed. */
async function makePipeline(t: Test): Promise<{ w: TestWorkspace; clone: () => TestWorkspace }> {
  const w = await makeWorkspace(t, { files: { ...made, scratch: 'ssss', 'm.json': '{}' } })
  await w.ddv('remote', 'add', 'origin', '../remote', '--default')
  await w.add('raw')
  await w.addStage(['out', 'model'])
  await w.addStage('sub/deep', { lock: 'sub/ddv.lock', name: 'deep' })
  await w.addStage('scratch', { push: false })
  await w.addStage('m.json', { cache: false, name: 'score' })
  w.git('checkout', 'HEAD', '--', '.gitattributes')
  w.write({ '.gitignore': w.read('.gitignore').replace('/m.json\n', '') })
  w.git('add', '.gitignore', 'm.json')
  w.commit()
  let clones = 0
  const clone = (): TestWorkspace => {
    git(w.root, 'clone', '-q', '.', `../clone${++clones}`)
    return openWorkspace(t, w.path(`../clone${clones}`))
  }
  return { w, clone }
}

const paths = (outputs: readonly { readonly path: string }[]): string[] => outputs.map(({ path }) => path).sort()
const all = ['model', 'out', 'raw', 'sub/deep']

t.test('push and pull', async t => {
  const { w, clone } = await makePipeline(t)
  const pushed = await w.push()
  t.same([paths(pushed.outputs), pushed.failures], [all, []])
  t.notOk(existsSync(w.path('../remote/recipes/file', digestOf('ssss').slice(0, 2), digestOf('ssss').slice(2))))
  t.match(await w.ddv('push', 'scratch'), { code: 0, stderr: /is not pushed, by its stage: scratch/ })

  const other = clone()
  const ran = await other.ddv('pull')
  t.match(ran, { code: 0, stderr: /is not pushed, by its stage: scratch\n.*'ddv repro prepare' makes it/ })
  for (const [path, content] of Object.entries(made)) t.equal(other.read(path), content, path)
  t.notOk(other.has('scratch'))
  t.equal(other.git('status', '--porcelain'), '')
  t.match(await other.pull(), { failures: [], bytesReceived: 0, left: ['scratch'] })
  t.match(await other.pull('model'), { failures: [], left: [] })

  other.write({ model: 'mine' })
  t.match((await other.checkout('model')).failures, [
    { error: { code: 'would-lose-data', hint: /copy them elsewhere.*'ddv checkout --force model'/ } },
  ])
  t.equal(other.read('model'), 'mine')
  t.match(await other.checkout('model', { force: true }), { failures: [] })
  t.match((await other.ddv('status')).stdout, /\('ddv repro' makes what is not pushed\)/)
  t.match(await other.ddv('checkout'), { code: 0, stderr: /is not pushed, by its stage: scratch/ })
  t.match((await other.checkout('scratch')).failures, [{ error: { code: 'missing', hint: /not pushed: 'ddv repro/ } }])

  const revision = clone()
  t.match(await revision.fetch([], { revisions: ['HEAD'] }), { failures: [], left: ['scratch'] })
  t.match(await revision.checkout(['out', 'model', 'sub']), { failures: [] })
})

t.test('frozen, in production, and without git', async t => {
  const { w, clone } = await makePipeline(t)
  await w.push()
  for (const [name, argv, prepare] of [
    ['frozen', ['pull', '--frozen'], () => undefined],
    ['without .git', ['pull', '--frozen'], (one: TestWorkspace) => one.remove('.git')],
  ] as const) {
    const other = clone()
    prepare(other)
    t.match(await other.ddv(...argv), { code: 0 }, name)
    t.match(await other.ddv(...argv), { code: 0, stdout: /has everything/ }, name)
    t.same(readTree(other.path('out')), { a: 'aaaa', 's/b': 'bbbb' }, name)
  }
  const production = clone()
  rmSync(w.path('../remote'), { recursive: true })
  const { code } = await ddv(production.root, ['pull'], { ...production.env, DDV_ENV: 'production' })
  t.not(code, 0)
  t.notOk(
    ['out', 'model', 'raw', 'sub/deep'].some(path => production.has(path)),
    'all or nothing',
  )
})

t.test('what only one version of a lock had', async t => {
  const { w, clone } = await makePipeline(t)
  w.write({ model: 'm2m2', 'out/a': 'a2a2' })
  await w.addStage(['model', 'out'])
  const second = w.commit('second')
  w.write({ raw: 'r2r2' })
  await w.add('raw')
  w.commit('third')
  t.match(await w.push([], { revisions: ['HEAD', 'HEAD~1', 'HEAD~2'] }), { failures: [] })
  const project = await w.project()
  const cwd = w.root
  const { commits } = await log(project, undefined, { cwd })
  t.same(
    commits.map(({ changes }) => changes.map(({ path, change }) => `${change} ${path}`)),
    [
      ['modified raw'],
      ['modified model', 'modified out'],
      ['added model', 'added out', 'added raw', 'added scratch', 'added sub/deep'],
    ],
  )
  t.same(
    (await log(project, 'out/a', { cwd })).commits.map(({ subject }) => subject),
    ['second', 'c'],
  )
  const found = await diff(project, [], { cwd, from: 'HEAD~2', to: second })
  t.same(
    found.outputs.map(({ path, files }) => [path, files.map(one => one.path)]),
    [
      ['model', []],
      ['out', ['a']],
    ],
  )
  w.write({ model: 'here' })
  t.match((await diff(project, [], { cwd })).outputs, [{ path: 'model', change: 'modified' }])
  const described = await describe(project, { cwd })
  t.match(described, { dirty: true, data: ['model'], pointers: [] })

  const other = clone()
  t.match(await other.ddv('cat', 'HEAD~2:model'), { code: 0, stdout: 'mmmm' })
  t.match(await other.ddv('cat', 'out/a'), { code: 0, stdout: 'a2a2' })
  t.match(await other.ddv('list', 'HEAD~1', 'out', '--recursive'), { code: 0, stdout: /out\/s\/b/ })
  t.match(await other.ddv('pull', '--rev', 'HEAD~2'), { code: 0, stderr: /not pushed/ })
  t.equal(other.read('model'), 'mmmm')
  t.match((await other.status('model')).outputs, [{ workspace: 'modified' }])
  t.match(await ddv(other.path('..'), ['get', './w', 'out/s', '-o', 'got']), { code: 0 })
  t.same(readTree(other.path('../got')), { b: 'bbbb' })
  t.match(await ddv(other.path('..'), ['get', './w', 'sub/deep', '-o', 'deep', '--rev', second]), { code: 0 })
})

t.test('checks', async t => {
  const { w, clone } = await makePipeline(t)
  t.match(await w.ddv('verify'), { code: 0, stdout: /5 outputs/ })
  t.match(await w.ddv('doctor'), { stdout: /5 outputs/ })
  t.match(await w.ddv('du'), { code: 0, stdout: /scratch/ })
  await w.push('raw')
  t.match(await w.ddv('verify', '--remote'), { code: 12, stderr: /model/ })
  await w.push()
  t.match(await w.ddv('verify', '--remote'), { code: 0, stdout: /4 versions/ })
  const other = clone()
  t.match(await other.ddv('verify', '--rev', 'HEAD'), { code: 0, stdout: /4 versions of 1 commit/ })
  w.git('add', '-f', 'out/a')
  w.commit('data in git')
  t.match(await w.ddv('verify', '--rev', 'HEAD'), { code: 1, stderr: /data under ddv is in git as content: out\/a/ })
  rmSync(w.blob(digestOf('mmmm')))
  t.match(await w.ddv('verify', 'model'), { code: 12 })
  t.match(await w.ddv('verify', 'model', '--repair'), { code: 0 })
})

t.test('a new version costs what has changed, in a fresh clone too', async t => {
  const big = noise(4_000_000, 7)
  const w = await makeWorkspace(t, { files: { big } })
  await w.ddv('remote', 'add', 'origin', '../remote', '--default')
  await w.addStage('big')
  w.git('add', '-A')
  w.commit()
  await w.push()
  git(w.root, 'clone', '-q', '.', '../clone')
  const clone = openWorkspace(t, w.path('../clone'))
  clone.write({ big: Buffer.concat([big.subarray(0, 2000), Buffer.from('inserted'), big.subarray(2000)]) })
  await clone.addStage('big')
  const { bytesSent, failures } = await clone.push()
  t.same(failures, [])
  t.ok(bytesSent > 0 && bytesSent < 400_000, `${bytesSent} bytes of 4,000,008`)
})

t.test('commit takes the locks along, and nothing that was changed by hand', async t => {
  const { w } = await makePipeline(t)
  w.write({ 'sub/deep': 'd2d2', raw: 'r2r2' })
  await w.addStage('sub/deep', { lock: 'sub/ddv.lock', name: 'deep' })
  w.git('reset', '-q')
  w.write({ model: 'by hand' })
  const ran = await w.ddv('commit', '-m', 'all')
  t.match(ran, {
    code: 0,
    stderr: /has changed since its stage 'prepare' ran, and is not committed so: model\n.*'ddv repro prepare'/,
  })
  t.same(w.git('show', '--name-only', '--format=', 'HEAD').split('\n'), ['raw.ddv', 'sub/ddv.lock'])
  t.match((await w.status('sub/deep')).outputs, [{ workspace: 'unchanged' }])
  t.equal(w.read('model'), 'by hand')
  t.notOk(readdirSync(w.root).includes('model.ddv'))
})
