// A directory that git merged was never pushed as such: no remote has its recipe. But each of its files came with one of
// the versions that were merged, so those are fetched instead.

import { isDdvError } from '../core/errors.js'
import type { Control } from '../core/events.js'
import { isFileEntry, type ManifestEntry } from '../core/manifest.js'
import type { DirectoryPointer, Pointer } from '../core/pointer.js'
import type { TreePath } from '../core/tree-path.js'
import { versionsEverywhere } from '../git/revisions.js'
import { parseMovedPointer, pointerPath } from '../workspace/pointers.js'
import { loadEntries } from './entries.js'
import { absentBlobs, blobsOf } from './presence.js'
import type { Project } from './project.js'
import { type NamedPointer, workspacePrefix } from './revision.js'

/** Brings what a pointer names into the cache, as far as it can be had. */
export type FetchVersion = (version: NamedPointer) => Promise<void>

/** Whether the cache has all of the directory then; false for what is none, or whose listing is not at hand. */
export async function fetchFromVersions(
  project: Project,
  { path, pointer, stage }: NamedPointer,
  fetchVersion: FetchVersion,
  control: Control,
): Promise<boolean> {
  const { git } = project
  // Stages are merged whole, so that what a lock names was pushed as such.
  if (
    git === undefined ||
    stage !== undefined ||
    pointer.kind !== 'directory' ||
    rowsAtHand(project, path, pointer) === undefined
  )
    return false
  const absent = async (): Promise<ReadonlySet<string>> =>
    new Set((await absentBlobs(blobsOf(project, path, pointer), project)).map(({ digest }) => digest))
  const file = workspacePrefix(project) + pointerPath(path)
  let missing = await absent()
  for (const bytes of await versionsEverywhere(git, file, control)) {
    if (missing.size === 0) break
    const version = parseIfPointer(bytes, path)
    if (version?.kind !== 'directory' || version.hash === pointer.hash) continue
    const rows = rowsAtHand(project, path, version)
    // One whose listing is unknown may have what is missing.
    if (rows?.some(entry => isFileEntry(entry) && missing.has(entry.digest)) === false) continue
    await fetchVersion({ path, pointer: version })
    missing = await absent()
  }
  return missing.size === 0
}

function rowsAtHand(project: Project, path: TreePath, pointer: DirectoryPointer): readonly ManifestEntry[] | undefined {
  try {
    return loadEntries(project, path, pointer)
  } catch (error) {
    if (isDdvError(error)) return undefined
    throw error
  }
}

function parseIfPointer(bytes: Buffer, path: TreePath): Pointer | undefined {
  try {
    return parseMovedPointer(bytes.toString(), pointerPath(path))
  } catch (error) {
    if (isDdvError(error)) return undefined
    throw error
  }
}
