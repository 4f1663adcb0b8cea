// `add`: data into the cache, a pointer beside it, both known to git. In this order, so that a crash anywhere leaves
// nothing that lies: blobs durable, their names durable, pointers, ignore lines, git's index, the stat index.

import { join, relative, sep } from 'node:path'
import { blobPath } from '../cache/cache.js'
import { StoreBatch, storeFiles } from '../cache/store.js'
import type { Digest } from '../core/digest.js'
import { DdvError, isDdvError } from '../core/errors.js'
import type { Control } from '../core/events.js'
import { encodeManifest, sortEntries } from '../core/manifest.js'
import type { DirectoryPointer, Meta, OutputKind, Pointer } from '../core/pointer.js'
import { basename, displayPath, isWithin, type TreePath } from '../core/tree-path.js'
import { type FileFailure, sizeOfRow } from '../sys/hash-files.js'
import type { Locked } from '../sys/lock.js'
import { isExecutable, modeColumn, statWidth } from '../sys/stats.js'
import { findPointer, pointerPath } from '../workspace/pointers.js'
import { type Scan, scanOutput } from '../workspace/scan.js'
import type { Snapshot } from '../workspace/stat-index.js'
import type { StatTable } from '../workspace/stat-table.js'
import { planAdd } from './add-plan.js'
import { behindError, isBehind, noteBaselines } from './baseline.js'
import { isUnchanged } from './compare.js'
import { loadEntries } from './entries.js'
import {
  digestOfRow,
  type KnownDigests,
  knownDigests,
  selectRows,
  selectStats,
  settledTick,
  toEntries,
  unknownRows,
  withRows,
} from './inspect.js'
import { withWorkspaceLock } from './locked.js'
import { absentBlobs, type Blob, blobsOf, findAbsent } from './presence.js'
import { refuseInProduction } from './production.js'
import type { Project } from './project.js'
import type { Target } from './targets.js'
import { directoryPointer, type PointerChange, writePointers } from './write-pointers.js'

export interface AddOptions extends Control {
  /** What relative targets are relative to: absolute. */
  readonly cwd: string
  /** Merged over what the pointer says already. */
  readonly meta?: Meta | undefined
  /** Take symbolic links that stay inside their directory for what they lead to. */
  readonly follow?: boolean | undefined
  /** Read everything again, whatever the stat index says; also where the pointer has changed since the data came here. */
  readonly force?: boolean | undefined
}

export interface AddedOutput {
  /** The data's own name, as in the pointer. */
  readonly filename: string
  /** The blob's place, relative to the workspace with `/`: a file's bytes, or a directory's manifest. */
  readonly filepath: string
  readonly hash: Digest
  /** Bytes; of all files for a directory. */
  readonly size: number
  readonly kind: OutputKind
  /** Directories only. */
  readonly files?: number
  /** The pointer file, relative to the workspace. */
  readonly pointer: string
  /** Whether the pointer is new or other than before. */
  readonly changed: boolean
}

export interface OutputFailure {
  readonly path: string
  readonly error: DdvError
}

export interface AddResult {
  readonly outputs: readonly AddedOutput[]
  /** Outputs that could not be added, of which nothing was changed; the others were. */
  readonly failures: readonly OutputFailure[]
}

/** Throws for targets that cannot be meant (nothing is changed then); data that cannot be read is a failure of its output. */
export async function add(project: Project, targets: readonly string[], options: AddOptions): Promise<AddResult> {
  refuseInProduction(project.config, 'add')
  // Planned under the lock: another may be making an output of what holds this one.
  return withWorkspaceLock(project, options, async locked => {
    const plan = await planAdd(project, targets, options.cwd)
    return addTargets(project, plan, { ...options, locked })
  })
}

/** What holds for all outputs of one call. */
export interface AddContext extends AddOptions {
  readonly locked: Locked
}

interface Prepared extends PointerChange {
  /** What the index may remember, with the clock before the reading; undefined where nothing new was read. */
  readonly learned: { readonly snapshot: Snapshot; readonly tick: bigint; readonly complete: boolean } | undefined
  /** Whether the pointer now says of all the data what it is. */
  readonly inStep: boolean
}

/** As `add` does what it planned, for whoever holds the lock already. */
export async function addTargets(project: Project, plan: readonly Target[], context: AddContext): Promise<AddResult> {
  const batch = new StoreBatch(project.cache, project.pool)
  const failures: OutputFailure[] = []
  const prepared: Prepared[] = []
  try {
    for (const output of new Set(plan.map(target => target.output))) {
      const parts = plan.filter(target => target.output === output).map(target => target.within)
      try {
        prepared.push(await prepareOutput(project, { output, parts, batch }, context))
      } catch (error) {
        if (!isDdvError(error) || isDdvError(error, 'no-space', 'interrupted')) throw error
        failures.push({ path: output, error })
        context.onEvent?.({ type: 'failed', target: output, error })
      }
    }
    await batch.commit(context.signal)
  } catch (error) {
    batch.discard()
    throw error
  }
  const changed = await writePointers(project, prepared, context.locked)
  remember(project, prepared)
  return { outputs: prepared.map(one => toResult(project, one, changed)), failures }
}

