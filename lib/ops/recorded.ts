// What pointers and locks say is at a path, where the workspace has nothing there: so a clone without data can tell what is
// stale.

import { isDdvError } from '../core/errors.js'
import type { Artifact, LockedOut } from '../core/lockfile.js'
import { pointerOfOut } from '../core/lockfile.js'
import { encodeManifest, isFileEntry, type ManifestEntry, manifestTotals } from '../core/manifest.js'
import type { Pointer } from '../core/pointer.js'
import { dirname, isWithin, type TreePath } from '../core/tree-path.js'
import { hashBytes } from '../sys/hash.js'
import { coveringOutput, findPointer } from '../workspace/pointers.js'
import { loadEntries } from './entries.js'
import type { Project } from './project.js'
import { artifactOf } from './store-outs.js'

/** What stages' last runs left, by path. */
export type FindOut = (path: TreePath) => LockedOut | undefined

export interface Recorded {
  readonly output: TreePath
  readonly pointer: Pointer
}

/** The output that the path is or lies in. */
export function findOutput({ workspace }: Project, path: TreePath, findOut: FindOut): Recorded | undefined {
  for (let at: TreePath | '' = path; at !== ''; at = dirname(at)) {
    const out = findOut(at)
    if (out !== undefined) return { output: at, pointer: pointerOfOut(at, out) }
  }
  const output = coveringOutput(workspace.root, path)
  const pointer = output === undefined ? undefined : findPointer(workspace.root, output)
  return output === undefined || pointer === undefined ? undefined : { output, pointer }
}

/** undefined where nothing is recorded at the path, or where the listing of the directory around it is not at hand. */
export const artifactIn = (project: Project, recorded: Recorded, path: TreePath): Artifact | undefined =>
  recorded.output === path ? artifactOf(recorded.pointer) : partOf(project, recorded, path)

function partOf(project: Project, { output, pointer }: Recorded, path: TreePath): Artifact | undefined {
  if (pointer.kind !== 'directory') return undefined
  const within = path.slice(output.length + 1) as TreePath
  const rows = rowsOf(project, output, pointer)
  if (rows === undefined) return undefined
  const file = rows.find(row => isFileEntry(row) && row.path === within)
  if (file !== undefined && isFileEntry(file))
    return { kind: 'file', hash: file.digest, size: file.size, files: undefined, executable: file.executable }
  const below = rows.filter(row => isWithin(row.path, within)).map(row => cut(row, within))
  if (below.length === 0) return undefined
  const entries = below.filter(row => row.path !== '')
  return {
    kind: 'directory',
    hash: hashBytes(encodeManifest(entries)),
    ...manifestTotals(entries),
    executable: false,
  }
}

/** As the directory itself would list it: an empty one is no row then. */
const cut = (row: ManifestEntry, within: TreePath): ManifestEntry => ({
  ...row,
  path: row.path.slice(within.length + 1) as TreePath,
})

function rowsOf(
  project: Project,
  output: TreePath,
  pointer: Pointer & { readonly kind: 'directory' },
): readonly ManifestEntry[] | undefined {
  try {
    return loadEntries(project, output, pointer)
  } catch (error) {
    if (isDdvError(error, 'missing', 'corrupt')) return undefined
    throw error
  }
}
