import fc from 'fast-check'
import t from 'tap'
import type { Event, StageOutcome } from '../../lib/core/events.js'
import type { Stage } from '../../lib/core/stage.js'
import { buildGraph, type Graph, upstreamOf } from '../../lib/pipeline/graph.js'
import { runGraph, type ScheduleOptions } from '../../lib/pipeline/schedule.js'
import { resourcesOf, stageOf } from '../support/stages.js'

const plain: ScheduleOptions = {
  jobs: 2,
  resources: { cpus: undefined, memory: undefined, gpus: undefined },
  keepGoing: false,
}

type Asked = Partial<Stage['resources']>

/** `{ b: ['a'] }`: b reads from a. */
const graphOf = (
  edges: Readonly<Record<string, readonly string[]>>,
  asked: Readonly<Record<string, Asked>> = {},
): Graph =>
  buildGraph(
    Object.entries(edges).map(([name, deps]) =>
      stageOf(
        name,
        { outs: [`out-${name}`], deps: deps.map(dep => `out-${dep}`) },
        { resources: resourcesOf(asked[name] ?? {}) },
      ),
    ),
  )

interface Played {
  readonly results: readonly string[]
  /** `+a` it began, `-a` it ended. */
  readonly trace: readonly string[]
  readonly events: readonly Event[]
}

async function play(
  graph: Graph,
  options: Partial<ScheduleOptions> = {},
  outcomes: Readonly<Record<string, StageOutcome>> = {},
): Promise<Played> {
  const trace: string[] = []
  const events: Event[] = []
  const results = await runGraph(
    graph,
    { ...plain, onEvent: event => events.push(event), ...options },
    async ({ name }) => {
      trace.push(`+${name}`)
      await new Promise(resolve => setImmediate(resolve))
      trace.push(`-${name}`)
      return outcomes[name] ?? 'done'
    },
  )
  return {
    results: results.map(({ stage, outcome, because }) =>
      [stage.name, outcome, because?.name].filter(Boolean).join(' '),
    ),
    trace,
    events,
  }
}

const diamond = graphOf({ a: [], b: ['a'], c: ['a'], d: ['b', 'c'], e: [] })

t.test('each after what it reads from, side by side', async t => {
  const { results, trace, events } = await play(diamond)
  t.same(results, ['a done', 'b done', 'c done', 'd done', 'e done'])
  t.same(trace.slice(0, 2), ['+a', '+e'])
  t.ok(trace.indexOf('+b') > trace.indexOf('-a') && trace.indexOf('+c') < trace.indexOf('-b'))
  t.same(
    events.map(event => event.type === 'stage' && `${event.stage} ${event.state}`),
    ['a done', 'e done', 'b done', 'c done', 'd done'],
  )
})

t.test('nothing to do', async t => {
  t.same(await runGraph(buildGraph([]), plain, async () => 'done'), [])
  t.match(await play(diamond, {}, { a: 'unchanged', b: 'skipped' }), {
    results: ['a unchanged', 'b skipped', 'c done', 'd done', 'e done'],
  })
})

t.test('after a failure', async t => {
  const stopped = await play(diamond, {}, { a: 'failed' })
  t.same(
    stopped.results,
    ['a failed', 'b skipped a', 'c skipped a', 'd skipped a', 'e done'],
    'what runs goes on to its end',
  )
  t.same(
    (await play(diamond, { jobs: 1 }, { a: 'failed' })).results,
    ['a failed', 'b skipped a', 'c skipped a', 'd skipped a', 'e skipped a'],
    'nothing more is begun',
  )
  const going = await play(diamond, { jobs: 1, keepGoing: true }, { b: 'failed' })
  t.same(going.results, ['a done', 'b failed', 'c done', 'd skipped b', 'e done'])
  t.match(
    going.events.filter(event => event.type === 'stage' && event.state === 'skipped'),
    [{ stage: 'd', because: 'b' }],
  )
  const both = await play(diamond, { keepGoing: true }, { b: 'failed', c: 'failed' })
  t.same(both.results, ['a done', 'b failed', 'c failed', 'd skipped b', 'e done'])
})

