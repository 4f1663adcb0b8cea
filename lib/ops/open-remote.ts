// From a remote's name in the configuration to an open driver.

import { mkdirSync, readFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { dirname, join } from 'node:path'
import { selectRemote } from '../core/config-remotes.js'
import { systemCode } from '../core/errors.js'
import type { Control } from '../core/events.js'
import { originUrl } from '../git/repository.js'
import { openRemote } from '../remote/open.js'
import type { Remote } from '../remote/remote.js'
import { writeFileAtomic } from '../sys/fs.js'
import { hashBytes } from '../sys/hash.js'
import { randomBytes } from '../sys/random.js'
import { ddvDirectory } from '../workspace/workspace.js'
import type { Project } from './project.js'

export interface OpenRemoteOptions extends Control {
  /** The default remote unless told. */
  readonly name?: string | undefined
  /** For push: an empty place may become a remote. */
  readonly write?: boolean | undefined
}

/** Throws `remote` where none is configured, `usage` for an unknown name, `bad-config`. Whoever opens it closes it. */
export async function openProjectRemote(project: Project, options: OpenRemoteOptions): Promise<Remote> {
  const { config, workspace, cache } = project
  return openRemote(selectRemote(config, options.name), {
    root: workspace.root,
    write: options.write ?? false,
    fsync: cache.fsync !== 'off',
    onEvent: options.onEvent,
  })
}

/** Which git repository this is, for a remote's list of those that use it. */
export function repositoryIdentity(project: Project): { readonly id: string; readonly url: string } {
  const url = project.git === undefined ? undefined : originUrl(project.git)
  if (url !== undefined) return { id: hashBytes(Buffer.from(url)).slice(0, 32), url }
  return { id: localId(project), url: `host:${hostname()}` }
}

// Without a URL a clone is known by a random id of its own, which never enters git.
function localId({ workspace }: Project): string {
  const file = join(workspace.root, ddvDirectory, 'id')
  try {
    const id = readFileSync(file, 'utf8').trim()
    if (/^[0-9a-f]{32}$/.test(id)) return id
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') throw error
  }
  const id = randomBytes(16).toString('hex')
  mkdirSync(dirname(file), { recursive: true })
  writeFileAtomic(file, `${id}\n`)
  return id
}
