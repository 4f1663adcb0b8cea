// The workspace: the directory that holds `.ddv/`, and what is in there.
//
//     .ddv/config.yaml          in git
//     .ddv/config.local.yaml    this clone's
//     .ddv/state/               stat index, chunk index: may be deleted without loss (see own-state.ts)
//     .ddv/tmp/                 being written
//     .ddv/lock/                one file a process that writes here
//     .ddv/removing             outputs whose removal was begun, until it is over
//     .ddv/recipes/             recipes of what was pushed and fetched, for deltas

import { dirname, isAbsolute, join, relative, resolve, sep } from 'node:path'
import { DdvError } from '../core/errors.js'
import { displayPath, parseTreePath, type TreePath } from '../core/tree-path.js'
import { statIfThere } from '../sys/stats.js'

export interface Workspace {
  readonly root: string
}

export const ddvDirectory = '.ddv'
export const stateDirectory = (workspace: Workspace): string => join(workspace.root, ddvDirectory, 'state')
export const workTemporaryDirectory = (workspace: Workspace): string => join(workspace.root, ddvDirectory, 'tmp')
export const lockDirectory = (workspace: Workspace): string => join(workspace.root, ddvDirectory, 'lock')
export const recipesDirectory = (workspace: Workspace): string => join(workspace.root, ddvDirectory, 'recipes')

/** The nearest workspace at or above the directory. */
export function findWorkspace(from: string): Workspace | undefined {
  for (let directory = resolve(from); ; directory = dirname(directory)) {
    if (statIfThere(join(directory, ddvDirectory))?.isDirectory() === true) return { root: directory }
    if (directory === dirname(directory)) return undefined
  }
}

/** Throws `no-workspace`. */
export function loadWorkspace(from: string): Workspace {
  const workspace = findWorkspace(from)
  if (workspace !== undefined) return workspace
  throw new DdvError('no-workspace', `no ddv workspace here or above: ${from}`, { hint: `make one with 'ddv init'` })
}

/**
 * What a person typed, as a path in the workspace; '' is the workspace itself. Relative to `cwd`.
 * Throws `usage` outside the workspace, `bad-path` for what is not for data.
 */
export function toTreePath(workspace: Workspace, typed: string, cwd: string): TreePath | '' {
  // `"$file"` of a script whose variable is not set: it does not mean everything here.
  if (typed === '') throw new DdvError('usage', 'an empty name was given', { hint: `'.' is the directory itself` })
  const absolute = isAbsolute(typed) ? resolve(typed) : resolve(cwd, typed)
  const path = relative(workspace.root, absolute)
  if (path === '') return ''
  if (path === '..' || path.startsWith(`..${sep}`) || isAbsolute(path))
    throw new DdvError('usage', `outside the workspace: ${displayPath(typed)}`, {
      hint: `the workspace is ${workspace.root}; a copy in it can be added`,
    })
  return parseTreePath(sep === '/' ? path : path.split(sep).join('/'))
}
