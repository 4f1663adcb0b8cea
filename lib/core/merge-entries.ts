// Three-way merge of a directory's listings, file by file. Directories count as well: one is there that was there on the
// sides that did not take it away, so that it is kept, empty, where each side removed another half of its files.

import { type FileEntry, isFileEntry, type ManifestEntry, sameEntry, sortEntries } from './manifest.js'
import { type Fate, type Favour, fateOf, type MergeConflict, type Sides } from './merge3.js'
import { compareUtf8, dirname, type TreePath } from './tree-path.js'

export interface EntriesMerge {
  /** As a manifest has them. In conflict, a path is as `favour` has it. */
  readonly entries: readonly ManifestEntry[]
  /** Sorted by path; each path once. */
  readonly conflicts: readonly MergeConflict[]
}

/** The files and all directories of one version. */
interface Tree {
  readonly files: ReadonlyMap<TreePath, FileEntry>
  readonly directories: ReadonlySet<TreePath>
}

type Trees = Readonly<Record<Favour, Tree>>

export function mergeEntries(sides: Sides<readonly ManifestEntry[]>, favour: Favour): EntriesMerge {
  const trees = { base: toTree(sides.base ?? []), ours: toTree(sides.ours), theirs: toTree(sides.theirs) }
  const conflicts = new Map<TreePath, MergeConflict>()
  const files = mergeFiles(trees, favour, conflicts)
  const directories = mergeDirectories(trees)
  // Also where a file in conflict may lie: who is favoured decides what comes of a conflict, not what is one.
  const possible = new Set(directories)
  for (const path of [...files.keys(), ...conflicts.keys()]) addParents(possible, path)
  for (const path of files.keys()) addParents(directories, path)
  const clashing = [...new Set([...files.keys(), ...conflicts.keys()])].filter(path => possible.has(path))
  for (const path of clashing) conflicts.set(path, clashAt(trees, path))
  settleClashes({ files, directories }, clashing, trees[favour])
  const parents = new Set([...files.keys(), ...directories].map(dirname))
  const empty = [...directories].filter(path => !parents.has(path))
  return {
    entries: sortEntries([...files.values(), ...empty.map(path => ({ path, digest: undefined }))]),
    conflicts: [...conflicts.values()].sort((a, b) => compareUtf8(a.name, b.name)),
  }
}

function toTree(entries: readonly ManifestEntry[]): Tree {
  const files = new Map<TreePath, FileEntry>()
  const directories = new Set<TreePath>()
  for (const entry of entries) {
    if (isFileEntry(entry)) files.set(entry.path, entry)
    else directories.add(entry.path)
    addParents(directories, entry.path)
  }
  return { files, directories }
}

/** For sets that hold the parents of whatever they hold. */
function addParents(directories: Set<TreePath>, path: TreePath): void {
  for (let at = dirname(path); at !== '' && !directories.has(at); at = dirname(at)) directories.add(at)
}

type Conflicts = Map<TreePath, MergeConflict>

function mergeFiles({ base, ours, theirs }: Trees, favour: Favour, conflicts: Conflicts): Map<TreePath, FileEntry> {
  const merged = new Map<TreePath, FileEntry>()
  for (const path of new Set([...base.files.keys(), ...ours.files.keys(), ...theirs.files.keys()])) {
    const versions = { base: base.files.get(path), ours: ours.files.get(path), theirs: theirs.files.get(path) }
    const standing = mergeFile(versions)
    if (standing === 'conflict') {
      const [our, their] = [fateOf(versions.base, versions.ours), fateOf(versions.base, versions.theirs)]
      conflicts.set(path, { part: 'file', name: path, ours: our, theirs: their })
    }
    const entry = standing === 'conflict' ? versions[favour] : standing
    if (entry !== undefined) merged.set(path, entry)
  }
  return merged
}

type FileVersions = Readonly<Record<Favour, FileEntry | undefined>>

/** Content and the executable bit by themselves: one side may edit a script that the other makes executable. */
function mergeFile({ base, ours, theirs }: FileVersions): FileEntry | undefined | 'conflict' {
  if (isSame(ours, theirs) || isSame(base, theirs)) return ours
  if (isSame(base, ours)) return theirs
  if (base === undefined || ours === undefined || theirs === undefined) return 'conflict'
  const content = isSameContent(base, ours) ? theirs : isSameContent(base, theirs) ? ours : undefined
  if (content === undefined && !isSameContent(ours, theirs)) return 'conflict'
  const executable = ours.executable === base.executable ? theirs.executable : ours.executable
  return { ...(content ?? ours), executable }
}

const isSame = (a: FileEntry | undefined, b: FileEntry | undefined): boolean =>
  a === undefined || b === undefined ? a === b : sameEntry(a, b)

const isSameContent = (a: FileEntry, b: FileEntry): boolean => a.digest === b.digest && a.size === b.size

function mergeDirectories({ base, ours, theirs }: Trees): Set<TreePath> {
  const merged = new Set<TreePath>()
  for (const path of new Set([...base.directories, ...ours.directories, ...theirs.directories])) {
    const [b, o, t] = [base, ours, theirs].map(tree => tree.directories.has(path))
    if (!(o === b ? t : o)) continue
    addParents(merged, path) // one may be gone on the other side
    merged.add(path)
  }
  return merged
}

/** A path that came out as a file and as a directory is what the favoured version has there; a directory where it has neither. */
function settleClashes(
  { files, directories }: { readonly files: Map<TreePath, FileEntry>; readonly directories: Set<TreePath> },
  clashing: readonly TreePath[],
  favoured: Tree,
): void {
  const asFiles = new Set<TreePath>()
  for (const path of clashing)
    if (favoured.files.has(path)) asFiles.add(path)
    else files.delete(path)
  if (asFiles.size === 0) return
  const isBelow = (path: TreePath): boolean => {
    for (let at = dirname(path); at !== ''; at = dirname(at)) if (asFiles.has(at)) return true
    return false
  }
  for (const path of [...files.keys()]) if (isBelow(path)) files.delete(path)
  for (const path of [...directories]) if (asFiles.has(path) || isBelow(path)) directories.delete(path)
}

function clashAt(trees: Trees, path: TreePath): MergeConflict {
  const kind = ({ files, directories }: Tree): Fate =>
    files.has(path) ? 'a file' : directories.has(path) ? 'a directory' : 'deleted'
  return { part: 'file', name: path, ours: kind(trees.ours), theirs: kind(trees.theirs) }
}
