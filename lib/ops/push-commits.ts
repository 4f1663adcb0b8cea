// pre-push, after the judgement: the data of every commit that leaves goes to the remote before git sends the commit.

import { isDdvError } from '../core/errors.js'
import type { Control } from '../core/events.js'
import type { RefUpdate } from '../git/leaving.js'
import type { GitRepository } from '../git/repository.js'
import type { OutputFailure } from './add.js'
import type { FoundPointer } from './judge.js'
import { judgeCommits } from './judge-commits.js'

export interface PushCommitsOptions extends Control {
  /** As git calls the other side: its name, or its URL where it has none. */
  readonly remote: string
}

export interface PushCommitsResult {
  /** Where there is any, git must not push. */
  readonly problems: readonly OutputFailure[]
  /** To each ddv remote, one for each workspace that has something to push. */
  readonly sent: readonly { readonly remote: string; readonly outputs: number; readonly bytes: number }[]
}

/** Sends nothing where a commit is refused for what it holds. */
export async function pushCommits(
  repository: GitRepository,
  updates: readonly RefUpdate[],
  options: PushCommitsOptions,
): Promise<PushCommitsResult> {
  const { problems, pointers: named, territory } = await judgeCommits(repository, updates, options)
  const pointers = named.filter(({ stage }) => stage?.out.push !== false)
  if (problems.length > 0 || pointers.length === 0) return { problems, sent: [] }
  const failures: OutputFailure[] = []
  const sent: PushCommitsResult['sent'][number][] = []
  for (const prefix of new Set(pointers.map(one => one.prefix))) {
    const own = pointers.filter(one => one.prefix === prefix)
    const result = await pushWorkspace(repository, { root: territory.rootOf(prefix), prefix, own }, options)
    failures.push(...result.failures)
    if (result.outputs > 0) sent.push(result)
  }
  return { problems: failures, sent }
}

interface Pushing {
  readonly root: string
  readonly prefix: string
  readonly own: readonly FoundPointer[]
}

async function pushWorkspace(repository: GitRepository, { root, prefix, own }: Pushing, options: PushCommitsOptions) {
  // Loaded here, so that a push without data starts without them.
  const [{ openHookProject }, { pushPointers }, { refuseInProduction }] = await Promise.all([
    import('./hook-project.js'),
    import('./push.js'),
    import('./production.js'),
  ])
  const project = await openHookProject(repository, root)
  try {
    refuseInProduction(project.config, 'push')
    const named = own.map(({ output, pointer, stage }) => ({
      path: output,
      pointer,
      ...(stage !== undefined && { stage }),
    }))
    const { signal, onEvent } = options
    const { remote, outputs, failures, bytesSent } = await pushPointers(project, named, { signal, onEvent })
    return {
      failures: failures.map(({ path, error }) => ({ path: `${prefix}${path}`, error })),
      remote,
      outputs: outputs.filter(({ outcome }) => outcome === 'pushed').length,
      bytes: bytesSent,
    }
  } catch (error) {
    if (!isDdvError(error) || isDdvError(error, 'interrupted')) throw error
    // No remote, or none that answers: one reason for all of them.
    const [first] = own as readonly [FoundPointer]
    const more = own.length > 1 ? ` and ${own.length - 1} more` : ''
    return { failures: [{ path: `${prefix}${first.output}${more}`, error }], remote: '', outputs: 0, bytes: 0 }
  } finally {
    await project.close()
  }
}
