// `checkout --ours` and `--theirs`: ends the conflict of an output. What only one side changed stays merged; what both
// did is as the side has it. Refused before anything is changed where data would be lost.

import { join } from 'node:path'
import { hasBlob } from '../cache/cache.js'
import { DdvError, isDdvError } from '../core/errors.js'
import { isFileEntry } from '../core/manifest.js'
import type { PointerMerge } from '../core/merge-pointers.js'
import type { Side } from '../core/merge3.js'
import { displayPath, type TreePath } from '../core/tree-path.js'
import { stageFiles } from '../git/git-index.js'
import { pointerPath } from '../workspace/pointers.js'
import type { OutputFailure } from './add.js'
import { type CheckoutOptions, type CheckoutResult, checkoutTargets } from './checkout.js'
import { planOutput } from './checkout-plan.js'
import { type OutputInConflict, outputsInConflict } from './conflicts.js'
import { withWorkspaceLock } from './locked.js'
import { mergeOutput, storeManifest } from './merge-outputs.js'
import { absentBlobs } from './presence.js'
import type { Project } from './project.js'
import { requireGit } from './revision.js'
import { findTargets, type Target } from './targets.js'
import { writePointers } from './write-pointers.js'

/** All outputs in conflict for no target. Throws `usage` for a target that is in none, `git` without git. */
export async function takeSide(
  project: Project,
  typed: readonly string[],
  options: CheckoutOptions & { readonly side: Side },
): Promise<CheckoutResult> {
  const targets = typed.length === 0 ? [] : findTargets(project, typed, options)
  const found = await outputsInConflict(
    project,
    targets.map(({ output }) => output),
    options,
  )
  refuseOthers(targets, found)
  const failures: OutputFailure[] = []
  const settled: Target[] = []
  for (const conflict of found)
    try {
      await settle(project, conflict, options)
      settled.push({ output: conflict.output, within: '' })
    } catch (error) {
      if (!isDdvError(error) || isDdvError(error, 'interrupted')) throw error
      failures.push({ path: conflict.output, error })
      options.onEvent?.({ type: 'failed', target: conflict.output, error })
    }
  const result = await checkoutTargets(project, settled, options)
  return { outputs: result.outputs, failures: [...failures, ...result.failures] }
}

function refuseOthers(targets: readonly Target[], found: readonly OutputInConflict[]): void {
  const part = targets.find(({ within }) => within !== '')
  if (part !== undefined)
    throw new DdvError('usage', `a side is taken for an output as a whole: ${displayPath(part.output)}`)
  const inConflict = new Set(found.map(({ output }) => output))
  const other = targets.find(({ output }) => !inConflict.has(output))
  if (other !== undefined)
    throw new DdvError('usage', `not in conflict: ${displayPath(other.output)}`, {
      hint: `'git status' lists what is`,
    })
}

/** The merged pointer, staged. The data is for checkout. */
async function settle(
  project: Project,
  conflict: OutputInConflict,
  options: CheckoutOptions & { readonly side: Side },
): Promise<void> {
  const { output } = conflict
  const { pointer, entries } = merged(project, conflict, options.side)
  await withWorkspaceLock(project, options, async locked => {
    await planOutput(project, { output, within: '', pointer }, { ...options, force: options.force ?? false })
    await refuseAbsent(project, output, { pointer, entries })
    if (entries !== undefined) await storeManifest(project, entries, options.signal)
    await writePointers(project, [{ output, pointer }], locked)
    // Whatever `git.autostage` says: staging is what ends a conflict.
    await stageFiles(requireGit(project), [join(project.workspace.root, pointerPath(output))], options)
  })
}

/** Before the conflict is over: afterwards nobody would know of the other side. */
async function refuseAbsent(
  { cache, pool }: Project,
  output: TreePath,
  { pointer, entries }: Pick<PointerMerge, 'pointer' | 'entries'>,
): Promise<void> {
  const rows = entries ?? (pointer.kind === 'directory' ? pointer.entries : undefined)
  const blobs = rows?.filter(isFileEntry) ?? [
    { digest: pointer.hash, size: pointer.kind === 'file' ? pointer.size : undefined },
  ]
  const sized = blobs.flatMap(({ digest, size }) => (size === undefined ? [] : [{ digest, size }]))
  const absent = await absentBlobs(sized, { cache, pool })
  if (absent.length === 0 && (sized.length === blobs.length || hasBlob(cache, pointer.hash, undefined))) return
  throw new DdvError('missing', `its data is not in the cache, so no side was taken: ${displayPath(output)}`, {
    hint: `'ddv fetch ${displayPath(output)}' brings all versions; then run the same command again`,
  })
}

function merged(project: Project, { output, base, ours, theirs }: OutputInConflict, side: Side): PointerMerge {
  if (ours !== undefined && theirs !== undefined)
    return mergeOutput(project, { output, sides: { base, ours, theirs }, favour: side })
  const taken = side === 'ours' ? ours : theirs
  if (taken === undefined) throw deletedError(output, side)
  return mergeOutput(project, { output, sides: { base: undefined, ours: taken, theirs: taken }, favour: side })
}

const deletedError = (output: TreePath, side: Side): DdvError =>
  new DdvError('refused', `deleted in ${side}: ${displayPath(output)}`, {
    hint: `'git rm ${displayPath(output)}.ddv' agrees; the other side keeps it`,
  })
