// The run cache: what a stage made before from the very same origin, here or on another machine. An entry counts only
// where all that it names can be had; its blobs are hashed on their way out like any others.

import { findRunResult, readResult, writeRunResult } from '../cache/run-results.js'
import type { Digest } from '../core/digest.js'
import { isDdvError, systemCode } from '../core/errors.js'
import type { Control } from '../core/events.js'
import { pointerOfOut, type StageLock } from '../core/lockfile.js'
import { type RunOrigin, resultKeyText, scopesToRead } from '../core/run-result.js'
import type { Remote } from '../remote/remote.js'
import { fetchRunResult } from '../remote/run-results.js'
import { hashBytes } from '../sys/hash.js'
import { fetchPointers } from './fetch.js'
import { openProjectRemote } from './open-remote.js'
import { blobsOf, findAbsent } from './presence.js'
import type { Project } from './project.js'
import type { NamedPointer } from './revision.js'

export const resultKey = (origin: RunOrigin): Digest => hashBytes(Buffer.from(resultKeyText(origin)))

/** An entry's outs, as pointers would say them. */
export const resultPointers = ({ outs }: StageLock): NamedPointer[] =>
  [...outs].map(([path, out]) => ({ path, pointer: pointerOfOut(path, out) }))

/** What can be wrong with what an entry names, or with what it says of it: then it is none. */
const ofEntry = ['missing', 'corrupt', 'bad-manifest', 'bad-pointer'] as const

/** Whether the cache has all that these name. */
export async function areCached(project: Project, named: readonly NamedPointer[]): Promise<boolean> {
  const { cache, pool } = project
  for (const { path, pointer } of named) {
    try {
      const absent = await findAbsent(pointer, () => blobsOf(project, path, pointer), {
        cache,
        pool,
        index: project.index(),
      })
      if (absent.length > 0) return false
    } catch (error) {
      if (isDdvError(error, ...ofEntry)) return false
      throw error
    }
  }
  return true
}

export interface FindOptions extends Control {
  /** Look on the default remote too, and fetch from there what an entry names. */
  readonly pull: boolean
}

/** A result of this origin whose outs are all in the cache now; undefined where none can be had. */
export async function findResult(project: Project, key: Digest, options: FindOptions): Promise<StageLock | undefined> {
  for (const scope of scopesToRead(project.config.runs.scope)) {
    const found = findRunResult(project.cache, { scope, key })
    if (found !== undefined && (await canBeHad(project, found, options))) return found
  }
  if (!options.pull) return undefined
  const found = await findOnRemote(project, key, options)
  if (found === undefined || !(await canBeHad(project, found, options))) return undefined
  writeRunResult(project.cache, { scope: project.config.runs.scope, key }, found)
  return found
}

async function canBeHad(project: Project, stage: StageLock, options: FindOptions): Promise<boolean> {
  const named = resultPointers(stage)
  if (await areCached(project, named)) return true
  if (!options.pull) return false
  try {
    const { failures } = await fetchPointers(project, named, { signal: options.signal })
    return failures.length === 0
  } catch (error) {
    if (isDdvError(error, ...ofEntry, 'remote')) return false
    throw error
  }
}

async function findOnRemote(project: Project, key: Digest, options: FindOptions): Promise<StageLock | undefined> {
  const remote = await openProjectRemote(project, options)
  try {
    for (const scope of scopesToRead(project.config.runs.scope)) {
      const found = await readRemote(remote, { scope, key }, options)
      if (found !== undefined) return found
    }
    return undefined
  } finally {
    await remote.close()
  }
}

async function readRemote(
  remote: Remote,
  place: { readonly scope: string; readonly key: Digest },
  { signal, onEvent }: Control,
): Promise<StageLock | undefined> {
  const bytes = await fetchRunResult(remote, place, { signal })
  if (bytes === undefined) return undefined
  const found = readResult(bytes, place, remote.url)
  if (found === undefined)
    onEvent?.({ type: 'warning', message: `an entry of the run cache is not what its name says: ${remote.url}` })
  return found
}

/** Keeps a result whose blobs are durable in the cache. Where it cannot be kept, it was made all the same. */
export function keepResult(project: Project, key: Digest, { stage, onEvent }: Control & { stage: StageLock }): void {
  try {
    writeRunResult(project.cache, { scope: project.config.runs.scope, key }, stage)
  } catch (error) {
    if (systemCode(error) === undefined && !isDdvError(error)) throw error
    const message = `a result was not kept for later runs (${(error as Error).message})`
    onEvent?.({ type: 'warning', message })
  }
}
