import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import t from 'tap'
import type { TreePath } from '../../lib/core/tree-path.js'
import { openProject } from '../../lib/ops/project.js'
import { failedOuts, forgetFailed, recoverAside, SetAside } from '../../lib/ops/set-aside.js'
import {
  digestOf,
  errorOf,
  makeWorkspace,
  type TestWorkspace,
  temporaryDirectory,
  testEnv,
} from '../support/workspace.js'

const path = (text: string): TreePath => text as TreePath
const files = { 'out/a.csv': 'old', 'model.bin': 'old model' }
const outs = [path('out'), path('model.bin'), path('absent')]

t.test('outs give way, and come back where the stage fails; what it made is kept beside', async t => {
  const w = await makeWorkspace(t, { files })
  const project = await openProject({ cwd: w.root, env: testEnv })
  t.teardown(() => project.close())
  const aside = new SetAside(project)
  const taken = aside.take(outs, 'train@a')
  for (const out of outs) t.notOk(w.has(out), out)
  w.write({ 'out/a.csv': 'half', absent: 'made' })
  taken.restore()
  t.equal(w.read('out/a.csv'), 'old')
  t.equal(w.read('model.bin'), 'old model')
  t.notOk(w.has('absent'))
  t.equal(readFileSync(w.path(`${failedOuts('train@a')}/out/a.csv`), 'utf8'), 'half')
  t.equal(readFileSync(w.path(`${failedOuts('train@a')}/absent`), 'utf8'), 'made')
  forgetFailed(project, 'train@a')
  t.notOk(existsSync(w.path(failedOuts('train@a'))))
  aside.close()
  t.same(readdirSync(w.path('.ddv/aside')), [])
})

t.test('they go where it succeeds, and a later restore touches nothing', async t => {
  const w = await makeWorkspace(t, { files })
  const project = await openProject({ cwd: w.root, env: testEnv })
  t.teardown(() => project.close())
  const aside = new SetAside(project)
  const taken = aside.take(outs, 'train')
  w.write({ 'model.bin': 'new' })
  taken.drop()
  t.equal(w.read('model.bin'), 'new')
  t.same(readdirSync(join(w.path('.ddv/aside'), readdirSync(w.path('.ddv/aside'))[0] as string)), [])
})

t.test('what a process that died had set aside comes back, whatever is there by now', async t => {
  const w = await makeWorkspace(t, { files })
  const project = await openProject({ cwd: w.root, env: testEnv })
  t.teardown(() => project.close())
  new SetAside(project).take(outs, 'train')
  t.same(await recoverAside(project, {}), [], 'a living one keeps its own')
  const [holder = ''] = readdirSync(w.path('.ddv/aside'))
  renameSync(w.path(`.ddv/aside/${holder}`), w.path(`.ddv/aside/${holder.replace(/^\d+/, '999999999')}`))
  w.write({ 'model.bin': 'half', 'out/a.csv': 'half' })
  t.same(await recoverAside(project, {}), ['out', 'model.bin'])
  t.equal(w.read('model.bin'), 'old model')
  t.equal(w.read('out/a.csv'), 'old')
  t.equal(readFileSync(w.path(`${failedOuts('train')}/model.bin`), 'utf8'), 'half')
  t.equal(readFileSync(w.path(`${failedOuts('train')}/out/a.csv`), 'utf8'), 'half')
  t.same(readdirSync(w.path('.ddv/aside')), [])
  t.same(await recoverAside(project, {}), [])
})

t.test('notes that nobody of ddv wrote move nothing', async t => {
  const w = await makeWorkspace(t, { files })
  const project = await openProject({ cwd: w.root, env: testEnv })
  t.teardown(() => project.close())
  new SetAside(project).take([path('out')], 'train')
  const [holder = ''] = readdirSync(w.path('.ddv/aside'))
  const dead = w.path(`.ddv/aside/${holder.replace(/^\d+/, '999999999')}`)
  for (const note of ['', '{}', '{"path":"../x","stage":"s"}', '{"path":".git/config","stage":"s"}']) {
    mkdirSync(dead, { recursive: true })
    writeFileSync(join(dead, '0'), 'data')
    writeFileSync(join(dead, '0.json'), note)
    t.same(await recoverAside(project, {}), [], note)
    t.notOk(existsSync(join(dirname(w.root), 'x')))
    rmSync(dead, { recursive: true, force: true })
  }
})

t.test(
  'directories that a stage made read-only go like others',
  { skip: process.getuid?.() === 0 && 'root' },
  async t => {
    const w = await makeWorkspace(t, { files: { 'out/sub/a.csv': 'old' } })
    const project = await openProject({ cwd: w.root, env: testEnv })
    t.teardown(() => project.close())
    chmodSync(w.path('out/sub'), 0o555)
    const aside = new SetAside(project)
    aside.take([path('out')], 'train').drop()
    aside.close()
    t.same(readdirSync(w.path('.ddv/aside')), [])
  },
)

