import t from 'tap'
import {
  decodeJournal,
  decodeRun,
  encodeJournalEntry,
  encodeRun,
  isLogName,
  isRunId,
  type JournalEntry,
  logName,
  type RunId,
  type RunRecord,
  runIdOf,
  type StageRun,
} from '../../lib/core/run-record.js'
import type { StageName } from '../../lib/core/stage.js'
import type { TreePath } from '../../lib/core/tree-path.js'
import { fileOf } from '../support/stages.js'

const path = (text: string): TreePath => text as TreePath
const time = new Date('2026-11-25T01:15:00.250Z')

const bare: StageRun = {
  file: path('ddv.yaml'),
  name: 'prepare' as StageName,
  outcome: 'unchanged',
  because: undefined,
  cached: false,
  reasons: [],
  tries: 0,
  failure: undefined,
  started: undefined,
  duration: undefined,
  peakMemory: undefined,
  log: undefined,
  lock: undefined,
  result: undefined,
  metrics: undefined,
}
const full: StageRun = {
  file: path('sub/ddv.yaml'),
  name: 'train@a=1' as StageName,
  outcome: 'failed',
  because: 'prepare',
  cached: true,
  reasons: [{ type: 'dep', path: 'x', change: 'modified' }, { type: 'never-run' }],
  tries: 3,
  failure: { kind: 'exit', code: 2 },
  started: time,
  duration: 1234,
  peakMemory: 5_000_000,
  log: '1-train@a=1.log',
  lock: {
    command: { cmd: 'make' },
    deps: new Map([[path('x'), fileOf('1')]]),
    params: new Map([[path('p.yaml'), { a: 1 }]]),
    env: {},
    outs: new Map([[path('y'), { ...fileOf('2', true), meta: undefined, cache: true, push: false }]]),
  },
  result: { rows: 3201 },
  metrics: { 'm.json': { auc: 0.9 } },
}
const run: RunRecord = {
  id: '20261125T011500Z-3f9c2a' as RunId,
  version: '1.0.0',
  host: 'here',
  process: '1_2_3_4_here_0123456789abcdef',
  command: ['train', '--force'],
  executor: 'local',
  commit: '3'.repeat(40),
  started: time,
  ended: time,
  killed: false,
  stages: [bare, full],
}

t.test('what is written is read', async t => {
  for (const record of [run, { ...run, commit: undefined, ended: undefined, killed: true, stages: [] }])
    t.strictSame(decodeRun(encodeRun(record), 'run.json'), record)
})

t.test('what cannot be a record', async t => {
  const good = JSON.parse(encodeRun(run)) as Record<string, unknown>
  const stage = (change: Record<string, unknown>): unknown => ({
    ...good,
    stages: [{ name: 'a', outcome: 'done', ...change }],
  })
  t.doesNotThrow(() => decodeRun(JSON.stringify(stage({})), 'x'))
  const table: readonly (readonly [unknown, RegExp])[] = [
    [[], /is no JSON object/],
    [{ ...good, ddv: 0 }, /"ddv": 1/],
    [{ ...good, id: '../x' }, /"id"/],
    [{ ...good, started: 'yesterday' }, /"started" that is no time/],
    [{ ...good, command: 'train' }, /"command"/],
    [{ ...good, host: 1 }, /"host"/],
    [{ ...good, stages: {} }, /"stages"/],
    [stage({ name: '../a' }), /whose name/],
    [stage({ file: '/etc/ddv.yaml' }), /of no file/],
    [stage({ outcome: 'fine' }), /unknown outcome/],
    [stage({ log: '../../x.log' }), /whose log/],
    [stage({ reasons: [{ type: 'mood' }] }), /unknown reasons/],
    [stage({ failure: { kind: 'mood' } }), /unknown failure/],
    [stage({ tries: -1 }), /"tries"/],
    [stage({ lock: { deps: { '../x': {} } } }), /a path that/],
  ]
  for (const [value, message] of table)
    t.throws(() => decodeRun(JSON.stringify(value), 'place/run.json'), { code: 'corrupt', message }, `${message}`)
  t.throws(() => decodeRun('{', 'place/run.json'), { code: 'corrupt', message: /: place\/run\.json$/ })
  t.throws(() => decodeRun(JSON.stringify({ ...good, ddv: 2 }), 'x'), { code: 'newer-format' })
})

t.test('a journal, whatever became of it', async t => {
  const entries: readonly JournalEntry[] = [
    { type: 'begun', file: path('sub/ddv.yaml'), name: 'train' as StageName, at: time },
    { type: 'ended', stage: full },
    { type: 'ended', stage: bare },
  ]
  const text = entries.map(encodeJournalEntry).join('')
  t.strictSame(decodeJournal(text), entries)
  t.strictSame(decodeJournal(text.slice(0, -1)), entries.slice(0, 2), 'the last line has no end')
  t.strictSame(decodeJournal(`${text}\0\0\0\n{"type":"mood"}\n`), entries)
  t.strictSame(decodeJournal(''), [])
})

t.test('names', async t => {
  t.equal(runIdOf(time, '3f9c2abbbb'), '20261125T011500Z-3f9c2a')
  for (const text of ['20261125T011500Z-3f9c2a', runIdOf(new Date(), 'abcdef')]) t.ok(isRunId(text))
  for (const text of ['..', '20261125T011500Z-3f9c2', '20261125T011500Z-3f9c2a/', 7]) t.notOk(isRunId(text))
  t.equal(logName(3, 'sub/dir/ddv.yaml:train@a=1,b:2'), '3-sub-dir-ddv.yaml-train@a=1,b-2.log')
  t.ok(isLogName(logName(12_345, 'é/'.repeat(300))))
  t.ok(isLogName(logName(12_345, 'x'.repeat(300))))
  for (const text of ['..log', '.log', 'a/b.log', '-x.log', 'x.txt', undefined]) t.notOk(isLogName(text), `${text}`)
})
