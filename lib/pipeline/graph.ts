// Which stage waits for which: whoever reads what another writes. Paths meet where they are equal and where one holds the
// other, found by walking up from each path, so that thousands of stages cost no comparison of each with each.

import { DdvError } from '../core/errors.js'
import { type Dependency, type Out, type Position, type Stage, stageAddress } from '../core/stage.js'
import { compareUtf8, dirname, displayPath, isWithin, type TreePath } from '../core/tree-path.js'

export interface Graph {
  /** Each after all that it reads from; the same for the same stages, in whatever order they were given. */
  readonly stages: readonly Stage[]
  /** Whose outs a stage reads, directly; in the graph's order. Of stages of this graph alone. */
  readonly upstream: ReadonlyMap<Stage, readonly Stage[]>
  readonly downstream: ReadonlyMap<Stage, readonly Stage[]>
}

/** Throws `bad-config` where two outs overlap and where stages wait for each other. */
export function buildGraph(stages: readonly Stage[]): Graph {
  const sorted = sortByAddress(stages)
  const writers = findWriters(sorted)
  return graphOf(inOrder(sorted, new Map(sorted.map(stage => [stage, writersRead(stage, writers)]))))
}

/** The part of a graph that holds only these stages; what lies between two of them orders them no more. */
export function restrictGraph(graph: Graph, kept: ReadonlySet<Stage>): Graph {
  const upstream = new Map<Stage, readonly Stage[]>()
  for (const stage of graph.stages)
    if (kept.has(stage))
      upstream.set(
        stage,
        upstreamOf(graph, stage).filter(other => kept.has(other)),
      )
  return graphOf(upstream)
}

export const upstreamOf = (graph: Graph, stage: Stage): readonly Stage[] => graph.upstream.get(stage) ?? []
export const downstreamOf = (graph: Graph, stage: Stage): readonly Stage[] => graph.downstream.get(stage) ?? []

/** Everything that a stage reads and another may write: its deps and the files of its params. */
export const inputsOf = ({ deps, params }: Stage): readonly Dependency[] => [
  ...deps,
  ...params.map(({ file, position }) => ({ path: file, position })),
]

type Upstream = ReadonlyMap<Stage, readonly Stage[]>

function sortByAddress(stages: readonly Stage[]): Stage[] {
  const addresses = new Map(stages.map(stage => [stage, stageAddress(stage)]))
  const addressOf = (stage: Stage): string => addresses.get(stage) as string
  return [...stages].sort((a, b) => compareUtf8(addressOf(a), addressOf(b)))
}

// The keys of `upstream` are in the graph's order.
function graphOf(upstream: Upstream): Graph {
  const places = new Map([...upstream.keys()].map((stage, place) => [stage, place]))
  const placeOf = (stage: Stage): number => places.get(stage) as number
  const downstream = new Map<Stage, Stage[]>([...upstream.keys()].map(stage => [stage, []]))
  for (const [stage, others] of upstream) for (const other of others) downstream.get(other)?.push(stage)
  return {
    stages: [...upstream.keys()],
    upstream: new Map(
      [...upstream].map(([stage, others]) => [stage, others.toSorted((a, b) => placeOf(a) - placeOf(b))]),
    ),
    downstream,
  }
}

interface Writers {
  readonly byPath: ReadonlyMap<TreePath, Stage>
  /** For each directory above an out: who writes below it. */
  readonly below: ReadonlyMap<TreePath, ReadonlySet<Stage>>
}

function findWriters(stages: readonly Stage[]): Writers {
  const outs = new Map<TreePath, { readonly stage: Stage; readonly out: Out }>()
  for (const stage of stages)
    for (const out of stage.outs) {
      const other = outs.get(out.path)
      if (other !== undefined) throw overlap({ stage, out }, other)
      outs.set(out.path, { stage, out })
    }
  const below = new Map<TreePath, Set<Stage>>()
  for (const inner of outs.values())
    for (const directory of ancestors(inner.out.path)) {
      const outer = outs.get(directory)
      if (outer !== undefined) throw overlap(inner, outer)
      const here = below.get(directory)
      if (here === undefined) below.set(directory, new Set([inner.stage]))
      else here.add(inner.stage)
    }
  return { byPath: new Map([...outs].map(([path, { stage }]) => [path, stage])), below }
}

