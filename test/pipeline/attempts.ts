import t from 'tap'
import type { Event } from '../../lib/core/events.js'
import { describeFailure, type Failure, isFailure } from '../../lib/core/failure.js'
import { tryUntilDone } from '../../lib/pipeline/attempts.js'
import type { TryResult } from '../../lib/pipeline/executor.js'

const exit: Failure = { kind: 'exit', code: 1 }
const resultOf = (failure: Failure | undefined): TryResult => ({
  failure,
  duration: 1,
  peakMemory: undefined,
  leftOthers: false,
})

async function play(failures: readonly (Failure | undefined)[], retry: number, random: number) {
  const events: Event[] = []
  const waits: number[] = []
  const { result, tries } = await tryUntilDone(async number => resultOf(failures[number - 1]), {
    what: 'train',
    retry,
    onEvent: event => events.push(event),
    sleep: async wait => {
      waits.push(wait)
    },
    random: () => random,
  })
  return { failure: result.failure, tries, waits, events }
}

t.test('as often as it says, and no more', async t => {
  t.match(await play([undefined], 3, 0), { failure: undefined, tries: 1, waits: [] })
  t.match(await play([exit, exit, undefined], 3, 0), { failure: undefined, tries: 3, waits: [500, 1000] })
  t.match(await play([exit, exit, exit], 2, 0), { failure: exit, tries: 3, waits: [500, 1000] })
  t.match(await play([exit], 0, 0), { failure: exit, tries: 1, waits: [] })
  t.same((await play([exit, undefined], 1, 0)).events, [{ type: 'retry', what: 'train', attempt: 1, wait: 500 }])
})

t.test('waits grow up to half a minute', async t => {
  const { waits } = await play(
    Array.from({ length: 9 }, () => exit),
    8,
    1,
  )
  t.same(waits, [1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000])
})

t.test('what is not there is not tried again', async t => {
  t.match(await play([{ kind: 'not-found', what: 'shell', name: 'x' }], 5, 0), { tries: 1 })
})

t.test('an abort ends the wait', async t => {
  const controller = new AbortController()
  setTimeout(() => controller.abort(), 50)
  const trying = tryUntilDone(async () => resultOf(exit), { what: 'x', retry: 9, signal: controller.signal })
  await t.rejects(trying, { code: 'interrupted' })
})

t.test('how failures read', async t => {
  const table: readonly (readonly [Failure, string])[] = [
    [exit, 'ended with exit code 1'],
    [{ kind: 'exit', code: 137 }, 'ended with exit code 137 (SIGKILL, perhaps for lack of memory)'],
    [{ kind: 'exit', code: 139 }, 'ended with exit code 139 (SIGSEGV)'],
    [{ kind: 'signal', signal: 'SIGTERM' }, 'was ended by SIGTERM'],
    [{ kind: 'timeout', after: 1500 }, 'was ended after 1.5 s, its timeout'],
    [{ kind: 'not-found', what: 'command', name: '' }, 'ended with exit code 127: a command was not found'],
    [{ kind: 'not-found', what: 'directory', name: 'a\nb' }, 'could not start: there is no directory a\\nb'],
    [{ kind: 'error', message: 'no out' }, 'no out'],
  ]
  for (const [failure, text] of table) {
    t.equal(describeFailure(failure), text)
    t.ok(isFailure(JSON.parse(JSON.stringify(failure))))
  }
  for (const value of [null, 'exit', {}, { kind: 'exit' }, { kind: 'not-found', what: 'soul', name: '' }])
    t.notOk(isFailure(value), JSON.stringify(value))
})
