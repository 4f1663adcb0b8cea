// What became of files between two listings: added, modified, removed, and renamed where the same content went under
// another name. Pure.

import type { Digest } from '../core/digest.js'
import { isFileEntry, type ManifestEntry } from '../core/manifest.js'
import { basename, compareUtf8, type TreePath } from '../core/tree-path.js'
import type { EntryChange } from './compare.js'

export type Change = 'added' | 'modified' | 'renamed' | 'removed'

export interface FileVersion {
  readonly hash: Digest
  readonly size: number
  readonly executable: boolean
}

export interface FileDiff {
  /** Relative to its output; of an empty directory with a final `/`. */
  readonly path: string
  readonly change: Change
  /** Of a renamed file, its old name, relative to the output that it was in. */
  readonly previous?: string
  /** That output, where it is another one. */
  readonly previousOutput?: TreePath
  readonly before?: FileVersion
  readonly after?: FileVersion
}

/** The rows of one output that differ. */
export interface OutputChanges {
  readonly output: TreePath
  readonly changes: readonly EntryChange[]
}

interface Loose {
  readonly output: TreePath
  readonly change: EntryChange
  readonly version: FileVersion
}

/**
 * The files of each output, in order of their names. Content that went from one name to another, within an output or
 * between two of them, is told once, where it is now; empty files have no identity and are never renamed.
 */
export function diffFiles(outputs: readonly OutputChanges[]): ReadonlyMap<TreePath, readonly FileDiff[]> {
  const origins = pairRenames(outputs)
  const moved = new Set([...origins.values()].map(({ change }) => change))
  return new Map(
    outputs.map(({ output, changes }) => [
      output,
      changes.filter(change => !moved.has(change)).map(change => fileDiff(output, change, origins.get(change))),
    ]),
  )
}

function fileDiff(output: TreePath, { path, before, after }: EntryChange, origin: Loose | undefined): FileDiff {
  const entry = after ?? before
  const shown = entry !== undefined && !isFileEntry(entry) ? `${path}/` : path
  const [old, now] = [origin?.version ?? versionOf(before), versionOf(after)]
  const change =
    origin !== undefined ? 'renamed' : before === undefined ? 'added' : after === undefined ? 'removed' : 'modified'
  return {
    path: shown,
    change,
    ...(origin !== undefined && { previous: origin.change.path }),
    ...(origin !== undefined && origin.output !== output && { previousOutput: origin.output }),
    ...(old !== undefined && { before: old }),
    ...(now !== undefined && { after: now }),
  }
}

const versionOf = (entry: ManifestEntry | undefined): FileVersion | undefined =>
  entry === undefined || !isFileEntry(entry)
    ? undefined
    : { hash: entry.digest, size: entry.size, executable: entry.executable }

/** For each added file where it came from: in the same output if it can be, under the same last name if it can be. */
function pairRenames(outputs: readonly OutputChanges[]): Map<EntryChange, Loose> {
  const removed = new Map<Digest, Loose[]>()
  const added: Loose[] = []
  for (const { output, changes } of outputs)
    for (const change of changes) {
      const version = versionOf(change.before ?? change.after)
      if (version === undefined || version.size === 0 || (change.before !== undefined && change.after !== undefined))
        continue
      const loose = { output, change, version }
      if (change.before === undefined) added.push(loose)
      else if (removed.get(version.hash)?.push(loose) === undefined) removed.set(version.hash, [loose])
    }
  const origins = new Map<EntryChange, Loose>()
  for (const fits of [sameOutputAndName, sameOutput, sameName, undefined])
    for (const one of added) {
      const others = origins.has(one.change) ? undefined : removed.get(one.version.hash)
      if (others === undefined || others.length === 0) continue
      if (fits !== undefined && others.length > manyCopies) continue
      const at = fits === undefined ? 0 : others.findIndex(other => fits(one, other))
      const [origin] = at < 0 ? [] : others.splice(at, 1)
      if (origin !== undefined) origins.set(one.change, origin)
    }
  return origins
}

/** Of so many copies of one content it is not told which became which: each pair would be looked at. */
const manyCopies = 256

const sameOutput = (a: Loose, b: Loose): boolean => a.output === b.output
const sameName = (a: Loose, b: Loose): boolean => basename(a.change.path) === basename(b.change.path)
const sameOutputAndName = (a: Loose, b: Loose): boolean => sameOutput(a, b) && sameName(a, b)

export interface Renamable {
  readonly path: TreePath
  readonly kind: string
  readonly hash?: Digest | undefined
  readonly size: number
}

/** Of outputs that came and went, those that are the same under another path: new path → old one. */
export function pairOutputs(
  added: readonly Renamable[],
  removed: readonly Renamable[],
): ReadonlyMap<TreePath, TreePath> {
  const left = [...removed]
  const pairs = new Map<TreePath, TreePath>()
  for (const one of [...added].sort((a, b) => compareUtf8(a.path, b.path))) {
    if (one.hash === undefined || one.size === 0) continue
    const same = left.filter(other => other.kind === one.kind && other.hash === one.hash)
    const origin = same.find(other => basename(other.path) === basename(one.path)) ?? same[0]
    if (origin === undefined) continue
    left.splice(left.indexOf(origin), 1)
    pairs.set(one.path, origin.path)
  }
  return pairs
}
