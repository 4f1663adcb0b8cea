// A pointer as git's diffs show it (see core/pointer-listing.ts). Reads, and writes nothing; asks nobody for what is not
// here.

import { readFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { blobPath } from '../cache/cache.js'
import { isDdvError, systemCode } from '../core/errors.js'
import { decodeManifest, type ManifestEntry } from '../core/manifest.js'
import { type DirectoryPointer, decodePointer } from '../core/pointer.js'
import { pointerListing } from '../core/pointer-listing.js'
import { trackedAmong } from '../git/git-index.js'
import { findRepository } from '../git/repository.js'
import { hashBytes } from '../sys/hash.js'
import type { Environment } from '../sys/spawn.js'
import { findWorkspace } from '../workspace/workspace.js'
import { openProject } from './project.js'

export interface ShowOptions {
  /** The pointer's file. git gives a temporary one for a version that is not in the workspace. */
  readonly file: string
  readonly cwd: string
  readonly env: Environment
}

/** undefined for what is no pointer that can be read. */
export async function showPointer(text: string, options: ShowOptions): Promise<string | undefined> {
  try {
    const pointer = decodePointer(text, options.file)
    if (pointer.kind === 'file') return pointerListing(pointer, [])
    return pointerListing(pointer, pointer.entries ?? (await findRows(pointer, options)))
  } catch (error) {
    if (isDdvError(error)) return undefined
    throw error
  }
}

async function findRows(pointer: DirectoryPointer, options: ShowOptions): Promise<readonly ManifestEntry[] | string> {
  for (const place of await workspaces(options)) {
    const project = await openProject({ cwd: place, env: options.env })
    try {
      const bytes = readIfThere(blobPath(project.cache, pointer.hash))
      if (bytes === undefined) continue
      return hashBytes(bytes) === pointer.hash ? decodeManifest(bytes, pointer.hash) : 'its manifest is damaged'
    } finally {
      await project.close()
    }
  }
  return 'its manifest is not in the cache'
}

/** The one that holds the file, or from whose directory git was called; all of the repository where that does not tell. */
async function workspaces({ file, cwd, env }: ShowOptions): Promise<readonly string[]> {
  const near = [dirname(resolve(cwd, file)), resolve(cwd, env.GIT_PREFIX ?? ''), cwd]
  const found = near.map(findWorkspace).find(workspace => workspace !== undefined)
  if (found !== undefined) return [found.root]
  const repository = findRepository(cwd, env)
  if (repository === undefined) return []
  const configs = (await trackedAmong(repository, [''])).filter(path => /(^|\/)\.ddv\/config\.yaml$/.test(path))
  return configs.map(path => resolve(repository.root, dirname(dirname(path))))
}

function readIfThere(file: string): Buffer | undefined {
  try {
    return readFileSync(file)
  } catch (error) {
    if (systemCode(error) === undefined) throw error
    return undefined
  }
}