/** As if the process had been killed that set something aside. */
function killHolder(w: TestWorkspace): void {
  const [holder = ''] = readdirSync(w.path('.ddv/aside'))
  renameSync(w.path(`.ddv/aside/${holder}`), w.path(`.ddv/aside/${holder.replace(/^\d+/, '999999999')}`))
}

t.test('what cannot come back does not keep the rest from it, and is there for the next run', async t => {
  const w = await makeWorkspace(t, { files: { 'data/a.csv': 'old', 'model.bin': 'old model' } })
  const project = await openProject({ cwd: w.root, env: testEnv })
  t.teardown(() => project.close())
  const aside = new SetAside(project)
  const taken = aside.take([path('data/a.csv'), path('model.bin')], 'train')
  rmSync(w.path('data'), { recursive: true })
  symlinkSync(temporaryDirectory(t), w.path('data'))
  t.throws(() => taken.restore(), { code: 'bad-path' })
  aside.close()
  t.equal(w.read('model.bin'), 'old model')
  killHolder(w)
  await errorOf(t, recoverAside(project, {}), 'bad-path')
  rmSync(w.path('data'))
  t.same(await recoverAside(project, {}), ['data/a.csv'])
  t.equal(w.read('data/a.csv'), 'old')
})

t.test('what the user put there after a kill goes into the cache', async t => {
  const w = await makeWorkspace(t, { files })
  const project = await openProject({ cwd: w.root, env: testEnv })
  t.teardown(() => project.close())
  new SetAside(project).take(outs, 'train')
  killHolder(w)
  w.write({ 'model.bin': 'by hand' })
  await recoverAside(project, {})
  t.equal(w.read('model.bin'), 'old model')
  t.equal(readFileSync(w.blob(digestOf('by hand')), 'utf8'), 'by hand')
})

t.test('names that are longer than a file may have', async t => {
  const deep = path(`${'long/'.repeat(60)}model.bin`)
  const stage = `${'long/'.repeat(60)}ddv.yaml:train`
  const w = await makeWorkspace(t, { files: { [deep]: 'old' } })
  const project = await openProject({ cwd: w.root, env: testEnv })
  t.teardown(() => project.close())
  const taken = new SetAside(project).take([deep], stage)
  w.write({ [deep]: 'half' })
  taken.restore()
  t.equal(w.read(deep), 'old')
  const [kept = ''] = readdirSync(w.path(failedOuts(stage)))
  t.equal(readFileSync(w.path(`${failedOuts(stage)}/${kept}`), 'utf8'), 'half')
  forgetFailed(project, stage)
})

t.test('where what a failed try made cannot be kept, what was there comes back all the same', async t => {
  const w = await makeWorkspace(t, { files: { ...files, '.ddv/failed': 'a file' } })
  const project = await openProject({ cwd: w.root, env: testEnv })
  t.teardown(() => project.close())
  const taken = new SetAside(project).take(outs, 'train')
  w.write({ 'model.bin': 'half', 'out/a.csv': 'half' })
  try {
    taken.restore()
  } catch {}
  t.equal(w.read('model.bin'), 'old model')
  t.equal(w.read('out/a.csv'), 'old')
})

t.test('what a stranger committed as set aside moves nothing, and links in its place lead nowhere', async t => {
  const holder = '999999999_1___here_0123456789abcdef'
  const forged = {
    [`.ddv/aside/${holder}/0`]: 'evil',
    [`.ddv/aside/${holder}/0.json`]: JSON.stringify({ path: 'model.bin', stage: 'train', mark: '1 1' }),
  }
  const w = await makeWorkspace(t, { files: { ...files, ...forged } })
  const project = await openProject({ cwd: w.root, env: testEnv })
  t.teardown(() => project.close())
  t.same(await recoverAside(project, {}), [])
  t.equal(w.read('model.bin'), 'old model')
  for (const name of ['aside', 'failed', 'stages', 'runs']) {
    const elsewhere = temporaryDirectory(t)
    mkdirSync(join(elsewhere, 'train'))
    rmSync(w.path(`.ddv/${name}`), { recursive: true, force: true })
    symlinkSync(elsewhere, w.path(`.ddv/${name}`))
    await errorOf(t, recoverAside(project, {}), 'bad-path')
    t.same(readdirSync(elsewhere), ['train'])
    rmSync(w.path(`.ddv/${name}`))
  }
})

t.test('of two that come at once one brings it back', async t => {
  const w = await makeWorkspace(t, { files })
  const project = await openProject({ cwd: w.root, env: testEnv })
  t.teardown(() => project.close())
  new SetAside(project).take(outs, 'train')
  killHolder(w)
  const found = await Promise.all([recoverAside(project, {}), recoverAside(project, {}), recoverAside(project, {})])
  t.same(found.flat(), ['out', 'model.bin'])
  t.equal(w.read('model.bin'), 'old model')
  t.equal(w.read('out/a.csv'), 'old')
})
