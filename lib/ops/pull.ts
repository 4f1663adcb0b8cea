// `pull`: `fetch`, then `checkout` of what is there.

import { isDdvError } from '../core/errors.js'
import type { Event } from '../core/events.js'
import { displayPath, type TreePath } from '../core/tree-path.js'
import { coveringOutput } from '../workspace/pointers.js'
import type { OutputFailure } from './add.js'
import { type CheckedOut, type CheckoutOptions, checkoutTargets } from './checkout.js'
import { type FetchedOutput, type FetchOptions, fetchTargets } from './fetch.js'
import type { Project } from './project.js'
import { targetsAt } from './revision.js'
import { findTargets, type Target } from './targets.js'

export interface PullOptions extends Omit<FetchOptions, 'revisions'>, CheckoutOptions {
  /** Make the data what this commit names; branch and pointers stay as they are. */
  readonly revision?: string | undefined
}

export interface PullResult {
  /** The full id of the commit whose data it is, where one was named. */
  readonly commit?: string
  /** With a commit: outputs that have no pointer here, so that git may not know that they are data. */
  readonly unnamed?: readonly TreePath[]
  readonly remote: string | undefined
  readonly fetched: readonly FetchedOutput[]
  readonly outputs: readonly CheckedOut[]
  /** An output that could not be fetched whole still gets those of its files that could. */
  readonly failures: readonly OutputFailure[]
  readonly bytesReceived: number
}

export async function pull(project: Project, targets: readonly string[], options: PullOptions): Promise<PullResult> {
  const { revision, cwd } = options
  if (revision === undefined) return pullFound(project, findTargets(project, targets, options), options)
  const at = await targetsAt(project, { revision, targets, cwd }, options)
  const result = await pullFound(project, at.targets, options)
  for (const { path, error } of at.failures) options.onEvent?.({ type: 'failed', target: path, error })
  const { root } = project.workspace
  const unnamed = result.outputs.map(({ path }) => path).filter(path => coveringOutput(root, path) === undefined)
  return { commit: at.commit, unnamed, ...result, failures: [...at.failures, ...result.failures] }
}

async function pullFound(project: Project, found: readonly Target[], options: PullOptions): Promise<PullResult> {
  const first = await pullTargets(project, found, options)
  // A blob that had rotted in the cache was set aside just now; the remote may have it whole.
  const rotten = new Set(first.failures.filter(({ error }) => isDdvError(error, 'corrupt')).map(({ path }) => path))
  const again = found.filter(({ output }) => rotten.has(output))
  if (again.length === 0) return told(first, options)
  for (const { output } of again)
    options.onEvent?.({ type: 'warning', message: `damaged in the cache, fetched again: ${displayPath(output)}` })
  const second = await pullTargets(project, again, options)
  return told(
    {
      remote: first.remote ?? second.remote,
      fetched: [...first.fetched.filter(({ path }) => !rotten.has(path)), ...second.fetched],
      outputs: [...first.outputs.filter(({ path }) => !rotten.has(path)), ...second.outputs],
      failures: [...first.failures.filter(({ path }) => !rotten.has(path)), ...second.failures],
      bytesReceived: first.bytesReceived + second.bytesReceived,
    },
    options,
  )
}

function told(result: PullResult, { onEvent }: PullOptions): PullResult {
  for (const { path, error } of result.failures) onEvent?.({ type: 'failed', target: path, error })
  return result
}

/** Failures are told by the caller, who knows which of them are final. */
async function pullTargets(project: Project, targets: readonly Target[], options: PullOptions): Promise<PullResult> {
  const control = {
    ...options,
    onEvent: (event: Event) => {
      if (event.type !== 'failed') options.onEvent?.(event)
    },
  }
  const fetched = await fetchTargets(project, targets, control)
  const { outputs, failures } = await checkoutTargets(project, targets, control)
  // What the fetch named is not named again because the checkout misses the same.
  const failed = new Set(fetched.failures.map(({ path }) => path))
  return {
    remote: fetched.remote,
    fetched: fetched.outputs,
    outputs,
    failures: [...fetched.failures, ...failures.filter(({ path }) => !failed.has(path))],
    bytesReceived: fetched.bytesReceived,
  }
}
