// What ddv keeps in a data lake beside the data, one object an output: which files it wrote there, and what the store called
// the bytes then. While the store calls them the same, they are the same; what it calls otherwise, somebody else has written.
// See lib/remote/FORMAT.md.

import { type Digest, isDigest } from './digest.js'
import { DdvError } from './errors.js'
import { compareUtf8, displayPath, type TreePath, treePathProblem } from './tree-path.js'

export interface LakeFile {
  readonly digest: Digest
  readonly size: number
}

export interface WrittenFile extends LakeFile {
  /** As the store called it, by an ETag or the like. */
  readonly version: string
}

/** By path below the output; '' is the output itself where it is a file. */
export interface LakeRecord {
  readonly files: ReadonlyMap<TreePath | '', WrittenFile>
  /** What was about to be written when this was: it may be there, or not yet. */
  readonly coming: ReadonlyMap<TreePath | '', LakeFile>
}

export const emptyLakeRecord: LakeRecord = { files: new Map(), coming: new Map() }

/** Bytes: more than a million files. */
export const maxLakeRecord = 268_435_456

/** One JSON array a line, sorted by path. */
export function encodeLakeRecord(output: TreePath, { files, coming }: LakeRecord): string {
  const lines = [JSON.stringify(['ddv-lake', 1, output])]
  for (const [path, { digest, size, version }] of sorted(files))
    lines.push(JSON.stringify(['f', path, digest, size, version]))
  for (const [path, { digest, size }] of sorted(coming)) lines.push(JSON.stringify(['c', path, digest, size]))
  return `${lines.join('\n')}\n`
}

const sorted = <V>(map: ReadonlyMap<TreePath | '', V>): readonly (readonly [TreePath | '', V])[] =>
  [...map].sort(([a], [b]) => compareUtf8(a, b))

/** Throws `corrupt` or `newer-format`: nothing is believed of a record that is not whole. */
export function decodeLakeRecord(text: string, output: TreePath): LakeRecord {
  const bad = (problem: string): DdvError =>
    new DdvError('corrupt', `ddv's record in the lake ${problem}: ${displayPath(output)}`)
  const lines = text.split('\n')
  if (lines.pop() !== '') throw bad('is cut short')
  const [kind, format, of] = parseRow(lines[0] ?? '', bad)
  if (kind !== 'ddv-lake') throw bad('is none')
  if (typeof format === 'number' && format > 1)
    throw new DdvError('newer-format', bad('was written by a newer ddv').message, { hint: 'update ddv' })
  if (format !== 1 || of !== output) throw bad('is of something else')
  const files = new Map<TreePath | '', WrittenFile>()
  const coming = new Map<TreePath | '', LakeFile>()
  for (const line of lines.slice(1)) {
    const row = parseRow(line, bad)
    const [type, path, digest, size, version] = row
    if (typeof path !== 'string' || (path !== '' && treePathProblem(path) !== undefined)) throw bad('has a bad path')
    if (!isDigest(digest) || !Number.isSafeInteger(size) || (size as number) < 0) throw bad('has a bad row')
    const file = { digest, size: size as number }
    if (type === 'c' && row.length === 4) coming.set(path as TreePath | '', file)
    else if (type === 'f' && row.length === 5 && typeof version === 'string')
      files.set(path as TreePath | '', { ...file, version })
    else throw bad('has a bad row')
  }
  return { files, coming }
}

function parseRow(line: string, bad: (problem: string) => DdvError): readonly unknown[] {
  try {
    const value: unknown = JSON.parse(line)
    if (Array.isArray(value)) return value
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error
  }
  throw bad('has a line that is no row')
}
