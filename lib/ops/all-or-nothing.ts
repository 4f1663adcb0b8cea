// What a checkout that must not stop halfway looks at before it changes the first file: after that only the disk itself
// can fail it.

import { accessSync, constants, mkdirSync, renameSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { DdvError, systemCode } from '../core/errors.js'
import { dirname, displayPath, type TreePath } from '../core/tree-path.js'
import type { Inside } from '../sys/inside.js'
import { randomName } from '../sys/random.js'
import { statIfThere } from '../sys/stats.js'
import type { OutputPlan } from './checkout-plan.js'
import { inOutput } from './obstacles.js'

/** Throws `permission` where a file could not take its name, be deleted or change its mode. */
export function requireWritable(inside: Inside, plan: OutputPlan, temporary: string): void {
  const { output, writes, removals, directories, oldDirectories, executables } = plan
  const changed = [...writes, ...removals].map(({ path }) => path)
  const parents = new Set<TreePath | ''>()
  for (const path of [...changed, ...directories, ...oldDirectories]) parents.add(dirname(inOutput(output, path)))
  if (parents.size > 0) mkdirSync(temporary, { recursive: true })
  for (const directory of new Set([...parents].map(parent => nearestDirectory(inside, parent)))) {
    requireAccess(directory)
    if (!canRename(temporary, directory))
      throw new DdvError('refused', `is another mount than ${temporary}: ${displayPath(directory)}`, {
        hint: 'files move into place from there: mount the workspace as one, or neither of the two',
      })
  }
  for (const { path } of executables) requireOwner(inside.path(inOutput(output, path)))
}

// A file where a directory is to be gives way: what is above it counts. The plan has seen to links.
function nearestDirectory(inside: Inside, path: TreePath | ''): string {
  for (let at = path; at !== ''; at = dirname(at)) {
    const absolute = join(inside.root, at)
    if (statIfThere(absolute)?.isDirectory() === true) return absolute
  }
  return inside.root
}

function requireAccess(directory: string): void {
  try {
    accessSync(directory, constants.W_OK | constants.X_OK)
  } catch (error) {
    const code = systemCode(error)
    if (code !== 'EACCES' && code !== 'EROFS' && code !== 'EPERM') throw error
    throw new DdvError('permission', `cannot be written to: ${displayPath(directory)}`, { cause: error })
  }
}

function requireOwner(file: string): void {
  const user = process.geteuid?.()
  const owner = statSync(file, { throwIfNoEntry: false })?.uid
  if (user === undefined || user === 0 || owner === undefined || owner === user) return
  throw new DdvError('permission', `belongs to another user, so that its mode cannot be changed: ${displayPath(file)}`)
}

// The device would not tell: two mounts of one file system do not rename into each other. The kernel compares the mounts
// before it looks for the file, which there is none of.
function canRename(from: string, to: string): boolean {
  try {
    renameSync(join(from, randomName()), join(to, randomName()))
    return true
  } catch (error) {
    return systemCode(error) !== 'EXDEV'
  }
}
