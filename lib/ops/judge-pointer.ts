// One staged pointer against cache and workspace: whether all that it names is in the cache, and whether the data is still
// what `ddv add` saw.

import type { Digest } from '../core/digest.js'
import { DdvError, isDdvError } from '../core/errors.js'
import type { Control } from '../core/events.js'
import { isFileEntry } from '../core/manifest.js'
import type { Pointer } from '../core/pointer.js'
import { stageAddress } from '../core/stage.js'
import { displayPath, type TreePath } from '../core/tree-path.js'
import { readBlobAt } from '../git/revisions.js'
import { isLockPath, parseOuts, type StageOut } from '../workspace/locks.js'
import { findPointer, parsePointer, pointerPath } from '../workspace/pointers.js'
import { contentEntries, executableRow, isUnchanged, readContent, scanOf } from './compare.js'
import { ddvCommand, type FoundPointer } from './judge.js'
import { absentBlobs, blobsOf, findAbsent, unsavedBlobs } from './presence.js'
import type { Project } from './project.js'
import { namedOut } from './revision.js'

export interface PointerOptions extends Control {
  /** git is in the middle of a merge or the like, which changed pointers whose data was not brought yet. */
  readonly unfinished: boolean
  /** The commits that are being merged into HEAD: what their pointers name was theirs to vouch for. */
  readonly mergeHeads: readonly string[]
}

/** undefined where the pointer may be committed. */
export async function pointerProblem(
  project: Project,
  { output, pointer, prefix, stage }: FoundPointer,
  options: PointerOptions,
): Promise<DdvError | undefined> {
  const path = `${prefix}${output}`
  const [add, pull] = [ddvCommand('add', prefix, path), ddvCommand('pull', prefix, path)]
  const named = { output, pointer, prefix, ...(stage !== undefined && { stage }) }
  const absent = await absentCount(project, named, options)
  if (stage !== undefined) return absent > 0 ? absentOfStage(stage, { absent, path, pull }) : undefined
  if (absent > 0)
    return new DdvError(
      'missing',
      `${absent === 1 ? 'a blob' : `${absent} blobs`} of its pointer ${absent === 1 ? 'is' : 'are'} not in the cache: ${displayPath(path)}`,
      {
        hint:
          options.mergeHeads.length > 0
            ? `${pull} fetches it where it was pushed; then 'git commit' goes on`
            : `${add} stores the data again where it is here; ${pull} fetches it where it was pushed`,
      },
    )
  if (!(await hasChanged(project, { output, pointer }, options))) return undefined
  return new DdvError('refused', `has changed since 'ddv add': ${displayPath(path)}`, {
    hint: `${add} takes the change in; ${ddvCommand('checkout', prefix, path)} goes back to what the pointer says`,
  })
}

function absentOfStage(
  stage: StageOut,
  { absent, path, pull }: { readonly absent: number; readonly path: string; readonly pull: string },
): DdvError {
  const blobs = absent === 1 ? 'a blob' : `${absent} blobs`
  return new DdvError(
    'missing',
    `${blobs} of what stage '${stage.name}' made ${absent === 1 ? 'is' : 'are'} not in the cache: ${displayPath(path)}`,
    {
      hint: `'ddv repro ${stageAddress(stage)}' makes it again; ${pull} fetches it where it was pushed`,
    },
  )
}

type Named = Pick<FoundPointer, 'output' | 'pointer' | 'prefix' | 'stage'>

/** Blobs that the cache lacks and no merged commit names; one where the manifest that would tell is not there itself. */
async function absentCount(project: Project, named: Named, options: PointerOptions): Promise<number> {
  const { output, pointer } = named
  const { cache, pool } = project
  try {
    const list = () => blobsOf(project, output, pointer)
    // Few: without the stat index, which a commit of one file need not open.
    const absent = await (pointer.kind === 'file'
      ? absentBlobs(list(), { cache, pool })
      : findAbsent(pointer, list, { cache, pool, index: project.index() }))
    if (absent.length === 0 || options.mergeHeads.length === 0) return absent.length
    const theirs = await blobsOfMerged(project, named, options)
    return absent.filter(({ digest }) => !theirs.has(digest)).length
  } catch (error) {
    if (isDdvError(error, 'missing')) return 1
    throw error
  }
}

/** git merges what nobody has pulled yet: whoever made those commits has pushed this data, or would have been refused. */
async function blobsOfMerged(
  project: Project,
  { output, prefix, stage }: Named,
  { mergeHeads }: PointerOptions,
): Promise<ReadonlySet<Digest>> {
  const { git } = project
  const digests = new Set<Digest>()
  if (git === undefined) return digests
  for (const commit of mergeHeads) {
    const file = stage?.lock ?? pointerPath(output)
    const bytes = await readBlobAt(git, commit, `${prefix}${file}`)
    const pointer = bytes === undefined ? undefined : pointerIn(bytes.toString(), file, output)
    if (pointer === undefined) continue
    for (const { digest } of blobsOf(project, output, pointer)) digests.add(digest)
  }
  return digests
}

function pointerIn(text: string, file: TreePath, output: TreePath): Pointer | undefined {
  if (!isLockPath(file)) return parsePointer(text, file)
  const stage = parseOuts(text, file).outs.find(({ path }) => path === output)
  return stage === undefined ? undefined : namedOut(stage).pointer
}

// Data that is not there at all was not changed: a sparse or fresh working tree.
async function hasChanged(
  project: Project,
  { output, pointer }: { readonly output: TreePath; readonly pointer: Pointer },
  { unfinished, mergeHeads: _, ...control }: PointerOptions,
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
