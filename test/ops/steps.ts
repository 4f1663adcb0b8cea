import { rmSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { Event } from '../../lib/core/events.js'
import { decodeRun } from '../../lib/core/run-record.js'
import { describeReason } from '../../lib/core/stale-reason.js'
import { type ReproOptions, type ReproResult, repro } from '../../lib/ops/repro.js'
import { errorOf, makeWorkspace, openWorkspace, type TestWorkspace } from '../support/workspace.js'

const ddv = [process.execPath, join(import.meta.dirname, '../support/step-program.js')]

const pipeline = `
stages:
  extract:
    uses: extract
    with: { connection: shop, query: films.sql, to: staging/films.csv }
    only: development
  validate:
    uses: validate
    with: { data: staging/films.csv, schema: films.yaml, report: reports/films.json }
    only: development
  load:
    uses: load
    with: { data: staging/films.csv, to: raw/films.csv }
    only: development
  count:
    cmd: wc -l < raw/films.csv > count; cp "$DDV_RUN" seen.json; echo '{"best":1}' > "$DDV_RESULT"
    deps: [raw/films.csv]
    outs: [count]
`
const files = { 'ddv.yaml': pipeline, 'films.sql': 'one\ntwo\n', 'films.yaml': 'columns: {}\n' }

const told = ({ stages }: ReproResult): string => stages.map(({ stage, outcome }) => `${stage} ${outcome}`).join(', ')
const why = ({ stages }: ReproResult, name: string): readonly string[] =>
  stages.find(({ stage }) => stage === name)?.reasons.map(describeReason) ?? []

async function run(w: TestWorkspace, options: Partial<ReproOptions> = {}): Promise<ReproResult> {
  await w.close()
  return repro(await w.project(), [], { cwd: w.root, ddv, ...options })
}

async function made(t: Test): Promise<TestWorkspace> {
  const w = await makeWorkspace(t, { files })
  t.equal(told(await run(w)), 'extract done, load done, count done, validate done')
  return w
}

const steps = (w: TestWorkspace): readonly string[] => w.read('steps').split('\n').slice(0, -1)

t.test('a step makes outs and tells of them', async t => {
  const w = await made(t)
  t.equal(w.read('staging/films.csv'), 'one\ntwo\n')
  const { stages } = JSON.parse(w.read('ddv.lock')) as { stages: Record<string, { outs: Record<string, unknown> }> }
  t.match(stages.extract?.outs, { 'staging/films.csv': { meta: { rows: 2, table: 'films' } } })
  t.match(stages.validate?.outs, { 'reports/films.json': { cache: false } })
  t.same(stages.load?.outs ?? {}, {}, 'the pointer has it')
  t.match(JSON.parse(w.read('raw/films.csv.ddv')), { filename: 'films.csv' })
  t.equal(told(await run(w)), 'extract unchanged, load unchanged, count unchanged, validate unchanged')
  t.same(steps(w).length, 3)
  t.same((await w.status()).failures, [], 'a pointer and a lock, and no quarrel')
})

t.test('what a run knows travels with it', async t => {
  const w = await made(t)
  const seen = decodeRun(w.read('seen.json'), 'seen.json')
  t.match(
    seen.stages.filter(({ name }) => name === 'extract' || name === 'load'),
    [
      { name: 'extract', result: { rows: 2, table: 'films' } },
      { name: 'load', outcome: 'done' },
    ],
  )
  w.write({ 'films.yaml': 'columns: {a: {}}\n' })
  const { run: id } = await run(w, { force: false })
  const record = decodeRun(w.read(`.ddv/runs/${id}/run.json`), 'run.json')
  t.match(
    record.stages.find(({ name }) => name === 'extract'),
    { outcome: 'unchanged', result: { rows: 2 }, lock: { outs: new Map() } },
    'what was up to date is told, too',
  )
  t.match(record.stages.find(({ name }) => name === 'validate')?.result, { valid: true })
})

t.test('what a step put under a pointer is what it read, or it runs again', async t => {
  const w = await made(t)
  w.write({ 'raw/films.csv': 'mine\n' })
  const dry = await run(w, { dryRun: true })
  t.same(why(dry, 'load'), ['an out is not as the last run left it: raw/films.csv'])
  t.same(why(dry, 'extract'), [])
  await run(w)
  t.equal(w.read('raw/films.csv'), 'one\ntwo\n')
  rmSync(w.path('raw/films.csv'))
  t.same(why(await run(w, { dryRun: true }), 'load'), [], 'the pointer stands for it')
  rmSync(w.path('raw/films.csv.ddv'))
  t.same(why(await run(w, { dryRun: true }), 'load'), ['an out is missing: raw/films.csv'])
  t.match(told(await run(w)), /load done/, 'and no result of before stands for it')
})

t.test('a step that fails leaves its report with the run, and outs as they were', async t => {
  const w = await made(t)
  w.write({ 'films.sql': 'bad\n' })
  const events: Event[] = []
  const result = await run(w, { onEvent: event => events.push(event) })
  t.match(told(result), /validate failed/)
  t.equal(w.read('reports/films.json'), 'true\n')
  const kept = events.flatMap(event => (event.type === 'warning' ? [event.message] : []))
  t.match(kept, [/^what was found is kept in \.ddv\/runs\/.*-films\.json$/])
  t.equal(w.read(kept[0]?.replace(/.* /, '') ?? ''), 'false\n')
})

t.test('in production stages of development hold by their locks', async t => {
  const w = await made(t)
  await w.close()
  const production = openWorkspace(t, w.root, { ...w.env, DDV_ENV: 'production' })
  const inProduction = (options: Partial<ReproOptions> = {}): Promise<ReproResult> => run(production, options)
  t.equal(told(await inProduction()), 'extract skipped, load skipped, count unchanged, validate skipped')
  rmSync(w.path('staging'), { recursive: true })
  rmSync(w.path('count'))
  t.equal(told(await inProduction()), 'extract skipped, load skipped, count unchanged, validate skipped')
  t.equal(w.read('count').trim(), '2')
  w.write({ 'films.sql': 'three\n' })
  const dry = await inProduction({ dryRun: true })
  t.same(why(dry, 'extract'), ['a dep changed: films.sql'])
  const result = await inProduction()
  t.match(told(result), /extract failed/)
  t.match(result.stages[0]?.failure, { message: /its lock does not fit what is here: a dep changed: films.sql/ })
})

t.test('nobody said what runs steps', async t => {
  const w = await makeWorkspace(t, { files })
  const error = await errorOf(t, run(w, { ddv: undefined }))
  t.match(error, { code: 'usage', message: "nothing runs the built-in step 'extract' here: ddv.yaml:3:3" })
})

t.test('a result that is none fails its stage', async t => {
  const w = await makeWorkspace(t, {
    files: { 'ddv.yaml': `stages: { a: { cmd: 'echo "[1]" > "$DDV_RESULT"; echo 1 > a', outs: [a] } }` },
  })
  const result = await run(w)
  t.match(result.stages[0]?.failure, { message: /no JSON object/ })
  t.notOk(w.has('a'))
})
