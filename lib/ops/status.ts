// `status`: what differs between pointers, workspace and cache. It takes no lock and writes nothing but the stat index.

import { join } from 'node:path'
import type { Digest } from '../core/digest.js'
import { isDdvError } from '../core/errors.js'
import type { Control } from '../core/events.js'
import { isFileEntry } from '../core/manifest.js'
import type { OutputKind, Pointer } from '../core/pointer.js'
import { stageAddress } from '../core/stage.js'
import { isWithin, type TreePath } from '../core/tree-path.js'
import { statIfThere } from '../sys/stats.js'
import type { StageOut } from '../workspace/locks.js'
import type { Scan } from '../workspace/scan.js'
import type { OutputFailure } from './add.js'
import { isBehind, noteBaselines } from './baseline.js'
import {
  contentEntries,
  diffEntries,
  type EntryChange,
  isUnchanged,
  pointerEntries,
  readContent,
  scanOf,
  unreadNames,
  withUnread,
} from './compare.js'
import { isInPlace } from './in-place.js'
import { listAll, outputTargets } from './outputs.js'
import { blobsOf, findAbsent } from './presence.js'
import type { Project } from './project.js'
import { targetsAt } from './revision.js'
import { findTargets, isOwn, pointerOf, type Target } from './targets.js'

export interface StatusOptions extends Control {
  readonly cwd: string
  /** Hold the workspace's data against what this commit names, and not against the pointers that are here. */
  readonly revision?: string | undefined
}

export type FileChange = 'added' | 'modified' | 'removed'

export interface OutputStatus {
  readonly path: TreePath
  readonly kind: OutputKind
  readonly hash: Digest
  readonly size: number
  readonly files?: number
  /** The workspace against the pointer. `missing`: nothing is there. */
  readonly workspace: 'unchanged' | 'modified' | 'missing'
  /** The stage that made it, as it is called on the command line. */
  readonly stage?: string
  /** Kept from remotes by its stage: what the cache has not, only a run makes. */
  readonly pushed?: false
  /** Where git has the content: there is no blob, and `cache` says nothing. */
  readonly inGit?: true
  /** There where it is modified and the pointer has changed since the data came here: git brought another one. */
  readonly behind?: true
  /** Whether the cache has all that the pointer names; `unknown` where its manifest is not there to tell. */
  readonly cache: 'complete' | 'incomplete' | 'unknown'
  /** Blobs that the cache lacks, and their bytes. */
  readonly missing: { readonly blobs: number; readonly bytes: number }
  /** For a directory: its files that differ, relative to it. */
  readonly changes: readonly { readonly path: string; readonly change: FileChange }[]
}

export interface StatusResult {
  /** The full id of the commit that was held against, where one was named. */
  readonly commit?: string
  readonly outputs: readonly OutputStatus[]
  readonly failures: readonly OutputFailure[]
  /** Nothing differs anywhere. In production data that is in its place needs no cache. */
  readonly clean: boolean
}

export async function status(
  project: Project,
  targets: readonly string[],
  options: StatusOptions,
): Promise<StatusResult> {
  const { cwd, revision } = options
  const wanted =
    revision === undefined
      ? ownTargets(project, targets, options)
      : { ...(await targetsAt(project, { revision, targets, cwd }, options)), inGit: [] }
  const outputs: OutputStatus[] = []
  const failures: OutputFailure[] = [...wanted.failures]
  const note = async (path: TreePath, look: () => Promise<OutputStatus>): Promise<void> => {
    try {
      outputs.push(await look())
    } catch (error) {
      if (!isDdvError(error) || isDdvError(error, 'interrupted')) throw error
      failures.push({ path, error })
    }
  }
  for (const target of wanted.targets) await note(target.output, () => outputStatus(project, target, options))
  for (const stage of wanted.inGit) await note(stage.path, () => gitStatus(project, stage, options))
  const needsCache = project.config.environment !== 'production'
  const isClean = ({ workspace, cache }: OutputStatus): boolean =>
    workspace === 'unchanged' && (!needsCache || cache === 'complete')
  const clean = failures.length === 0 && outputs.every(isClean)
  return { ...(wanted.commit !== undefined && { commit: wanted.commit }), outputs, failures, clean }
}

