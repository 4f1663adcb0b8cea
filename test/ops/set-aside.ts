import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t from 'tap'
import type { TreePath } from '../../lib/core/tree-path.js'
import { openProject } from '../../lib/ops/project.js'
import { failedOuts, forgetFailed, recoverAside, SetAside } from '../../lib/ops/set-aside.js'
import { makeWorkspace, testEnv } from '../support/workspace.js'

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
  t.same(recoverAside(project), [], 'a living one keeps its own')
  const [holder = ''] = readdirSync(w.path('.ddv/aside'))
  renameSync(w.path(`.ddv/aside/${holder}`), w.path(`.ddv/aside/${holder.replace(/^\d+/, '999999999')}`))
  w.write({ 'model.bin': 'half', 'out/a.csv': 'half' })
  t.same(recoverAside(project), ['out', 'model.bin'])
  t.equal(w.read('model.bin'), 'old model')
  t.equal(w.read('out/a.csv'), 'old')
  t.equal(readFileSync(w.path(`${failedOuts('train')}/model.bin`), 'utf8'), 'half')
  t.equal(readFileSync(w.path(`${failedOuts('train')}/out/a.csv`), 'utf8'), 'half')
  t.same(readdirSync(w.path('.ddv/aside')), [])
  t.same(recoverAside(project), [])
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
    t.same(recoverAside(project), [], note)
    t.notOk(existsSync(join(dirname(w.root), 'x')))
    rmSync(dead, { recursive: true, force: true })
  }
})
