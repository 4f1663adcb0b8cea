// `stage list`: what `ddv.yaml` describes, in an order in which each stage comes after all that it needs.

import type { Control } from '../core/events.js'
import type { Position } from '../core/located.js'
import { type Action, type Stage, stageAddress } from '../core/stage.js'
import type { TreePath } from '../core/tree-path.js'
import { ParamFiles } from './param-files.js'
import { requirePipeline, selectTyped, warnOfPipeline } from './pipeline.js'
import type { Project } from './project.js'

export interface ListedStage {
  /** As it is named on the command line. */
  readonly stage: string
  readonly position: Position
  readonly action: Action
  readonly deps: readonly TreePath[]
  readonly outs: readonly TreePath[]
  readonly description?: string
  readonly frozen?: true
  readonly only?: 'development' | 'production'
}

/** The targets alone, or all stages. Throws as `repro` for targets. */
export function listStages(
  project: Project,
  targets: readonly string[],
  { cwd, onEvent }: Control & { readonly cwd: string },
): readonly ListedStage[] {
  const pipeline = requirePipeline(project, new ParamFiles(project))
  warnOfPipeline(pipeline, { onEvent })
  return selectTyped(project, pipeline, { targets, cwd, reach: 'single' }).stages.map(listed)
}

function listed(stage: Stage): ListedStage {
  const { position, action, deps, outs, description, frozen, only } = stage
  return {
    ...{ stage: stageAddress(stage), position, action },
    deps: deps.map(({ path }) => path),
    outs: outs.map(({ path }) => path),
    ...(description !== undefined && { description }),
    ...(frozen && { frozen }),
    ...(only !== undefined && { only }),
  }
}
