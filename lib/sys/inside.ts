// The one place through which the user's tree is written. A TreePath has no `..`, but a directory on its way may be a
// symbolic link that leads out of the workspace: each parent is looked at without following it, once an op.

import { lstatSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { DdvError, systemCode } from '../core/errors.js'
import { dirname, displayPath, type TreePath } from '../core/tree-path.js'

export interface Inside {
  readonly root: string
  /** The absolute path; all existing parents are real directories. Throws `bad-path` where one is a link or a file. */
  path(path: TreePath): string
  /** The same, with missing parents made. */
  pathWithParents(path: TreePath): string
}

export function openInside(root: string): Inside {
  const real = new Set<string>([''])
  const check = (directory: TreePath | '', make: boolean): boolean => {
    if (real.has(directory)) return true
    if (!check(dirname(directory as TreePath), make)) return false
    if (!isRealDirectory(root, directory as TreePath, make)) return false
    real.add(directory)
    return true
  }
  return {
    root,
    path: path => {
      check(dirname(path), false)
      return join(root, path)
    },
    pathWithParents: path => {
      check(dirname(path), true)
      return join(root, path)
    },
  }
}

function isRealDirectory(root: string, directory: TreePath, make: boolean): boolean {
  const absolute = join(root, directory)
  const stat = lstatSync(absolute, { throwIfNoEntry: false })
  if (stat === undefined) {
    if (make) makeDirectory(absolute)
    return make
  }
  if (stat.isDirectory()) return true
  const what = stat.isSymbolicLink() ? 'a symbolic link' : 'a file'
  throw new DdvError('bad-path', `a directory is needed where ${what} is: ${displayPath(directory)}`, {
    hint: `move it away, then run the same command again`,
  })
}

function makeDirectory(absolute: string): void {
  try {
    mkdirSync(absolute)
  } catch (error) {
    // Another ddv made it in the meantime.
    if (systemCode(error) !== 'EEXIST') throw error
  }
}
