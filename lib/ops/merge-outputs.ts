// Merging the pointers of one output, with what it needs beside them: the listings of large directories, and the cache
// for the manifest of what comes out.

import { StoreBatch } from '../cache/store.js'
import { DdvError, isDdvError } from '../core/errors.js'
import { encodeManifest, type ManifestEntry } from '../core/manifest.js'
import { mergePointers, type PointerMerge } from '../core/merge-pointers.js'
import type { Favour, MergeConflict, Sides } from '../core/merge3.js'
import type { Pointer } from '../core/pointer.js'
import { basename, displayPath, type TreePath } from '../core/tree-path.js'
import { loadEntries } from './entries.js'
import type { Project } from './project.js'
import { directoryPointer } from './write-pointers.js'

export interface MergeRequest {
  readonly output: TreePath
  readonly sides: Sides<Pointer>
  readonly favour: Favour
}

/** `project` may be absent where it is not needed: files, and directories that one side left alone. Throws `missing` for a listing. */
export function mergeOutput(project: Project | undefined, { output, sides, favour }: MergeRequest): PointerMerge {
  return mergePointers(sides, {
    favour,
    filename: basename(output),
    rowsOf: pointer => {
      if (pointer.entries !== undefined) return pointer.entries
      if (project === undefined)
        throw new DdvError('no-workspace', `no ddv workspace holds this output: ${displayPath(output)}`)
      try {
        return loadEntries(project, output, pointer)
      } catch (error) {
        throw isDdvError(error, 'missing') ? listingMissing(output, error) : error
      }
    },
    toDirectory: (entries, meta) => directoryPointer(output, entries, meta),
  })
}

// `fetch` brings all versions of an output in conflict.
function listingMissing(output: TreePath, { message, cause }: DdvError): DdvError {
  const path = displayPath(output)
  return new DdvError('missing', message, {
    cause,
    hint: `'ddv fetch ${path}' brings what both sides have; then 'git checkout --merge ${path}.ddv' merges again`,
  })
}

/** Durable in the cache when it returns: a pointer to it may be written. */
export async function storeManifest(
  { cache, pool }: Project,
  entries: readonly ManifestEntry[],
  signal?: AbortSignal,
): Promise<void> {
  const batch = new StoreBatch(cache, pool)
  batch.addBytes(encodeManifest(entries))
  await batch.commit(signal)
}

/** One line for each thing that both sides changed, for people. */
export function describeConflict({ part, name, ours, theirs }: MergeConflict): string {
  const what = part === 'output' ? 'the file' : part === 'file' ? displayPath(name) : `${part} ${displayPath(name)}`
  return `${what}: ${ours} in ours, ${theirs} in theirs`
}
