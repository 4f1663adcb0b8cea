// Everything under ddv in the workspace: what pointers name, and what stages made by their locks.

import type { DdvError } from '../core/errors.js'
import { compareUtf8, isWithin, type TreePath } from '../core/tree-path.js'
import { coveringOut, type LockedOuts, locksAbove, type Settled, type StageOut, settle } from '../workspace/locks.js'
import { coveringOutput, listOutputs, walkOutputs } from '../workspace/pointers.js'
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
  return coveringIn(settle(pointer === undefined ? [] : [pointer], locks), path)
}

export function coveringIn({ pointers, outs, problems }: Settled, path: TreePath): Output | undefined {
  const pointer = pointers.find(output => isWithin(path, output))
  if (pointer !== undefined) return { output: pointer, within: '' }
  const stage = coveringOut(outs, path)
  if (stage !== undefined) return { output: stage.path, within: '', stage }
  for (const [output, problem] of problems) if (isWithin(path, output)) return { output, within: '', problem }
  return undefined
}

/** Remembers one walk for as long as one command asks the same workspace. */
export function lazyOutputs(project: Project): () => Outputs {
  let outputs: Outputs | undefined
  return () => {
    outputs ??= listAll(project)
    return outputs
  }
}

/** At or below the path; for one that the walk leaves out, such as a directory that is ignored, the pointers there. */
export function targetsBelow(project: Project, path: TreePath | '', all: Outputs): Output[] {
  const found = path === '' ? outputTargets(all) : outputTargets(all).filter(({ output }) => isWithin(output, path))
  if (found.length > 0 || path === '') return found
  return listOutputs(project.workspace.root, project.ignore, path).map(output => ({ output, within: '' }))
}

/** The stage whose output this is, or in whose output it lies, or which has one below it: git's content too. */
export function stageOutAt({ outs, inGit }: Settled, path: TreePath): StageOut | undefined {
  const every = new Map([...inGit.map(one => [one.path, one] as const), ...outs])
  return coveringOut(every, path) ?? [...every.values()].find(one => isWithin(one.path, path))
}

/** Whether something under ddv goes by this path here. */
export const isCovered = (project: Project, path: TreePath): boolean =>
  findCovering(project, path) !== undefined || coveringIn(listAll(project), path) !== undefined
