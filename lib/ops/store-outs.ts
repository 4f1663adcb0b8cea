// What stages made, into the cache: blobs durable before anything names them. What a stage is about to replace goes the
// same way first, so that nothing is lost that nobody ever added.

import { StoreBatch } from '../cache/store.js'
import type { Control } from '../core/events.js'
import type { Artifact } from '../core/lockfile.js'
import type { Pointer } from '../core/pointer.js'
import type { TreePath } from '../core/tree-path.js'
import { openInside } from '../sys/inside.js'
import type { Learned } from '../workspace/stat-index.js'
import { storeWhole } from './add.js'
import { refuseScanProblems } from './artifacts.js'
import { scanOf } from './compare.js'
import type { Project } from './project.js'
import { refuseCache } from './refuse-cache.js'

/**
 * All in one batch. undefined for a path where nothing is. Throws `refused` for what cannot be versioned; then nothing
 * has got its name in the cache.
 */
export async function storePaths(
  project: Project,
  paths: readonly TreePath[],
  control: Control,
): Promise<ReadonlyMap<TreePath, Artifact | undefined>> {
  const batch = new StoreBatch(project.cache, project.pool)
  const learned: Learned[] = []
  const found = new Map<TreePath, Artifact | undefined>()
  try {
    for (const path of paths) {
      const stored = await storePath(project, path, { ...control, batch })
      found.set(path, stored?.artifact)
      if (stored?.learned !== undefined) learned.push(stored.learned)
    }
    await batch.commit(control.signal)
  } catch (error) {
    batch.discard()
    throw error
  }
  project.index().save(learned)
  return found
}

interface Stored {
  readonly artifact: Artifact
  readonly learned: Learned | undefined
}

async function storePath(
  project: Project,
  path: TreePath,
  options: Control & { readonly batch: StoreBatch },
): Promise<Stored | undefined> {
  refuseCache(project, path)
  openInside(project.workspace.root).path(path) // never through a link above it
  const scan = await scanOf(project, path, options)
  if (scan === undefined) return undefined
  refuseScanProblems(scan)
  const { pointer, learned } = await storeWhole(project, { output: path, scan, meta: undefined, ...options }, options)
  return { artifact: artifactOf(pointer), learned: { path, ...learned, summary: pointer } }
}

export const artifactOf = (pointer: Pointer): Artifact => ({
  kind: pointer.kind,
  hash: pointer.hash,
  size: pointer.size,
  files: pointer.kind === 'directory' ? pointer.files : undefined,
  executable: pointer.kind === 'file' && pointer.executable,
})
