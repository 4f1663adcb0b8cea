// `remove`: stop tracking. The data stays in the workspace unless told; its blobs stay in the cache in any case.

import { join } from 'node:path'
import { DdvError } from '../core/errors.js'
import type { Control } from '../core/events.js'
import { isFileEntry } from '../core/manifest.js'
import { displayPath, type TreePath } from '../core/tree-path.js'
import { syncDirectory } from '../sys/fs.js'
import { openInside } from '../sys/inside.js'
import { removeFile, removeIfEmpty } from '../workspace/materialize.js'
import { pointerPath } from '../workspace/pointers.js'
import { lossError } from './checkout-plan.js'
import { contentEntries, readContent, scanOf } from './compare.js'
import { withWorkspaceLock } from './locked.js'
import { unsavedBlobs } from './presence.js'
import { refuseInProduction } from './production.js'
import type { Project } from './project.js'
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
  const outputs = namedOutputs(project, targets, options.cwd)
  return withWorkspaceLock(project, options, async () => {
    const files = options.data === true ? await dataFiles(project, outputs, options) : []
    // The data first: a crash in between leaves pointers, and 'checkout' brings the data back.
    const inside = openInside(project.workspace.root)
    for (const path of files) removeFile(inside.path(path))
    if (options.data === true) for (const output of outputs) pruneOutput(inside.path(output), output, files)
    for (const output of outputs) {
      const pointer = inside.path(pointerPath(output))
      removeFile(pointer)
      syncDirectory(join(pointer, '..'))
      project.index().forget(output)
    }
    await forgetInGit(project, outputs)
    return { outputs }
  })
}

export function namedOutputs(project: Project, targets: readonly string[], cwd: string): TreePath[] {
  if (targets.length === 0) throw new DdvError('usage', 'no target was named')
  const found = findTargets(project, targets, { cwd })
  const part = found.find(({ within }) => within !== '')
  if (part === undefined) return found.map(({ output }) => output)
  throw new DdvError('usage', `is a part of ${displayPath(part.output)}: ${displayPath(part.within)}`, {
    hint: `delete the file and run 'ddv add ${displayPath(part.output)}'`,
  })
}

/** The files that go, relative to the workspace. Throws where one is in no cache. */
async function dataFiles(project: Project, outputs: readonly TreePath[], options: RemoveOptions): Promise<TreePath[]> {
  const files: TreePath[] = []
  for (const output of outputs) {
    const scan = await scanOf(project, output, options)
    if (scan === undefined) continue
    const content = await readContent(project, output, scan, options)
    const entries = contentEntries(content).filter(isFileEntry)
    const unsaved = options.force === true ? [] : await unsavedBlobs(project, entries, options)
    const unread = content.unreadable.map(({ name }) => name)
    const lost = [...unsaved.map(({ path }) => path), ...unread, ...scan.problems.map(({ path }) => path)]
    if (lost.length > 0 && options.force !== true) throw lossOf(output, lost)
    files.push(...scan.table.paths.map(path => (path === '' ? output : `${output}/${path}`) as TreePath))
  }
  return files
}

function lossOf(output: TreePath, lost: readonly string[]): DdvError {
  const { message } = lossError(
    output,
    lost.map(path => (path === '' || path.startsWith(output) ? path || output : `${output}/${path}`)),
  )
  return new DdvError('would-lose-data', message, { hint: `'ddv add' keeps them, '--force' deletes them` })
}

function pruneOutput(absolute: string, output: TreePath, files: readonly TreePath[]): void {
  const directories = new Set<string>()
  for (const file of files)
    if (file.startsWith(`${output}/`))
      for (let at = file.lastIndexOf('/'); at > output.length; at = file.lastIndexOf('/', at - 1))
        directories.add(file.slice(output.length, at))
  for (const directory of [...directories].sort((a, b) => b.length - a.length)) removeIfEmpty(absolute + directory)
  removeIfEmpty(absolute)
}