t.test('the longest way first, then the graph’s order', async t => {
  const graph = graphOf({ a: [], b: [], c: [], c2: ['c'], c3: ['c2'], d: [], d2: ['d'] })
  const { trace } = await play(graph, { jobs: 1 })
  t.equal(trace.filter(step => step.startsWith('+')).join(' '), '+c +c2 +d +a +b +c3 +d2')
})

t.test('resources: what does not fit is passed over, and not for ever', async t => {
  const graph = graphOf(
    { a: [], b: [], c: [], d: [] },
    { a: { cpus: 3 }, b: { cpus: 2, memory: 5 }, c: { cpus: 1 }, d: { memory: 6 } },
  )
  const resources = { cpus: 4, memory: 10, gpus: undefined }
  const { trace, events } = await play(graph, { jobs: 9, resources })
  t.same(trace.slice(0, 3), ['+a', '+c', '+d'])
  t.equal(trace.indexOf('+b') > trace.indexOf('-a'), true)
  t.notOk(events.some(event => event.type === 'warning'))
})

t.test('who asks for more than there is runs alone', async t => {
  const graph = graphOf({ a: [], b: [], c: [], d: ['b'] }, { b: { cpus: 8, gpus: 1 } })
  const { trace, events, results } = await play(graph, { jobs: 9, resources: { cpus: 4, memory: 1, gpus: 0 } })
  const at = trace.indexOf('+b')
  t.equal(trace[at + 1], '-b')
  t.same(trace.slice(0, 4), ['+a', '+c', '-a', '-c'])
  t.equal(results.length, 4)
  t.match(
    events.filter(event => event.type === 'warning'),
    [{ message: 'stage asks for more than there is (cpus 8 of 4, gpus 1 of 0), so it runs alone: b' }],
  )
})

t.test('parts of a processor add up', async t => {
  const names = Array.from({ length: 10 }, (_, i) => `s${i}`)
  const graph = graphOf(
    Object.fromEntries(names.map(name => [name, []])),
    Object.fromEntries(names.map(name => [name, { cpus: 0.1 }])),
  )
  const { trace } = await play(graph, { jobs: 99, resources: { cpus: 1, memory: undefined, gpus: undefined } })
  t.equal(
    trace.slice(0, 10).every(step => step.startsWith('+')),
    true,
  )
})

t.test('an abort, and what perform throws, come out when all has ended', async t => {
  const controller = new AbortController()
  const ended: string[] = []
  const performing =
    (act: (name: string) => void) =>
    async ({ name }: Stage): Promise<StageOutcome> => {
      await new Promise(resolve => setTimeout(resolve, name === 'a' ? 10 : 50))
      if (name === 'a') act(name)
      ended.push(name)
      return 'done'
    }
  const aborted = runGraph(
    diamond,
    { ...plain, signal: controller.signal },
    performing(() => controller.abort()),
  )
  await t.rejects(aborted, { code: 'interrupted' })
  t.same(ended, ['a', 'e'])
  const broken = runGraph(
    diamond,
    plain,
    performing(() => {
      throw new Error('a bug')
    }),
  )
  await t.rejects(broken, { message: 'a bug' })
  t.same(ended, ['a', 'e', 'e'])
})

t.test('an abort after the last stage changes nothing', async t => {
  const controller = new AbortController()
  const results = await runGraph(graphOf({ a: [] }), { ...plain, signal: controller.signal }, async () => {
    controller.abort()
    return 'done'
  })
  t.equal(results.length, 1)
})

