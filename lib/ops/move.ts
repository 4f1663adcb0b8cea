// `move`: renames data, pointer and ignore line together.

import { lstatSync, renameSync } from 'node:fs'
import { join, relative, sep } from 'node:path'
import { DdvError, systemCode } from '../core/errors.js'
import type { Control } from '../core/events.js'
import { isFilename } from '../core/pointer.js'
import { basename, displayPath, isWithin, parseTreePath, type TreePath } from '../core/tree-path.js'
import { syncDirectory } from '../sys/fs.js'
import { openInside } from '../sys/inside.js'
import { removeFile } from '../workspace/materialize.js'
import { moveAcross, removeWhole } from '../workspace/move-across.js'
import {
  coveringOutput,
  findPointer,
  isPointerPath,
  maxOutputName,
  pointerPath,
  skippedParent,
} from '../workspace/pointers.js'
import { toTreePath } from '../workspace/workspace.js'
import { readContent, scanOf } from './compare.js'
import { withWorkspaceLock } from './locked.js'
import { listAll, stageOutAt } from './outputs.js'
import { refuseInProduction } from './production.js'
import type { Project } from './project.js'
import { refuseStageOut } from './refuse-stage-out.js'
import { namedOutputs } from './remove.js'
import { forgetInGit, writePointers } from './write-pointers.js'

export interface MoveOptions extends Control {
  readonly cwd: string
}

export interface MoveResult {
  readonly from: TreePath
  readonly to: TreePath
}

/** A directory as the goal takes the output into it, as `mv` does. */
export function move(project: Project, from: string, to: string, options: MoveOptions): Promise<MoveResult> {
  refuseInProduction(project.config, 'move')
  const [source, ...others] = namedOutputs(project, [from], options.cwd)
  if (source === undefined || others.length > 0)
    throw new DdvError('usage', `names more than one output: ${displayPath(from)}`, { hint: 'move one at a time' })
  return withWorkspaceLock(project, options, async locked => {
    const goal = goalOf(project, source, to, options.cwd)
    const pointer = findPointer(project.workspace.root, source)
    if (pointer === undefined) throw new DdvError('changed', `pointer vanished: ${displayPath(source)}.ddv`)
    const inside = openInside(project.workspace.root)
    const [oldData, newData] = [inside.path(source), inside.pathWithParents(goal)]
    if (isThere(oldData) && isOnOther(oldData, join(oldData, '..')))
      throw new DdvError('refused', `is a mount point, which cannot be moved: ${displayPath(source)}`)
    // The new pointer first: cut before the data moved, 'checkout' makes the new data from the cache; nothing is lost.
    await writePointers(project, [{ output: goal, pointer: { ...pointer, filename: basename(goal) } }], locked)
    if (isThere(newData) && isThere(oldData)) {
      // The same move, cut off when all was on the other file system and the old data still here.
      const isMoved = isOnOther(oldData, newData) && (await isSameContent(project, [source, goal], options))
      if (!isMoved)
        throw new DdvError('would-lose-data', `is there already: ${displayPath(goal)}`, {
          hint: 'move or remove it first',
        })
      removeWhole(oldData)
    }
    if (isThere(oldData)) await moveData(project, [oldData, newData], options)
    syncDirectory(join(newData, '..'))
    project.index().forget(source)
    await forgetInGit(project, [source])
    // The old pointer last: as long as it is there the same command goes on.
    removeFile(inside.path(pointerPath(source)))
    return { from: source, to: goal }
  })
}

async function moveData({ cache, pool }: Project, [from, to]: Pair<string>, { signal }: Control): Promise<void> {
  try {
    renameSync(from, to)
  } catch (error) {
    if (systemCode(error) !== 'EXDEV') throw error
    await moveAcross(from, to, { mode: cache.fsync, pool, signal })
  }
}

type Pair<T> = readonly [from: T, to: T]

const isOnOther = (a: string, b: string): boolean => lstatSync(a).dev !== lstatSync(b).dev

async function isSameContent(project: Project, pair: Pair<TreePath>, control: Control): Promise<boolean> {
  const [a, b] = await Promise.all(
    pair.map(async output => {
      const scan = await scanOf(project, output, control)
      if (scan === undefined || scan.problems.length > 0) return undefined
      const content = await readContent(project, output, scan, control)
      return content.unreadable.length > 0 ? undefined : content
    }),
  )
  return a !== undefined && b !== undefined && a.kind === b.kind && a.summary.hash === b.summary.hash
}

const isThere = (path: string): boolean => lstatSync(path, { throwIfNoEntry: false }) !== undefined

function goalOf(project: Project, source: TreePath, typed: string, cwd: string): TreePath {
  const { workspace } = project
  const path = toTreePath(workspace, typed, cwd)
  const stat = lstatSync(join(workspace.root, path), { throwIfNoEntry: false })
  const tracked = path !== '' && coveringOutput(workspace.root, path) === path
  const into = stat?.isDirectory() === true && !tracked
  const goal = into ? parseTreePath(path === '' ? basename(source) : `${path}/${basename(source)}`) : path
  if (goal === '') throw new DdvError('usage', `not a place for data: ${displayPath(typed)}`)
  refuseGoal(project, source, goal)
  return goal
}

function refuseGoal(project: Project, source: TreePath, goal: TreePath): void {
  const { cache } = project
  const { root } = project.workspace
  const covering = coveringOutput(root, goal)
  if (covering !== undefined && covering !== goal)
    throw new DdvError('usage', `lies inside the output ${displayPath(covering)}: ${displayPath(goal)}`)
  refuseStageOut(stageOutAt(listAll(project), goal), goal)
  if (isWithin(goal, source)) throw new DdvError('usage', `lies inside what is to be moved: ${displayPath(goal)}`)
  if (!isFilename(basename(goal)) || isPointerPath(goal) || Buffer.byteLength(basename(goal)) > maxOutputName)
    throw new DdvError('bad-path', `not a name for an output: ${displayPath(goal)}`)
  if (skippedParent(goal) !== undefined)
    throw new DdvError('refused', `lies where ddv looks for no outputs: ${displayPath(goal)}`)
  if (isWithin(goal, relative(root, cache.root).split(sep).join('/') as TreePath))
    throw new DdvError('refused', `lies in ddv's own cache: ${displayPath(goal)}`)
  const isThere = (path: TreePath): boolean => lstatSync(join(root, path), { throwIfNoEntry: false }) !== undefined
  // The same move, cut off before its end, goes on.
  const resumed = covering === goal && findPointer(root, goal)?.hash === findPointer(root, source)?.hash
  if (resumed && !(isThere(source) && isThere(goal) && !isOnOther(join(root, source), join(root, goal)))) return
  const there = [goal, pointerPath(goal)].find(isThere)
  if (there !== undefined)
    throw new DdvError('would-lose-data', `is there already: ${displayPath(there)}`, {
      hint: 'move or remove it first',
    })
}
