// Paths that are typed for one file or directory of the workspace.

import { DdvError } from '../core/errors.js'
import type { TreePath } from '../core/tree-path.js'
import type { Project } from '../ops/project.js'
import { toTreePath } from '../workspace/workspace.js'
import type { Context } from './command.js'

/** Relative to where the command was typed. Throws `usage` for the workspace as a whole, and what is outside of it. */
export const inWorkspace =
  ({ workspace }: Project, { cwd }: Pick<Context, 'cwd'>) =>
  (typed: string): TreePath => {
    const path = toTreePath(workspace, typed, cwd)
    if (path !== '') return path
    throw new DdvError('usage', 'the workspace as a whole was named', { hint: 'name a file or a directory in it' })
  }