const amount = (most: number) => fc.option(fc.nat(most), { nil: undefined })
const randomRun = fc.record({
  rows: fc.array(
    fc.record({
      deps: fc.array(fc.nat(30), { maxLength: 4 }),
      asked: fc.record({ cpus: amount(6), memory: amount(60), gpus: amount(2) }),
    }),
    { minLength: 1, maxLength: 30 },
  ),
  jobs: fc.integer({ min: 1, max: 6 }),
  resources: fc.record({ cpus: amount(5), memory: amount(50), gpus: amount(1) }),
  keepGoing: fc.boolean(),
  outcomes: fc.infiniteStream(fc.constantFrom<StageOutcome>('done', 'done', 'done', 'unchanged', 'skipped', 'failed')),
  ticks: fc.infiniteStream(fc.nat(3)),
})

t.test('random graphs: order, limits, and every stage once', async t => {
  await fc.assert(
    fc.asyncProperty(randomRun, async ({ rows, jobs, resources, keepGoing, outcomes, ticks }) => {
      const graph = graphOf(
        Object.fromEntries(rows.map(({ deps }, i) => [`s${i}`, deps.filter(dep => dep < i).map(dep => `s${dep}`)])),
        Object.fromEntries(rows.map(({ asked }, i) => [`s${i}`, asked])),
      )
      const ended = new Map<Stage, StageOutcome>()
      const began = new Set<Stage>()
      const running = new Set<Stage>()
      const sum = (kind: 'cpus' | 'memory' | 'gpus'): number =>
        [...running].reduce((all, stage) => all + (stage.resources[kind] ?? 0), 0)
      let failed = false
      const onEvent = (event: Event): void => {
        failed ||= event.type === 'stage' && event.state === 'failed'
      }
      const results = await runGraph(graph, { jobs, resources, keepGoing, onEvent }, async stage => {
        if (began.has(stage)) throw new Error('began twice')
        began.add(stage)
        running.add(stage)
        if (failed && !keepGoing) throw new Error('began after a failure')
        if (running.size > jobs) throw new Error('too many')
        for (const kind of ['cpus', 'memory', 'gpus'] as const)
          if (sum(kind) > (resources[kind] ?? Number.POSITIVE_INFINITY) && running.size > 1)
            throw new Error(`too much ${kind}`)
        for (const other of upstreamOf(graph, stage))
          if ((ended.get(other) ?? 'failed') === 'failed') throw new Error('began too early')
        for (let wait = ticks.next().value ?? 0; wait > 0; wait--) await Promise.resolve()
        const outcome = outcomes.next().value ?? 'done'
        ended.set(stage, outcome)
        running.delete(stage)
        return outcome
      })
      if (results.some(({ stage }, i) => stage !== graph.stages[i])) throw new Error('out of order')
      for (const { stage, outcome, because } of results) {
        if (began.has(stage)) {
          if (outcome !== ended.get(stage) || because !== undefined) throw new Error('another outcome')
        } else if (outcome !== 'skipped' || because === undefined || ended.get(because) !== 'failed')
          throw new Error('not begun, and why?')
        else if (keepGoing && !isAbove(graph, because, stage)) throw new Error('skipped because of a stranger')
      }
      if (!failed && began.size !== graph.stages.length) throw new Error('some were never begun')
    }),
    { numRuns: 300 },
  )
  t.pass('for random graphs')
})

function isAbove(graph: Graph, above: Stage, stage: Stage): boolean {
  return upstreamOf(graph, stage).some(other => other === above || isAbove(graph, above, other))
}

t.test('costs little', async t => {
  for (const [what, deps] of [
    ['a chain', (i: number) => (i === 0 ? [] : [`s${i - 1}`])],
    ['side by side', () => []],
  ] as const) {
    const graph = graphOf(Object.fromEntries(Array.from({ length: 5000 }, (_, i) => [`s${i}`, deps(i)])))
    const started = performance.now()
    await runGraph(graph, plain, async () => 'unchanged')
    const each = ((performance.now() - started) * 1000) / 5000
    t.ok(each < 200, `${what}: ${each.toFixed(1)} µs a stage`)
  }
})
