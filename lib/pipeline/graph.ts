// Which stage waits for which: whoever reads what another writes. Paths meet where they are equal and where one holds the
// other, found by walking up from each path, so that thousands of stages cost no comparison of each with each.

import { DdvError } from '../core/errors.js'
import { atPlace } from '../core/located.js'
import { checkOuts } from '../core/out-checks.js'
import { type Dependency, type Stage, stageAddress, writtenBy } from '../core/stage.js'
import { compareUtf8, dirname, displayPath, isWithin, type TreePath } from '../core/tree-path.js'

export interface Graph {
  /** Each after all that it reads from; the same for the same stages, in whatever order they were given. */
  readonly stages: readonly Stage[]
  /** Whose outs a stage reads, directly; in the graph's order. Of stages of this graph alone. */
  readonly upstream: ReadonlyMap<Stage, readonly Stage[]>
  readonly downstream: ReadonlyMap<Stage, readonly Stage[]>
}

/** Throws `bad-config` where outs overlap (`checkOuts`) and where stages wait for each other. */
export function buildGraph(stages: readonly Stage[]): Graph {
  const sorted = sortByAddress(stages)
  checkOuts(sorted)
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
  const byPath = new Map<TreePath, Stage>()
  const below = new Map<TreePath, Set<Stage>>()
  for (const stage of stages)
    for (const { path } of writtenBy(stage)) {
      byPath.set(path, stage)
      for (const directory of ancestors(path)) {
        const here = below.get(directory)
        if (here === undefined) below.set(directory, new Set([stage]))
        else here.add(stage)
      }
    }
  return { byPath, below }
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

const whereOf = ({ position }: Pick<Dependency, 'position'>): string => atPlace(position.file, position)

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
    return `'${displayPath(stageAddress(stage))}' reads ${displayPath(path)} (${whereOf({ position })})`
  })
  const text = [...shown, names[0]].join(' → ')
  return new DdvError('bad-config', `stages wait for each other: ${text}: ${whereOf(ring[0] as Stage)}`, {
    hint: `${readings.join(', ')}: one of them has to go`,
  })
}

/** The input through which `reader` waits for `writer`. */
function meeting(writer: Stage, reader: Stage): Dependency {
  const found = inputsOf(reader).find(({ path }) =>
    writtenBy(writer).some(out => isWithin(path, out.path) || isWithin(out.path, path)),
  )
  return found ?? { path: reader.file, position: reader.position }
}
