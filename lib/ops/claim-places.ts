// Before a stage makes anything: its outs may not lie where a pointer's data is or git's, and git is to ignore them before
// they are there.

import { join } from 'node:path'
import { DdvError } from '../core/errors.js'
import type { Control } from '../core/events.js'
import { type Out, type Stage, stageAddress } from '../core/stage.js'
import { displayPath, isWithin, type TreePath } from '../core/tree-path.js'
import { trackedAmong } from '../git/git-index.js'
import type { Graph } from '../pipeline/graph.js'
import { openInside } from '../sys/inside.js'
import { coveringOutput, listOutputs, pointerPath } from '../workspace/pointers.js'
import { withWorkspaceLock } from './locked.js'
import type { Project } from './project.js'
import type { Turns } from './turns.js'
import { ignoreOutputs } from './write-pointers.js'

export interface ClaimOptions extends Control {
  readonly turns: Turns
}

/** Asks git once for all stages, when the first of them is about to be made. Throws `refused` for a stage that may not. */
export function claimPlaces(
  project: Project,
  graph: Graph,
  { turns, signal }: ClaimOptions,
): (stage: Stage) => Promise<void> {
  let asked: Promise<ReadonlySet<string>> | undefined
  const outs = graph.stages.flatMap(stage => stage.outs.filter(({ cache }) => cache))
  const claimAll = async (): Promise<ReadonlySet<string>> => {
    const tracked = await trackedOuts(project, outs)
    const free = outs.map(({ path }) => path).filter(path => !tracked.has(path))
    const inside = openInside(project.workspace.root)
    for (const path of free) inside.pathWithParents(path) // its ignore file stands beside it
    await turns.run(() =>
      withWorkspaceLock(project, { signal }, locked => ignoreOutputs(project, { outputs: free, locks: [] }, locked)),
    )
    return tracked
  }
  return async stage => {
    refuseOverlap(project, stage)
    asked ??= claimAll()
    const tracked = await asked
    const taken = stage.outs.find(({ path, cache }) => cache && tracked.has(path))
    if (taken !== undefined)
      throw refusal(stage, taken, {
        problem: 'is tracked by git already',
        hint: `take it out of git's index: git rm -r --cached '${displayPath(taken.path)}'; or let git keep it: cache: false`,
      })
  }
}

/** Those of which git has something. */
async function trackedOuts({ git, workspace }: Project, outs: readonly Out[]): Promise<ReadonlySet<TreePath>> {
  if (git === undefined || outs.length === 0) return new Set()
  const files = new Map(outs.map(({ path }) => [join(workspace.root, path), path]))
  const found = await trackedAmong(git, [...files.keys()])
  const relative = (file: string): string => file.slice(workspace.root.length + 1)
  return new Set(
    outs.flatMap(({ path }) =>
      found.some(file => isWithin(relative(join(git.root, file)) as TreePath, path)) ? [path] : [],
    ),
  )
}

function refuseOverlap({ workspace, ignore }: Project, stage: Stage): void {
  for (const out of stage.outs) {
    const covering = coveringOutput(workspace.root, out.path)
    const other = covering ?? listOutputs(workspace.root, ignore, out.path)[0]
    if (other === undefined) continue
    throw refusal(stage, out, {
      problem: `is under ddv by a pointer already (${displayPath(pointerPath(other))})`,
      hint: `'ddv remove ${displayPath(other)}' gives it to the stage; or let the stage write elsewhere`,
    })
  }
}

interface Refusal {
  readonly problem: string
  readonly hint: string
}

function refusal(stage: Stage, { path, position }: Out, { problem, hint }: Refusal): DdvError {
  const { file, line, column } = position
  const place = `${displayPath(file)}:${line}:${column}`
  return new DdvError('refused', `an out of '${stageAddress(stage)}' ${problem}: ${displayPath(path)} (${place})`, {
    hint,
  })
}
