// What a checkout that must not stop halfway looks at before it changes the first file: after that only the disk itself
// can fail it.

import { accessSync, constants, statSync } from 'node:fs'
import { join } from 'node:path'
import { DdvError, systemCode } from '../core/errors.js'
import { dirname, displayPath, type TreePath } from '../core/tree-path.js'
import type { Inside } from '../sys/inside.js'
import { statIfThere } from '../sys/stats.js'
import type { OutputPlan } from './checkout-plan.js'
import { inOutput } from './obstacles.js'

/** Throws `permission` where a file could not take its name, be deleted or change its mode. */
export function requireWritable(inside: Inside, plan: OutputPlan): void {
  const { output, writes, removals, directories, oldDirectories, executables } = plan
  const changed = [...writes, ...removals].map(({ path }) => path)
  const parents = new Set<TreePath | ''>()
  for (const path of [...changed, ...directories, ...oldDirectories]) parents.add(dirname(inOutput(output, path)))
  for (const directory of new Set([...parents].map(parent => nearestDirectory(inside, parent))))
    requireAccess(directory)
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
