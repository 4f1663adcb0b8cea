import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import t, { type Test } from 'tap'
import type { Event } from '../../lib/core/events.js'
import { describeReason } from '../../lib/core/stale-reason.js'
import { checkout } from '../../lib/ops/checkout.js'
import { type ReproOptions, type ReproResult, repro } from '../../lib/ops/repro.js'
import { withLock } from '../../lib/sys/lock.js'
import {
  digestOf,
  errorOf,
  type Files,
  makeWorkspace,
  type TestWorkspace,
  temporaryDirectory,
} from '../support/workspace.js'

type Options = Partial<ReproOptions> & { readonly targets?: readonly string[] }

/** As a command of its own. */
async function run(w: TestWorkspace, { targets = [], ...options }: Options = {}): Promise<ReproResult> {
  await w.close()
  return repro(await w.project(), targets, { cwd: w.root, ...options })
}

/** `prepare ran, train cached, …`, without what was up to date. */
const told = ({ stages }: ReproResult): string =>
  stages
    .filter(({ outcome }) => outcome !== 'unchanged')
    .map(({ stage, outcome, cached }) => `${stage} ${cached === true ? 'cached' : outcome}`)
    .join(', ')

const why = ({ stages }: ReproResult, name: string): readonly string[] =>
  stages.find(({ stage }) => stage === name)?.reasons.map(describeReason) ?? []

/** Each run of a stage leaves a line in `runs`, which nothing reads. */
const pipeline = `
vars: [params.yaml]
stages:
  prepare:
    cmd: |
      echo prepare >> runs
      mkdir -p made
      tr a-z A-Z < in.txt > made/all
      head -c \${prepare.bytes} made/all > made/part
    deps: [in.txt]
    params: [prepare.bytes]
    outs: [made]
  count:
    cmd: echo count >> runs; wc -c < made/part > count.txt
    deps: [made/part]
    outs: [count.txt]
  report:
    cmd: echo report >> runs; { echo made; cat count.txt; } > report.md
    deps: [count.txt]
    outs:
      - report.md: { cache: false }
`
const files: Files = { 'ddv.yaml': pipeline, 'params.yaml': 'prepare: {bytes: 3}\n', 'in.txt': 'hello' }
const linesOf = (w: TestWorkspace): string[] =>
  (existsSync(w.path('runs')) ? w.read('runs') : '').split('\n').filter(Boolean)

const make = (t: Test, more: Files = {}): Promise<TestWorkspace> => makeWorkspace(t, { files: { ...files, ...more } })

t.test('what is stale runs, once, and what it made is under ddv', async t => {
  const w = await make(t)
  t.equal(told(await run(w)), 'prepare done, count done, report done')
  t.equal(w.read('report.md').replace(/\s+/g, ' '), 'made 3 ')
  t.same(linesOf(w), ['prepare', 'count', 'report'])
  const lock = JSON.parse(w.read('ddv.lock'))
  t.same(Object.keys(lock.stages), ['count', 'prepare', 'report'])
  t.same(lock.stages.prepare.params, { 'params.yaml': { 'prepare.bytes': 3 } })
  t.match(lock.stages.prepare.outs.made, { kind: 'directory', files: 2, size: 8 })
  t.equal(lock.stages.report.outs['report.md'].cache, false)
  t.ok(existsSync(w.blob(lock.stages.count.outs['count.txt'].hash)))
  t.match(w.read('.gitignore'), /^\/count\.txt$/m)
  t.match(w.read('.gitignore'), /^\/made$/m)
  t.notMatch(w.read('.gitignore'), 'report.md', 'git keeps it')
  t.match(w.git('diff', '--cached', '--name-only'), /ddv\.lock/, 'staged, as pointers are')

  const text = w.read('ddv.lock')
  t.equal(told(await run(w)), '')
  t.equal(w.read('ddv.lock'), text)
  t.same(linesOf(w).length, 3)
})

