// The pieces of this room together: a graph of real scripts, side by side, with their logs.

import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import type { Event } from '../../lib/core/events.js'
import { stageAddress } from '../../lib/core/stage.js'
import { tryUntilDone } from '../../lib/pipeline/attempts.js'
import { buildGraph } from '../../lib/pipeline/graph.js'
import { localExecutor } from '../../lib/pipeline/local-executor.js'
import { listRuns, Run, readRun } from '../../lib/pipeline/run-record.js'
import { type Perform, runGraph } from '../../lib/pipeline/schedule.js'
import { selectStages } from '../../lib/pipeline/select-stages.js'
import { stageOf } from '../support/stages.js'

const env = { PATH: process.env.PATH, SHELL: '/bin/sh' }
const unlimited = { cpus: undefined, memory: undefined, gpus: undefined }

const graph = buildGraph([
  stageOf('start', { cmd: 'echo 1 > start', outs: ['start'] }),
  ...['a', 'b', 'c', 'd'].map(key =>
    stageOf(`work@${key}`, { cmd: `cat start > ${key}\necho made ${key}`, deps: ['start'], outs: [key] }),
  ),
  stageOf('sum', { cmd: 'cat a b c d | wc -l > sum', deps: ['a', 'b', 'c', 'd'], outs: ['sum'] }),
  stageOf('flaky', { cmd: 'test -e again || { touch again; exit 4; }' }, { retry: 2 }),
  stageOf('other', { cmd: 'exit 9' }),
])

function performer(root: string, run: Run, onEvent: (event: Event) => void): Perform {
  const executor = localExecutor({ root, env })
  return async stage => {
    const address = stageAddress(stage)
    const { log, name } = run.begin(stage)
    const started = new Date()
    const attempt = () =>
      executor.run(stage, {
        log,
        onLine: (stream, line) => onEvent({ type: 'output', stage: address, stream, line }),
      })
    const sleep = async (): Promise<void> => undefined
    const { result, tries } = await tryUntilDone(attempt, { what: address, retry: stage.retry, onEvent, sleep })
    log.close()
    const { failure, duration, peakMemory } = result
    const outcome = failure === undefined ? 'done' : 'failed'
    const { file, name: stageName } = stage
    run.end({
      ...{ file, name: stageName, outcome, because: undefined, cached: false, reasons: [{ type: 'never-run' }] },
      ...{ tries, failure, started, duration, peakMemory, log: name, lock: undefined },
      ...{ result: undefined, metrics: undefined },
    })
    return outcome
  }
}

t.test('a run', async t => {
  const root = t.testdir()
  const runs = join(root, '.ddv/runs')
  const run = new Run(runs, { version: '0', command: [], executor: 'local', commit: undefined })
  const lines: string[] = []
  const onEvent = (event: Event): void => {
    if (event.type === 'output') lines.push(`${event.stage}: ${Buffer.from(event.line)}`)
    if (event.type === 'retry') lines.push(`${event.what}: again`)
  }
  const results = await runGraph(
    graph,
    { jobs: 3, resources: unlimited, keepGoing: true, onEvent },
    performer(root, run, onEvent),
  )
  run.finish()
  t.same(results.map(({ stage, outcome }) => `${stage.name} ${outcome}`).sort(), [
    'flaky done',
    'other failed',
    'start done',
    'sum done',
    'work@a done',
    'work@b done',
    'work@c done',
    'work@d done',
  ])
  t.equal(readFileSync(join(root, 'sum'), 'utf8').trim(), '4')
  t.same(lines.sort(), ['flaky: again', ...['a', 'b', 'c', 'd'].map(key => `work@${key}: made ${key}`)])
  const record = readRun(runs, listRuns(runs)[0] ?? run.id)
  t.match(
    record?.stages.find(({ name }) => name === 'flaky'),
    { outcome: 'done', tries: 2 },
  )
  t.match(
    record?.stages.find(({ name }) => name === 'other'),
    { outcome: 'failed', failure: { kind: 'exit', code: 9 } },
  )
  const work = record?.stages.find(({ name }) => name === 'work@a')
  t.equal(readFileSync(join(run.directory, work?.log ?? ''), 'utf8'), 'made a\n')
})

t.test('what a target means runs, and no more', async t => {
  const root = t.testdir()
  const run = new Run(join(root, '.ddv/runs'), { version: '0', command: ['b'], executor: 'local', commit: undefined })
  const perform = performer(root, run, () => undefined)
  const results = await runGraph(
    selectStages(graph, ['b']),
    { jobs: 3, resources: unlimited, keepGoing: false },
    perform,
  )
  t.same(
    results.map(({ stage }) => stage.name),
    ['start', 'work@b'],
  )
  t.ok(existsSync(join(root, 'b')))
  t.notOk(existsSync(join(root, 'a')))
})
