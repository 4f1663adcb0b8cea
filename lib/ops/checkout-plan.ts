// What `checkout` will change in the workspace, and what it must not: a file whose content is in no cache is never
// overwritten or deleted unless the person says so.

import type { Config } from '../core/config.js'
import { DdvError } from '../core/errors.js'
import type { Control } from '../core/events.js'
import { type FileEntry, isFileEntry, type ManifestEntry } from '../core/manifest.js'
import type { Pointer } from '../core/pointer.js'
import { displayPath, isWithin, type TreePath } from '../core/tree-path.js'
import { openInside } from '../sys/inside.js'
import type { Scan } from '../workspace/scan.js'
import type { Snapshot } from '../workspace/stat-index.js'
import {
  contentEntries,
  diffEntries,
  type EntryChange,
  isUnchanged,
  pointerEntries,
  readContent,
  scanOf,
} from './compare.js'
import { foreignBelow, foreignParents, inOutput } from './obstacles.js'
import { unsavedBlobs } from './presence.js'
import type { Project } from './project.js'
import { refuseCache } from './refuse-cache.js'
import { pointerOf, type Target } from './targets.js'

/** Paths are relative to the output, '' for a file output itself. */
export interface OutputPlan {
  readonly output: TreePath
  readonly pointer: Pointer
  /** What the output is to be, whole. */
  readonly wanted: readonly ManifestEntry[]
  /** What it is; undefined where nothing is there, or where nothing is to be done. */
  readonly present: Snapshot | undefined
  /** Links and the like where directories are to be, relative to the workspace: they go first. */
  readonly obstacles: readonly TreePath[]
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
  const pointer = pointerOf(project, target)
  refuseCache(project, output)
  const scan = await scanOf(project, output, options)
  if (scan !== undefined && isUnchanged(project, { output, pointer, scan })) return nothing(output, pointer)
  openInside(project.workspace.root).path(output) // never through a link above the output
  const wanted = pointerEntries(project, output, pointer)
  const content = scan === undefined ? undefined : await readContent(project, output, scan, options)
  const changesFrom = (entries: readonly ManifestEntry[]): readonly EntryChange[] =>
    diffEntries(entries, wanted).filter(({ path }) => within === '' || isWithin(path, within))
  // A link or a pipe in the output's own place is no content, whatever it leads to.
  const isForeign = scan?.kind === 'file' && scan.problems.length > 0
  let have = content === undefined || isForeign ? [] : contentEntries(content)
  let changes = changesFrom(have)
  const surroundings = { root: project.workspace.root, output, have }
  const obstacles = foreignParents(surroundings, pointer.kind, changes)
  const isBehind = (path: string): boolean => obstacles.some(link => isWithin(inOutput(output, path), link))
  if (obstacles.length > 0) {
    if (!options.force) throw lossError(output, obstacles, project.config)
    // What was seen through a link goes with it.
    have = have.filter(({ path }) => !isBehind(path))
    changes = changesFrom(have)
  }
  const removals = changes.flatMap(({ before, after }) =>
    before !== undefined && isFileEntry(before) && before.digest !== after?.digest ? [before] : [],
  )
  const writes = changes.flatMap(({ before, after }) =>
    after !== undefined && isFileEntry(after) && before?.digest !== after.digest ? [after] : [],
  )
  const strangers = foreignBelow(
    surroundings,
    writes.filter(({ path }) => !isBehind(path)),
  )
  if (strangers.length > 0)
    throw new DdvError(
      'would-lose-data',
      `a file is to be where a directory with other files is: ${named(strangers)}`,
      {
        hint: 'move those files away, then run the same command again',
      },
    )
  if (!options.force) {
    const unread = content?.unreadable.map(({ name }) => name) ?? []
    await refuseLoss(project, { output, removals, unread, scan, writes }, options)
  }
  return {
    output,
    pointer,
    wanted,
    present: content?.snapshot,
    obstacles,
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
  obstacles: [],
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

async function refuseLoss(
  project: Project,
  { output, removals, unread, scan, writes }: Loss,
  control: Control,
): Promise<void> {
  const unsaved = await unsavedBlobs(project, removals, control)
  // A link or a device where a file is to come: it cannot be in the cache.
  const targets = new Set<string>(writes.map(({ path }) => inOutput(output, path)))
  const strange = (scan?.problems ?? []).filter(({ path }) => targets.has(path) || scan?.kind === 'file')
  const names = [
    ...unsaved.map(({ path }) => inOutput(output, path)),
    ...unread.map(name => inOutput(output, name)),
    ...strange.map(({ path }) => path),
  ]
  if (names.length > 0) throw lossError(output, names, project.config)
}

/** At most this many files are named; the count says the rest. */
const shownNames = 10

function named(names: readonly string[]): string {
  const more = names.length > shownNames ? ` and ${names.length - shownNames} more` : ''
  return names.slice(0, shownNames).map(displayPath).join(', ') + more
}

export function lossError(output: TreePath, names: readonly string[], config?: Config): DdvError {
  const quoted = displayPath(output)
  const keep = config?.environment === 'production' ? 'copy them elsewhere' : `keep them with 'ddv add ${quoted}'`
  return new DdvError('would-lose-data', `changes that are not in the cache would be lost: ${named(names)}`, {
    hint: `${keep}, or throw them away with 'ddv checkout --force ${quoted}'`,
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
