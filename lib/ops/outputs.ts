// Everything under ddv in the workspace: what pointers name, and what stages made by their locks.

import type { DdvError } from '../core/errors.js'
import { compareUtf8, isWithin, type TreePath } from '../core/tree-path.js'
import { coveringOut, type LockedOuts, locksAbove, type Settled, type StageOut, settle } from '../workspace/locks.js'
import { coveringOutput, listOutputs, pointerPath, walkOutputs } from '../workspace/pointers.js'
import type { Project } from './project.js'

/** One of them as a whole: a target in the sense of targets.ts. */
export interface Output {
  readonly output: TreePath
  readonly within: ''
  readonly stage?: StageOut
  readonly problem?: DdvError
}

export interface Outputs extends Settled {
  readonly locks: readonly TreePath[]
}

/** By one walk through all that is not data. */
export function listAll({ workspace, ignore, locks }: Project): Outputs {
  const read: LockedOuts[] = []
  const walked = walkOutputs(workspace.root, ignore, {
    dataOf: lock => {
      const found = locks.find(lock)
      if (found === undefined) return []
      read.push(found)
      return found.outs.filter(({ out }) => out.cache).map(({ path }) => path)
    },
  })
  return { ...settle(walked.outputs, read), locks: walked.locks }
}

/** Each as a whole, sorted; what is wrong with one comes as a target that says so when its pointer is asked for. */
export const outputTargets = ({ pointers, outs, problems }: Settled): Output[] =>
  outs.size + problems.size === 0
    ? pointers.map(output => ({ output, within: '' }))
    : [
        ...pointers.map(output => ({ output, within: '' as const })),
        ...[...outs.values()].map(stage => ({ output: stage.path, within: '' as const, stage })),
        ...[...problems].map(([output, problem]) => ({ output, within: '' as const, problem })),
      ].sort((a, b) => compareUtf8(a.output, b.output))

/**
 * The output that the path is or lies in, as a whole, by the pointers on its way and the locks in the directories above;
 * undefined where these know none. A lock may also lie elsewhere: `listAll` finds it.
 */
export function findCovering(project: Project, path: TreePath): Output | undefined {
  const pointer = coveringOutput(project.workspace.root, path)
  const locks = locksAbove(path).flatMap(lock => project.locks.find(lock) ?? [])
  if (locks.length === 0) return pointer === undefined ? undefined : { output: pointer, within: '' }
  const alone = project.locks.settle(locks)
  const stage = coveringIn(alone, path)
  if (pointer === undefined) return stage
  const meets = stage !== undefined || alone.touched.has(pointer) || alone.touched.has(pointerPath(pointer))
  return meets ? coveringIn(settle([pointer], locks), path) : { output: pointer, within: '' }
}

export function coveringIn({ pointers, outs, problems }: Settled, path: TreePath): Output | undefined {
  const pointer = pointers.find(output => isWithin(path, output))
  if (pointer !== undefined) return { output: pointer, within: '' }
  const stage = coveringOut(outs, path)
  if (stage !== undefined) return { output: stage.path, within: '', stage }
  for (const [output, problem] of problems) if (isWithin(path, output)) return { output, within: '', problem }
  return undefined
}

export interface LazyOutputs {
  readonly all: () => Outputs
  readonly targets: () => readonly Output[]
}

/** Remembers one walk for as long as one command asks the same workspace. */
export function lazyOutputs(project: Project): LazyOutputs {
  let outputs: Outputs | undefined
  let targets: readonly Output[] | undefined
  const all = (): Outputs => {
    outputs ??= listAll(project)
    return outputs
  }
  return {
    all,
    targets: () => {
      targets ??= outputTargets(all())
      return targets
    },
  }
}

/** At or below the path; for one that the walk leaves out, such as a directory that is ignored, the pointers there. */
export function targetsBelow(project: Project, path: TreePath | '', { targets }: LazyOutputs): readonly Output[] {
  if (path === '') return targets()
  const found = startingWith(targets(), `${path}/`)
  if (found.length > 0) return found
  return listOutputs(project.workspace.root, project.ignore, path).map(output => ({ output, within: '' }))
}

/** Of a sorted list. */
function startingWith(sorted: readonly Output[], prefix: string): readonly Output[] {
  let [low, high] = [0, sorted.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if (compareUtf8((sorted[middle] as Output).output, prefix) < 0) low = middle + 1
    else high = middle
  }
  let end = low
  while (end < sorted.length && (sorted[end] as Output).output.startsWith(prefix)) end++
  return sorted.slice(low, end)
}

/** The stage whose output this is, or in whose output it lies, or which has one below it: git's content too. */
export function stageOutAt({ outs, inGit }: Settled, path: TreePath): StageOut | undefined {
  if (outs.size + inGit.length === 0) return undefined
  const meets = (one: StageOut): boolean => isWithin(path, one.path) || isWithin(one.path, path)
  return coveringOut(outs, path) ?? inGit.find(meets) ?? [...outs.values()].find(meets)
}

/** Whether something under ddv goes by this path here. */
export const isCovered = (project: Project, path: TreePath): boolean =>
  findCovering(project, path) !== undefined || coveringIn(listAll(project), path) !== undefined
