// From what a person typed to the outputs that are meant.

import { lstatSync } from 'node:fs'
import { join } from 'node:path'
import { DdvError } from '../core/errors.js'
import { pointerOfOut } from '../core/lockfile.js'
import type { Pointer } from '../core/pointer.js'
import { displayPath, isWithin, type TreePath } from '../core/tree-path.js'
import { expandGlob, globMatcher, isGlob } from '../workspace/glob.js'
import { isLockPath, type StageOut } from '../workspace/locks.js'
import { coveringOutput, findPointer, isPointerPath, outputOfPointer } from '../workspace/pointers.js'
import { toTreePath } from '../workspace/workspace.js'
import {
  coveringIn,
  findCovering,
  type LazyOutputs,
  lazyOutputs,
  listAll,
  outputTargets,
  targetsBelow,
} from './outputs.js'
import type { Project } from './project.js'

/** An output, or a part of a directory output. */
export interface Target {
  readonly output: TreePath
  /** Relative to the output; '' for the whole of it. */
  readonly within: TreePath | ''
  /** What the output is to be, where something else than the workspace's own pointers and locks says so: a revision. */
  readonly pointer?: Pointer
  /** The stage whose output it is, by the lock that counts. */
  readonly stage?: StageOut
  /** Why nobody can say what it is to be: two files name it, or a lock cannot be read, whose path it has then. */
  readonly problem?: DdvError
}

/** Whether the workspace's own pointers and locks say what it is to be, so that its data here is held against that. */
export const isOwn = ({ pointer }: Target): boolean => pointer === undefined

/** The pointer that counts, or what a lock says in a pointer's words. Throws `changed` where the workspace's is gone by now. */
export function pointerOf({ workspace }: Project, { output, pointer, stage, problem }: Target): Pointer {
  if (problem !== undefined) throw problem
  if (pointer !== undefined) return pointer
  if (stage !== undefined) return pointerOfOut(stage.path, stage.out)
  const found = findPointer(workspace.root, output)
  if (found === undefined) throw new DdvError('changed', `pointer vanished: ${displayPath(output)}.ddv`)
  return found
}

/** With the stage that made it, which knows whether its data is to be pushed. */
export const toNamed = (project: Project, target: Target) => ({
  path: target.output,
  pointer: pointerOf(project, target),
  ...(target.stage !== undefined && { stage: target.stage }),
})

export interface TargetOptions {
  /** What relative targets are relative to: absolute. */
  readonly cwd: string
}

/** The outputs under ddv that the targets name; all for no target. Sorted, each part once. Throws `usage` for what is not under ddv. */
export function findTargets(project: Project, typed: readonly string[], { cwd }: TargetOptions): Target[] {
  if (typed.length === 0) return outputTargets(listAll(project))
  const lazy = lazyOutputs(project)
  const found = typed.flatMap(text => findTarget(project, text, { cwd, lazy }))
  return withoutCovered(found)
}

interface Finding extends TargetOptions {
  readonly lazy: LazyOutputs
}

function findTarget(project: Project, typed: string, finding: Finding): readonly Target[] {
  const { cwd, lazy } = finding
  const { all } = lazy
  const { workspace } = project
  const path = toTreePath(workspace, typed, cwd)
  if (path !== '') {
    const covering = findCovering(project, path)
    if (covering !== undefined) return [partOf(covering, path)]
    const named = isPointerPath(path) ? outputOfPointer(path) : undefined
    if (named !== undefined && coveringOutput(workspace.root, named) === named) return [whole(named)]
    const elsewhere = coveringIn(all(), path)
    if (elsewhere !== undefined) return [partOf(elsewhere, path)]
  }
  const below = targetsBelow(project, path, lazy)
  if (below.length > 0) return below
  if (isGlob(typed)) {
    const pointers = expandGlob(`${typed}.ddv`, cwd)
    const stages = all().outs.size === 0 ? [] : stagesMatching(project, typed, finding)
    if (pointers.length + stages.length > 0)
      return [...pointers.flatMap(pointer => findTarget(project, pointer, finding)), ...stages]
  }
  const [unread] = [...all().problems].filter(([lock]) => isLockPath(lock))
  if (unread !== undefined) throw unread[1] // it may be what names this
  const exists = path === '' || lstatSync(join(workspace.root, path), { throwIfNoEntry: false }) !== undefined
  throw new DdvError('usage', `not under ddv: ${displayPath(typed)}`, {
    hint:
      exists && project.config.environment !== 'production'
        ? `track it with 'ddv add ${displayPath(typed)}'`
        : `'ddv status' lists what is under ddv`,
  })
}

/** Their data need not be there for a glob to match. */
function stagesMatching({ workspace }: Project, typed: string, { cwd, lazy }: Finding): Target[] {
  const matches = globMatcher(typed, cwd)
  return lazy.targets().filter(({ output, stage }) => stage !== undefined && matches(join(workspace.root, output)))
}

const whole = (output: TreePath): Target => ({ output, within: '' })

const partOf = (target: Target, path: TreePath): Target => ({ ...target, within: toTarget(target.output, path).within })

export const toTarget = (output: TreePath, path: TreePath): Target => ({
  output,
  within: path === output ? '' : (path.slice(output.length + 1) as TreePath),
})

/** Each output once, and as a whole. */
export const wholeOutputs = (targets: readonly Target[]): Target[] => [
  ...new Map(targets.map(target => [target.output, { ...target, within: '' as const }])).values(),
]

/** One entry an output or part; parts that a larger one covers are left out. */
export function withoutCovered(targets: readonly Target[]): Target[] {
  const byOutput = new Map<TreePath, Target[]>()
  for (const target of targets) {
    const others = byOutput.get(target.output) ?? []
    if (others.some(other => isWithin(target.within, other.within))) continue
    byOutput.set(target.output, [...others.filter(other => !isWithin(other.within, target.within)), target])
  }
  return [...byOutput.values()].flat()
}
