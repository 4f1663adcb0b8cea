// `commit`: what changed under ddv's outputs is added, its pointers staged, and a git commit made of all that is staged;
// or else nothing has changed. Killed between two of these steps, the same command finds each of them done and goes on.

import { join } from 'node:path'
import { DdvError, isDdvError } from '../core/errors.js'
import type { Control } from '../core/events.js'
import { stageAddress } from '../core/stage.js'
import { dirname, displayPath, type TreePath } from '../core/tree-path.js'
import { hasOthers, makeCommit, pushBranch, pushReason, requireUpstream, type Upstream } from '../git/commits.js'
import { listCommits } from '../git/range.js'
import { currentOperation, type GitRepository } from '../git/repository.js'
import { findCommit } from '../git/revisions.js'
import type { Locked } from '../sys/lock.js'
import { statIfThere } from '../sys/stats.js'
import { type AddedOutput, addTargets, type OutputFailure } from './add.js'
import { planAdd } from './add-plan.js'
import { type Baseline, baselineOf, noteBaselines } from './baseline.js'
import { readCommitted } from './committed.js'
import { isInPlace } from './in-place.js'
import { warnOfLeftBehind } from './left-behind.js'
import { withWorkspaceLock } from './locked.js'
import { listAll, outputTargets } from './outputs.js'
import { refuseInProduction } from './production.js'
import type { Project } from './project.js'
import { type PushResult, pushPointers } from './push.js'
import { isPushed, type NamedPointer, requireGit } from './revision.js'
import { findTargets, pointerOf, type Target, wholeOutputs } from './targets.js'
import { bookkeeping, contentsOf, restore, type Saved, save, stage } from './undo.js'

export interface CommitOptions extends Control {
  readonly cwd: string
  readonly message: string
  /** Send the data of every commit that leaves, then the branch. */
  readonly push?: boolean | undefined
  /** Where the data goes; the default remote unless told. */
  readonly remote?: string | undefined
}

export interface CommitResult {
  /** HEAD's full id. */
  readonly commit: string
  /** False where there was nothing to commit, and only what an earlier commit holds was pushed. */
  readonly created: boolean
  /** Outputs whose pointers changed. */
  readonly outputs: readonly AddedOutput[]
  /** undefined where none was asked for, or no commit that leaves names data. */
  readonly pushed: Omit<PushResult, 'failures'> | undefined
  /** The upstream that has the branch now; undefined where it was not pushed. */
  readonly branch: string | undefined
  /** Of the push: the commit is made, and the branch was not pushed. */
  readonly failures: readonly OutputFailure[]
}

/** Throws where no commit was made: then pointers, ignore files and git's index are as they were. */
export async function commit(
  project: Project,
  targets: readonly string[],
  options: CommitOptions,
): Promise<CommitResult> {
  refuseInProduction(project.config, 'commit')
  const git = requireGit(project)
  if (options.message.trim() === '') throw new DdvError('usage', 'the message is empty', { hint: `-m 'what changed'` })
  if (currentOperation(git).unfinished)
    throw new DdvError('refused', 'git is in the middle of a merge, a rebase or the like', {
      hint: `end it as git says: 'ddv pull' brings its data, 'git commit' or '--continue' goes on, '--abort' goes back`,
    })
  const upstream = options.push === true ? await requireUpstream(git) : undefined
  const made = await addAndCommit(project, targets, { ...options, git })
  const leaving = upstream === undefined ? [] : await listCommits(git, `@{upstream}..HEAD`, options)
  if (!made.created && leaving.length === 0) throw new DdvError('refused', 'nothing to commit')
  if (upstream === undefined) return { ...made, pushed: undefined, branch: undefined, failures: [] }
  return { ...made, ...(await pushAll(project, leaving, { ...options, git, upstream })) }
}

type Made = Pick<CommitResult, 'commit' | 'created' | 'outputs'>
interface Context extends CommitOptions {
  readonly git: GitRepository
}

async function addAndCommit(project: Project, targets: readonly string[], context: Context): Promise<Made> {
  const { git, message } = context
  const staged = await withWorkspaceLock(project, context, locked =>
    addAndStage(project, targets, { ...context, locked }),
  )
  const takeBack = (): Promise<void> =>
    withWorkspaceLock(project, {}, async locked => {
      // Somebody else's commit came between, and may hold these pointers: to put back the old ones would revert it.
      if ((await findCommit(git, 'HEAD')) !== staged.head) return
      await restore(project, git, staged, locked)
      noteBaselines(project, staged.baselines)
    })
  try {
    // Without the lock: hooks may be ddv's own.
    const done = await makeCommit(git, message, context)
    if (done.outcome === 'made') return { commit: done.id, created: true, outputs: staged.outputs }
    if (done.outcome === 'refused') throw refusedError(done.said, context)
    const head = await findCommit(git, 'HEAD')
    if (head === undefined) throw new DdvError('refused', 'nothing to commit')
    return { commit: head, created: false, outputs: [] }
  } catch (error) {
    await takeBack()
    throw error
  }
}

function refusedError(said: readonly string[], { onEvent }: Control): DdvError {
  onEvent?.({ type: 'said', lines: said })
  const reason = said.findLast(line => !/^hint: /.test(line)) ?? 'a hook refused it'
  return new DdvError('refused', `git did not make the commit: ${reason}`, {
    hint: 'nothing was committed, and pointers and index are as they were',
  })
}

