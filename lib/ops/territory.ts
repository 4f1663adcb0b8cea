// Which paths of a git repository are ddv's to judge. A repository may hold several workspaces, each below its own
// `.ddv/`; what lies in none of them is not looked at.

import type { TreePath } from '../core/tree-path.js'
import { type GitRepository, mainWorktree } from '../git/repository.js'
import { isLockPath, isPointerPath } from '../git/revisions.js'
import { statIfThere } from '../sys/stats.js'
import { outputOfPointer, skippedParent } from '../workspace/pointers.js'
import { ddvDirectory } from '../workspace/workspace.js'

export interface Territory {
  /** Where the path's workspace lies in the repository: '' or a path that ends in `/`; undefined where it is in none. */
  prefixOf(path: string): string | undefined
  /** The workspace's directory: in this working tree, or where only the first one has it, there. */
  rootOf(prefix: string): string
}

/** By what is on disk, since a commit that leaves may be of another branch than the one that is checked out. */
export function openTerritory(repository: GitRepository): Territory {
  const roots = [repository.root, mainWorktree(repository)].filter(root => root !== undefined)
  const known = new Map<string, string | undefined>()
  const isThere = (directory: string): boolean => statIfThere(directory)?.isDirectory() === true
  const rootWith = (prefix: string): string | undefined =>
    roots.map(root => `${root}/${prefix}`).find(directory => isThere(`${directory}${ddvDirectory}`))
  const find = (prefix: string): string | undefined => {
    if (known.has(prefix)) return known.get(prefix)
    const above = prefix === '' ? undefined : parentPrefix(prefix)
    const found = rootWith(prefix) !== undefined ? prefix : above === undefined ? undefined : find(above)
    known.set(prefix, found)
    return found
  }
  return {
    prefixOf: path => find(parentPrefix(path)),
    rootOf: prefix => (rootWith(prefix) ?? `${repository.root}/${prefix}`).replace(/\/$/, ''),
  }
}

const parentPrefix = (path: string): string => path.slice(0, path.lastIndexOf('/', path.length - 2) + 1)

/** Whether a path of a tree or index is a pointer that ddv heeds. */
export function isTerritoryPointer(territory: Territory, path: string): boolean {
  if (!isPointerPath(path)) return false
  const prefix = territory.prefixOf(path)
  return prefix !== undefined && skippedParent(outputOfPointer(path.slice(prefix.length) as TreePath)) === undefined
}

/** Whether it is a lock of stages that ddv heeds. */
export function isTerritoryLock(territory: Territory, path: string): boolean {
  if (!isLockPath(path)) return false
  const prefix = territory.prefixOf(path)
  return prefix !== undefined && skippedParent(path.slice(prefix.length) as TreePath) === undefined
}

/**
 * The nearest pointer at or above a path, among those that `isPointer` knows: what covers it. All relative to the
 * repository's root. A workspace's pointers cover nothing of another workspace inside it.
 */
export function coveringPointer(
  territory: Territory,
  path: string,
  isPointer: (pointer: string) => boolean,
): string | undefined {
  const prefix = territory.prefixOf(path)
  if (prefix === undefined) return undefined
  for (let end = path.length; end > prefix.length; end = path.lastIndexOf('/', end - 1)) {
    const pointer = `${path.slice(0, end)}.ddv`
    if (isPointer(pointer)) return pointer
  }
  return undefined
}
