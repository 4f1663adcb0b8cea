// What `add` will do, and every reason not to, before anything is read or written.

import { lstatSync, readdirSync } from 'node:fs'
import { join, sep } from 'node:path'
import { nearest } from '../core/did-you-mean.js'
import { DdvError, systemCode } from '../core/errors.js'
import { isFilename, pointerSuffix } from '../core/pointer.js'
import { basename, dirname, displayPath, isWithin, type TreePath } from '../core/tree-path.js'
import { trackedAmong } from '../git/git-index.js'
import { openInside } from '../sys/inside.js'
import { expandGlob, isGlob } from '../workspace/glob.js'
import {
  coveringOutput,
  findPointer,
  isPointerPath,
  maxOutputName,
  outputOfPointer,
  skippedParent,
} from '../workspace/pointers.js'
import { rulesAbove } from '../workspace/scan.js'
import { toTreePath } from '../workspace/workspace.js'
import { loadEntries } from './entries.js'
import { findCovering, type LazyOutputs, lazyOutputs, stageOutAt, targetsBelow } from './outputs.js'
import type { Project } from './project.js'
import { refuseCache } from './refuse-cache.js'
import { refuseStageOut } from './refuse-stage-out.js'
import { unlessSettled } from './settled.js'
import { type Target, toTarget, withoutCovered } from './targets.js'

/** Throws for the first target that cannot be added; then nothing was changed. */
export async function planAdd(project: Project, typed: readonly string[], cwd: string): Promise<Target[]> {
  if (typed.length === 0)
    throw new DdvError('usage', 'nothing to add was named', { hint: `such as 'ddv add data/raw/x.csv'` })
  const lazy = lazyOutputs(project)
  const paths = typed.flatMap(text => expand(text, cwd)).map(text => toDataPath(project, text, cwd))
  const targets = withoutCovered(paths.map(path => planTarget(project, path, lazy)))
  for (const target of targets) refuseOverlap(project, targets, target)
  await refuseTracked(project, targets)
  return targets
}

function expand(typed: string, cwd: string): string[] {
  if (!isGlob(typed) || lstatSync(join(cwd, typed), { throwIfNoEntry: false }) !== undefined) return [typed]
  const found = expandGlob(typed, cwd).filter(path => !isDdvFile(path))
  // A directory that matches brings what is in it; its files must not become outputs of their own.
  const matched = found.filter(path => !found.some(other => path.startsWith(`${other}${sep}`)))
  if (matched.length > 0) return matched
  throw new DdvError('usage', `no file or directory matches: ${displayPath(typed)}`)
}

const isDdvFile = (path: string): boolean =>
  isPointerPath(path) || /[/\\]\.(gitignore|gitattributes|ddvignore)$/.test(path)

function toDataPath(project: Project, typed: string, cwd: string): TreePath {
  const { workspace, ignore } = project
  const path = toTreePath(workspace, typed, cwd)
  if (path === '')
    throw new DdvError('usage', 'the workspace as a whole cannot be added', { hint: 'name the data directories in it' })
  const absolute = openInside(workspace.root).path(path)
  if (isPointerPath(path) && coveringOutput(workspace.root, outputOfPointer(path)) !== undefined)
    return toDataPath(project, outputOfAbsolute(absolute), cwd)
  refuseStageOut(findCovering(project, path)?.stage, path)
  const stat = lstatSync(absolute, { throwIfNoEntry: false })
  if (stat === undefined && isDeletedPart(project, path)) return path
  if (stat === undefined) throw absentError(project, path)
  if (stat.isSymbolicLink())
    throw new DdvError('refused', `is a symbolic link: ${displayPath(path)}`, { hint: 'add what it leads to' })
  if (rulesAbove(path, ignore).ignores(path, stat.isDirectory()))
    throw new DdvError('refused', `is ignored by .ddvignore: ${displayPath(path)}`)
  refuseCache(project, path)
  return path
}

const outputOfAbsolute = (absolute: string): string => outputOfPointer(absolute as TreePath)