interface Staged {
  readonly saved: Saved
  readonly after: ReturnType<typeof contentsOf>
  readonly outputs: readonly AddedOutput[]
  /** HEAD, and what data came from, before. */
  readonly head: string | undefined
  readonly baselines: readonly Baseline[]
}

async function addAndStage(
  project: Project,
  typed: readonly string[],
  context: Context & { readonly locked: Locked },
): Promise<Staged> {
  const { git, locked } = context
  const all = listAll(project)
  const targets = typed.length === 0 ? outputTargets(all) : findTargets(project, typed, context)
  for (const target of targets) pointerOf(project, target) // one that cannot be read is not committed
  const stages = targets.filter(({ stage }) => stage !== undefined)
  await warnOfChanged(project, wholeOutputs(stages), context)
  const pointed = targets.filter(({ stage }) => stage === undefined)
  const outputs = [...new Set(pointed.map(({ output }) => output))]
  const files = [...bookkeeping(project, outputs), ...lockFiles(project, all.locks, stages)]
  const saved = await save(git, files, locked)
  const head = await findCommit(git, 'HEAD')
  const baselines = outputs.map(output => baselineOf(project, output))
  try {
    const added = await addPresent(project, pointed, context)
    await stage(git, files)
    await warnOfLeftBehind(project, { ...context, locks: all.locks })
    return { saved, after: contentsOf(files), outputs: added.filter(({ changed }) => changed), head, baselines }
  } catch (error) {
    await restore(project, git, { saved, after: undefined }, locked)
    noteBaselines(project, baselines)
    throw error
  }
}

/** Every lock of the workspace, and the ignore files beside what the stages made. */
function lockFiles(project: Project, locks: readonly TreePath[], stages: readonly Target[]): string[] {
  const ignores = stages.map(({ output }) => join(dirname(output), '.gitignore'))
  return [...new Set([...locks, ...ignores])].map(file => join(project.workspace.root, file))
}

/** What somebody changed by hand is no run's result: the lock goes on naming what the stage made. */
async function warnOfChanged(project: Project, stages: readonly Target[], context: Context): Promise<void> {
  for (const target of stages) {
    const { output, stage } = target
    const isThere = statIfThere(join(project.workspace.root, output)) !== undefined
    if (stage === undefined || !isThere || (await isInPlace(project, target, context))) continue
    context.onEvent?.({
      type: 'warning',
      message: `has changed since its stage '${stage.name}' ran, and is not committed so: ${displayPath(output)}`,
      hint: `'ddv repro ${stageAddress(stage)}' makes it, 'ddv checkout ${displayPath(output)}' brings it back`,
    })
  }
}

/** What is not in the workspace has not changed: it was not pulled, or `remove` is to say so. */
async function addPresent(
  project: Project,
  targets: readonly Target[],
  context: Context & { readonly locked: Locked },
): Promise<readonly AddedOutput[]> {
  const { root } = project.workspace
  const present = targets.filter(({ output }) => statIfThere(join(root, output)) !== undefined)
  if (present.length === 0) return []
  const plan = await planAdd(project, present.map(typedAs), root)
  const { outputs, failures } = await addTargets(project, plan, context)
  const [first] = failures
  if (first === undefined) return outputs
  throw first.error
}

const typedAs = ({ output, within }: Target): string => (within === '' ? output : `${output}/${within}`)

type Pushed = Pick<CommitResult, 'pushed' | 'branch' | 'failures'>

async function pushAll(
  project: Project,
  leaving: readonly string[],
  context: Context & { readonly upstream: Upstream },
): Promise<Pushed> {
  const { git, upstream, remote, onEvent, signal } = context
  try {
    const committed = await readCommitted(project, leaving, context)
    const { problems } = committed
    const versions = committed.versions.filter(isPushed)
    const found = problems.map(({ path, error }) => ({ path, error }))
    const { failures: failed, ...sent } = await pushData(project, versions, {
      signal,
      onEvent,
      remote,
      failures: found,
    })
    const done = versions.length === 0 ? undefined : sent
    if (failed.length > 0) return { pushed: done, branch: undefined, failures: failed }
    const said = await pushBranch(git, { signal })
    if (said === undefined) return { pushed: done, branch: upstream.upstream, failures: [] }
    onEvent?.({ type: 'said', lines: said })
    const error = new DdvError('git', `git did not push the branch: ${pushReason(said) ?? upstream.branch}`, {
      hint: hasOthers(said)
        ? `the commit is made; 'git pull' brings what others pushed before, then run 'git push'`
        : `the commit is made; when that is settled, run 'git push'`,
    })
    return { pushed: done, branch: undefined, failures: [{ path: upstream.branch, error }] }
  } catch (error) {
    // The commit is made: its result must reach the caller.
    if (!isDdvError(error)) throw error
    return { pushed: undefined, branch: undefined, failures: [{ path: upstream.branch, error }] }
  }
}

/** Commits without data need no remote. */
async function pushData(
  project: Project,
  versions: readonly NamedPointer[],
  options: Parameters<typeof pushPointers>[2] & { readonly failures: readonly OutputFailure[] },
): Promise<PushResult> {
  if (versions.length > 0) return pushPointers(project, versions, options)
  return { remote: '', outputs: [], failures: options.failures, bytesSent: 0, packs: 0 }
}
