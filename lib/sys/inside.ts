// The one place through which the user's tree is written. A TreePath has no `..`, but a directory on its way may be a
// symbolic link that leads out of the workspace: each parent is looked at without following it, once an op.

import { lstatSync, mkdirSync } from 'node:fs'
import { join, sep } from 'node:path'
import { DdvError, systemCode } from '../core/errors.js'
import { dirname, displayPath, type TreePath } from '../core/tree-path.js'

export interface Inside {
  readonly root: string
  /** The absolute path; all existing parents are real directories. Throws `bad-path` where one is a link or a file. */
  path(path: TreePath): string
  /** The absolute path, with nothing looked at: not to be written to before one of the others said where. */
  absolute(path: TreePath): string
  /** The same as `path`, with missing parents made. */
  pathWithParents(path: TreePath): string
  /** Whether the directory in which the path is was made here. */
  inNew(path: TreePath): boolean
  /** Absolute paths of the directories that were made here. */
  readonly made: ReadonlySet<string>
}

export function openInside(root: string): Inside {
  const real = new Set<string>([''])
  const made = new Set<string>()
  const check = (directory: TreePath | '', make: boolean): boolean => {
    if (real.has(directory)) return true
    if (!check(dirname(directory as TreePath), make)) return false
    const absolute = join(root, directory)
    if (!isRealDirectory(absolute, directory as TreePath)) {
      if (!make) return false
      if (makeDirectory(absolute)) made.add(absolute)
    }
    real.add(directory)
    return true
  }
  // Not joined: a TreePath is in normal form already, and there may be 100,000 of them.
  const base = root.endsWith(sep) ? root : root + sep
  const absolute = (path: TreePath): string => base + (sep === '/' ? path : path.replaceAll('/', sep))
  return {
    root,
    made,
    absolute,
    inNew: path => made.has(join(root, dirname(path))),
    path: path => {
      check(dirname(path), false)
      return absolute(path)
    },
    pathWithParents: path => {
      check(dirname(path), true)
      return absolute(path)
    },
  }
}

function isRealDirectory(absolute: string, directory: TreePath): boolean {
  const stat = lstatSync(absolute, { throwIfNoEntry: false })
  if (stat === undefined) return false
  if (stat.isDirectory()) return true
  const what = stat.isSymbolicLink() ? 'a symbolic link' : 'a file'
  throw new DdvError('bad-path', `a directory is needed where ${what} is: ${displayPath(directory)}`, {
    hint: `move it away, then run the same command again`,
  })
}

/** False where another ddv made it in the meantime. */
function makeDirectory(absolute: string): boolean {
  try {
    mkdirSync(absolute)
    return true
  } catch (error) {
    if (systemCode(error) !== 'EEXIST') throw error
    return false
  }
}
