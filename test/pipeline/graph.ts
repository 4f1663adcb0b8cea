import fc from 'fast-check'
import t from 'tap'
import { stageAddress } from '../../lib/core/stage.js'
import { buildGraph, restrictGraph, upstreamOf } from '../../lib/pipeline/graph.js'
import { type StageSpec, stageOf } from '../support/stages.js'

const build = (specs: Readonly<Record<string, StageSpec>>) =>
  buildGraph(Object.entries(specs).map(([name, spec], i) => stageOf(name, { line: 10 * i + 1, ...spec })))

/** `a>b`: b reads from a. */
const edges = (specs: Readonly<Record<string, StageSpec>>): string[] => {
  const graph = build(specs)
  return graph.stages.flatMap(stage => upstreamOf(graph, stage).map(other => `${other.name}>${stage.name}`))
}

t.test('who reads what another writes', async t => {
  const table: readonly (readonly [string, Readonly<Record<string, StageSpec>>, readonly string[]])[] = [
    ['the same path', { a: { outs: ['x'] }, b: { deps: ['x'] } }, ['a>b']],
    ['a file in an out', { a: { outs: ['dir'] }, b: { deps: ['dir/sub/x'] } }, ['a>b']],
    ['a directory of outs', { a: { outs: ['d/1/x'] }, b: { outs: ['d/2'] }, c: { deps: ['d'] } }, ['a>c', 'b>c']],
    ['params that a stage wrote', { a: { outs: ['p.yaml'] }, b: { params: ['p.yaml'] } }, ['a>b']],
    ['a name that only begins alike', { a: { outs: ['dir'] }, b: { deps: ['dir2', 'dir.x'] } }, []],
    ['several ways are one', { a: { outs: ['x', 'y/z'] }, b: { deps: ['x', 'y', 'y/z'] } }, ['a>b']],
    ['against the order of names', { b: { outs: ['x'] }, a: { deps: ['x'] } }, ['b>a']],
  ]
  for (const [what, specs, expected] of table) t.same(edges(specs), expected, what)
})

t.test('cycles are told as a way with positions, from the same stage on', async t => {
  const specs = {
    c: { deps: ['b-out/x'], outs: ['c-out'] },
    a: { deps: ['c-out'], outs: ['a-out'] },
    b: { deps: ['a-out'], outs: ['b-out'] },
    z: { deps: ['a-out'] },
  }
  t.throws(() => build(specs), {
    code: 'bad-config',
    message: 'stages wait for each other: a → b → c → a: ddv.yaml:11:3',
    hint: "'a' reads c-out (ddv.yaml:12:7), 'b' reads a-out (ddv.yaml:22:7), 'c' reads b-out/x (ddv.yaml:2:7): one of them has to go",
  })
  t.throws(() => build({ a: { params: ['made/p.yaml'], outs: ['made'] } }), {
    message: 'stages wait for each other: a → a: ddv.yaml:1:3',
    hint: /'a' reads made\/p\.yaml \(ddv\.yaml:3:7\)/,
  })
  const long = Array.from({ length: 50 }, (_, i) => stageOf(`s${i}`, { deps: [`o${(i + 49) % 50}`], outs: [`o${i}`] }))
  t.throws(() => buildGraph(long), { message: /s0 → s1 → .* → … \(50 in all\) → s0/ })
})

t.test('an output belongs to one stage', async t => {
  const one = stageOf('a', { outs: ['x'], line: 1 })
  const other = stageOf('b', { outs: ['x/y'], file: 'sub/ddv.yaml', line: 5 })
  for (const stages of [
    [one, other],
    [other, one],
  ])
    t.throws(() => buildGraph(stages), { code: 'bad-config', message: /'x\/y' of stage 'sub\/ddv.yaml:b' lies in 'x'/ })
  t.throws(() => build({ a: { outs: ['x', 'x'] } }), { code: 'bad-config' })
})

const dag = fc.array(fc.array(fc.nat(40), { maxLength: 4 }), { minLength: 1, maxLength: 40 }).map(rows =>
  rows.map((row, i) =>
    stageOf(`s${(i * 17) % 41}`, {
      outs: [`out/${i}`],
      deps: row.filter(other => other < i).map(other => `out/${other}${other % 2 === 0 ? '/part' : ''}`),
    }),
  ),
)

t.test('the order fits, and is the same however the stages come', async t => {
  fc.assert(
    fc.property(
      dag.chain(stages => fc.tuple(fc.constant(stages), fc.shuffledSubarray(stages, { minLength: stages.length }))),
      ([stages, shuffled]) => {
        const graph = buildGraph(stages)
        const seen = new Set<unknown>()
        for (const stage of graph.stages) {
          for (const other of upstreamOf(graph, stage)) if (!seen.has(other)) return false
          seen.add(stage)
        }
        const again = buildGraph(shuffled)
        return (
          seen.size === stages.length && graph.stages.map(stageAddress).join() === again.stages.map(stageAddress).join()
        )
      },
    ),
  )
  t.pass('for random graphs')
})

t.test('a part of a graph keeps its order and its own edges', async t => {
  const graph = build({ a: { outs: ['x'] }, b: { deps: ['x'], outs: ['y'] }, c: { deps: ['y', 'x'] } })
  const [a, , c] = graph.stages
  const part = restrictGraph(graph, new Set([a, c].flatMap(stage => stage ?? [])))
  t.same(
    part.stages.map(stage => stage.name),
    ['a', 'c'],
  )
  t.same(
    part.stages.map(stage => upstreamOf(part, stage).map(other => other.name)),
    [[], ['a']],
  )
})

t.test('ten thousand stages', async t => {
  const wide = Array.from({ length: 10_000 }, (_, i) =>
    stageOf(`w${i}`, {
      outs: [`data/out/${i}`],
      deps: ['code/a.py', `data/out/${Math.floor((i - 1) / 2)}/x`].slice(0, i === 0 ? 1 : 2),
    }),
  )
  const chain = Array.from({ length: 10_000 }, (_, i) =>
    stageOf(`c${i}`, { outs: [`o${i}`], deps: i === 0 ? [] : [`o${i - 1}`] }),
  )
  for (const stages of [wide, chain]) {
    const started = performance.now()
    t.equal(buildGraph(stages).stages.length, 10_000)
    const took = performance.now() - started
    t.ok(took < 2000, `${Math.round(took)} ms`)
  }
})
