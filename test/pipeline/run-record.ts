import { appendFileSync, existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { encodeRun, type RunRecord, type StageRun } from '../../lib/core/run-record.js'
import {
  isUnderWay,
  listKilled,
  listRuns,
  pruneRuns,
  Run,
  readJournal,
  readRun,
  settleKilled,
} from '../../lib/pipeline/run-record.js'
import { stageOf } from '../support/stages.js'

const start = { version: '1.0.0', command: ['train'], executor: 'local', commit: undefined }
const stage = stageOf('train@a')

const ended: StageRun = {
  file: stage.file,
  name: stage.name,
  outcome: 'done',
  because: undefined,
  cached: false,
  reasons: [{ type: 'never-run' }],
  tries: 1,
  failure: undefined,
  started: new Date(0),
  duration: 5,
  peakMemory: undefined,
  log: '1-train@a.log',
  lock: undefined,
  result: undefined,
  metrics: undefined,
}

/** As if this process, of another start, had been killed at it. */
function leaveBehind(runs: string, record: RunRecord): void {
  const gone = record.process.replace(/^\d+_\d*/, `${process.pid}_1`)
  writeFileSync(join(runs, record.id, 'run.json'), encodeRun({ ...record, process: gone }))
}

t.test('a run from its start to its end', async t => {
  const runs = join(t.testdir(), 'runs')
  const run = new Run(runs, start, new Date('2026-11-25T01:15:00Z'))
  t.match(run.id, /^20261125T011500Z-[0-9a-f]{6}$/)
  const { log, name } = run.begin(stage)
  log.write('stdout', Buffer.from('hello\n'))
  log.close()
  t.equal(name, '1-train@a.log')
  t.equal(readFileSync(join(run.directory, name), 'utf8'), 'hello\n')
  run.end(ended)
  const during = readRun(runs, run.id) as RunRecord
  t.match(during, { ...start, ended: undefined, stages: [ended] }, 'told before it ended')
  t.ok(isUnderWay(during))
  t.same(listKilled(runs), [])
  const record = run.finish()
  t.strictSame(readRun(runs, run.id), record)
  t.notOk(isUnderWay(record))
  t.same(record.stages, [ended])
  t.same(
    readJournal(runs, run.id).map(entry => entry.type),
    ['begun', 'ended'],
  )
})

t.test('what a killed run did is told until it was taken over', async t => {
  const runs = t.testdir()
  const run = new Run(runs, start)
  run.begin(stage).log.close()
  run.end(ended)
  appendFileSync(join(run.directory, 'journal.jsonl'), '{"type":"ended","sta')
  leaveBehind(runs, readRun(runs, run.id) as RunRecord)
  const killed = listKilled(runs)
  t.match(killed, [{ id: run.id, stages: [ended] }])
  settleKilled(runs, killed[0] as RunRecord)
  t.same(listKilled(runs), [])
  t.match(readRun(runs, run.id), { killed: true, ended: undefined, stages: [ended] })
})

t.test('the newest stay, and what is under way', async t => {
  const runs = t.testdir()
  const at = (minute: number): Date => new Date(Date.UTC(2026, 0, 1, 0, minute))
  const living = new Run(runs, start, at(0))
  const killed = new Run(runs, start, at(1))
  leaveBehind(runs, readRun(runs, killed.id) as RunRecord)
  const others = Array.from({ length: 6 }, (_, i) => {
    const run = new Run(runs, start, at(2 + i))
    run.finish()
    return run.id
  })
  writeFileSync(join(runs, others[0] as string, 'run.json'), 'damaged')
  writeFileSync(join(runs, 'other'), '')
  t.same(listRuns(runs), [...others.toReversed(), killed.id, living.id])
  pruneRuns(runs, 3)
  t.same(listRuns(runs), [...others.slice(3).toReversed(), living.id])
  t.ok(existsSync(join(runs, 'other')), 'what is no run is left alone')
})

t.test('no more than a hundred gather', async t => {
  const runs = t.testdir()
  for (let i = 0; i < 103; i++) new Run(runs, start, new Date(Date.UTC(2026, 0, 1, 0, i))).finish()
  t.equal(listRuns(runs).length, 100)
})

t.test('a link in the place of the records is not followed', async t => {
  const root = t.testdir({ target: {} })
  symlinkSync('target', join(root, 'runs'))
  t.throws(() => new Run(join(root, 'runs'), start), { code: 'bad-path' })
  mkdirSync(join(root, 'target/20261125T011500Z-000000'))
  t.same(listRuns(join(root, 'runs')), [])
  pruneRuns(join(root, 'runs'), 0)
  t.same(readdirSync(join(root, 'target')), ['20261125T011500Z-000000'])
})

t.test('what is not there, or damaged', async t => {
  const runs = t.testdir()
  t.same(listRuns(join(runs, 'none')), [])
  const run = new Run(runs, start)
  run.finish()
  writeFileSync(join(run.directory, 'run.json'), '{}')
  t.throws(() => readRun(runs, run.id), { code: 'corrupt', message: /run\.json$/ })
  t.same(listKilled(runs), [])
  t.equal(readRun(runs, '20261125T011500Z-000000' as typeof run.id), undefined)
})
