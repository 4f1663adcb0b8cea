// `du`: how much room data takes, in the workspace and in the cache. It takes no lock and writes nothing.

import { cacheUsage } from '../cache/usage.js'
import { isDdvError } from '../core/errors.js'
import type { Control } from '../core/events.js'
import type { OutputKind } from '../core/pointer.js'
import type { TreePath } from '../core/tree-path.js'
import { statWidth } from '../sys/stats.js'
import type { OutputFailure } from './add.js'
import { scanOf } from './compare.js'
import { absentBlobs, type Blob, blobsOf } from './presence.js'
import type { Project } from './project.js'
import { findTargets, pointerOf, type Target, wholeOutputs } from './targets.js'

export interface DuOptions extends Control {
  readonly cwd: string
}

export interface OutputUsage {
  readonly path: TreePath
  readonly kind: OutputKind
  /** Bytes by the pointer. */
  readonly size: number
  readonly files: number
  /** Bytes that are there now; 0 where nothing is. */
  readonly workspace: number
  /** Bytes of its blobs, each once, a directory's manifest with them. undefined where the manifest is not there to tell. */
  readonly cache: number | undefined
}

export interface DuResult {
  readonly outputs: readonly OutputUsage[]
  /** `cache` has each blob once, also where several outputs share it. */
  readonly total: { readonly workspace: number; readonly cache: number }
  /** The cache as a whole, where all outputs were asked for. */
  readonly cache?: {
    readonly blobs: number
    readonly bytes: number
    /** Of blobs that none of these outputs needs: other versions, other branches. */
    readonly elsewhere: number
    /** Set aside as corrupt, or left behind by a crash. */
    readonly other: number
  }
  readonly failures: readonly OutputFailure[]
}

/** Parts of a directory count as the whole of it. */
export async function du(project: Project, targets: readonly string[], options: DuOptions): Promise<DuResult> {
  const outputs: OutputUsage[] = []
  const failures: OutputFailure[] = []
  const seen = new Map<string, number>()
  for (const target of wholeOutputs(findTargets(project, targets, options))) {
    const { output } = target
    try {
      const { usage, blobs } = await outputUsage(project, target, options)
      outputs.push(usage)
      for (const { digest, size } of blobs) seen.set(digest, size)
    } catch (error) {
      if (!isDdvError(error) || isDdvError(error, 'interrupted')) throw error
      failures.push({ path: output, error })
    }
  }
  const workspace = outputs.reduce((sum, one) => sum + one.workspace, 0)
  const cache = [...seen.values()].reduce((sum, size) => sum + size, 0)
  const whole = targets.length === 0 ? { cache: wholeCache(project, cache) } : {}
  return { outputs, total: { workspace, cache }, ...whole, failures }
}

async function outputUsage(
  project: Project,
  target: Target,
  control: Control,
): Promise<{ readonly usage: OutputUsage; readonly blobs: readonly Blob[] }> {
  const { output } = target
  const pointer = pointerOf(project, target)
  const scan = await scanOf(project, output, control)
  let workspace = 0
  if (scan !== undefined)
    for (let at = 0; at < scan.table.stats.length; at += statWidth) workspace += Number(scan.table.stats[at])
  const blobs = await presentBlobs(project, () => blobsOf(project, output, pointer))
  const { kind, size } = pointer
  const files = pointer.kind === 'directory' ? pointer.files : 1
  const cache = blobs?.reduce((sum, blob) => sum + blob.size, 0)
  return { usage: { path: output, kind, size, files, workspace, cache }, blobs: blobs ?? [] }
}

async function presentBlobs(project: Project, list: () => readonly Blob[]): Promise<readonly Blob[] | undefined> {
  try {
    const blobs = list()
    const absent = new Set(await absentBlobs(blobs, project))
    return blobs.filter(blob => !absent.has(blob))
  } catch (error) {
    if (isDdvError(error, 'missing')) return undefined
    throw error
  }
}

function wholeCache(project: Project, named: number): NonNullable<DuResult['cache']> {
  const { blobs, bytes, otherBytes } = cacheUsage(project.cache)
  return { blobs, bytes, elsewhere: Math.max(0, bytes - named), other: otherBytes }
}