t.test('why: each thing that a stage is made of', async t => {
  const w = await make(t)
  await run(w)
  const changes: readonly [string, Files, string, string][] = [
    ['a dep', { 'in.txt': 'other' }, 'prepare', 'a dep changed: in.txt'],
    ['a param', { 'params.yaml': 'prepare: {bytes: 4}\n' }, 'prepare', 'param prepare.bytes is 4 (was 3): params.yaml'],
    ['a command', { 'ddv.yaml': pipeline.replace('wc -c', 'wc -m') }, 'count', 'its command changed'],
    ['an out', { 'count.txt': 'by hand' }, 'count', 'an out is not as the last run left it: count.txt'],
    ['an out that git keeps', { 'report.md': 'x' }, 'report', 'an out is not as the last run left it: report.md'],
  ]
  for (const [what, change, stage, reason] of changes) {
    const before = Object.fromEntries(Object.keys(change).map(path => [path, w.read(path)]))
    w.write(change)
    t.ok(why(await run(w, { dryRun: true }), stage).includes(reason), what)
    w.write(before)
    t.equal(told(await run(w, { dryRun: true })), '', `${what}, back again`)
  }
  w.remove('report.md')
  t.same(why(await run(w, { dryRun: true }), 'report'), ['an out is missing: report.md'])
})

t.test('an unchanged out ends the wave', async t => {
  const w = await make(t)
  await run(w)
  w.write({ 'in.txt': 'help!' }) // its first three letters are the same
  t.equal(told(await run(w, { dryRun: true })), 'prepare stale, count stale, report stale')
  t.equal(told(await run(w)), 'prepare done')
  const { stages } = JSON.parse(w.read('ddv.lock'))
  t.equal(stages.count.deps['made/part'].of, stages.prepare.outs.made.hash, 'what the part is of now')
})

t.test('the run cache: what was made before comes back without a run', async t => {
  const w = await make(t)
  await run(w)
  const first = w.tree('made')
  w.write({ 'in.txt': 'other' })
  await run(w)
  const runs = linesOf(w).length
  w.write({ 'in.txt': 'hello' })
  t.equal(told(await run(w)), 'prepare cached, count cached', 'the report is the same')
  t.same(w.tree('made'), first)
  t.equal(linesOf(w).length, runs)
  t.test('unless it is not to, or is forced to run', async t => {
    w.write({ 'in.txt': 'other' })
    t.equal(told(await run(w, { runCache: false, targets: ['prepare'] })), 'prepare done')
    w.write({ 'in.txt': 'hello' })
    t.equal(told(await run(w, { force: true, targets: ['prepare'] })), 'prepare done')
    t.equal(linesOf(w).length, runs + 2)
  })
})

t.test('an entry whose blobs are gone, or rotten, is no entry', async t => {
  for (const spoil of ['remove', 'corrupt'] as const) {
    const w = await make(t)
    await run(w)
    const { hash } = JSON.parse(w.read('ddv.lock')).stages.count.outs['count.txt']
    w.write({ 'params.yaml': 'prepare: {bytes: 4}\n' })
    await run(w)
    if (spoil === 'remove') chmodSync(w.blob(hash), 0o644)
    if (spoil === 'remove') w.remove(`.cache/${hash.slice(0, 2)}/${hash.slice(2)}`)
    else w.corrupt(hash)
    w.write({ 'params.yaml': 'prepare: {bytes: 3}\n' })
    t.equal(told(await run(w)), 'prepare cached, count done, report cached', spoil)
    t.equal(w.read('count.txt').trim(), '3')
  }
})

t.test('outs that are gone from the workspace come back from the cache', async t => {
  const w = await make(t)
  await run(w)
  w.remove('made', 'count.txt')
  const result = await run(w)
  t.equal(told(result), '')
  t.same(w.tree('made'), { all: 'HELLO', part: 'HEL' })
  t.equal(linesOf(w).length, 3)
})

t.test('a failure: outs as they were, the rest not run, and what it was', async t => {
  const w = await make(t)
  await run(w)
  const before = { made: w.tree('made'), lock: w.read('ddv.lock') }
  const broken = pipeline.replace('head -c', 'echo half > made/part; exit 7; head -c')
  w.write({ 'ddv.yaml': broken })
  const result = await run(w)
  t.equal(told(result), 'prepare failed, count skipped, report skipped')
  t.match(result.stages[0], { failure: { kind: 'exit', code: 7 }, log: /^\.ddv\/runs\/.*\.log$/ })
  t.match(result.stages[1], { because: 'prepare' })
  t.same(w.tree('made'), before.made)
  t.equal(w.read('ddv.lock'), before.lock)
  t.equal(readFileSync(w.path('.ddv/failed/prepare/made/part'), 'utf8'), 'half\n', 'what it made is kept')
  w.write({ 'ddv.yaml': pipeline })
  t.equal(told(await run(w)), '')
})

