// The workspace's pointers against those of HEAD.

import { type DdvError, isDdvError } from '../core/errors.js'
import type { Control } from '../core/events.js'
import type { Pointer } from '../core/pointer.js'
import type { TreePath } from '../core/tree-path.js'
import type { Project } from './project.js'
import { outputsAt } from './revision.js'
import { pointerOf, type Target, wholeOutputs } from './targets.js'

/**
 * Those of the outputs whose pointer names other data than HEAD's does, or that HEAD does not have. `gone`: what HEAD has
 * beside them. A pointer that cannot be read differs. Throws `git` where there is no repository.
 */
export async function pointerChanges(
  project: Project,
  targets: readonly Target[],
  control: Control,
): Promise<{ readonly changed: readonly TreePath[]; readonly gone: readonly TreePath[] }> {
  const head = await outputsAt(project, 'HEAD', control)
  const committed = new Map(head.outputs.map(({ path, pointer }) => [path, pointer]))
  const outputs = wholeOutputs(targets)
  const own = new Set(outputs.map(({ output }) => output))
  const changed = outputs.filter(target => !isSameData(committed.get(target.output), readPointer(project, target)))
  return { changed: changed.map(({ output }) => output), gone: [...committed.keys()].filter(path => !own.has(path)) }
}

function readPointer(project: Project, target: Target): Pointer | DdvError {
  try {
    return pointerOf(project, target)
  } catch (error) {
    if (isDdvError(error)) return error
    throw error
  }
}

function isSameData(a: Pointer | undefined, b: Pointer | DdvError): boolean {
  if (a === undefined || isDdvError(b)) return false
  if (a.kind === 'file') return b.kind === 'file' && a.hash === b.hash && a.executable === b.executable
  return b.kind === 'directory' && a.hash === b.hash
}