interface Work {
  readonly output: TreePath
  /** Parts of a directory to bring up to date; '' for the whole output. */
  readonly parts: readonly (TreePath | '')[]
  readonly batch: StoreBatch
}

async function prepareOutput(project: Project, work: Work, context: AddContext): Promise<Prepared> {
  const { output } = work
  const before = findPointer(project.workspace.root, output)
  const scan = await scanOutput(output, {
    root: project.workspace.root,
    ignore: project.ignore,
    pool: project.pool,
    follow: context.follow ?? false,
    signal: context.signal,
  })
  if (scan === undefined) throw new DdvError('changed', `vanished while it was added: ${displayPath(output)}`)
  const meta = mergeMeta(before?.meta, context.meta)
  const whole = work.parts.includes('') || before?.kind !== 'directory' || scan.kind !== 'directory'
  refuseProblems(scan, output, whole ? [''] : work.parts)
  if (!whole) return updateParts(project, { ...work, before, scan, meta }, context)
  const unchanged = await findUnchanged(project, { output, scan, before }, context)
  if (unchanged !== undefined) return { output, pointer: { ...unchanged, meta }, learned: undefined, inStep: true }
  const { pointer, learned } = await storeWhole(project, { ...work, scan, meta }, context)
  if (
    context.force !== true &&
    before !== undefined &&
    pointer.hash !== before.hash &&
    isBehind(project, output, before)
  )
    throw behindError(output, before)
  return { output, pointer, learned: { ...learned, complete: true }, inStep: true }
}

/** An output's every file, and a directory's manifest, into the batch; what the index may learn once that is committed. */
export async function storeWhole(
  project: Project,
  work: Pick<Work, 'output' | 'batch'> & { readonly scan: Scan; readonly meta: Meta | undefined },
  options: Control & Pick<AddOptions, 'follow' | 'force'>,
): Promise<{ readonly pointer: Pointer; readonly learned: { readonly snapshot: Snapshot; readonly tick: bigint } }> {
  const { output } = work
  const { snapshot, tick } = await storeRows(project, { ...work, isIn: () => true }, options)
  return { pointer: toPointer(output, { ...work, snapshot }), learned: { snapshot, tick } }
}

function mergeMeta(before: Meta | undefined, given: Meta | undefined): Meta | undefined {
  return given === undefined || Object.keys(given).length === 0 ? before : { ...before, ...given }
}

function refuseProblems(scan: Scan, output: TreePath, parts: readonly (TreePath | '')[]): void {
  const problems = scan.problems.filter(({ path }) =>
    parts.some(part => part === '' || isWithin(path as TreePath, `${output}/${part}` as TreePath)),
  )
  const first = problems[0]
  if (first === undefined) return
  const more = problems.length > 1 ? ` (and ${problems.length - 1} more like it)` : ''
  throw new DdvError('refused', `${first.problem}${more}: ${displayPath(first.path)}`, {
    hint:
      first.problem === 'is a symbolic link'
        ? `'--follow' takes links that stay inside for what they lead to`
        : `move it away, or list it in .ddvignore`,
  })
}

// By the stat index alone, and only while every blob is still there: what is missing is put back by the long way.
async function findUnchanged(
  project: Project,
  { output, scan, before }: { output: TreePath; scan: Scan; before: Pointer | undefined },
  context: AddContext,
): Promise<Pointer | undefined> {
  if (context.force === true || before === undefined) return undefined
  if (!isUnchanged(project, { output, pointer: before, scan })) return undefined
  try {
    const { cache, pool } = project
    const list = (): readonly Blob[] => blobsOf(project, output, before)
    const absent = await findAbsent(before, list, { cache, pool, index: project.index() })
    return absent.length === 0 ? before : undefined
  } catch (error) {
    if (isDdvError(error, 'missing', 'corrupt')) return undefined // the manifest: made anew
    throw error
  }
}

interface StoreWork extends Pick<Work, 'output' | 'batch'> {
  readonly scan: Scan
  /** Which rows are meant; others keep what the index knows. */
  readonly isIn: (path: string) => boolean
}

