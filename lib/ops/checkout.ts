// `checkout`: makes the data in the workspace what the pointers say, from the cache.
//
// New content is staged and made durable first; then, in one quick pass, old files give way and new ones take their
// names. Cut at any instant, each file is old, new, or absent with its content in the cache, and the same command ends it.

import { lstatSync, mkdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { blobPath } from '../cache/cache.js'
import { setAside } from '../cache/quarantine.js'
import { DdvError, isDdvError } from '../core/errors.js'
import type { Control } from '../core/events.js'
import { type FileEntry, isFileEntry } from '../core/manifest.js'
import { stageAddress } from '../core/stage.js'
import { displayPath, dirname as parentOf, type TreePath } from '../core/tree-path.js'
import { discard, type Rename, renameDurably } from '../sys/durable-renames.js'
import { type Inside, openInside } from '../sys/inside.js'
import type { Locked } from '../sys/lock.js'
import { randomName } from '../sys/random.js'
import { Staging } from '../sys/staging.js'
import { statFilesJob, statIfThere } from '../sys/stats.js'
import type { StageOut } from '../workspace/locks.js'
import { removeFile, removeIfEmpty, setExecutable, stageFiles, type WriteFile } from '../workspace/materialize.js'
import { asSeenIn } from '../workspace/stat-table.js'
import { workTemporaryDirectory } from '../workspace/workspace.js'
import type { OutputFailure } from './add.js'
import { requireWritable } from './all-or-nothing.js'
import { noteBaselines } from './baseline.js'
import { lossError, type OutputPlan, planOutput, planTotals } from './checkout-plan.js'
import { learnWritten, type WrittenStates } from './learn.js'
import { withWorkspaceLock } from './locked.js'
import { withoutUnmade } from './not-pushed.js'
import { inOutput } from './obstacles.js'
import type { Project } from './project.js'
import { isBeingMade } from './stage-lock.js'
import { findTargets, type Target } from './targets.js'

export interface CheckoutOptions extends Control {
  readonly cwd: string
  /** Overwrite and delete also what is in no cache. */
  readonly force?: boolean | undefined
}

export interface CheckedOut {
  readonly path: TreePath
  /** Files written, and files deleted because the pointer does not name them. */
  readonly written: number
  readonly removed: number
}

export interface CheckoutResult {
  readonly outputs: readonly CheckedOut[]
  /** Outputs that could not be made whole: what was refused is untouched, what misses a blob has all other files. */
  readonly failures: readonly OutputFailure[]
}

export async function checkout(
  project: Project,
  targets: readonly string[],
  options: CheckoutOptions,
): Promise<CheckoutResult> {
  const found = findTargets(project, targets, options)
  const wanted = targets.length > 0 ? found : await withoutUnmade(project, found, options)
  return checkoutTargets(project, wanted, options)
}

/** `allOrNothing`: where one output fails, none is touched, and `outputs` is empty. */
export function checkoutTargets(
  project: Project,
  targets: readonly Target[],
  options: CheckoutOptions & { readonly allOrNothing?: boolean | undefined },
): Promise<CheckoutResult> {
  const { allOrNothing = false } = options
  return withWorkspaceLock(project, options, async locked => {
    const failures: OutputFailure[] = []
    const stages = new Map<string, StageOut>(targets.flatMap(({ output, stage }) => (stage ? [[output, stage]] : [])))
    const fail = (path: string, found: DdvError): void => {
      const error = withStageHint(found, stages.get(path))
      failures.push({ path, error })
      options.onEvent?.({ type: 'failed', target: path, error })
    }
    const plans: OutputPlan[] = []
    for (const target of targets) {
      try {
        refuseWhileMade(project, target)
        const plan = await planOutput(project, target, { ...options, force: options.force ?? false })
        if (allOrNothing) requireWritable(openInside(project.workspace.root), plan)
        plans.push(plan)
      } catch (error) {
        if (!isDdvError(error) || isDdvError(error, 'interrupted')) throw error
        fail(target.output, error)
      }
    }
    if (allOrNothing && failures.length > 0) return { outputs: [], failures }
    const outputs = await apply(project, plans, { ...options, allOrNothing, locked, fail })
    const done = new Set(outputs.map(({ path }) => path))
    for (const { path } of failures) done.delete(path as TreePath)
    for (const { output, within } of targets) if (within !== '') done.delete(output)
    const inStep = plans.filter(({ output }) => done.has(output))
    noteBaselines(
      project,
      inStep.map(({ output, pointer }) => ({ output, hash: pointer.hash })),
    )
    return { outputs, failures }
  })
}

// What came from the cache now would count as made by the run that is under way.
function refuseWhileMade(project: Project, { output, stage }: Target): void {
  if (stage === undefined || !isBeingMade(project, stage)) return
  throw new DdvError('busy', `is being made by '${stageAddress(stage)}' right now: ${displayPath(output)}`, {
    hint: 'wait for it to end, then run the same command again',
  })
}

/** What keeps or brings other data does neither with a stage's. */
function withStageHint(error: DdvError, stage: StageOut | undefined): DdvError {
  if (stage === undefined) return error
  const { code, message, cause } = error
  const [path, repro] = [displayPath(stage.path), `'ddv repro ${stageAddress(stage)}'`]
  if (code === 'would-lose-data')
    return new DdvError(code, message, {
      cause,
      hint: `a stage makes it: copy them elsewhere, or throw them away with 'ddv checkout --force ${path}'`,
    })
  if (code === 'missing' && !stage.out.push)
    return new DdvError(code, message, { cause, hint: `it is not pushed: ${repro} makes it` })
  return error
}

interface Context extends CheckoutOptions {
  readonly allOrNothing: boolean
  readonly locked: Locked
  readonly fail: (path: string, error: DdvError) => void
}

interface Write {
  readonly plan: OutputPlan
  readonly entry: FileEntry
  /** Relative to the workspace. */
  readonly path: TreePath
}

async function apply(project: Project, plans: readonly OutputPlan[], context: Context): Promise<CheckedOut[]> {
  context.onEvent?.({ type: 'total', phase: 'write', ...planTotals(plans) })
  const staging = new Staging(workTemporaryDirectory(project.workspace))
  try {
    return await applyFrom(staging, project, { plans, context })
  } finally {
    staging.remove()
  }
}

async function applyFrom(
  staging: Staging,
  project: Project,
  { plans, context }: { readonly plans: readonly OutputPlan[]; readonly context: Context },
): Promise<CheckedOut[]> {
  const inside = openInside(project.workspace.root)
  const writes = plans.flatMap(plan =>
    plan.writes.map(entry => ({ plan, entry, path: inOutput(plan.output, entry.path) })),
  )
  const { staged, incomplete } = await stage(project, writes, { ...context, inside, staging })
  if (context.allOrNothing && incomplete.size > 0) {
    discard(staged.map(({ temporary }) => temporary))
    return []
  }
  const renames: Rename[] = staged.map(({ temporary, path }) => ({ from: temporary, to: inside.absolute(path) }))
  const written = await stagedStates(project, staged)
  const beforeRenames = (): Iterable<string> => {
    if (context.force !== true) for (const plan of plans) refuseNewChanges(inside, plan)
    if (context.force !== true && context.allOrNothing) refuseNewcomers(inside, plans)
    clearTheWay(inside, staged, { plans, force: context.force === true })
    return inside.made
  }
  await renameDurably(renames, {
    mode: project.cache.fsync,
    directory: project.workspace.root,
    pool: project.pool,
    signal: context.signal,
    beforeRenames,
  }).catch(error => {
    discard(renames.map(({ from }) => from))
    throw error
  })
  if (renames.length === 0) beforeRenames()
  for (const plan of plans) finish(inside, plan, context)
  await learnWritten(project, { plans: plans.filter(plan => !incomplete.has(plan.output)), written })
  return plans.map(plan => ({
    path: plan.output,
    written: plan.writes.length - (incomplete.get(plan.output) ?? 0),
    removed: onlyRemoved(plan).length,
  }))
}

interface StagedWrite extends Write {
  readonly temporary: string
}

interface StagedWrites {
  readonly staged: readonly StagedWrite[]
  /** Outputs that miss blobs, with how many. */
  readonly incomplete: ReadonlyMap<TreePath, number>
}

async function stage(
  project: Project,
  writes: readonly Write[],
  context: Context & { readonly inside: Inside; readonly staging: Staging },
): Promise<StagedWrites> {
  const { inside, staging } = context
  const temporary = workTemporaryDirectory(project.workspace)
  if (writes.length > 0) mkdirSync(temporary, { recursive: true })
  const isAbsent = absentDirectories(inside.root)
  const files: WriteFile[] = writes.map(({ entry: { digest, size, executable }, path }) => ({
    blob: blobPath(project.cache, digest),
    digest,
    size,
    executable,
    temporary: isAbsent(parentOf(path)) ? staging.path(inside.absolute(path)) : undefined,
  }))
  const options = {
    pool: project.pool,
    newTemporary: () => join(temporary, randomName()),
    reflink: project.config.cache.link === 'reflink',
  }
  const { temporaries, failures } = await stageFiles(files, options, context)
  const failed = new Map<TreePath, { entry: FileEntry; error: DdvError }[]>()
  for (const { row, error } of failures) {
    const { plan, entry } = writes[row] as Write
    const shown = isDdvError(error, 'corrupt') ? setAside(project.cache, entry.digest) : error
    failed.set(plan.output, [...(failed.get(plan.output) ?? []), { entry, error: shown }])
  }
  for (const [output, list] of failed) context.fail(output, incompleteError(output, list))
  return {
    staged: writes.flatMap((write, row) => {
      const temporary = temporaries[row]
      return temporary === undefined ? [] : [{ ...write, temporary }]
    }),
    incomplete: new Map([...failed].map(([output, list]) => [output, list.length])),
  }
}

/** Whether no such directory is in the workspace: what is written there can be gathered to come at once. */
function absentDirectories(root: string): (directory: TreePath | '') => boolean {
  const absent = new Map<string, boolean>([['', false]])
  return directory => {
    const known = absent.get(directory)
    if (known !== undefined) return known
    const found = statIfThere(join(root, directory)) === undefined
    absent.set(directory, found)
    return found
  }
}

/** The stat of each staged file, by the path it is for: what is there later is ours only while inode and mtime are these. */
async function stagedStates({ workspace, pool }: Project, staged: readonly StagedWrite[]): Promise<WrittenStates> {
  if (staged.length === 0) return { rows: new Map(), stats: new BigInt64Array() }
  const directory = workTemporaryDirectory(workspace)
  const names = staged.map(({ temporary }) => temporary.slice(directory.length + 1)).join('\0')
  const args = { directory, names }
  const stats = await (staged.length <= fewFiles ? statFilesJob.run(args) : pool.run(statFilesJob, args))
  return { rows: new Map(staged.map(({ path }, row) => [path, row])), stats }
}

/** Done before a thread has started. */
const fewFiles = 4096

function incompleteError(output: TreePath, failed: readonly { entry: FileEntry; error: DdvError }[]): DdvError {
  const { entry, error } = failed.find(({ error }) => isDdvError(error, 'corrupt')) ?? (failed[0] as (typeof failed)[0])
  const path = displayPath(inOutput(output, entry.path))
  if (error.code !== 'missing') return error
  const more = failed.length > 1 ? ` and ${failed.length - 1} more of ${displayPath(output)}` : ''
  return new DdvError('missing', `blob is not in the cache: ${path}${more}`, {
    hint: `fetch it with 'ddv pull ${displayPath(output)}'`,
  })
}

/** A file that changed since the plan looked at it: nobody has its new content. */
function refuseNewChanges(inside: Inside, { output, removals, present }: OutputPlan): void {
  if (removals.length === 0 || present === undefined) return
  const asSeen = asSeenIn(present.table)
  for (const { path } of removals) {
    const full = inOutput(output, path)
    if (!asSeen(path, inside.path(full))) throw lossError(output, [full])
  }
}

/** As clearTheWay does one by one, but before the first is cleared away. */
function refuseNewcomers(inside: Inside, plans: readonly OutputPlan[]): void {
  for (const { output, writes, removals } of plans) {
    const known = new Set(removals.map(({ path }) => path))
    for (const { path } of writes) {
      const file = inOutput(output, path)
      const stat = statIfThere(join(inside.root, file))
      if (stat !== undefined && !stat.isDirectory() && !known.has(path)) throw lossError(output, [file])
    }
  }
}

/** Removes files that stand where directories are to be, and the other way round; makes parents. */
function clearTheWay(
  inside: Inside,
  staged: readonly StagedWrite[],
  { plans, force }: { readonly plans: readonly OutputPlan[]; readonly force: boolean },
): void {
  const known = new Set(plans.flatMap(plan => plan.removals.map(({ path }) => inOutput(plan.output, path))))
  for (const plan of plans) {
    for (const path of plan.obstacles) removeFile(inside.path(path))
    const wanted = new Set(plan.writes.map(({ path }) => path))
    const parents = new Set(plan.writes.flatMap(({ path }) => parentsOf(plan.output, path)))
    for (const { path } of plan.removals)
      if (!wanted.has(path) && parents.has(inOutput(plan.output, path)))
        removeFile(inside.path(inOutput(plan.output, path)))
  }
  for (const { path, plan } of staged) {
    const file = inside.pathWithParents(path)
    if (inside.inNew(path)) continue // made a moment ago
    const stat = lstatSync(file, { throwIfNoEntry: false })
    if (stat === undefined) continue
    if (stat.isDirectory()) removeObstacle(inside, plan, path)
    else if (!force && !known.has(path)) throw lossError(plan.output, [path]) // it came after the plan
  }
}

function parentsOf(output: TreePath, path: string): TreePath[] {
  const parents: TreePath[] = []
  for (let at: string = inOutput(output, path); at.length > output.length; at = dirname(at))
    parents.push(dirname(at) as TreePath)
  return parents
}

// A directory where a file is to be: the plan made sure that nothing but known files and empty directories is in it.
function removeObstacle(inside: Inside, { output, removals, oldDirectories }: OutputPlan, path: TreePath): void {
  const isBelow = (other: TreePath): boolean => other.startsWith(`${path}/`)
  const files = removals.map(entry => inOutput(output, entry.path)).filter(isBelow)
  const empty = oldDirectories.map(directory => inOutput(output, directory)).filter(isBelow)
  for (const file of files) removeFile(inside.path(file))
  const parents = [...files, ...empty].flatMap(other => parentsOf(path, other.slice(path.length + 1)))
  prune(inside, path, [...empty, ...parents, path])
  if (lstatSync(inside.path(path), { throwIfNoEntry: false }) === undefined) return
  throw new DdvError('would-lose-data', `a file is to be where a directory with other files is: ${displayPath(path)}`, {
    hint: 'move those files away, then run the same command again',
  })
}

// Deepest first, so that a chain of emptied directories goes as one.
function prune(inside: Inside, top: TreePath, directories: readonly TreePath[]): void {
  const deepestFirst = [...new Set(directories)].filter(d => d.length >= top.length).sort((a, b) => b.length - a.length)
  for (const directory of deepestFirst) removeIfEmpty(inside.path(directory))
}

const onlyRemoved = ({ removals, writes }: OutputPlan): readonly FileEntry[] => {
  const written = new Set(writes.map(({ path }) => path))
  return removals.filter(({ path }) => !written.has(path))
}

/** What needs no staging: deletions, emptied and empty directories, executable bits. */
function finish(inside: Inside, plan: OutputPlan, { force, fail }: Context): void {
  const { output } = plan
  const absolute = (path: TreePath): string => inside.path(inOutput(output, path))
  const files = plan.wanted.filter(isFileEntry)
  const wanted = new Set(files.map(({ path }) => inOutput(output, path)))
  const obstructed = new Set(files.flatMap(({ path }) => parentsOf(output, path)))
  // What stood below a name that is a file's now went when that file came; where it could not come, it stays.
  const removed = onlyRemoved(plan).filter(({ path }) => !parentsOf(output, path).some(parent => wanted.has(parent)))
  const asSeen = force === true || plan.present === undefined ? () => true : asSeenIn(plan.present.table)
  const edited: string[] = []
  for (const { path } of removed) {
    if (obstructed.has(inOutput(output, path))) continue
    if (asSeen(path, absolute(path))) removeFile(absolute(path))
    else edited.push(inOutput(output, path)) // while the others were written
  }
  if (edited.length > 0) fail(output, lossError(output, edited))
  if (plan.pointer.kind === 'directory')
    prune(inside, output, [
      ...removed.flatMap(({ path }) => parentsOf(output, path)).filter(directory => directory !== output),
      ...plan.oldDirectories
        .flatMap(path => [inOutput(output, path), ...parentsOf(output, path)])
        .filter(d => d !== output),
    ])
  if (plan.pointer.kind === 'directory' && (plan.wanted.length === 0 || plan.directories.length > 0))
    mkdirSync(inside.pathWithParents(output), { recursive: true })
  for (const path of plan.directories) mkdirSync(inside.pathWithParents(inOutput(output, path)), { recursive: true })
  for (const { path, executable } of plan.executables) setExecutable(absolute(path), executable)
}
