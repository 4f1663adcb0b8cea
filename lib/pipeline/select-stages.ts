// From what the user named to the part of the graph that is meant.

import { nearest } from '../core/did-you-mean.js'
import { DdvError } from '../core/errors.js'
import { groupOf, pipelineFileName, type Stage, stageAddress, writtenBy } from '../core/stage.js'
import { displayPath, type TreePath } from '../core/tree-path.js'
import { ancestors, downstreamOf, type Graph, restrictGraph, upstreamOf } from './graph.js'

/** `upstream`: the targets and all that they wait for. `downstream`: the targets and all that waits for them. */
export type Reach = 'upstream' | 'single' | 'downstream'

/**
 * The part of the graph that `targets` mean; all of it where there are none. A target is a stage's name (`train@a`), a
 * group (`train`, for all `train@…`), one of them behind its file (`sub/ddv.yaml:train`), a file (`sub/ddv.yaml`), or the
 * path of an output, of something inside one, or of a directory that holds some. Paths are relative to the workspace; one
 * that begins with `./` is never taken for a name. Throws `usage` for what is none of these, and for a name that several
 * files have while the workspace's own has not.
 */
export function selectStages(graph: Graph, targets: readonly string[], reach: Reach = 'upstream'): Graph {
  if (targets.length === 0) return graph
  const names = indexStages(graph.stages)
  const chosen = new Set(targets.flatMap(target => findTarget(names, target)))
  if (reach === 'single') return restrictGraph(graph, chosen)
  const next = reach === 'upstream' ? upstreamOf : downstreamOf
  const open = [...chosen]
  for (let stage = open.pop(); stage !== undefined; stage = open.pop())
    for (const other of next(graph, stage))
      if (!chosen.has(other)) {
        chosen.add(other)
        open.push(other)
      }
  return restrictGraph(graph, chosen)
}

interface Names {
  /** By address, by address of the group, and by file. */
  readonly exact: ReadonlyMap<string, readonly Stage[]>
  /** By name and by group, of all files but the workspace's own. */
  readonly bare: ReadonlyMap<string, readonly Stage[]>
  readonly outs: ReadonlyMap<string, Stage>
  readonly above: ReadonlyMap<string, readonly Stage[]>
}

function indexStages(stages: readonly Stage[]): Names {
  const [exact, bare, above] = [new Map<string, Stage[]>(), new Map<string, Stage[]>(), new Map<string, Stage[]>()]
  const outs = new Map<string, Stage>()
  for (const stage of stages) {
    const { file, name } = stage
    for (const text of new Set([name as string, groupOf(name)])) {
      push(exact, `${file}:${text}`, stage)
      push(file === pipelineFileName ? exact : bare, text, stage)
    }
    push(exact, file, stage)
    for (const { path } of writtenBy(stage)) {
      outs.set(path, stage)
      for (const directory of ancestors(path)) push(above, directory, stage)
    }
  }
  return { exact, bare, outs, above }
}

function push(map: Map<string, Stage[]>, key: string, stage: Stage): void {
  const known = map.get(key)
  if (known === undefined) map.set(key, [stage])
  else known.push(stage)
}

function findTarget(names: Names, target: string): readonly Stage[] {
  const byName = target.startsWith('./') ? undefined : (names.exact.get(target) ?? names.bare.get(target))
  const files = new Set(byName?.map(({ file }) => file))
  if (files.size > 1) throw ambiguous(target, byName ?? [])
  const path = target.replace(/^(\.\/+)+/, '').replace(/\/+$/, '')
  const found = byName ?? writersOf(names, path as TreePath)
  if (found === undefined) throw unknown(names, target)
  return found
}

// Text that is no tree path finds nothing here, and is never used as one.
function writersOf({ outs, above }: Names, path: TreePath): readonly Stage[] | undefined {
  for (const at of [path, ...ancestors(path)]) {
    const writer = outs.get(at)
    if (writer !== undefined) return [writer]
  }
  return above.get(path)
}

function ambiguous(target: string, stages: readonly Stage[]): DdvError {
  const addresses = stages.map(stage => displayPath(stageAddress(stage)))
  const shown = addresses.length > 5 ? [...addresses.slice(0, 5), '…'] : addresses
  return new DdvError('usage', `several files have a stage of this name: ${displayPath(target)}`, {
    hint: `name one of ${shown.join(', ')}`,
  })
}

// Most are names that somebody mistyped, not paths.
function unknown({ exact, bare, outs }: Names, target: string): DdvError {
  const name = target.replace(/^\.\/(?=.)/, '')
  const near = nearest(name, [...exact.keys(), ...bare.keys(), ...outs.keys()])
  return new DdvError('usage', `neither a stage nor an output of one: ${displayPath(name)}`, {
    hint: near === undefined ? `run 'ddv stage list'` : `did you mean '${displayPath(near)}'?`,
  })
}
