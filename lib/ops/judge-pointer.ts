// One staged pointer against cache and workspace: whether all that it names is in the cache, and whether the data is still
// what `ddv add` saw.

import { DdvError, isDdvError } from '../core/errors.js'
import type { Control } from '../core/events.js'
import { isFileEntry } from '../core/manifest.js'
import type { Pointer } from '../core/pointer.js'
import { displayPath, type TreePath } from '../core/tree-path.js'
import { findPointer } from '../workspace/pointers.js'
import { contentEntries, executableRow, isUnchanged, readContent, scanOf } from './compare.js'
import { ddvCommand, type FoundPointer } from './judge.js'
import { absentBlobs, blobsOf, findAbsent, unsavedBlobs } from './presence.js'
import type { Project } from './project.js'

export interface PointerOptions extends Control {
  /** git is in the middle of a merge or the like, which changed pointers whose data was not brought yet. */
  readonly unfinished: boolean
}

/** undefined where the pointer may be committed. */
export async function pointerProblem(
  project: Project,
  { output, pointer, prefix }: FoundPointer,
  options: PointerOptions,
): Promise<DdvError | undefined> {
  const path = `${prefix}${output}`
  const [add, pull] = [ddvCommand('add', prefix, path), ddvCommand('pull', prefix, path)]
  const absent = await absentCount(project, output, pointer)
  if (absent > 0)
    return new DdvError(
      'missing',
      `${absent === 1 ? 'a blob' : `${absent} blobs`} of its pointer ${absent === 1 ? 'is' : 'are'} not in the cache: ${displayPath(path)}`,
      { hint: `${add} stores the data again where it is here; ${pull} fetches it where it was pushed` },
    )
  if (!(await hasChanged(project, { output, pointer }, options))) return undefined
  return new DdvError('refused', `has changed since 'ddv add': ${displayPath(path)}`, {
    hint: `${add} takes the change in; ${ddvCommand('checkout', prefix, path)} goes back to what the pointer says`,
  })
}

/** Blobs that the cache lacks; one where the manifest that would tell is not there itself. */
async function absentCount(project: Project, output: TreePath, pointer: Pointer): Promise<number> {
  const { cache, pool } = project
  try {
    const list = () => blobsOf(project, output, pointer)
    // Few: without the stat index, which a commit of one file need not open.
    if (pointer.kind === 'file') return (await absentBlobs(list(), { cache, pool })).length
    return (await findAbsent(pointer, list, { cache, pool, index: project.index() })).length
  } catch (error) {
    if (isDdvError(error, 'missing')) return 1
    throw error
  }
}

// Data that is not there at all was not changed: a sparse or fresh working tree.
async function hasChanged(
  project: Project,
  { output, pointer }: { readonly output: TreePath; readonly pointer: Pointer },
  { unfinished, ...control }: PointerOptions,
): Promise<boolean> {
  const scan = await scanOf(project, output, control)
  if (scan === undefined || isUnchanged(project, { output, pointer, scan })) return false
  // A part of a change may be staged, or an older pointer: the data is then what the pointer in the workspace says.
  const own = pointerInWorkspace(project, output)
  if (own !== undefined && isUnchanged(project, { output, pointer: own, scan })) return false
  const content = await readContent(project, output, scan, control)
  const isReadable = content.unreadable.length === 0 && scan.problems.length === 0
  const is = (one: Pointer): boolean =>
    isReadable &&
    one.kind === content.kind &&
    one.hash === content.summary.hash &&
    (one.kind === 'directory' || one.executable === executableRow(scan.table.stats, 0))
  if (is(pointer) || (own !== undefined && is(own))) return false
  if (!unfinished || !isReadable) return true
  // What the workspace has is of the commit before, and 'ddv checkout' will bring the data.
  const files = contentEntries(content).filter(isFileEntry)
  return (await unsavedBlobs(project, files, control)).length > 0
}

function pointerInWorkspace({ workspace }: Project, output: TreePath): Pointer | undefined {
  try {
    return findPointer(workspace.root, output)
  } catch (error) {
    if (isDdvError(error)) return undefined
    throw error
  }
}
