// What is in a checkout's way and is no content of the output: links and special files where directories are to be, and
// what .ddvignore hides in directories that are to give way to files.

import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import type { FileEntry, ManifestEntry } from '../core/manifest.js'
import type { OutputKind } from '../core/pointer.js'
import { dirname, type TreePath } from '../core/tree-path.js'
import { statIfThere } from '../sys/stats.js'
import type { EntryChange } from './compare.js'

export interface Surroundings {
  readonly root: string
  readonly output: TreePath
  /** What the output is now. */
  readonly have: readonly ManifestEntry[]
}

export const inOutput = (output: TreePath, path: string): TreePath =>
  (path === '' ? output : `${output}/${path}`) as TreePath

/** What stands where a directory has to be for these changes, relative to the workspace: neither content nor directory. */
export function foreignParents(
  { root, output, have }: Surroundings,
  kind: OutputKind,
  changes: readonly EntryChange[],
): TreePath[] {
  const needed = new Set(kind === 'directory' ? [output] : ([] as TreePath[]))
  for (const { path, after } of changes) {
    for (let at = path.lastIndexOf('/'); at > 0; at = path.lastIndexOf('/', at - 1))
      needed.add(inOutput(output, path.slice(0, at)))
    if (after !== undefined && after.digest === undefined) needed.add(inOutput(output, path))
  }
  const known = new Set(have.map(({ path }) => inOutput(output, path)))
  const foreign: TreePath[] = []
  // From the top, so that nothing below what is no directory is looked at, as through a link.
  const passable = new Set<string>([dirname(output)])
  for (const directory of [...needed].sort((a, b) => a.length - b.length)) {
    if (!passable.has(dirname(directory))) continue
    const stat = statIfThere(join(root, directory))
    if (stat?.isDirectory() === true) passable.add(directory)
    else if (stat !== undefined && !(stat.isFile() && known.has(directory))) foreign.push(directory)
  }
  return foreign
}

/** What stands, unknown to ddv, in directories that must give way to these files. Their parents must be no links. */
export function foreignBelow({ root, output, have }: Surroundings, writes: readonly FileEntry[]): TreePath[] {
  const known = new Set<string>(have.map(({ path }) => inOutput(output, path)))
  const foreign: TreePath[] = []
  const visit = (directory: TreePath): void => {
    for (const entry of readdirSync(join(root, directory), { withFileTypes: true })) {
      const path = `${directory}/${entry.name}` as TreePath
      if (entry.isDirectory()) visit(path)
      else if (!known.has(path)) foreign.push(path)
    }
  }
  const absent = new Map<TreePath | '', boolean>()
  const isAbsent = (directory: TreePath | ''): boolean => {
    const known = absent.get(directory) ?? statIfThere(join(root, directory)) === undefined
    absent.set(directory, known)
    return known
  }
  for (const { path } of writes) {
    const file = inOutput(output, path)
    if (isAbsent(dirname(file))) continue
    if (statIfThere(join(root, file))?.isDirectory() === true) visit(file)
  }
  return foreign
}