// Gone from the workspace, and still a row of its directory: to add it is to take that row out.
function isDeletedPart(project: Project, path: TreePath): boolean {
  const { root } = project.workspace
  const output = coveringOutput(root, path)
  if (output === undefined || output === path) return false
  if (lstatSync(join(root, output), { throwIfNoEntry: false })?.isDirectory() !== true) return false
  const pointer = findPointer(root, output)
  const { within } = toTarget(output, path)
  return pointer?.kind === 'directory' && loadEntries(project, output, pointer).some(row => isWithin(row.path, within))
}

function absentError(project: Project, path: TreePath): DdvError {
  const { root } = project.workspace
  const guess = nearestBeside(root, path)
  const near = guess === undefined ? {} : { hint: `did you mean '${displayPath(guess)}'?` }
  const details =
    coveringOutput(root, path) === path
      ? { hint: `'ddv checkout' brings it back, 'ddv remove' stops tracking it` }
      : near
  return new DdvError('usage', `no such file or directory: ${displayPath(path)}`, details)
}

/** What is there under a name like this; undefined also where the directory cannot be read. */
function nearestBeside(root: string, path: TreePath): string | undefined {
  const parent = dirname(path)
  try {
    const names = readdirSync(join(root, parent)).filter(name => !name.endsWith(pointerSuffix))
    const guess = nearest(basename(path), names)
    return guess === undefined || parent === '' ? guess : `${parent}/${guess}`
  } catch (error) {
    if (systemCode(error) === undefined) throw error
    return undefined
  }
}

function planTarget(project: Project, path: TreePath, lazy: LazyOutputs): Target {
  const covering = coveringOutput(project.workspace.root, path)
  if (covering !== undefined) return toTarget(covering, path)
  const skipped = skippedParent(path)
  if (skipped !== undefined)
    throw new DdvError('refused', `lies in '${skipped}', where ddv looks for no outputs: ${displayPath(path)}`, {
      hint: 'move it to a place of its own first',
    })
  if (!isFilename(basename(path)))
    throw new DdvError('bad-path', `a name with control characters cannot be an output: ${displayPath(path)}`, {
      hint: 'track the directory that holds it instead',
    })
  if (Buffer.byteLength(basename(path)) > maxOutputName)
    throw new DdvError('bad-path', `name is too long to stand before .ddv: ${displayPath(path)}`, {
      hint: 'track the directory that holds it instead',
    })
  refuseStageOut(stageOutAt(lazy.all(), path), path)
  const [inside] = targetsBelow(project, path, lazy)
  if (inside !== undefined)
    throw new DdvError('refused', `holds other outputs (${displayPath(inside.output)}): ${displayPath(path)}`, {
      hint: `name the outputs to bring them up to date: ddv add '${displayPath(inside.output)}' …`,
    })
  return { output: path, within: '' }
}

function refuseOverlap(project: Project, targets: readonly Target[], { output }: Target): void {
  const parent = targets.find(other => other.output !== output && isWithin(output, other.output))
  if (parent === undefined) return
  const hint = `add one of the two: ${join(project.workspace.root, parent.output)} holds the other`
  throw new DdvError('usage', `lies inside another target: ${displayPath(output)}`, { hint })
}

async function refuseTracked(project: Project, targets: readonly Target[]): Promise<void> {
  const { git, workspace } = project
  if (git === undefined) return
  const outputs = targets.map(({ output }) => ({ key: `u/${output}`, files: [], path: join(workspace.root, output) }))
  await unlessSettled(project, outputs, async open => {
    const paths = open.map(({ path }) => path)
    const tracked = await trackedAmong(git, paths)
    if (tracked.length > 0) throw trackedError(tracked)
  })
}

function trackedError(tracked: readonly string[]): DdvError {
  const first = displayPath(tracked[0] as string)
  const more = tracked.length > 1 ? ` and ${tracked.length - 1} more` : ''
  return new DdvError('refused', `is tracked by git already: ${first}${more}`, {
    hint: `take it out of git's index first: git rm -r --cached '${first}'`,
  })
}
