import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { createProgress } from '../../lib/cli/progress.js'
import { fakeIo } from '../support/fake-io.js'

t.test('one line, drawn again at most ten times a second', async t => {
  let time = 0
  const io = fakeIo({ cwd: '/', terminal: true })
  const progress = createProgress(io, () => time)
  progress.onEvent({ type: 'total', phase: 'hash', files: 4, bytes: 4_000_000 })
  t.equal(io.said.stderr, '', 'nothing for what may be over at once')
  for (time = 0; time <= 1000; time += 10) progress.onEvent({ type: 'done', phase: 'hash', files: 0, bytes: 10_000 })
  time = 1100
  progress.onEvent({ type: 'done', phase: 'hash', files: 1, bytes: 90_000 })
  const lines = io.said.stderr.split('\r').slice(1)
  t.ok(lines.length <= 12, `${lines.length} lines`)
  t.equal(lines.at(-1), 'hashing 1.10 MB of 4.00 MB, 991 kB/s, 3 s left, 1 of 4 files\u001b[K')
  progress.clear()
  t.ok(io.said.stderr.endsWith('\r\u001b[K'))
})

t.test('no line is wider than the terminal', async t => {
  let time = 1000
  const io = fakeIo({ cwd: '/', terminal: true, columns: 33 })
  const progress = createProgress(io, () => time)
  time = 2000
  progress.onEvent({ type: 'total', phase: 'download', files: 1_000_000, bytes: 1e12 })
  progress.onEvent({ type: 'done', phase: 'download', files: 3, bytes: 1e9 })
  time = 3000
  progress.onEvent({ type: 'done', phase: 'download', files: 3, bytes: 1e9 })
  const lines = io.said.stderr.split('\r').map(line => line.replace('\u001b[K', ''))
  t.same(lines, ['', 'downloading 0 B of 1.00 TB', 'downloading 2.00 GB of 1.00 TB'])
})

t.test('the last event before a pause is shown, and nothing once the line was taken away', async t => {
  let time = 1000
  const io = fakeIo({ cwd: '/', terminal: true })
  const progress = createProgress(io, () => time)
  time = 2000
  progress.onEvent({ type: 'total', phase: 'hash', files: 12_000, bytes: 5000 })
  time = 2010
  progress.onEvent({ type: 'done', phase: 'hash', files: 11_000, bytes: 1000 })
  progress.onEvent({ type: 'done', phase: 'hash', files: 1000, bytes: 4000 })
  await sleep(150)
  const lines = io.said.stderr.split('\r').map(line => line.replace('\u001b[K', ''))
  t.equal(lines.at(-1), 'hashing 5.00 kB of 5.00 kB, finishing, 12,000 files')
  progress.onEvent({ type: 'done', phase: 'hash', files: 0, bytes: 1 })
  progress.clear()
  await sleep(150)
  t.ok(io.said.stderr.endsWith('\r\u001b[K'))
})

t.test('a remote that does not answer is told', async t => {
  const io = fakeIo({ cwd: '/', terminal: true })
  createProgress(io).onEvent({ type: 'retry', what: 'get ddv.json', attempt: 1, wait: 100 })
  t.match(io.said.stderr, /no success: get ddv.json, try 2 follows/)
})
