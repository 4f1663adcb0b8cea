// The rows of a directory output: from its pointer where they are in there, from the manifest in the cache otherwise.

import { blobPath } from '../cache/cache.js'
import { setAside } from '../cache/quarantine.js'
import { DdvError, fromSystemError } from '../core/errors.js'
import { decodeManifest, type ManifestEntry, manifestTotals } from '../core/manifest.js'
import type { DirectoryPointer } from '../core/pointer.js'
import { displayPath, type TreePath } from '../core/tree-path.js'
import { hashBytes } from '../sys/hash.js'
import { readRegular } from '../sys/read-stable.js'
import type { Project } from './project.js'

/** Throws `missing` where the manifest is not in the cache, `corrupt` where its bytes are not its own (and sets it aside). */
export function loadEntries(project: Project, output: TreePath, pointer: DirectoryPointer): readonly ManifestEntry[] {
  if (pointer.entries !== undefined) return pointer.entries
  const bytes = readManifest(project, output, pointer)
  if (hashBytes(bytes) !== pointer.hash) throw setAside(project.cache, pointer.hash)
  const entries = decodeManifest(bytes, pointer.hash)
  const totals = manifestTotals(entries)
  if (totals.files !== pointer.files || totals.size !== pointer.size)
    throw new DdvError('bad-pointer', `pointer has other totals than its manifest: ${displayPath(output)}.ddv`)
  return entries
}

function readManifest(project: Project, output: TreePath, pointer: DirectoryPointer): Buffer {
  const file = blobPath(project.cache, pointer.hash)
  let bytes: Buffer | undefined
  try {
    bytes = readRegular(file)
  } catch (error) {
    throw fromSystemError(error, file)
  }
  if (bytes !== undefined) return bytes
  throw new DdvError('missing', `manifest is not in the cache: ${displayPath(output)}`, {
    hint: `fetch it with 'ddv pull ${displayPath(output)}'`,
  })
}
