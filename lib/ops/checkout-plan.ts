// What `checkout` will change in the workspace, and what it must not: a file whose content is in no cache is never
// overwritten or deleted unless the person says so.

import { DdvError } from '../core/errors.js'
import type { Control } from '../core/events.js'
import { type FileEntry, isFileEntry, type ManifestEntry } from '../core/manifest.js'
import type { Pointer } from '../core/pointer.js'
import { displayPath, isWithin, type TreePath } from '../core/tree-path.js'
import { findPointer } from '../workspace/pointers.js'
import type { Scan } from '../workspace/scan.js'
import type { Snapshot } from '../workspace/stat-index.js'
import { contentEntries, diffEntries, isUnchanged, pointerEntries, readContent, scanOf } from './compare.js'
import { absentBlobs } from './presence.js'
import type { Project } from './project.js'
import type { Target } from './targets.js'

/** Paths are relative to the output, '' for a file output itself. */
export interface OutputPlan {
  readonly output: TreePath
  readonly pointer: Pointer
  /** What the output is to be, whole. */
  readonly wanted: readonly ManifestEntry[]
  /** What it is; undefined where nothing is there, or where nothing is to be done. */
  readonly present: Snapshot | undefined
  readonly writes: readonly FileEntry[]
  /** Files that give way, with what they held: those that are overwritten too. */
  readonly removals: readonly FileEntry[]
  readonly executables: readonly FileEntry[]
  readonly directories: readonly TreePath[]
  readonly oldDirectories: readonly TreePath[]
}

export interface PlanOptions extends Control {
  readonly force: boolean
}

/** Reads, and changes nothing. Throws `would-lose-data` naming the files; `missing` where the manifest is not at hand. */
export async function planOutput(project: Project, target: Target, options: PlanOptions): Promise<OutputPlan> {
  const { output, within } = target
  const pointer = findPointer(project.workspace.root, output)
  if (pointer === undefined) throw new DdvError('changed', `pointer vanished: ${displayPath(output)}.ddv`)
  const scan = await scanOf(project, output, options)
  if (scan !== undefined && isUnchanged(project, { output, pointer, scan })) return nothing(output, pointer)
  const wanted = pointerEntries(project, output, pointer)
  const content = scan === undefined ? undefined : await readContent(project, output, scan, options)
  const have = content === undefined ? [] : contentEntries(content)
  const changes = diffEntries(have, wanted).filter(({ path }) => within === '' || isWithin(path, within))
  const removals = changes.flatMap(({ before, after }) =>
    before !== undefined && isFileEntry(before) && before.digest !== after?.digest ? [before] : [],
  )
  const writes = changes.flatMap(({ before, after }) =>
    after !== undefined && isFileEntry(after) && before?.digest !== after.digest ? [after] : [],
  )
  if (!options.force) {
    const unread = content?.unreadable.map(({ name }) => name) ?? []
    await refuseLoss(project, { output, removals, unread, scan, writes })
  }
  return {
    output,
    pointer,
    wanted,
    present: content?.snapshot,
    writes,
    removals,
    executables: changes.flatMap(({ before, after }) =>
      before !== undefined && after !== undefined && isFileEntry(after) && before.digest === after.digest
        ? [after]
        : [],
    ),
    directories: changes.flatMap(({ after }) => (after !== undefined && !isFileEntry(after) ? [after.path] : [])),
    oldDirectories: changes.flatMap(({ before, after }) =>
      after === undefined && before !== undefined && !isFileEntry(before) ? [before.path] : [],
    ),
  }
}

const nothing = (output: TreePath, pointer: Pointer): OutputPlan => ({
  output,
  pointer,
  wanted: [],
  present: undefined,
  writes: [],
  removals: [],
  executables: [],
  directories: [],
  oldDirectories: [],
})

interface Loss {
  readonly output: TreePath
  readonly removals: readonly FileEntry[]
  readonly unread: readonly string[]
  readonly scan: Scan | undefined
  readonly writes: readonly FileEntry[]
}

async function refuseLoss(project: Project, { output, removals, unread, scan, writes }: Loss): Promise<void> {
  const { cache, pool } = project
  const unsaved = await absentBlobs(removals, { cache, pool })
  // A link or a device where a file is to come: it cannot be in the cache.
  const targets = new Set(writes.map(({ path }) => inOutput(output, path)))
  const strange = (scan?.problems ?? []).filter(({ path }) => targets.has(path) || scan?.kind === 'file')
  const names = [
    ...unsaved.map(({ path }) => inOutput(output, path)),
    ...unread.map(name => inOutput(output, name)),
    ...strange.map(({ path }) => path),
  ]
  if (names.length > 0) throw lossError(output, names)
}

export const inOutput = (output: TreePath, path: string): string => (path === '' ? output : `${output}/${path}`)

/** At most this many files are named; the count says the rest. */
const shownNames = 10

export function lossError(output: TreePath, names: readonly string[]): DdvError {
  const shown = names.slice(0, shownNames).map(displayPath).join(', ')
  const more = names.length > shownNames ? ` and ${names.length - shownNames} more` : ''
  const quoted = displayPath(output)
  return new DdvError('would-lose-data', `changes that are not in the cache would be lost: ${shown}${more}`, {
    hint: `keep them with 'ddv add ${quoted}', or throw them away with 'ddv checkout --force ${quoted}'`,
  })
}

/** Bytes and files that a plan writes, for the progress line. */
export function planTotals(plans: readonly OutputPlan[]): { files: number; bytes: number } {
  let files = 0
  let bytes = 0
  for (const { writes } of plans)
    for (const { size } of writes) {
      files++
      bytes += size
    }
  return { files, bytes }
}
