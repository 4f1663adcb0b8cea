import t from 'tap'
import { createOnce } from '../../lib/remote/create-once.js'
import { openMemoryRemote } from '../../lib/remote/memory.js'
import type { Remote } from '../../lib/remote/remote.js'
import { randoms } from '../support/program.js'
import { keysOf } from '../support/transfer.js'

const key = 'registry/m/v1.0.0.json'
const claims = 'registry/m/claims/'
const maxBytes = 1000

/** A store that takes the condition for nothing, or that says that it does not know it. */
const withoutConditions = (inner: Remote, answer: 'created' | 'unsupported'): Remote => ({
  ...inner,
  create: async (key, bytes, options) => {
    if (answer === 'created') await inner.put(key, bytes, options)
    return answer
  },
})

const stores = {
  'keeps creators apart': (inner: Remote) => inner,
  'passes the condition over': (inner: Remote) => withoutConditions(inner, 'created'),
  'does not know the condition': (inner: Remote) => withoutConditions(inner, 'unsupported'),
}

for (const [name, storeOf] of Object.entries(stores))
  t.test(`a store that ${name}`, async t => {
    const inner = openMemoryRemote()
    const remote = storeOf(inner)
    const create = (text: string) => createOnce(remote, key, { bytes: Buffer.from(text), claims })
    t.equal(await create('one'), true)
    t.equal(await create('one'), true, 'the same again is there')
    t.equal(await create('two'), false)
    t.equal(await create('other'), false)
    t.equal((await inner.get(key, { maxBytes }))?.bytes.toString(), 'one')
    t.strictSame(await keysOf(inner), [key], 'no claim is left')
  })

/** Each call waits until the scheduler lets it go on: one at a time, in an order that the seed gives. */
class Scheduler {
  readonly #waiting: (() => void)[] = []
  readonly #random: () => number
  #running = 0

  constructor(seed: number) {
    this.#random = randoms(seed)
  }

  get random(): () => number {
    return this.#random
  }

  step(): Promise<void> {
    return new Promise(resolve => this.#waiting.push(resolve))
  }

  start(work: Promise<unknown>): void {
    this.#running++
    work.finally(() => this.#running--).catch(() => undefined)
  }

  async run(): Promise<void> {
    for (;;) {
      for (let i = 0; i < 20; i++) await Promise.resolve()
      if (this.#running === 0) return
      const [next] = this.#waiting.splice(Math.floor(this.#random() * this.#waiting.length), 1)
      next?.()
    }
  }
}

const scheduled = (inner: Remote, scheduler: Scheduler): Remote => ({
  ...inner,
  stat: async (key, options) => {
    await scheduler.step()
    return inner.stat(key, options)
  },
  get: async (key, options) => {
    await scheduler.step()
    return inner.get(key, options)
  },
  put: async (key, bytes, options) => {
    await scheduler.step()
    return inner.put(key, bytes, options)
  },
  create: async (key, bytes, options) => {
    await scheduler.step()
    return inner.create(key, bytes, options)
  },
  remove: async (key, options) => {
    await scheduler.step()
    return inner.remove(key, options)
  },
  async *list(prefix, options) {
    await scheduler.step()
    yield* inner.list(prefix, options)
  },
})

/** How often more than one of three creators was told that it had won, or the wrong bytes were there. */
async function violations(change: (remote: Remote) => Remote, rounds: number): Promise<number> {
  let violations = 0
  for (let seed = 1; seed <= rounds; seed++) {
    const scheduler = new Scheduler(seed)
    const inner = openMemoryRemote()
    const remote = change(scheduled(inner, scheduler))
    const sleep = async (): Promise<void> => {
      for (let i = Math.floor(scheduler.random() * 12); i > 0; i--) await scheduler.step()
    }
    const creators = ['a', 'b', 'c'].map(async text => ({
      text,
      won: await createOnce(remote, key, { bytes: Buffer.from(text), claims, sleep, random: scheduler.random }),
    }))
    for (const creator of creators) scheduler.start(creator)
    await scheduler.run()
    const winners = (await Promise.all(creators)).filter(({ won }) => won)
    const there = (await inner.get(key, { maxBytes }))?.bytes.toString()
    if (winners.length !== 1 || winners[0]?.text !== there) violations++
  }
  return violations
}

t.test('three at once, in 2,000 orders', async t => {
  for (const answer of ['created', 'unsupported'] as const)
    t.equal(await violations(remote => withoutConditions(remote, answer), 1000), 0, answer)
  t.equal(await violations(remote => remote, 300), 0)
  // What the claims are for shows where nobody sees them.
  const blind = (remote: Remote): Remote => ({
    ...withoutConditions(remote, 'created'),
    async *list() {},
  })
  t.ok((await violations(blind, 300)) > 0, 'a store that shows no claims loses')
})

t.test('the claim of one that died', async t => {
  const clock = { now: 0 }
  const inner = openMemoryRemote({ now: () => clock.now })
  const remote = withoutConditions(inner, 'created')
  await inner.put(`${claims}dead`, Buffer.from('{}'))
  let slept = 0
  const sleep = async (milliseconds: number): Promise<void> => {
    slept++
    clock.now += milliseconds
  }
  const create = () => createOnce(remote, key, { bytes: Buffer.from('x'), claims, sleep, random: () => 1 })
  await t.rejects(create(), { code: 'remote', message: /another is registering/ })
  t.equal(slept, 29)
  t.strictSame(await keysOf(inner), [`${claims}dead`], 'its own claim is taken back')
  clock.now += 3_600_000
  t.equal(await create(), true)
})

t.test('interrupted and refused', async t => {
  const inner = openMemoryRemote()
  const controller = new AbortController()
  const remote: Remote = {
    ...withoutConditions(inner, 'created'),
    async *list(prefix, options) {
      controller.abort()
      yield* inner.list(prefix, options)
    },
  }
  const { signal } = controller
  await t.rejects(createOnce(remote, key, { bytes: Buffer.from('x'), claims, signal }), { code: 'interrupted' })
  t.strictSame(await keysOf(inner), [], 'neither object nor claim')
  const refusing: Remote = {
    ...inner,
    create: async () => {
      throw new Error('no')
    },
  }
  await t.rejects(createOnce(refusing, key, { bytes: Buffer.from('x'), claims }), { message: 'no' })
})
