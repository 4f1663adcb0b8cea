import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { threadId } from 'node:worker_threads'
import t from 'tap'
import { isDdvError } from '../../lib/core/errors.js'
import { serveJobs } from '../../lib/sys/serve.js'
import {
  bufferJob,
  crashJob,
  ddvErrorJob,
  echoJob,
  exitJob,
  hangJob,
  plainErrorJob,
  systemErrorJob,
  threadJob,
  uncloneableJob,
  unknownJob,
} from '../support/jobs.js'
import { filesPool } from '../support/pool.js'

t.test('jobs run on threads, as many at once as the pool has', async t => {
  const pool = filesPool(t, { size: 3 })
  t.equal(pool.size, 3)
  const threads = await Promise.all(Array.from({ length: 30 }, () => pool.run(threadJob, null)))
  t.notOk(threads.includes(threadId), 'none here')
  t.equal(new Set(threads).size, 3)
})

t.test('each answer goes to who asked', async t => {
  const pool = filesPool(t)
  const args = Array.from({ length: 200 }, (_, i) => ({ i, big: 2n ** 60n, list: new BigInt64Array([BigInt(i)]) }))
  t.same(await Promise.all(args.map(arg => pool.run(echoJob, arg))), args)
})

t.test('a size below one is one', async t => {
  const pool = filesPool(t, { size: 0 })
  t.equal(pool.size, 1)
  t.equal(await pool.run(echoJob, 1), 1)
})

t.test('buffers move when told, both ways', async t => {
  const pool = filesPool(t)
  const bytes = new Uint8Array([1, 2, 3])
  t.same([...(await pool.run(bufferJob, bytes))], [2, 3, 4])
  t.equal(bytes.length, 3, 'copied')
  t.same([...(await pool.run(bufferJob, bytes, { transfer: [bytes.buffer] }))], [2, 3, 4])
  t.equal(bytes.length, 0, 'moved')
})

t.test('a job that waits when its caller is interrupted never runs', async t => {
  const pool = filesPool(t, { size: 1 })
  const stop = new AbortController()
  const running = pool.run(threadJob, null, { signal: stop.signal })
  const waiting = pool.run(threadJob, null, { signal: stop.signal })
  stop.abort()
  await t.rejects(waiting, { code: 'interrupted' })
  t.type(await running, 'number', 'what runs is not torn')
})

t.test('errors arrive as what they were', async t => {
  const pool = filesPool(t)
  try {
    await pool.run(ddvErrorJob, null)
    t.fail('no error')
  } catch (error) {
    t.ok(isDdvError(error, 'busy'))
    t.match(error, { message: 'no time', hint: 'wait' })
  }
  await t.rejects(pool.run(plainErrorJob, null), { message: 'a bug' })
  await t.rejects(pool.run(unknownJob, null), { message: /test\.unknown/ })
  await t.rejects(pool.run(uncloneableJob, null), { message: /could not be cloned/ })
  t.equal(await pool.run(echoJob, 'on'), 'on')
})

t.test('a system error keeps its code', async t => {
  const pool = filesPool(t)
  await t.rejects(pool.run(systemErrorJob, t.testdir()), { code: 'EISDIR' })
  await t.rejects(pool.run(systemErrorJob, `${t.testdirName}/none`), { code: 'ENOENT', message: /none/ })
})

for (const [what, job] of [
  ['crashes', crashJob],
  ['exits', exitJob],
] as const)
  t.test(`a thread that ${what} fails its own job alone`, async t => {
    const pool = filesPool(t)
    const before = Array.from({ length: 5 }, (_, i) => pool.run(echoJob, i))
    const broken = pool.run(job, null)
    const after = Array.from({ length: 20 }, (_, i) => pool.run(echoJob, i))
    await t.rejects(broken)
    t.same(await Promise.all(before), [0, 1, 2, 3, 4])
    t.equal((await Promise.all(after)).length, 20)
    for (let i = 0; i < 4; i++) await t.rejects(pool.run(job, null))
    t.equal(await pool.run(echoJob, 'still here'), 'still here')
  })

t.test('arguments that cannot be sent fail their own job alone', async t => {
  const pool = filesPool(t, { size: 1 })
  await t.rejects(
    pool.run(echoJob, () => 1),
    { message: /could not be cloned/ },
  )
  const first = pool.run(threadJob, null)
  const queued = pool.run(echoJob, () => 1)
  const last = pool.run(echoJob, 'after')
  await t.rejects(queued, { message: /could not be cloned/ })
  await first
  t.equal(await last, 'after')
})

t.test('closing ends what runs and what waits', async t => {
  const pool = filesPool(t, { size: 1 })
  const running = pool.run(hangJob, null)
  const waiting = pool.run(echoJob, 1)
  const both = Promise.allSettled([running, waiting])
  await pool.close()
  const settled = await both
  for (const outcome of settled) {
    t.equal(outcome.status, 'rejected')
    t.ok(outcome.status === 'rejected' && isDdvError(outcome.reason, 'interrupted'))
  }
  await pool.close()
})

t.test('an entry that cannot be loaded fails the jobs', async t => {
  const pool = filesPool(t, { entry: new URL('file:///nowhere/thread.js'), size: 1 })
  const jobs = await Promise.allSettled([pool.run(echoJob, 1), pool.run(echoJob, 2)])
  t.same(
    jobs.map(job => job.status),
    ['rejected', 'rejected'],
  )
})

t.test('idle threads keep no program alive', async t => {
  const program = `
    import { openPool } from ${JSON.stringify(new URL('../../lib/sys/pool.js', import.meta.url).href)}
    const pool = openPool({ entry: new URL(${JSON.stringify(new URL('../support/thread-files.js', import.meta.url).href)}), size: 2 })
    console.log(await Promise.all([1, 2, 3].map(i => pool.run({ name: 'test.echo' }, i))))`
  const directory = t.testdir({ 'program.mjs': program })
  const env = { PATH: process.env.PATH }
  const { stdout } = await promisify(execFile)(process.execPath, [`${directory}/program.mjs`], { timeout: 20_000, env })
  t.equal(stdout, '[ 1, 2, 3 ]\n')
})

t.test('jobs are served on threads only', async t => {
  t.throws(() => serveJobs([]), { message: /worker threads/ })
})
