import { rmSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { type ShowMetricsOptions, showMetrics } from '../../lib/ops/metrics.js'
import { git, withoutGit } from '../support/git.js'
import {
  ddv,
  makeWorkspace,
  openWorkspace,
  type TestWorkspace,
  temporaryDirectory,
  testEnv,
} from '../support/workspace.js'

const pipeline = `
stages:
  train:
    cmd: mkdir -p out && cp in.json cached.json && cp in.json kept.json && cp in.json out/m.json
    deps: [in.json]
    outs: [out]
    metrics:
      - cached.json
      - kept.json: { cache: false }
metrics: [out/m.json, top.yaml]
`

/** Two commits, of which the first is tagged. */
async function twoVersions(t: Parameters<typeof makeWorkspace>[0], root?: string): Promise<TestWorkspace> {
  const files = { 'ddv.yaml': pipeline, 'in.json': '{"loss": {"a": 0.5}}', 'top.yaml': 'auc: 0.75\n' }
  const w = await makeWorkspace(t, { files, ...(root !== undefined && { root }) })
  await w.ddv('repro', '-q')
  w.git('add', '-A')
  w.commit('one')
  w.git('tag', 'v1')
  w.write({ 'in.json': '{"loss": {"a": 0.25}, "b\\n": [1, 2]}' })
  w.remove('top.yaml')
  await w.ddv('repro', '-q')
  w.git('add', '-A')
  w.commit('two')
  return w
}

const told = ({ stdout }: { stdout: string }): Record<string, unknown> => JSON.parse(stdout)

t.test('of the workspace: by themselves, or by what the lock says and the cache has', async t => {
  const w = await twoVersions(t)
  const all = `cached.json  loss.a  0.25
cached.json  b\\\\n    [1,2]
kept.json    loss.a  0.25
kept.json    b\\\\n    [1,2]
out/m.json   loss.a  0.25
out/m.json   b\\\\n    [1,2]
`
    .replaceAll('\\\\n', '\\n')
    .replaceAll('    [', '     [')
  const shown = await w.ddv('metrics', 'show')
  t.equal(shown.stdout, all)
  t.match(shown, { code: 0, stderr: /warning: metrics are not there yet: top\.yaml\n/ })
  w.remove('cached.json', 'out')
  t.equal((await w.ddv('metrics', 'show')).stdout, all)
  t.equal((await w.ddv('metrics', 'show', 'kept.json')).stdout.split('\n').length, 3)
  t.equal((await w.ddv('metrics', 'show', 'out')).stdout.split('\n').length, 3)
  t.equal((await w.ddv('metrics', 'show', 'train')).stdout.split('\n').length, 5)
  t.match(await w.ddv('metrics', 'show', 'nope'), { code: 2, stderr: /neither a stage nor an output/ })
  rmSync(w.path('.cache'), { recursive: true })
  const absent = await w.ddv('metrics', 'show', 'train', '--json')
  t.match(absent, { code: 0, stderr: /content is not in the cache: cached\.json\n.*'ddv pull cached\.json'/ })
  t.match(told(absent), { versions: [{ files: [{ path: 'kept.json' }], absent: ['cached.json'] }] })
})

t.test('of commits, branches and tags', async t => {
  const w = await twoVersions(t)
  w.git('branch', 'side/a', 'v1')
  w.git('tag', 'blob', 'HEAD:in.json')
  const at = async (options: Partial<ShowMetricsOptions>) =>
    (await showMetrics(await w.project(), [], { cwd: w.root, ...options })).versions.map(
      ({ revision, files }) => `${revision}: ${files.map(({ path, values }) => `${path}=${JSON.stringify(values)}`)}`,
    )
  const first =
    'cached.json={"loss":{"a":0.5}},kept.json={"loss":{"a":0.5}},out/m.json={"loss":{"a":0.5}},top.yaml={"auc":0.75}'
  t.same(await at({ revisions: ['HEAD~1'] }), [`HEAD~1: ${first}`])
  t.same(await at({ allTags: true }), [`v1: ${first}`])
  const branches = await at({ allBranches: true })
  t.equal(branches.length, 2)
  t.equal(branches[1], `side/a: ${first}`)
  t.match(
    (await w.ddv('metrics', 'show', '--rev', 'v1', 'top.yaml')).stdout,
    /^v1 \([0-9a-f]{8}\)\ntop\.yaml {2}auc {2}0\.75\n$/,
  )
  t.match(
    (await w.ddv('metrics', 'show', '--all-branches', '--markdown', 'out')).stdout,
    /^\| version \| file \| key \| value \|\n\| --- \| --- \| --- \| ---: \|\n\| main \(\w+\) \| out\/m\.json \| loss\.a \| 0\.25 \|\n.*b\\\\n \| \\\[1,2\\\] \|\n\| side\/a/,
  )
  t.match(await w.ddv('metrics', 'show', '--rev', 'nope'), { code: 2, stderr: /no such revision: nope/ })
  t.match(await w.ddv('metrics', 'show', '--rev', 'v1', '--rev', 'HEAD', 'top.yaml'), { code: 0 }, 'one has it')
  const lock = JSON.parse(w.git('show', 'v1:ddv.lock'))
  w.corrupt(lock.stages.train.outs['cached.json'].hash)
  t.match(await w.ddv('metrics', 'show', '--rev', 'v1', 'cached.json'), { code: 13, stderr: /in v1: blob.*set aside/ })
  t.match(await w.ddv('metrics', 'show', '--rev', 'v1', 'cached.json'), {
    code: 0,
    stdout: 'no metrics\n',
    stderr: /in v1: content is not in the cache.*\n.*'ddv fetch --rev v1 cached\.json' brings it/,
  })
})

t.test('the same in a workspace below the repository, in a linked worktree, and without the git program', async t => {
  const root = t.testdir({ r: {} })
  git(`${root}/r`, 'init', '-q', '-b', 'main')
  git(`${root}/r`, 'commit', '-q', '--allow-empty', '-m', 'none')
  const w = await twoVersions(t, `${root}/r/below/w`)
  const shown = (await w.ddv('metrics', 'show', '--rev', 'v1')).stdout
  t.match(shown, /cached\.json {2}loss\.a {2}0\.5\n/)
  t.match(await ddv(w.root, ['metrics', 'show', '--all-tags'], { ...testEnv, ...withoutGit }), {
    code: 0,
    stdout: shown,
  })
  w.git('worktree', 'add', '-q', '../linked')
  const linked = openWorkspace(t, w.path('../linked'))
  t.equal((await linked.ddv('metrics', 'show', '--rev', 'v1')).stdout, shown)
})

t.test('what differs, for people and for reviews', async t => {
  const w = await twoVersions(t)
  t.match(await w.ddv('metrics', 'diff'), {
    code: 0,
    stdout: /^no difference in metrics between HEAD \(\w+\) and the workspace\n$/,
  })
  const { stdout } = await w.ddv('metrics', 'diff', 'v1')
  t.match(
    stdout,
    /^v1 \(\w+\) -> the workspace\ncached\.json {2}b\\n +\(none\) {2}-> {3}\[1,2\]\ncached\.json {2}loss\.a +0\.5 {2}-> +0\.25 {2}-0\.25\n/,
  )
  t.match(stdout, /\ntop\.yaml +auc +0\.75 {2}-> {2}\(none\)\n$/)
  t.match(
    (await w.ddv('metrics', 'diff', 'v1', 'HEAD', '--target', 'kept.json', '--markdown')).stdout,
    /^Metrics: v1 .* → HEAD .*\n\n\| file \| key \| before \| after \| change \|\n.*\n\| kept\.json \| b\\\\n \| {2}\| \\\[1,2\\\] \| {2}\|\n\| kept\.json \| loss\.a \| 0\.5 \| 0\.25 \| -0\.25 \|\n$/,
  )
  t.match(told(await w.ddv('metrics', 'diff', 'v1', '--json', '-t', 'top.yaml')), {
    from: { revision: 'v1', commit: /^[0-9a-f]{40}$/ },
    files: [{ path: 'top.yaml', changes: [{ key: 'auc', before: 0.75 }] }],
    absent: [],
  })
  rmSync(w.path('.cache'), { recursive: true })
  const partly = await w.ddv('metrics', 'diff', 'v1', '--json')
  t.match(told(partly), { files: [{ path: 'kept.json' }, { path: 'top.yaml' }], absent: ['cached.json', 'out/m.json'] })
  t.match(partly.stderr, /in v1: content is not in the cache: cached\.json/)
})

t.test('strange files and numbers, where there is no git at all', async t => {
  const files = {
    'ddv.yaml': 'metrics: [bare.metric, list.json, nan.json, nan.yaml, inf.toml, "odd |*.json", long.json]\n',
    'bare.metric': '0.93\n',
    'list.json': '[0.5, {"a": 1}]',
    'nan.json': '{"loss": NaN, "text NaN": "NaN, Infinity", "low": -Infinity, "big": 1e999}',
    'nan.yaml': 'loss: .nan\n',
    'inf.toml': 'x = inf\n',
    'odd |*.json': '{"\\u001b[31m": "1", "|": "a|b", "yes": true, "none": null, "empty": ""}',
    'long.json': JSON.stringify({ text: 'x'.repeat(100) }),
  }
  const w = await makeWorkspace(t, { files, noGit: true, root: join(temporaryDirectory(t), 'w') })
  t.equal(
    (await w.ddv('metrics', 'show')).stdout,
    `bare.metric              0.93
inf.toml     x           Infinity
list.json                [0.5,{"a":1}]
long.json    text        ${'x'.repeat(37)}...
nan.json     loss        NaN
nan.json     text NaN    NaN, Infinity
nan.json     low         -Infinity
nan.json     big         Infinity
nan.yaml     loss        NaN
odd |*.json  \\u001b[31m  "1"
odd |*.json  |           a|b
odd |*.json  yes         true
odd |*.json  none        null
odd |*.json  empty       ""
`,
  )
  t.match((await w.ddv('metrics', 'show', '--verbose', 'long.json')).stdout, 'x'.repeat(100))
  t.match((await w.ddv('metrics', 'show', '--markdown')).stdout, '| odd \\|\\*.json | \\| | a\\|b |\n')
  for (const command of [['diff'], ['show', '--rev', 'HEAD'], ['show', '--all-branches']])
    t.match(await w.ddv('metrics', ...command), { code: 1, stderr: /no git repository, so no revisions/ })
})

t.test('one bad file is named, the others are shown', async t => {
  const files = {
    'ddv.yaml': 'metrics: [a.json, b.json, c.metric, d.json]\n',
    'a.json': '{"a": 1}',
    'b.json': '{"b": ',
  }
  const w = await makeWorkspace(t, { files: { ...files, 'c.metric': 'some, text\n', 'd.json/x': '1' } })
  const shown = await w.ddv('metrics', 'show')
  t.match(shown, { code: 3, stdout: 'a.json  a  1\n' })
  t.match(shown.stderr, /no JSON: b\.json\n/)
  t.match(shown.stderr, /holds a text, and no metrics: c\.metric\n/)
  t.match(shown.stderr, /is not a regular file: d\.json\n/)
})

t.test('a version whose pipeline cannot be read is told, beside the others', async t => {
  const w = await makeWorkspace(t, { files: { 'ddv.yaml': 'metrics: [a.json]\n', 'a.json': '1' } })
  w.git('add', '-A')
  w.commit()
  w.git('branch', 'broken')
  w.git('branch', 'older', 'HEAD~1')
  w.git('checkout', '-q', 'broken')
  w.write({ 'ddv.yaml': 'metrics: {' })
  w.git('commit', '-qam', 'broken')
  w.git('checkout', '-q', 'main')
  const shown = await w.ddv('metrics', 'show', '--all-branches')
  t.match(shown, {
    code: 3,
    stdout: /^main \(\w+\)\na\.json {4}1\nolder \(\w+\)\n$/,
    stderr: /in broken: .*ddv\.yaml:1:/,
  })
  t.match(await w.ddv('metrics', 'diff', 'broken'), { code: 3, stderr: /in broken: / })
  t.match(await w.ddv('metrics', 'diff', 'older'), { code: 0, stdout: /a\.json {4}\(none\) {2}-> {2}1\n$/ })
  w.remove('ddv.yaml')
  t.match(await w.ddv('metrics', 'show'), { code: 2, stderr: /no ddv\.yaml/ })
  t.match(await w.ddv('metrics', 'diff', 'older'), { code: 2, stderr: /no ddv\.yaml/ })
  t.match(await w.ddv('metrics', 'diff', '--precision', 'x'), { code: 2 })
})

t.test('of a commit, too, pipelines that nobody looks for are left alone, and those below are found', async t => {
  const files = {
    '.ddvignore': 'old\n',
    'old/ddv.yaml': 'broken: [',
    'node_modules/x/ddv.yaml': 'broken: [',
    'set.ddv': '{}',
    'set/ddv.yaml': 'broken: [',
    'sub/ddv.yaml':
      'stages: { a: { cmd: "true", params: [lr], metrics: [m.json: { cache: false }] } }\nmetrics: [../top.json]\n',
    'sub/params.yaml': 'lr: 1\n',
    'sub/m.json': '1',
    'top.json': '2',
  }
  const w = await makeWorkspace(t, { files })
  w.git('add', '-A', '-f')
  w.commit()
  const shown = await w.ddv('metrics', 'show', '--rev', 'HEAD', '--json')
  t.match(JSON.parse(shown.stdout), {
    versions: [{ files: [{ path: 'sub/m.json' }, { path: 'top.json' }], absent: [] }],
  })
  const near = await ddv(w.path('sub'), ['metrics', 'show', '--rev', 'HEAD', 'a', '../top.json'])
  t.match(near.stdout, /\nsub\/m\.json {4}1\ntop\.json {6}2\n$/)
  w.write({ 'sub/params.yaml': 'lr: 2\n' })
  t.match((await w.ddv('params', 'diff')).stdout, /\nsub\/params\.yaml {2}lr {2}1 {2}-> {2}2\n$/)
})
