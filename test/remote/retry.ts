import t from 'tap'
import { DdvError } from '../../lib/core/errors.js'
import type { Event } from '../../lib/core/events.js'
import { openMemoryRemote } from '../../lib/remote/memory.js'
import type { ObjectEntry, Remote } from '../../lib/remote/remote.js'
import { createRetry, type RetryOptions, withRetry } from '../../lib/remote/retry.js'
import { findTransient, markTransient } from '../../lib/remote/transient.js'
import { listAll, testRemoteContract } from '../support/remote-contract.js'

const maxBytes = 1000
const busy = (retryAfter?: number): DdvError =>
  markTransient(new DdvError('remote', 'busy: store', { hint: 'wait' }), { retryAfter })

/** Sleeping takes no time, but counts. */
function fakeTime(): { options: RetryOptions; sleeps: number[]; events: Event[] } {
  const sleeps: number[] = []
  const events: Event[] = []
  const sleep = async (milliseconds: number): Promise<void> => {
    sleeps.push(milliseconds)
  }
  const now = (): number => sleeps.reduce((sum, wait) => sum + wait, 0)
  return { sleeps, events, options: { sleep, now, random: () => 1, onEvent: event => events.push(event) } }
}

/** Fails with these errors, one a call, then works. */
function failing(...errors: readonly unknown[]): { act: () => Promise<string>; calls: () => number } {
  let calls = 0
  const act = async (): Promise<string> => {
    const error = errors[calls++]
    if (error !== undefined) throw error
    return 'done'
  }
  return { act, calls: () => calls }
}

t.test('contract, around the memory remote', async t => {
  testRemoteContract(t, { open: async () => withRetry(openMemoryRemote(), createRetry()) })
})

t.test('waits double, are told, and end with the first success', async t => {
  const { options, sleeps, events } = fakeTime()
  const { act, calls } = failing(busy(), busy(), busy())
  t.equal(await createRetry(options)('get a', act), 'done')
  t.equal(calls(), 4)
  t.strictSame(sleeps, [200, 400, 800])
  t.strictSame(events[2], { type: 'retry', what: 'get a', attempt: 3, wait: 800 })
})

t.test('waits are bounded, and jitter is over the whole of them', async t => {
  const { options, sleeps } = fakeTime()
  const { act } = failing(...Array.from({ length: 9 }, () => busy()))
  await createRetry({ ...options, attempts: 10, longestWait: 1000, random: () => 0.5 })('get a', act)
  t.strictSame(sleeps, [100, 200, 400, 500, 500, 500, 500, 500, 500])
})

t.test("the store's own wish is honoured", async t => {
  const { options, sleeps } = fakeTime()
  await createRetry(options)('get a', failing(busy(30_000), busy(10)).act)
  t.strictSame(sleeps, [30_000, 400])
})

t.test('gives up by tries', async t => {
  const { options, sleeps } = fakeTime()
  const { act, calls } = failing(...Array.from({ length: 9 }, () => busy()))
  const error = await createRetry({ ...options, attempts: 3 })('get a', act).catch((reason: unknown) => reason)
  t.match(error, { code: 'remote', message: 'after 3 tries: busy: store', hint: 'wait' })
  t.equal(findTransient(error), undefined, 'an outer retry does not begin again')
  t.equal(calls(), 3)
  t.equal(sleeps.length, 2)
})

t.test('gives up by time, also where the store asks for too much of it', async t => {
  const { options, sleeps } = fakeTime()
  const many = Array.from({ length: 99 }, () => busy())
  await t.rejects(createRetry({ ...options, attempts: 99, totalTime: 60_000 })('get a', failing(...many).act), {
    code: 'remote',
  })
  t.ok(sleeps.reduce((sum, wait) => sum + wait, 0) <= 60_000)
  await t.rejects(createRetry(options)('get a', failing(busy(3_600_000)).act), { message: 'busy: store' })
})

t.test('gives up early what will hardly pass', async t => {
  const { options, sleeps } = fakeTime()
  const errors = Array.from({ length: 9 }, () => markTransient(new DdvError('remote', 'refused'), { within: 1000 }))
  await t.rejects(createRetry(options)('get a', failing(...errors).act), { message: 'after 3 tries: refused' })
  t.strictSame(sleeps, [200, 400])
})

t.test('what will not pass is not tried again', async t => {
  for (const error of [new DdvError('remote', 'access denied'), new TypeError('a bug')]) {
    const { options, sleeps } = fakeTime()
    const { act, calls } = failing(error)
    const thrown = await createRetry(options)('get a', act).catch((reason: unknown) => reason)
    t.equal(thrown, error)
    t.equal(calls(), 1)
    t.strictSame(sleeps, [])
  }
})

t.test('an interruption ends the wait', async t => {
  const controller = new AbortController()
  const { act, calls } = failing(busy(), busy())
  const started = performance.now()
  const running = createRetry({ firstWait: 60_000, random: () => 1 })('get a', act, controller.signal)
  setTimeout(() => controller.abort(), 20)
  await t.rejects(running, { code: 'interrupted' })
  t.ok(performance.now() - started < 5000)
  t.equal(calls(), 1)
  await t.rejects(createRetry()('get a', act, AbortSignal.abort()), { code: 'interrupted' })
  t.equal(calls(), 1)
})

t.test('listings: again before the first entry, never after it', async t => {
  const entry = (key: string): ObjectEntry => ({ key, size: 1, age: 0 })
  const { options } = fakeTime()
  const scripts: (ObjectEntry | DdvError)[][] = [[busy()], [busy()], [entry('a'), entry('b')]]
  const remoteOf = (scripts: (ObjectEntry | DdvError)[][]): Remote => ({
    ...openMemoryRemote(),
    async *list() {
      for (const step of scripts.shift() ?? []) {
        if (step instanceof DdvError) throw step
        yield step
      }
    },
  })
  const remote = withRetry(remoteOf(scripts), createRetry(options))
  t.strictSame(
    (await listAll(remote)).map(e => e.key),
    ['a', 'b'],
  )
  t.strictSame(await listAll(withRetry(remoteOf([[]]), createRetry(options))), [])
  const late = withRetry(remoteOf([[entry('a'), busy()], [entry('a')]]), createRetry(options))
  await t.rejects(listAll(late), { message: 'busy: store' })
})

t.test('every method', async t => {
  const { options, events } = fakeTime()
  const memory = openMemoryRemote()
  let failures = 0
  const once = <T>(act: () => T): T => {
    if (failures++ % 2 === 0) throw busy()
    return act()
  }
  const flaky: Remote = {
    ...memory,
    stat: async (...args) => once(() => memory.stat(...args)),
    get: async (...args) => once(() => memory.get(...args)),
    put: async (...args) => once(() => memory.put(...args)),
    remove: async (...args) => once(() => memory.remove(...args)),
  }
  const remote = withRetry(flaky, createRetry(options))
  await remote.put('a', Buffer.from('x'))
  t.equal((await remote.stat('a'))?.size, 1)
  t.equal((await remote.get('a', { maxBytes }))?.bytes.toString(), 'x')
  await remote.remove('a')
  t.strictSame(
    events.map(event => event.type === 'retry' && event.what),
    ['put a', 'stat a', 'get a', 'remove a'],
  )
})
