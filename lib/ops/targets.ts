// From what a person typed to the outputs that are meant.

import { lstatSync } from 'node:fs'
import { join } from 'node:path'
import { DdvError } from '../core/errors.js'
import type { Pointer } from '../core/pointer.js'
import { displayPath, isWithin, type TreePath } from '../core/tree-path.js'
import { expandGlob, isGlob } from '../workspace/glob.js'
import { coveringOutput, findPointer, isPointerPath, listOutputs, outputOfPointer } from '../workspace/pointers.js'
import { toTreePath } from '../workspace/workspace.js'
import type { Project } from './project.js'

/** An output, or a part of a directory output. */
export interface Target {
  readonly output: TreePath
  /** Relative to the output; '' for the whole of it. */
  readonly within: TreePath | ''
  /** What the output is to be, where another pointer than the workspace's counts: that of a revision. */
  readonly pointer?: Pointer
}

/** The pointer that counts. Throws `changed` where the workspace's is gone by now. */
export function pointerOf({ workspace }: Project, { output, pointer }: Target): Pointer {
  const found = pointer ?? findPointer(workspace.root, output)
  if (found === undefined) throw new DdvError('changed', `pointer vanished: ${displayPath(output)}.ddv`)
  return found
}

export interface TargetOptions {
  /** What relative targets are relative to: absolute. */
  readonly cwd: string
}

/** The outputs under ddv that the targets name; all for no target. Sorted, each part once. Throws `usage` for what is not under ddv. */
export function findTargets(project: Project, typed: readonly string[], { cwd }: TargetOptions): Target[] {
  const { workspace, ignore } = project
  if (typed.length === 0) return listOutputs(workspace.root, ignore).map(whole)
  const found = typed.flatMap(text => findTarget(project, text, cwd))
  return withoutCovered(found)
}

function findTarget(project: Project, typed: string, cwd: string): Target[] {
  const { workspace, ignore } = project
  const path = toTreePath(workspace, typed, cwd)
  if (path !== '') {
    const covering = coveringOutput(workspace.root, path)
    if (covering !== undefined) return [toTarget(covering, path)]
    const named = isPointerPath(path) ? outputOfPointer(path) : undefined
    if (named !== undefined && coveringOutput(workspace.root, named) === named) return [whole(named)]
  }
  const below = listOutputs(workspace.root, ignore, path)
  if (below.length > 0) return below.map(whole)
  if (isGlob(typed)) {
    const pointers = expandGlob(`${typed}.ddv`, cwd)
    if (pointers.length > 0) return pointers.flatMap(pointer => findTarget(project, pointer, cwd))
  }
  const exists = path === '' || lstatSync(join(workspace.root, path), { throwIfNoEntry: false }) !== undefined
  throw new DdvError('usage', `not under ddv: ${displayPath(typed)}`, {
    hint:
      exists && project.config.environment !== 'production'
        ? `track it with 'ddv add ${displayPath(typed)}'`
        : `'ddv status' lists what is under ddv`,
  })
}

const whole = (output: TreePath): Target => ({ output, within: '' })

export const toTarget = (output: TreePath, path: TreePath): Target => ({
  output,
  within: path === output ? '' : (path.slice(output.length + 1) as TreePath),
})

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
