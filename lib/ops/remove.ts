// `remove`: stop tracking. The data stays in the workspace unless told; its blobs stay in the cache in any case.

import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { DdvError } from '../core/errors.js'
import type { Control } from '../core/events.js'
import { isFileEntry, type ManifestEntry } from '../core/manifest.js'
import { dirname, displayPath, isWithin, joinTreePath, type TreePath } from '../core/tree-path.js'
import { syncDirectory, writeFileAtomic } from '../sys/fs.js'
import { type Inside, openInside } from '../sys/inside.js'
import { readRegular } from '../sys/read-stable.js'
import { removeFile, removeIfEmpty } from '../workspace/materialize.js'
import { coveringOutput, isPointerPath, outputOfPointer, pointerPath } from '../workspace/pointers.js'
import { asSeenIn } from '../workspace/stat-table.js'
import { ddvDirectory, toTreePath } from '../workspace/workspace.js'
import { lossError } from './checkout-plan.js'
import { contentEntries, readContent, scanOf } from './compare.js'
import { withWorkspaceLock } from './locked.js'
import { foreignParents, inOutput } from './obstacles.js'
import { unsavedBlobs } from './presence.js'
import { refuseInProduction } from './production.js'
import type { Project } from './project.js'
import { refuseCache } from './refuse-cache.js'
import { refuseStageOut } from './refuse-stage-out.js'
import { findTargets } from './targets.js'
import { forgetInGit } from './write-pointers.js'

export interface RemoveOptions extends Control {
  readonly cwd: string
  /** Delete the data in the workspace as well. */
  readonly data?: boolean | undefined
  /** Delete it even where it is in no cache. */
  readonly force?: boolean | undefined
}

export interface RemoveResult {
  readonly outputs: readonly TreePath[]
}

/** All or none: what cannot be removed is found before anything is. */
export function remove(project: Project, targets: readonly string[], options: RemoveOptions): Promise<RemoveResult> {
  refuseInProduction(project.config, 'remove')
  const outputs = outputsToRemove(project, targets, options.cwd)
  return withWorkspaceLock(project, options, async () => {
    const data = options.data === true ? await dataOf(project, outputs, options) : nothing
    // The data first: a crash in between leaves pointers, and 'checkout' brings the data back.
    const inside = openInside(project.workspace.root)
    removeData(inside, data, options.force === true)
    const unfinished = unfinishedFile(project)
    writeFileAtomic(unfinished, JSON.stringify(outputs))
    for (const output of outputs) {
      const pointer = inside.path(pointerPath(output))
      removeFile(pointer)
      syncDirectory(join(pointer, '..'))
      project.index().forget(output)
    }
    await forgetInGit(project, outputs)
    rmSync(unfinished, { force: true })
    return { outputs }
  })
}

/** What is being removed, for the same command to go on after a crash: the pointers that it names may be gone then. */
const unfinishedFile = ({ workspace }: Project): string => join(workspace.root, ddvDirectory, 'removing')

function outputsToRemove(project: Project, targets: readonly string[], cwd: string): TreePath[] {
  const unfinished = readUnfinished(unfinishedFile(project))
  const { workspace } = project
  const gone = targets.flatMap(typed => {
    if (unfinished.size === 0) return []
    const path = toTreePath(workspace, typed, cwd)
    const output = isPointerPath(path) ? outputOfPointer(path as TreePath) : path
    const isGone = unfinished.has(output) && coveringOutput(workspace.root, output as TreePath) === undefined
    return isGone ? [{ typed, output: output as TreePath }] : []
  })
  const others = targets.filter(typed => !gone.some(one => one.typed === typed))
  const found = gone.length > 0 && others.length === 0 ? [] : namedOutputs(project, others, cwd)
  return [...new Set([...found, ...gone.map(({ output }) => output)])]
}

// A file that was cut short, or is of another version, is no reason to refuse anything.
function readUnfinished(file: string): ReadonlySet<string> {
  try {
    const names: unknown = JSON.parse(readRegular(file)?.toString() ?? '[]')
    return new Set(Array.isArray(names) ? names.filter(name => typeof name === 'string') : [])
  } catch (error) {
    if (error instanceof SyntaxError) return new Set()
    throw error
  }
}

