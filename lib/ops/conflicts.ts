// Outputs whose pointers are in conflict, with the versions that git's index keeps of them.

import { join } from 'node:path'
import type { Control } from '../core/events.js'
import type { Pointer } from '../core/pointer.js'
import { compareUtf8, type TreePath } from '../core/tree-path.js'
import { readUnmerged } from '../git/unmerged.js'
import { isPointerPath, outputOfPointer, parseMovedPointer, pointerPath } from '../workspace/pointers.js'
import type { Project } from './project.js'
import { requireGit, workspacePrefix } from './revision.js'

export interface OutputInConflict {
  readonly output: TreePath
  readonly base: Pointer | undefined
  /** A side that has no such output deleted it, or gave it another name. */
  readonly ours: Pointer | undefined
  readonly theirs: Pointer | undefined
}

/** Those among these outputs; among all of the workspace for none. Sorted. Throws where a version cannot be read. */
export async function outputsInConflict(
  project: Project,
  outputs: readonly TreePath[],
  { signal }: Control,
): Promise<readonly OutputInConflict[]> {
  const { workspace } = project
  const paths = outputs.length === 0 ? [workspace.root] : outputs.map(path => join(workspace.root, pointerPath(path)))
  const unmerged = await readUnmerged(requireGit(project), paths, { signal })
  const prefix = workspacePrefix(project)
  const found = [...unmerged].flatMap(([path, versions]) => {
    const file = path.slice(prefix.length) as TreePath
    if (!isPointerPath(file)) return []
    const parse = (bytes: Buffer | undefined): Pointer | undefined =>
      bytes === undefined ? undefined : parseMovedPointer(bytes.toString(), file)
    const { base, ours, theirs } = versions
    return [{ output: outputOfPointer(file), base: parse(base), ours: parse(ours), theirs: parse(theirs) }]
  })
  return found.sort((a, b) => compareUtf8(a.output, b.output))
}
