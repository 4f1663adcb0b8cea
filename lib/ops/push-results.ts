// `push` of the run cache: results of the stages as the locks have them, so that another machine need not run them again.
// An entry goes up after all that it names, also what git keeps of a stage's outs: there it can be used as it is.

import { findRunResult } from '../cache/run-results.js'
import { selectRemote } from '../core/config-remotes.js'
import type { Digest } from '../core/digest.js'
import type { Control } from '../core/events.js'
import type { StageLock } from '../core/lockfile.js'
import { encodeRunResult, scopesToRead } from '../core/run-result.js'
import { lockFileName } from '../core/stage.js'
import type { TreePath } from '../core/tree-path.js'
import { forEachAtOnce } from '../remote/concurrently.js'
import { sendRunResult } from '../remote/run-results.js'
import { readLock } from '../workspace/locks.js'
import { findFiles } from '../workspace/pointers.js'
import { openProjectRemote } from './open-remote.js'
import type { Project } from './project.js'
import { areCached, resultKey, resultPointers } from './results.js'

export interface Result {
  readonly key: Digest
  readonly stage: StageLock
}

/**
 * Those that the remote is not known to have and whose outs are in the cache; none of a stage with outs that are not to be
 * pushed. Locks that cannot be read are for others to tell.
 */
export async function unsentResults(project: Project, name: string | undefined): Promise<readonly Result[]> {
  const found = findResults(project, name)
  const whole: Result[] = []
  for (const result of found) if (await areCached(project, resultPointers(result.stage))) whole.push(result)
  return whole
}

function findResults(project: Project, name: string | undefined): readonly Result[] {
  const { workspace, ignore, cache, config, locks } = project
  const files = findFiles(workspace.root, ignore, lockFileName)
  if (files.length === 0) return []
  const remoteUrl = selectRemote(config, name).url
  const results: Result[] = []
  for (const file of files) {
    if (locks.find(file)?.error !== undefined) continue
    for (const locked of readLock(workspace.root, file).values()) {
      if ([...locked.outs.values()].some(({ push }) => !push)) continue
      const key = resultKey({ ...locked, outs: locked.outs.keys() })
      if (wasSent(project, remoteUrl, key)) continue
      const stage = scopesToRead(config.runs.scope)
        .map(scope => findRunResult(cache, { scope, key }))
        .find(found => found !== undefined)
      if (stage !== undefined) results.push({ key, stage })
    }
  }
  return results
}

/** Requests at the same time; entries are small. */
const concurrency = 16

export interface SendOptions {
  readonly remote?: string | undefined
  /** What the remote has by now. */
  readonly pushed: readonly { readonly path: TreePath; readonly hash: Digest }[]
}

/** Sends those of which the remote has every out, and gives their number. */
export async function sendResults(
  project: Project,
  results: readonly Result[],
  options: Control & SendOptions,
): Promise<number> {
  const there = new Set(options.pushed.map(({ path, hash }) => `${path}\0${hash}`))
  const whole = results.filter(({ stage }) =>
    [...stage.outs].every(([path, { hash }]) => there.has(`${path}\0${hash}`)),
  )
  if (whole.length === 0) return 0
  const { scope } = project.config.runs
  const remote = await openProjectRemote(project, { ...options, name: options.remote, write: true })
  try {
    await forEachAtOnce(whole, concurrency, ({ key, stage }) =>
      sendRunResult(remote, { scope, key }, Buffer.from(encodeRunResult(stage)), options),
    )
    noteSent(project, selectRemote(project.config, options.remote).url, whole)
    return whole.length
  } finally {
    await remote.close()
  }
}

// A collection keeps entries that were written lately: those that are still in use are sent anew, as recipes are.
const touchAfter = 4 * 24 * 3600 * 1000

const noteKey = ({ config }: Project, remoteUrl: string, key: Digest): string =>
  `result/${config.runs.scope}/${key}/${remoteUrl}`.slice(0, 1500)

function wasSent(project: Project, remoteUrl: string, key: Digest): boolean {
  const at = Number(
    project
      .chunkIndex()
      .get(noteKey(project, remoteUrl, key))
      ?.toString() ?? Number.NaN,
  )
  return Math.abs(Date.now() - at) < touchAfter
}

function noteSent(project: Project, remoteUrl: string, results: readonly Result[]): void {
  const now = Buffer.from(String(Date.now()))
  project.chunkIndex().write(batch => {
    for (const { key } of results) batch.put(noteKey(project, remoteUrl, key), now)
  })
}
