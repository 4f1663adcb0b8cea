// The workspace's pointers against those of HEAD.

import { type DdvError, isDdvError } from '../core/errors.js'
import type { Control } from '../core/events.js'
import type { Pointer } from '../core/pointer.js'
import type { TreePath } from '../core/tree-path.js'
import { findPointer } from '../workspace/pointers.js'
import type { Project } from './project.js'
import { outputsAt } from './revision.js'

/**
 * Those of the outputs whose pointer names other data than HEAD's does, or that HEAD does not have. `gone`: what HEAD has
 * beside them. A pointer that cannot be read differs. Throws `git` where there is no repository.
 */
export async function pointerChanges(
  project: Project,
  outputs: readonly TreePath[],
  control: Control,
): Promise<{ readonly changed: readonly TreePath[]; readonly gone: readonly TreePath[] }> {
  const head = await outputsAt(project, 'HEAD', control)
  const committed = new Map(head.outputs.map(({ path, pointer }) => [path, pointer]))
  const own = new Set(outputs)
  const changed = outputs.filter(path => !isSameData(committed.get(path), readPointer(project, path)))
  return { changed, gone: [...committed.keys()].filter(path => !own.has(path)) }
}

function readPointer({ workspace }: Project, path: TreePath): Pointer | DdvError | undefined {
  try {
    return findPointer(workspace.root, path)
  } catch (error) {
    if (isDdvError(error)) return error
    throw error
  }
}

function isSameData(a: Pointer | undefined, b: Pointer | DdvError | undefined): boolean {
  if (a === undefined || b === undefined || isDdvError(b)) return false
  if (a.kind === 'file') return b.kind === 'file' && a.hash === b.hash && a.executable === b.executable
  return b.kind === 'directory' && a.hash === b.hash
}