function ownTargets(project: Project, typed: readonly string[], options: StatusOptions) {
  const own = { commit: undefined, failures: [] }
  if (typed.length > 0) return { ...own, targets: findTargets(project, typed, options), inGit: [] }
  const all = listAll(project)
  return { ...own, targets: outputTargets(all), inGit: all.inGit }
}

/** Of what git has the content of, only whether it is as its stage left it. */
async function gitStatus(project: Project, stage: StageOut, control: Control): Promise<OutputStatus> {
  const { path, out } = stage
  const isThere = statIfThere(join(project.workspace.root, path)) !== undefined
  const isSame = isThere && (await isInPlace(project, { output: path, within: '', stage }, control))
  return {
    path,
    kind: out.kind,
    hash: out.hash,
    size: out.size,
    ...(out.files !== undefined && { files: out.files }),
    workspace: !isThere ? 'missing' : isSame ? 'unchanged' : 'modified',
    stage: stageAddress(stage),
    inGit: true,
    cache: 'complete',
    missing: { blobs: 0, bytes: 0 },
    changes: [],
  }
}

async function outputStatus(project: Project, target: Target, control: Control): Promise<OutputStatus> {
  const { output, within } = target
  const pointer = pointerOf(project, target)
  const scan = await scanOf(project, output, control)
  const changes = await changesOf(project, { output, pointer, scan }, control)
  const shown = changes?.filter(({ path }) => within === '' || isWithin(path, within))
  const workspace = scan === undefined ? 'missing' : shown === undefined || shown.length > 0 ? 'modified' : 'unchanged'
  // As after a crash between a pointer and the note of it.
  if (workspace === 'unchanged' && within === '' && isOwn(target))
    noteBaselines(project, [{ output, hash: pointer.hash }])
  const behind = workspace === 'modified' && isOwn(target) && isBehind(project, output, pointer)
  return {
    path: output,
    kind: pointer.kind,
    hash: pointer.hash,
    size: pointer.size,
    ...(pointer.kind === 'directory' && { files: pointer.files }),
    workspace,
    ...(target.stage !== undefined && { stage: stageAddress(target.stage) }),
    ...(target.stage?.out.push === false && { pushed: false as const }),
    ...(behind && { behind }),
    ...(await cacheState(project, output, pointer)),
    changes: (shown ?? []).filter(({ path }) => path !== '').map(toFileChange),
  }
}

function toFileChange({ path, before, after }: EntryChange): { path: string; change: FileChange } {
  const entry = after ?? before
  return {
    path: entry !== undefined && !isFileEntry(entry) ? `${path}/` : path,
    change: before === undefined ? 'added' : after === undefined ? 'removed' : 'modified',
  }
}

interface Looked {
  readonly output: TreePath
  readonly pointer: Pointer
  readonly scan: Scan | undefined
}

// undefined: it differs, but what differs cannot be told (another kind; a manifest that is not at hand).
async function changesOf(
  project: Project,
  { output, pointer, scan }: Looked,
  control: Control,
): Promise<readonly EntryChange[] | undefined> {
  if (scan === undefined) return []
  if (scan.kind !== pointer.kind) return undefined
  if (isUnchanged(project, { output, pointer, scan })) return []
  const content = await readContent(project, output, scan, control)
  const unread = unreadNames(output, scan, content)
  const entries = contentEntries(content)
  // Equal manifests need no listing of the old one, which may not be at hand.
  if (unread.size === 0 && pointer.kind === 'directory' && content.summary.hash === pointer.hash) return []
  try {
    const wanted = pointerEntries(project, output, pointer)
    return withUnread(diffEntries(wanted, entries), wanted, unread)
  } catch (error) {
    if (isDdvError(error, 'missing')) return undefined
    throw error
  }
}

async function cacheState(
  project: Project,
  output: TreePath,
  pointer: Pointer,
): Promise<Pick<OutputStatus, 'cache' | 'missing'>> {
  const { cache, pool } = project
  const none = { blobs: 0, bytes: 0 }
  try {
    const absent = await findAbsent(pointer, () => blobsOf(project, output, pointer), {
      cache,
      pool,
      index: project.index(),
    })
    if (absent.length === 0) return { cache: 'complete', missing: none }
    return { cache: 'incomplete', missing: { blobs: absent.length, bytes: absent.reduce((sum, b) => sum + b.size, 0) } }
  } catch (error) {
    if (!isDdvError(error, 'missing')) throw error
    return { cache: 'unknown', missing: { blobs: 1, bytes: 0 } }
  }
}
