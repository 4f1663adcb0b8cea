// `pull`: `fetch`, then `checkout` of what is there. Frozen, as it always is in production, it does all or nothing: the
// workspace is not touched before everything that belongs there is in the cache, staged and checked.

import { isDdvError } from '../core/errors.js'
import type { Event } from '../core/events.js'
import { displayPath, type TreePath } from '../core/tree-path.js'
import type { OutputFailure } from './add.js'
import { type CheckedOut, type CheckoutOptions, checkoutTargets } from './checkout.js'
import { currentCommit } from './current-commit.js'
import { type FetchedOutput, type FetchOptions, fetchTargets } from './fetch.js'
import { isInPlace } from './in-place.js'
import { isLocked } from './locked.js'
import { isCovered } from './outputs.js'
import { pointerChanges } from './pointer-changes.js'
import type { Project } from './project.js'
import { targetsAt } from './revision.js'
import { findTargets, type Target } from './targets.js'

export interface PullOptions extends Omit<FetchOptions, 'revisions'>, CheckoutOptions {
  /** Make the data what this commit names; branch and pointers stay as they are. */
  readonly revision?: string | undefined
  /** All or nothing, and nothing fetched that is in its place already; always so in production. */
  readonly frozen?: boolean | undefined
}

export interface PullResult {
  /** The commit that was named, or that is checked out by git or by the environment; undefined where none says it. */
  readonly commit: string | undefined
  /** With a revision: outputs that have no pointer here, so that git may not know that they are data. */
  readonly unnamed?: readonly TreePath[]
  readonly frozen: boolean
  readonly remote: string | undefined
  readonly fetched: readonly FetchedOutput[]
  readonly outputs: readonly CheckedOut[]
  /** Outputs of stages that are not pushed, and are not in the cache: only a run of their stage makes them. */
  readonly left: readonly TreePath[]
  /** An output that could not be fetched whole still gets those of its files that could, unless frozen. */
  readonly failures: readonly OutputFailure[]
  readonly bytesReceived: number
}

export async function pull(project: Project, targets: readonly string[], options: PullOptions): Promise<PullResult> {
  const { revision } = options
  const frozen = options.frozen === true || project.config.environment === 'production'
  if (revision !== undefined) return pullRevision(project, targets, { ...options, revision, frozen })
  const found = findTargets(project, targets, options)
  const commit = (await currentCommit(project))?.id
  if (frozen) await warnOfOtherPointers(project, found, options)
  const done = await pullTwice(project, found, { ...options, frozen })
  tell(done.failures, options)
  return { ...done, commit, frozen }
}

async function pullRevision(
  project: Project,
  targets: readonly string[],
  options: PullOptions & { readonly revision: string; readonly frozen: boolean },
): Promise<PullResult> {
  const { revision, frozen, cwd } = options
  const at = await targetsAt(project, { revision, targets, cwd }, options)
  const wanted = frozen && at.failures.length > 0 ? [] : at.targets
  const done = await pullTwice(project, wanted, options)
  const failures = [...at.failures, ...done.failures]
  tell(failures, options)
  const unnamed = done.outputs.map(({ path }) => path).filter(path => !isCovered(project, path))
  return { ...done, commit: at.commit, unnamed, frozen, failures }
}

function tell(failures: readonly OutputFailure[], { onEvent }: PullOptions): void {
  for (const { path, error } of failures) onEvent?.({ type: 'failed', target: path, error })
}

type Done = Omit<PullResult, 'commit' | 'frozen' | 'unnamed'>

async function pullTwice(project: Project, found: readonly Target[], options: PullOptions): Promise<Done> {
  const first = await pullTargets(project, found, options)
  // A blob that had rotted in the cache was set aside just now; the remote may have it whole.
  const rotten = new Set(first.failures.filter(({ error }) => isDdvError(error, 'corrupt')).map(({ path }) => path))
  if (rotten.size === 0) return first
  for (const path of rotten)
    options.onEvent?.({ type: 'warning', message: `damaged in the cache, fetched again: ${displayPath(path)}` })
  const again = options.frozen === true ? found : found.filter(({ output }) => rotten.has(output))
  const second = await pullTargets(project, again, options)
  const isRedone = new Set<string>(again.map(({ output }) => output))
  return {
    remote: first.remote ?? second.remote,
    fetched: [...first.fetched.filter(({ path }) => !isRedone.has(path)), ...second.fetched],
    outputs: [...first.outputs.filter(({ path }) => !isRedone.has(path)), ...second.outputs],
    failures: [...first.failures.filter(({ path }) => !isRedone.has(path)), ...second.failures],
    left: [...new Set([...first.left, ...second.left])],
    bytesReceived: first.bytesReceived + second.bytesReceived,
  }
}

/** Failures are told by the caller, who knows which of them are final. */
async function pullTargets(project: Project, targets: readonly Target[], options: PullOptions): Promise<Done> {
  const { frozen = false } = options
  const control = {
    ...options,
    onEvent: (event: Event) => {
      if (event.type !== 'failed') options.onEvent?.(event)
    },
  }
  const wanted = frozen ? await notInPlace(project, targets, options) : targets
  const fetched = await fetchTargets(project, wanted, control)
  const left = new Set(fetched.left)
  const open = wanted.filter(({ output }) => !left.has(output))
  const done = {
    remote: fetched.remote,
    fetched: fetched.outputs,
    bytesReceived: fetched.bytesReceived,
    left: fetched.left,
  }
  if (frozen && fetched.failures.length > 0) return { ...done, outputs: [], failures: fetched.failures }
  const settled = targets.filter(target => !wanted.includes(target))
  const untouched = settled.map(({ output }) => ({ path: output, written: 0, removed: 0 }))
  // Nothing is to be written, not even a lock; but what a killed pull left is swept by whoever takes the next.
  if (frozen && open.length === 0 && !isLocked(project)) return { ...done, outputs: untouched, failures: [] }
  const { outputs, failures } = await checkoutTargets(project, open, { ...control, allOrNothing: frozen })
  // What the fetch named is not named again because the checkout misses the same.
  const failed = new Set(fetched.failures.map(({ path }) => path))
  return {
    ...done,
    outputs: frozen && failures.length > 0 ? outputs : [...untouched, ...outputs],
    failures: [...fetched.failures, ...failures.filter(({ path }) => !failed.has(path))],
  }
}

// An image that was made with its data needs neither cache nor remote when it starts.
async function notInPlace(project: Project, targets: readonly Target[], options: PullOptions): Promise<Target[]> {
  const open: Target[] = []
  for (const target of targets) if (!(await isInPlace(project, target, options))) open.push(target)
  return open
}

/** The report names a commit; pointers that are not that commit's must not pass for it. */
async function warnOfOtherPointers(project: Project, targets: readonly Target[], options: PullOptions): Promise<void> {
  if (project.git === undefined) return
  try {
    const { changed } = await pointerChanges(project, targets, options)
    if (changed.length === 0) return
    const names = changed.slice(0, 10).map(displayPath).join(', ')
    const more = changed.length > 10 ? ` and ${changed.length - 10} more` : ''
    options.onEvent?.({ type: 'warning', message: `pointers are not those of the commit: ${names}${more}` })
  } catch (error) {
    if (!isDdvError(error, 'git', 'usage')) throw error // no commit yet, or none that can be read here
  }
}