/** Stores every row that is meant and whose content is not known to be in the cache. */
async function storeRows(
  project: Project,
  { output, scan, batch, isIn }: StoreWork,
  context: Control & Pick<AddOptions, 'follow' | 'force'>,
): Promise<{ snapshot: Snapshot; tick: bigint; known: Uint8Array }> {
  const { table } = scan
  const known = knownDigests(table, context.force === true ? undefined : project.index().find(output))
  await forgetAbsent(project, table, known)
  const rows = unknownRows(known).filter(row => isIn(table.paths[row] as string))
  const stats = selectStats(table, rows)
  const tick = await settledTick(project.index(), table, rows)
  const names = rows.map(row => table.paths[row] as string)
  context.onEvent?.({ type: 'total', phase: 'hash', files: rows.length, bytes: totalBytes(stats) })
  const directory = join(project.workspace.root, output)
  const stored = await storeFiles(batch, { directory, names, stats, follow: context.follow ?? false }, context)
  if (stored.failures.length > 0) throw firstFailure(stored.failures)
  for (const row of rows) known.known[row] = 1
  return { snapshot: withRows({ table, digests: known.digests }, rows, stored), tick, known: known.known }
}

function totalBytes(stats: BigInt64Array): number {
  let bytes = 0
  for (let at = 0; at < stats.length; at += statWidth) bytes += Number(stats[at])
  return bytes
}

function firstFailure(failures: readonly FileFailure[]): DdvError {
  const { error } = failures[0] as FileFailure
  if (failures.length === 1) return error
  return new DdvError(error.code, `${error.message} (and ${failures.length - 1} more files)`, {
    cause: error,
    ...(error.hint === undefined ? {} : { hint: error.hint }),
  })
}

// A known digest is of use only while its blob is in the cache: others are stored again.
async function forgetAbsent({ cache, pool }: Project, table: StatTable, known: KnownDigests): Promise<void> {
  const blobs = table.paths.flatMap((_, row) =>
    known.known[row] === 1 ? [{ row, digest: digestOfRow(known.digests, row), size: sizeOfRow(table.stats, row) }] : [],
  )
  for (const { row } of await absentBlobs(blobs, { cache, pool })) known.known[row] = 0
}

function toPointer(
  output: TreePath,
  { scan, snapshot, meta, batch }: { scan: Scan; snapshot: Snapshot; meta: Meta | undefined; batch: StoreBatch },
): Pointer {
  const { table, digests } = snapshot
  if (scan.kind === 'directory') {
    const entries = toEntries(snapshot)
    batch.addBytes(encodeManifest(entries))
    return directoryPointer(output, entries, meta)
  }
  return {
    kind: 'file',
    filename: basename(output),
    hash: digestOfRow(digests, 0),
    size: Number(table.stats[0]),
    executable: isExecutable(table.stats[modeColumn] as bigint),
    meta,
  }
}

/** Rows of a directory brought up to date, all others as the pointer has them, whatever the workspace says of those. */
async function updateParts(
  project: Project,
  work: Work & { readonly before: DirectoryPointer; readonly scan: Scan; readonly meta: Meta | undefined },
  context: AddContext,
): Promise<Prepared> {
  const { output, before, parts, batch, meta } = work
  const isIn = (path: string): boolean => parts.some(part => isWithin(path as TreePath, part))
  const { snapshot, tick, known } = await storeRows(project, { ...work, isIn }, context)
  const old = loadEntries(project, output, before)
  // What stood where a directory on the way to a part is now (a file, an empty directory) is no longer there.
  const kept = old.filter(({ path }) => !isIn(path) && !parts.some(part => part !== '' && part.startsWith(`${path}/`)))
  const entries = sortEntries([...kept, ...toEntries(snapshot).filter(({ path }) => isIn(path))])
  batch.addBytes(encodeManifest(entries))
  const pointer = directoryPointer(output, entries, meta)
  const learned = { snapshot: selectRows(snapshot, knownRows(known)), tick, complete: false }
  return { output, pointer, learned, inStep: !isBehind(project, output, before) }
}

const knownRows = (known: Uint8Array): number[] => {
  const rows: number[] = []
  known.forEach((isKnown, row) => {
    if (isKnown === 1) rows.push(row)
  })
  return rows
}

function remember(project: Project, prepared: readonly Prepared[]): void {
  const learned = prepared.flatMap(({ output, pointer, learned }) =>
    learned === undefined ? [] : [{ path: output, ...learned, summary: learned.complete ? pointer : undefined }],
  )
  project.index().save(learned)
  const inStep = prepared.filter(one => one.inStep)
  noteBaselines(
    project,
    inStep.map(({ output, pointer }) => ({ output, hash: pointer.hash })),
  )
}

function toResult(project: Project, { output, pointer }: Prepared, changed: ReadonlySet<TreePath>): AddedOutput {
  const blob = relative(project.workspace.root, blobPath(project.cache, pointer.hash))
  return {
    filename: pointer.filename,
    filepath: blob.split(sep).join('/'),
    hash: pointer.hash,
    size: pointer.size,
    kind: pointer.kind,
    ...(pointer.kind === 'directory' && { files: pointer.files }),
    pointer: pointerPath(output),
    changed: changed.has(output),
  }
}
