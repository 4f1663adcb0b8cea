import t from 'tap'
import { createContext } from '../../lib/cli/command.js'
import { createProgress } from '../../lib/cli/progress.js'
import { stageLines } from '../../lib/cli/stage-lines.js'
import { plainStyle as style } from '../../lib/cli/style.js'
import { ddv, fakeIo } from '../support/fake-io.js'
import { makeWorkspace } from '../support/workspace.js'

t.test('the live line gives way to lines of stages, and does not come back by itself', async t => {
  let time = 0
  const io = fakeIo({ cwd: '/', terminal: true })
  const progress = createProgress(io, () => time)
  const context = createContext({
    ...{ io, progress, style, cd: undefined, signal: new AbortController().signal },
    ...{
      json: false,
      quiet: false,
      verbose: false,
      jobs: undefined,
      logFormat: 'text',
      report: { json: false, style },
    },
  })
  const onEvent = stageLines(context)
  for (const stage of ['a', 'b']) {
    time += 1000
    onEvent({ type: 'done', phase: 'hash', files: 1, bytes: 1000 })
    onEvent({ type: 'done', phase: 'hash', files: 1, bytes: 1000 })
    onEvent({ type: 'stage', stage, state: 'running' })
    time += 1000
    onEvent({ type: 'done', phase: 'hash', files: 1, bytes: 1000 })
    onEvent({ type: 'output', stage, stream: 'stdout', line: Buffer.from('hello') })
  }
  const { stderr } = io.said
  const shown = stderr.split('\n').map(line => line.slice(line.lastIndexOf('\r\u001b[K') + 1).replace('\u001b[K', ''))
  t.same(shown, ['a: runs', 'a | hello', 'b: runs', 'b | hello', ''])
  t.equal(stderr.match(/hashing/g)?.length, 4, 'it was there before each')
})

t.test('--log-format json: an object a line', async t => {
  const w = await makeWorkspace(t, {
    files: {
      'ddv.yaml': `stages:
  a: { cmd: 'echo "red \\033[31m"; echo x >&2; echo 1 > a', outs: [a] }
  b: { cmd: exit 3, deps: [a], plots: [p: {title: t}] }
  c: { cmd: cp b c, deps: [p], outs: [c] }
`,
    },
  })
  const { code, stdout, stderr } = await ddv({ cwd: w.root, env: w.env }, 'repro', '--log-format', 'json')
  t.equal(code, 1)
  t.match(stdout, /^3 stages:/)
  const records = stderr
    .split('\n')
    .slice(0, -1)
    .map(line => JSON.parse(line) as Record<string, unknown>)
  for (const { time } of records) t.match(time, /^\d{4}-\d\d-\d\dT[\d:.]+Z$/)
  t.match(
    records.map(({ time: _, ...others }) => others).sort((x, y) => (JSON.stringify(x) < JSON.stringify(y) ? -1 : 1)),
    [
      { level: 'error', path: 'b', code: 'refused', message: /ended with exit code 3: b/, hint: /b\.log$/ },
      { level: 'error', stage: 'b', state: 'failed', message: 'failed' },
      { level: 'info', stage: 'a', state: 'done', message: /^done in / },
      { level: 'info', stage: 'a', state: 'running', message: 'runs' },
      { level: 'info', stage: 'a', stream: 'stderr', message: 'x' },
      { level: 'info', stage: 'a', stream: 'stdout', message: /^red / },
      { level: 'info', stage: 'b', state: 'running' },
      { level: 'info', stage: 'c', state: 'skipped', because: 'b', message: 'not run, since b failed' },
      { level: 'warning', message: /not used/ },
    ],
  )
  const wrong = await ddv({ cwd: w.root, env: w.env }, 'repro', 'd', '--log-format', 'json')
  t.match(JSON.parse(wrong.stderr.split('\n').at(-2) ?? ''), { level: 'error', code: 'usage' })
})