/** The directories that a path lies in, nearest first; not the workspace itself. */
export function* ancestors(path: TreePath): Iterable<TreePath> {
  for (let at = dirname(path); at !== ''; at = dirname(at)) yield at
}

function writersRead(stage: Stage, { byPath, below }: Writers): readonly Stage[] {
  const found = new Set<Stage>()
  for (const { path } of inputsOf(stage)) {
    for (const at of [path, ...ancestors(path)]) {
      const writer = byPath.get(at)
      if (writer !== undefined) found.add(writer)
    }
    for (const writer of below.get(path) ?? []) found.add(writer)
  }
  return [...found]
}

interface Written {
  readonly stage: Stage
  readonly out: Out
}

function overlap(a: Written, b: Written): DdvError {
  const [first, second] = [a, b].toSorted((x, y) => comparePositions(x.out.position, y.out.position)) as [
    Written,
    Written,
  ]
  const [one, two] = [first, second].map(({ stage }) => displayPath(stageAddress(stage)))
  const who = one === two ? `'${one}' writes twice` : `'${one}' and '${two}' both write`
  const what =
    first.out.path === second.out.path
      ? displayPath(first.out.path)
      : `${displayPath(first.out.path)} and ${displayPath(second.out.path)}, of which one holds the other`
  return new DdvError('bad-config', `${who} ${what}: ${positionText(second.out.position)}`, {
    hint: `the other is at ${positionText(first.out.position)}: each output belongs to one stage`,
  })
}

const comparePositions = (a: Position, b: Position): number =>
  compareUtf8(a.file, b.file) || a.line - b.line || a.column - b.column

const positionText = ({ file, line, column }: Position): string => `${displayPath(file)}:${line}:${column}`

// A search in depth from each stage in turn, without recursion: chains of stages are as long as people make them.
function inOrder(stages: readonly Stage[], upstream: Upstream): Upstream {
  const placed = new Map<Stage, readonly Stage[]>()
  const entered = new Set<Stage>()
  for (const start of stages) {
    const trail: { readonly stage: Stage; readonly rest: Iterator<Stage> }[] = []
    const enter = (stage: Stage): void => {
      entered.add(stage)
      trail.push({ stage, rest: (upstream.get(stage) ?? []).values() })
    }
    if (!entered.has(start)) enter(start)
    for (let top = trail.at(-1); top !== undefined; top = trail.at(-1)) {
      const next = top.rest.next()
      if (next.done === true) {
        placed.set(top.stage, upstream.get(top.stage) ?? [])
        trail.pop()
      } else if (!entered.has(next.value)) enter(next.value)
      else if (!placed.has(next.value)) {
        const at = trail.findIndex(({ stage }) => stage === next.value)
        throw cycle(trail.slice(at).map(({ stage }) => stage))
      }
    }
  }
  return placed
}

/** So many stages of a cycle are named. */
const maxNamed = 8

// Each of `stages` reads from the next, and the last from the first.
function cycle(stages: readonly Stage[]): DdvError {
  const forward = stages.toReversed()
  // From the smallest name on, so that the same cycle is always told in the same way.
  const first = forward.indexOf(sortByAddress(forward)[0] as Stage)
  const ring = [...forward.slice(first), ...forward.slice(0, first)]
  const names = ring.map(stage => displayPath(stageAddress(stage)))
  const shown = names.length <= maxNamed ? names : [...names.slice(0, maxNamed - 1), `… (${names.length} in all)`]
  const readings = ring.slice(0, maxNamed).map((stage, i) => {
    const { path, position } = meeting(ring.at(i - 1) as Stage, stage)
    return `'${displayPath(stageAddress(stage))}' reads ${displayPath(path)} (${positionText(position)})`
  })
  const text = [...shown, names[0]].join(' → ')
  return new DdvError(
    'bad-config',
    `stages wait for each other: ${text}: ${positionText((ring[0] as Stage).position)}`,
    {
      hint: `${readings.join(', ')}: one of them has to go`,
    },
  )
}

/** The input through which `reader` waits for `writer`. */
function meeting(writer: Stage, reader: Stage): Dependency {
  const found = inputsOf(reader).find(({ path }) =>
    writer.outs.some(out => isWithin(path, out.path) || isWithin(out.path, path)),
  )
  return found ?? { path: reader.file, position: reader.position }
}