t.test('what goes wrong with a stage', async t => {
  const cases: readonly [string, string, RegExp][] = [
    ['an out that is not made', 'cmd: "true"\n    outs: [x]', /did not make its out x/],
    ['a command that is not there', 'cmd: nonesuch-of-ddv', /not-found/],
    ['a signal', 'cmd: kill -9 $$', /SIGKILL/],
    ['a timeout', 'cmd: sleep 20\n    timeout: 0.3s', /timeout/],
    ['a dep that is nowhere', 'cmd: "true"\n    deps: [absent.txt]', /has a dep that is nowhere: absent\.txt/],
    ['a dep that it changes', 'cmd: echo more >> in.txt\n    deps: [in.txt]', /ran while its dep in\.txt was changed/],
    [
      'an out that is a link',
      'cmd: ln -s /etc/passwd x\n    outs: [x]',
      /made what cannot be kept: is a symbolic link: x/,
    ],
    ['a line in the middle', 'cmd: |\n      false\n      touch x\n    outs: [x]', /exit/],
    ['a directory to run in', 'cmd: "true"\n    wdir: nowhere', /not-found.*directory/],
  ]
  for (const [what, stage, expected] of cases) {
    const w = await makeWorkspace(t, {
      root: t.testdir(),
      files: { 'in.txt': '1', 'ddv.yaml': `stages:\n  s:\n    ${stage}\n` },
    })
    const { stages } = await run(w)
    t.equal(stages[0]?.outcome, 'failed', what)
    t.match(JSON.stringify(stages[0]?.failure), expected, what)
    t.notOk(w.has('ddv.lock'), what)
    t.notOk(w.has('x'), what)
  }
})

t.test('--keep-going: what does not need what failed', async t => {
  const stages =
    'stages:\n  a:\n    cmd: exit 1\n    outs: [a]\n  b:\n    cmd: cp a b\n    deps: [a]\n    outs: [b]\n  z:\n    cmd: echo z > z\n    outs: [z]\n'
  const w = await makeWorkspace(t, { files: { 'ddv.yaml': stages } })
  t.equal(told(await run(w, { keepGoing: true })), 'a failed, b skipped, z done')
})

t.test('targets and reach', async t => {
  const w = await make(t)
  t.equal(told(await run(w, { targets: ['count'] })), 'prepare done, count done')
  w.write({ 'params.yaml': 'prepare: {bytes: 4}\n' })
  t.equal(told(await run(w, { targets: ['made'], reach: 'single', dryRun: true })), 'prepare stale', 'by an output')
  t.equal(told(await run(w, { targets: ['count'], reach: 'single' })), '', 'its dep is as it was')
  t.equal(told(await run(w, { targets: ['prepare'], reach: 'downstream' })), 'prepare done, count done, report done')
  const error = await errorOf(t, run(w, { targets: ['cuont'] }), 'usage')
  t.match(error.hint, 'count')
})

t.test('frozen, always_changed, only', async t => {
  const stage = (name: string, more: string): string => `  ${name}:\n    cmd: echo ${name} >> runs\n    ${more}\n`
  const w = await makeWorkspace(t, {
    files: {
      'ddv.yaml': `stages:\n${stage('ice', 'frozen: true')}${stage('always', 'always_changed: true')}${stage('live', 'only: production')}${stage('here', 'only: development')}`,
    },
  })
  t.equal(told(await run(w)), 'always done, here done, live skipped')
  t.equal(told(await run(w)), 'always done, live skipped')
  t.same(linesOf(w).sort(), ['always', 'always', 'here'])
})

t.test('what would be lost is in the cache before it gives way', async t => {
  const w = await make(t, { 'count.txt': 'made by hand, and nowhere else', 'made/old': 'old' })
  await run(w)
  for (const content of ['made by hand, and nowhere else', 'old']) t.ok(existsSync(w.blob(digestOf(content))), content)
})

t.test('outs that belong to others are refused', async t => {
  const stages = (out: string): string => `stages:\n  s:\n    cmd: echo new > ${out}\n    outs: [${out}]\n`
  const w = await makeWorkspace(t, { files: { 'data.csv': '1', 'tracked.csv': '1', 'd/x': '1' } })
  await w.add(['data.csv', 'd/x'])
  w.git('add', 'tracked.csv')
  w.commit()
  const cases: readonly [string, RegExp][] = [
    ['data.csv', /is under ddv by a pointer already \(data\.csv\.ddv\)/],
    ['d', /is under ddv by a pointer already \(d\/x\.ddv\)/],
    ['tracked.csv', /is tracked by git already/],
  ]
  for (const [out, expected] of cases) {
    w.write({ 'ddv.yaml': stages(out) })
    const { stages: reports } = await run(w)
    t.match(JSON.stringify(reports[0]?.failure), expected)
  }
  t.equal(w.read('data.csv'), '1')
  t.equal(w.read('tracked.csv'), '1')
})

