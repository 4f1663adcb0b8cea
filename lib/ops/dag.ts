// `dag`: the stages, or what they make, and what needs what. Read from `ddv.yaml` alone: nothing is run, nothing is hashed.

import type { Control } from '../core/events.js'
import { type Stage, stageAddress, writtenBy } from '../core/stage.js'
import { isWithin, type TreePath } from '../core/tree-path.js'
import { type Graph, inputsOf, upstreamOf } from '../pipeline/graph.js'
import { coveringOutput } from '../workspace/pointers.js'
import { ParamFiles } from './param-files.js'
import { requirePipeline, selectTyped, warnOfPipeline } from './pipeline.js'
import type { Project } from './project.js'

export interface DagOptions extends Control {
  readonly cwd: string
}

export interface StageNode {
  /** As it is named on the command line. */
  readonly stage: string
  readonly outs: readonly TreePath[]
  readonly deps: readonly TreePath[]
  /** Files of its params. */
  readonly params: readonly TreePath[]
  /** Stages of this graph whose outs it reads, directly. */
  readonly upstream: readonly string[]
}

export interface OutNode {
  readonly path: TreePath
  /** Which makes it; undefined for data under ddv that no stage makes. */
  readonly stage: string | undefined
  /** Paths of the nodes that it is made of. */
  readonly upstream: readonly TreePath[]
}

/** The targets with all that they wait for, or all stages; each after what it needs. Throws as `repro` for targets. */
export function stageNodes(project: Project, targets: readonly string[], options: DagOptions): readonly StageNode[] {
  const graph = select(project, targets, options)
  return graph.stages.map(stage => ({
    stage: stageAddress(stage),
    outs: writtenBy(stage).map(({ path }) => path),
    deps: stage.deps.map(({ path }) => path),
    params: stage.params.map(({ file }) => file),
    upstream: upstreamOf(graph, stage).map(stageAddress),
  }))
}

/** The same, told by what the stages make, and by the tracked data that they begin with. */
export function outNodes(project: Project, targets: readonly string[], options: DagOptions): readonly OutNode[] {
  const graph = select(project, targets, options)
  const tracked = new Map<TreePath, OutNode>()
  const written = new Set(graph.stages.flatMap(stage => writtenBy(stage).map(({ path }) => path)))
  const made = graph.stages.flatMap(stage => {
    const inputs = trackedInputs(project, stage).filter(path => !written.has(path))
    const upstream = [...inputs, ...outsRead(graph, stage)]
    for (const path of inputs) tracked.set(path, { path, stage: undefined, upstream: [] })
    return writtenBy(stage).map(({ path }) => ({ path, stage: stageAddress(stage), upstream: [...new Set(upstream)] }))
  })
  return [...tracked.values(), ...made]
}

function select(project: Project, targets: readonly string[], { cwd, onEvent }: DagOptions): Graph {
  const pipeline = requirePipeline(project, new ParamFiles(project))
  warnOfPipeline(pipeline, { onEvent })
  return selectTyped(project, pipeline, { targets, cwd, reach: 'upstream' })
}

const trackedInputs = ({ workspace }: Project, stage: Stage): readonly TreePath[] =>
  inputsOf(stage).flatMap(({ path }) => coveringOutput(workspace.root, path) ?? [])

function outsRead(graph: Graph, stage: Stage): readonly TreePath[] {
  const inputs = inputsOf(stage)
  const isRead = (out: TreePath): boolean => inputs.some(({ path }) => isWithin(path, out) || isWithin(out, path))
  return upstreamOf(graph, stage).flatMap(other =>
    writtenBy(other)
      .map(({ path }) => path)
      .filter(isRead),
  )
}
