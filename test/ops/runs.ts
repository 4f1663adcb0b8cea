import { readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import type { StageName } from '../../lib/core/stage.js'
import type { TreePath } from '../../lib/core/tree-path.js'
import { listedRuns, showRun } from '../../lib/ops/runs.js'
import { Run } from '../../lib/pipeline/run-record.js'
import { makeWorkspace, type TestWorkspace } from '../support/workspace.js'

const pipeline = `
stages:
  good: { cmd: "echo out; echo err >&2; echo 1 > good", outs: [good] }
  bad: { cmd: "printf 'red \\\\033[31m'; exit 3", deps: [good], outs: [bad] }
  after: { cmd: "true", deps: [bad] }
`

const runsOf = (w: TestWorkspace): string => w.path('.ddv/runs')

t.test('nothing ran yet', async t => {
  const w = await makeWorkspace(t, { noGit: true })
  t.match(await w.ddv('runs', 'list'), { code: 0, stdout: 'no runs yet\n' })
  t.same(JSON.parse((await w.ddv('runs', 'list', '--json')).stdout), { runs: [] })
  t.match(await w.ddv('runs', 'show'), { code: 2, stderr: /no run was recorded here\n/ })
})

t.test('what came of runs, why, and what they printed', async t => {
  const w = await makeWorkspace(t, { files: { 'ddv.yaml': pipeline } })
  t.match(await w.ddv('repro', '-q'), { code: 1 })
  t.match(await w.ddv('run', 'good', '--force', '-q', '--no-run-cache'), { code: 0 })
  const { stdout: list } = await w.ddv('runs', 'list')
  t.match(
    list,
    /^[0-9a-f]{6} {2}\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ {2}done {4}\d+ s {2}1 ran {10} {2}ddv run good.*\n[0-9a-f]{6} .* failed {2}\d+ s {2}1 ran, 1 failed {2}ddv repro\n$/,
  )
  t.ok(list.split('\n').every(line => line.length <= 80))
  const { runs } = JSON.parse((await w.ddv('runs', 'list', '--json')).stdout)
  t.match(runs, [
    { outcome: 'done', command: ['run', 'good', '--force', '--no-run-cache'] },
    { outcome: 'failed', done: 1, failed: 1, cached: 0, duration: Number },
  ])
  t.match((await w.ddv('runs', 'show')).stdout, /\ngood {2}done .*\n {4}it was asked for\n$/)
  const first = (await w.ddv('runs', 'show', runs[1].id.slice(-6))).stdout
  t.match(first, /^\S+ {2}failed\n.*, local on .*\nddv repro\n\n/)
  t.match(first, /\ngood {2}done {4}\d+ s.*\n {4}it never ran\n/)
  t.match(
    first,
    /\nbad +failed +\d+ s.* {2}ended with exit code 3\n {4}it never ran\n {4}log: \.ddv\/runs\/\S+\/2-bad\.log\n$/,
  )
  t.match(JSON.parse((await w.ddv('runs', 'show', runs[1].id, '--json')).stdout), {
    id: runs[1].id,
    stages: [
      { stage: 'good', outcome: 'done' },
      { stage: 'bad', failure: { kind: 'exit', code: 3 }, duration: Number },
    ],
  })
  t.equal((await w.ddv('runs', 'show', '--log', 'good')).stdout, 'out\nerr\n')
  t.equal((await w.ddv('runs', 'show', runs[1].id, '--log', 'bad')).stdout, 'red \u001b[31m', 'as it came')
  const asJson = JSON.parse((await w.ddv('runs', 'show', '--log', 'good', '--json')).stdout)
  t.equal(w.read(asJson.filepath), 'out\nerr\n')
  t.match(await w.ddv('runs', 'show', '--log', 'bad'), { code: 2, stderr: /no such stage.*: bad\n.*it has good/ })
  t.match(await w.ddv('runs', 'show', 'nope\u001b'), { code: 2, stderr: /no such run: nope\\u001b\n.*runs list/ })
  t.match(await w.ddv('runs', 'show', '20'), { code: 2, stderr: /several runs may be meant: 20\n/ })
  rmSync(join(runsOf(w), runs[0].id, '1-good.log'))
  t.match(await w.ddv('runs', 'show', '--log', 'good'), { code: 12, stderr: /left no log/ })
  writeFileSync(join(runsOf(w), runs[0].id, 'run.json'), '{')
  t.match(await w.ddv('runs', 'list'), {
    code: 13,
    stdout: /^[0-9a-f]{6} .*ddv repro\n$/,
    stderr: /record of a run is no JSON/,
  })
  t.match(await w.ddv('runs', 'show', runs[0].id), { code: 13 })
})

t.test('what is at work, was interrupted, was killed', async t => {
  const w = await makeWorkspace(t)
  const project = await w.project()
  const run = new Run(runsOf(w), { version: '1', command: ['repro', 'a\nb'], executor: 'local', commit: undefined })
  const stage = { file: 'sub/ddv.yaml' as TreePath, name: 'slow' as StageName }
  const { log } = run.begin(stage)
  log.note('so far')
  t.match(listedRuns(project).runs, [{ id: run.id, outcome: 'running', duration: undefined }])
  const during = showRun(project, 'latest')
  t.match(during.stages, [{ stage: 'sub/ddv.yaml:slow', outcome: undefined, log: /1-sub-ddv\.yaml-slow\.log$/ }])
  t.match((await w.ddv('runs', 'show')).stdout, /ddv repro a\\nb\n\nsub\/ddv\.yaml:slow {2}running\n/)
  t.equal((await w.ddv('runs', 'show', '--log', 'sub/ddv.yaml:slow')).stdout, 'ddv: so far\n')
  const file = join(run.directory, 'run.json')
  const text = readFileSync(file, 'utf8')
  writeFileSync(file, text.replace(/"process": "(\d+)_\d*_/, '"process": "$1_1_'))
  t.equal(showRun(project, run.id).outcome, 'killed')
  t.match((await w.ddv('runs', 'show')).stdout, /cut short\n/)
  log.close()
  run.finish()
  t.match(listedRuns(project).runs, [{ outcome: 'interrupted' }])
})

t.test('a link in the place of the records is not followed', async t => {
  const w = await makeWorkspace(t)
  new Run(w.path('../elsewhere'), { version: '1', command: [], executor: 'local', commit: undefined }).finish()
  symlinkSync('../../elsewhere', runsOf(w))
  t.match(await w.ddv('runs', 'list'), { code: 0, stdout: 'no runs yet\n' })
})
