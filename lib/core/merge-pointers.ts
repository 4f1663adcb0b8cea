// Three-way merge of the pointers of one output: directories file by file, `meta` key by key, and of a file its content,
// its executable bit and its `meta` each by itself.

import { canonicalJson } from './json.js'
import type { ManifestEntry } from './manifest.js'
import { mergeEntries } from './merge-entries.js'
import { mergeRecords } from './merge-records.js'
import { type Fate, type Favour, fateOf, type MergeConflict, type Sides, standing } from './merge3.js'
import type { DirectoryPointer, Meta, Pointer } from './pointer.js'

export interface PointerMerge {
  /** Valid in any case: what is in conflict is as `favour` has it, and as ours where that has no such output. */
  readonly pointer: Pointer
  readonly conflicts: readonly MergeConflict[]
  /** The rows of a directory as it is on no side: its manifest is nobody's yet. */
  readonly entries: readonly ManifestEntry[] | undefined
}

export interface PointerMergeOptions {
  readonly favour: Favour
  /** The output's name: git follows renames, so that each side may have another. */
  readonly filename: string
  /** A directory's rows; asked for where both sides changed it, and may throw. */
  readonly rowsOf: (pointer: DirectoryPointer) => readonly ManifestEntry[]
  /** The pointer of a directory of these rows. */
  readonly toDirectory: (entries: readonly ManifestEntry[], meta: Meta | undefined) => DirectoryPointer
}

export function mergePointers(sides: Sides<Pointer>, options: PointerMergeOptions): PointerMerge {
  const meta = mergeMeta(sides, options.favour)
  const named = <P extends Pointer>(pointer: P): P => ({ ...pointer, filename: options.filename, meta: meta.value })
  const content = standing(sides, isSameContent)?.value
  if (content === undefined && sides.ours.kind === 'directory' && sides.theirs.kind === 'directory') {
    const { entries, conflicts } = mergeRows(sides, options)
    const pointer = named(options.toDirectory(entries, meta.value))
    return { pointer, conflicts: [...conflicts, ...meta.conflicts], entries }
  }
  const chosen = content ?? favoured(sides, options.favour)
  const conflicts = content === undefined ? [outputConflict(sides)] : []
  if (chosen.kind === 'directory')
    return { pointer: named(chosen), conflicts: [...conflicts, ...meta.conflicts], entries: undefined }
  const executable = mergeMark(sides, options.favour)
  if (executable !== undefined)
    return {
      pointer: named({ ...chosen, executable }),
      conflicts: [...conflicts, ...meta.conflicts],
      entries: undefined,
    }
  const whole = [outputConflict(sides), ...meta.conflicts]
  return { pointer: named(favoured(sides, options.favour)), conflicts: whole, entries: undefined }
}

const favoured = ({ base, ours, theirs }: Sides<Pointer>, favour: Favour): Pointer =>
  favour === 'theirs' ? theirs : favour === 'ours' ? ours : (base ?? ours)

const isSameContent = (a: Pointer, b: Pointer): boolean =>
  a.kind === b.kind && a.hash === b.hash && a.size === b.size && filesOf(a) === filesOf(b)
const filesOf = (pointer: Pointer): number => (pointer.kind === 'directory' ? pointer.files : 1)

function mergeRows({ base, ours, theirs }: Sides<Pointer>, { rowsOf, favour }: PointerMergeOptions) {
  const rows = (pointer: Pointer | undefined) => (pointer?.kind === 'directory' ? rowsOf(pointer) : [])
  return mergeEntries({ base: rows(base), ours: rows(ours), theirs: rows(theirs) }, favour)
}

function outputConflict({ base, ours, theirs }: Sides<Pointer>): MergeConflict {
  const fate = (side: Pointer): Fate =>
    ours.kind === theirs.kind ? fateOf(base, side) : side.kind === 'file' ? 'a file' : 'a directory'
  return { part: 'output', name: '', ours: fate(ours), theirs: fate(theirs) }
}

/** Of a file; undefined in conflict: added on both sides, and executable on one. */
function mergeMark({ base, ours, theirs }: Sides<Pointer>, favour: Favour): boolean | undefined {
  const mark = (pointer: Pointer | undefined) => (pointer?.kind === 'file' ? pointer.executable : undefined)
  const [b, o, t] = [mark(base), mark(ours), mark(theirs)]
  if (o === undefined || t === undefined) return o ?? t
  if (o === t || b === t) return o
  if (b === o) return t
  return favour === 'theirs' ? t : favour === 'ours' ? o : undefined
}

function mergeMeta(
  { base, ours, theirs }: Sides<Pointer>,
  favour: Favour,
): { value: Meta | undefined; conflicts: readonly MergeConflict[] } {
  const whole = standing({ base, ours, theirs }, (a, b) => canonicalJson(a.meta) === canonicalJson(b.meta))
  if (whole !== undefined) return { value: whole.value.meta, conflicts: [] }
  const metas = { base: base?.meta, ours: ours.meta ?? {}, theirs: theirs.meta ?? {} }
  const { merged, conflicts } = mergeRecords(metas, { favour, part: 'meta' })
  return { value: merged, conflicts }
}