export function namedOutputs(project: Project, targets: readonly string[], cwd: string): TreePath[] {
  if (targets.length === 0) throw new DdvError('usage', 'no target was named')
  const found = findTargets(project, targets, { cwd })
  for (const { stage, output, within } of found) refuseStageOut(stage, joinWithin(output, within))
  // What has a pointer beside a stage may lose it: that is how the two are parted.
  const broken = found.find(
    ({ output, problem }) => problem !== undefined && coveringOutput(project.workspace.root, output) !== output,
  )
  if (broken?.problem !== undefined) throw broken.problem
  const part = found.find(({ within }) => within !== '')
  if (part === undefined) return found.map(({ output }) => output)
  throw new DdvError('usage', `is a part of ${displayPath(part.output)}: ${displayPath(part.within)}`, {
    hint: `delete the file and run 'ddv add ${displayPath(part.output)}'`,
  })
}

const joinWithin = (output: TreePath, within: TreePath | ''): TreePath =>
  within === '' ? output : joinTreePath(output, within)

/** What goes, relative to the workspace. */
interface Data {
  /** Each with a test of whether it is still what was looked at. */
  readonly files: ReadonlyMap<TreePath, (absolute: string) => boolean>
  /** As far as nothing else is in them; the deepest first. */
  readonly directories: readonly TreePath[]
}

const nothing: Data = { files: new Map(), directories: [] }

/** Throws where a file changed since it was looked at. */
export function removeData(inside: Inside, { files, directories }: Data, force: boolean): void {
  for (const [path, asSeen] of files) {
    // The look may have taken minutes; an edit since then is nowhere else.
    if (!force && !asSeen(inside.path(path))) throw lossError(path, [path])
    removeFile(inside.path(path))
  }
  for (const directory of directories) removeIfEmpty(inside.path(directory))
}

/** What the outputs have in the workspace. Throws where a file is in no cache, unless `force` is set. */
export async function dataOf(
  project: Project,
  outputs: readonly TreePath[],
  options: Control & Pick<RemoveOptions, 'force'>,
): Promise<Data> {
  const files = new Map<TreePath, (absolute: string) => boolean>()
  const directories = new Set<TreePath>()
  for (const output of outputs) {
    refuseCache(project, output)
    const scan = await scanOf(project, output, options)
    if (scan === undefined) continue
    const content = await readContent(project, output, scan, options)
    const entries = contentEntries(content).filter(isFileEntry)
    const unsaved = options.force === true ? [] : await unsavedBlobs(project, entries, options)
    const lost = [...unsaved.map(({ path }) => path), ...content.unreadable.map(({ name }) => name)]
    const names = [...lost.map(path => inOutput(output, path)), ...scan.problems.map(({ path }) => path)]
    if (names.length > 0 && options.force !== true)
      throw new DdvError('would-lose-data', lossError(output, names).message, {
        hint: `'ddv add' keeps them, '--force' deletes them`,
      })
    const links = foreignParents({ root: project.workspace.root, output, have: entries }, scan.kind, asRemoved(entries))
    const asSeen = asSeenIn(content.snapshot.table)
    for (const { path } of entries) {
      const file = inOutput(output, path)
      // What was seen through a link is elsewhere too: the link goes.
      const link = links.find(link => isWithin(file, link))
      files.set(link ?? file, link === undefined ? absolute => asSeen(path, absolute) : () => true)
    }
    const empty = scan.table.emptyDirectories.map(path => inOutput(output, path))
    for (const path of [...files.keys(), ...empty])
      for (const parent of parentsWithin(output, path)) directories.add(parent)
    for (const path of [output, ...empty]) directories.add(path)
  }
  return { files, directories: [...directories].sort((a, b) => b.length - a.length) }
}

const asRemoved = (entries: readonly ManifestEntry[]) =>
  entries.map(before => ({ path: before.path, before, after: undefined }))

function parentsWithin(output: TreePath, path: TreePath): TreePath[] {
  const parents: TreePath[] = []
  for (let at = dirname(path); at !== '' && isWithin(at, output); at = dirname(at)) parents.push(at)
  return parents
}