t.test('data that was changed under its pointer is named, and read as it is', async t => {
  const w = await make(t)
  await w.add('in.txt')
  w.write({ 'in.txt': 'changed' })
  const events: Event[] = []
  t.equal(told(await run(w, { onEvent: event => events.push(event) })), 'prepare done, count done, report done')
  t.match(
    events.filter(({ type }) => type === 'warning'),
    [{ message: 'is not as its pointer says, and stages read it as it is: in.txt', hint: /ddv add in\.txt/ }],
  )
  t.match(w.pointer('in.txt'), { size: 5 }, 'the pointer stays')
})

t.test('a clone without data: what is stale is known; what is read comes from the cache', async t => {
  const w = await make(t)
  await w.add('in.txt')
  await run(w)
  w.remove('in.txt', 'made', 'count.txt')
  t.equal(told(await run(w, { dryRun: true })), '')
  t.equal(
    JSON.parse(w.read('ddv.lock')).stages.count.deps['made/part'].of,
    JSON.parse(w.read('ddv.lock')).stages.prepare.outs.made.hash,
  )
  const listing = w.blob(JSON.parse(w.read('ddv.lock')).stages.prepare.outs.made.hash)
  renameSync(listing, `${listing}x`)
  t.equal(told(await run(w, { dryRun: true })), '', 'nor is the listing needed')
  renameSync(`${listing}x`, listing)
  w.write({ 'params.yaml': 'prepare: {bytes: 4}\n' })
  t.same(why(await run(w, { dryRun: true }), 'prepare').length, 2, 'its command has the param in it')
  t.equal(told(await run(w, { targets: ['count'] })), 'prepare done, count done')
  t.equal(w.read('in.txt'), 'hello')
  const { hash } = w.pointer('in.txt')
  chmodSync(w.blob(hash), 0o644)
  w.remove('in.txt', `.cache/${hash.slice(0, 2)}/${hash.slice(2)}`)
  w.write({ 'params.yaml': 'prepare: {bytes: 2}\n' })
  t.match(
    JSON.stringify((await run(w)).stages[0]?.failure),
    /dep is neither here nor in the cache: in\.txt \('ddv pull in\.txt'/,
  )
})

t.test('production writes outs, and no lock', async t => {
  const w = await make(t)
  await run(w)
  const lock = w.read('ddv.lock')
  w.write({ 'params.yaml': 'prepare: {bytes: 4}\n', '.ddv/config.local.yaml': 'environment: production\n' })
  t.equal(told(await run(w)), 'prepare done, count done, report done')
  t.equal(w.read('count.txt').trim(), '4')
  t.equal(w.read('ddv.lock'), lock)
})

t.test('a lock that cannot be read, or holds merge markers, ends it before anything runs', async t => {
  const w = await make(t)
  for (const [text, code] of [
    ['{', 'bad-pointer'],
    ['{"ddv": 2}', 'newer-format'],
    ['<<<<<<< a\n', 'conflict'],
  ] as const) {
    w.write({ 'ddv.lock': text })
    const error = await errorOf(t, run(w), code)
    t.match(error.message, 'ddv.lock')
    t.same(linesOf(w), [])
  }
})

t.test('the order in which stages end never shows in the lock', async t => {
  const stages = Array.from(
    { length: 6 },
    (_, i) => `  s${i}:\n    cmd: sleep 0.${(i * 7) % 5}; echo ${i} > o${i}\n    outs: [o${i}]\n`,
  )
  const texts = new Set<string>()
  for (const jobs of [1, 6]) {
    const w = await makeWorkspace(t, { root: t.testdir(), files: { 'ddv.yaml': `stages:\n${stages.join('')}` } })
    await run(w, { jobs })
    texts.add(w.read('ddv.lock'))
  }
  t.equal(texts.size, 1)
})

t.test('nested files: stages of both, each with its lock', async t => {
  const w = await makeWorkspace(t, {
    files: {
      'ddv.yaml': 'stages:\n  top:\n    cmd: cp sub/out top\n    deps: [sub/out]\n    outs: [top]\n',
      'sub/ddv.yaml': 'stages:\n  made:\n    cmd: echo "$DDV_STAGE" > out\n    outs: [out]\n',
    },
  })
  t.equal(told(await run(w)), 'sub/ddv.yaml:made done, top done')
  t.equal(w.read('top'), 'sub/ddv.yaml:made\n')
  t.ok(w.has('sub/ddv.lock'))
  t.same(Object.keys(JSON.parse(w.read('ddv.lock')).stages), ['top'])
  await w.close()
  const below = await repro(await w.project(), ['made'], { cwd: w.path('sub'), force: true })
  t.equal(told(below), 'sub/ddv.yaml:made done', 'named from where it is')
})

t.test('two at once: of one stage one runs it, of different stages both do', async t => {
  const stages = ['a', 'b'].map(
    name => `  ${name}:\n    cmd: echo ${name} >> runs; sleep 1; echo ${name} > ${name}\n    outs: [${name}]\n`,
  )
  const w = await makeWorkspace(t, { files: { 'ddv.yaml': `stages:\n${stages.join('')}` } })
  const both = await Promise.all([w.ddv('repro', 'a'), w.ddv('repro', 'b'), w.ddv('repro', 'a')])
  t.same(
    both.map(({ code }) => code),
    [0, 0, 0],
  )
  t.same(linesOf(w).sort(), ['a', 'b'])
  t.same(Object.keys(JSON.parse(w.read('ddv.lock')).stages), ['a', 'b'])
})

t.test('an out is never written through a link above it', async t => {
  const w = await makeWorkspace(t, { files: { 'ddv.yaml': 'stages:\n  s:\n    cmd: echo x > l/x\n    outs: [l/x]\n' } })
  const outside = temporaryDirectory(t)
  symlinkSync(outside, w.path('l'))
  const { stages } = await run(w).catch(error => ({ stages: [{ outcome: error.code }] }))
  t.ok(['failed', 'bad-path'].includes(String(stages[0]?.outcome)), String(stages[0]?.outcome))
  t.same(readdirSync(outside), [])
})

t.test('a param that is not there: the one that is near, or that its file is not there', async t => {
  const stage = (params: string): string => `stages:\n  s: { cmd: x, params: [${params}] }\n`
  const w = await makeWorkspace(t, { files: { 'params.yaml': 'prepare: { min_votes: 5 }\n' } })
  const table: [string, string, string | undefined][] = [
    ['prepare.min_vote', 'prepare.min_vote in params.yaml', "did you mean 'prepare.min_votes'?"],
    ['prepaer', 'prepaer in params.yaml', "did you mean 'prepare'?"],
    ['train.rounds', 'train.rounds in params.yaml', undefined],
    ['other.yaml: [x]', 'x in other.yaml', 'there is no other.yaml'],
  ]
  for (const [params, which, hint] of table) {
    w.write({ 'ddv.yaml': stage(params) })
    const error = await errorOf(t, run(w, { dryRun: true }), 'bad-config')
    t.equal(error.message, `'s' names a param that is not there (${which}): ddv.yaml:2:25`)
    t.equal(error.hint, hint)
  }
})

t.test('no pipeline, and one that is wrong', async t => {
  const w = await makeWorkspace(t)
  t.match(await errorOf(t, run(w), 'usage'), { message: 'no ddv.yaml in this workspace', hint: /^write one/ })
  w.write({ 'dvc.yaml': 'stages: {}\n' })
  t.match((await errorOf(t, run(w), 'usage')).hint, "'git mv dvc.yaml ddv.yaml'")
  w.write({ 'ddv.yaml': 'stages:\n  a:\n    cmd: "true"\n    dpes: [x]\n' })
  const error = await errorOf(t, run(w), 'bad-config')
  t.match(error.message, 'ddv.yaml:4:5')
  w.write({
    'ddv.yaml':
      'stages:\n  a:\n    cmd: x\n    deps: [b]\n    outs: [a]\n  b:\n    cmd: x\n    deps: [a]\n    outs: [b]\n',
  })
  t.match((await errorOf(t, run(w), 'bad-config')).message, 'a → b → a')
})

t.test('params that change while a stage runs: nobody knows what it read, and no result says so', async t => {
  const w = await makeWorkspace(t, {
    files: {
      'ddv.yaml': `stages:
  train:
    cmd: 'cat params.yaml > out; if [ -e edit ]; then rm edit; echo "lr: 2" > params.yaml; cat params.yaml > out; fi'
    params: [lr]
    outs: [out]
`,
      'params.yaml': 'lr: 1\n',
      edit: '',
    },
  })
  const [report] = (await run(w)).stages
  t.match(report?.failure, { kind: 'error', message: /params\.yaml was changed/ })
  w.write({ 'params.yaml': 'lr: 1\n' })
  t.equal(told(await run(w)), 'train done')
  t.equal(w.read('out'), 'lr: 1\n')
})

t.test('a dep that another stage makes and that changes while it is read', async t => {
  const w = await makeWorkspace(t, {
    files: {
      'ddv.yaml': `stages:
  first: { cmd: echo 1 > first, outs: [first] }
  edits: { cmd: cat first > edits; echo 2 > first, deps: [first], outs: [edits] }
  remade:
    cmd: cat first > remade; touch .ddv/stages/first/begun
    deps: [first]
    outs: [remade]
`,
    },
  })
  for (const stage of ['edits', 'remade']) {
    const { stages } = await run(w, { targets: [stage] })
    const report = stages.find(one => one.stage === stage)
    t.match(report?.failure, { kind: 'error', message: /its dep first was changed/ }, stage)
  }
})

t.test('a stage that goes on from its outs is never taken from what it made before', async t => {
  const w = await makeWorkspace(t, {
    files: {
      'ddv.yaml': `stages:
  log: { cmd: cat in >> log, deps: [in], outs: [{ log: { persist: true } }] }
`,
      in: 'a',
    },
  })
  for (const text of ['a', 'b', 'a']) {
    w.write({ in: text })
    t.equal(told(await run(w)), 'log done')
  }
  t.equal(w.read('log'), 'aba')
})

t.test('a lock that was written when ddv was killed is told to git by the next run', async t => {
  const w = await make(t)
  await run(w)
  w.git('rm', '-q', '--cached', 'ddv.lock')
  const project = await w.project()
  project.index().notes.write(batch => batch.put('untold/ddv.lock', Buffer.from('1')))
  t.equal(told(await run(w)), '')
  t.match(w.git('diff', '--cached', '--name-only'), /ddv\.lock/)
  w.git('rm', '-q', '--cached', 'ddv.lock')
  t.equal(told(await run(w)), '')
  t.notMatch(w.git('diff', '--cached', '--name-only'), /ddv\.lock/, 'once')
})

t.test('no checkout puts anything where a stage is at work', async t => {
  const w = await make(t)
  await run(w)
  const project = await w.project()
  await withLock(w.path('.ddv/stages/count'), {}, async () => {
    w.write({ 'count.txt': 'half' })
    const { failures } = await checkout(project, [], { cwd: w.root, force: true })
    t.match(failures, [{ path: 'count.txt', error: { code: 'busy' } }])
    t.equal(w.read('count.txt'), 'half')
  })
  t.same((await checkout(project, [], { cwd: w.root, force: true })).failures, [])
})

t.test('an entry of the run cache that lies is none, and what cannot be kept was made all the same', async t => {
  const w = await make(t)
  await run(w)
  const entry = readdirSync(w.path('.cache/runs'), { recursive: true, encoding: 'utf8' })
    .map(name => w.path(`.cache/runs/${name}`))
    .find(file => lstatSync(file).isFile() && readFileSync(file, 'utf8').includes('"made":{'))
  const text = readFileSync(entry ?? '', 'utf8')
  const spoil: Readonly<Record<string, (file: string) => void>> = {
    'another size': file => writeFileSync(file, text.replaceAll('"size":8', '"size":800')),
    'another count': file => writeFileSync(file, text.replaceAll('"files":2', '"files":3')),
    'another kind': file => writeFileSync(file, text.replace('"files":2,', '').replace('"directory"', '"file"')),
    'too large': file => truncateSync(file, 3_000_000_000),
    'a directory': file => {
      rmSync(file)
      mkdirSync(`${file}/x`, { recursive: true })
    },
  }
  for (const [what, act] of Object.entries(spoil)) {
    act(entry ?? '')
    rmSync(w.path('made'), { recursive: true })
    rmSync(w.path('ddv.lock'))
    t.equal(told(await run(w)).split(',')[0], 'prepare done', what)
    t.equal(w.read('made/all'), 'HELLO', what)
  }
})
