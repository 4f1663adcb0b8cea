// `pull`: `fetch`, then `checkout` of what is there.

import type { OutputFailure } from './add.js'
import { type CheckedOut, type CheckoutOptions, checkoutTargets } from './checkout.js'
import { type FetchedOutput, type FetchOptions, fetchTargets } from './fetch.js'
import type { Project } from './project.js'
import { findTargets } from './targets.js'

export interface PullOptions extends FetchOptions, CheckoutOptions {}

export interface PullResult {
  readonly remote: string | undefined
  readonly fetched: readonly FetchedOutput[]
  readonly outputs: readonly CheckedOut[]
  /** An output that could not be fetched whole still gets those of its files that could. */
  readonly failures: readonly OutputFailure[]
  readonly bytesReceived: number
}

export async function pull(project: Project, targets: readonly string[], options: PullOptions): Promise<PullResult> {
  const found = findTargets(project, targets, options)
  const fetched = await fetchTargets(project, found, options)
  const failed = new Set(fetched.failures.map(({ path }) => path))
  const { outputs, failures } = await checkoutTargets(project, found, {
    ...options,
    // What the fetch named is not named again for the same reason.
    onEvent: event => {
      if (event.type !== 'failed' || !failed.has(event.target)) options.onEvent?.(event)
    },
  })
  return {
    remote: fetched.remote,
    fetched: fetched.outputs,
    outputs,
    failures: [...fetched.failures, ...failures.filter(({ path }) => !failed.has(path))],
    bytesReceived: fetched.bytesReceived,
  }
}
