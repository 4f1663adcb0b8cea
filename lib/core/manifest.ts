// Manifest, format 1: the listing of a tracked directory, itself a blob. See FORMAT.md.

import { type Digest, isDigest } from './digest.js'
import { DdvError } from './errors.js'
import { compareUtf8, displayPath, type TreePath, treePathProblem } from './tree-path.js'

/** One file. `size` in bytes. */
export interface FileEntry {
  readonly path: TreePath
  readonly digest: Digest
  readonly size: number
  readonly executable: boolean
}

/** A directory that holds nothing; directories that hold something are implied by their files. */
export interface EmptyDirectoryEntry {
  readonly path: TreePath
  readonly digest: undefined
}

export type ManifestEntry = FileEntry | EmptyDirectoryEntry

export const isFileEntry = (entry: ManifestEntry): entry is FileEntry => entry.digest !== undefined

/** Whether two rows say the same; their paths are the caller's. */
export const sameEntry = (a: ManifestEntry, b: ManifestEntry): boolean =>
  a.digest === b.digest && (!isFileEntry(a) || !isFileEntry(b) || (a.size === b.size && a.executable === b.executable))

/** The row of a manifest, and of a pointer's `entries`. */
export type ManifestRow = readonly [string, string, number, 'x'] | readonly [string, string, number] | readonly [string]

const head = 'ddv-manifest 1'

const rowText = (entry: ManifestEntry): string =>
  entry.digest === undefined
    ? `[${JSON.stringify(`${entry.path}/`)}]`
    : `[${JSON.stringify(entry.path)},"${entry.digest}",${entry.size}${entry.executable ? ',"x"' : ''}]`

/** The key that manifests are ordered by: an empty directory counts with its final slash. */
export const manifestKey = (entry: ManifestEntry): string =>
  entry.digest === undefined ? `${entry.path}/` : entry.path

/** Rows as text, one an entry, in the order given; for pointers, which indent them. */
export const encodeManifestRows = (entries: readonly ManifestEntry[]): string[] => entries.map(rowText)

/** UTF-8 bytes of the manifest. The entries must be sorted by `manifestKey` in UTF-8 order, as `sortEntries` does. */
export function encodeManifest(entries: readonly ManifestEntry[]): Buffer {
  if (entries.length === 0) return Buffer.from(`${head}\n`)
  return Buffer.from(`${head}\n${encodeManifestRows(entries).join('\n')}\n`)
}

export const sortEntries = (entries: readonly ManifestEntry[]): ManifestEntry[] =>
  [...entries].sort((a, b) => compareUtf8(manifestKey(a), manifestKey(b)))

/**
 * Reads a manifest. It accepts exactly what `encodeManifest` writes.
 * Throws `bad-manifest` (or `newer-format`), with `name` (a digest or a file) in the message.
 */
export function decodeManifest(bytes: Uint8Array, name: string): ManifestEntry[] {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const refuse: Refuse = problem => badManifest(problem, name)
  if (view.toString('latin1', 0, headBytes) !== `${head}\n`) {
    if (/^ddv-manifest [0-9]+\n/.test(view.toString('latin1', 0, 64)))
      throw new DdvError('newer-format', `manifest was written by a newer ddv: ${name}`, { hint: 'update ddv' })
    throw refuse('does not begin as one')
  }
  if (view.at(-1) !== newline) throw refuse('does not end with a newline')
  const entries: ManifestEntry[] = []
  for (let at = headBytes; at < view.length; ) {
    const next = view.indexOf(newline, at + blockBytes) + 1
    const block = view.subarray(at, next === 0 ? view.length : next)
    for (const entry of decodeBlock(block, refuse)) entries.push(entry)
    at += block.length
  }
  checkOrder(entries, refuse)
  return entries
}

const newline = 0x0a
const headBytes = head.length + 1
/** Of a listing of 100,000 files the text, the same text as JSON, its rows and its encoding would be 50 MB at once. */
const blockBytes = 262_144

// One call of JSON.parse for many lines: a third of the time of one a line.
function decodeBlock(block: Buffer, refuse: Refuse): ManifestEntry[] {
  const entries = parseRows(`[${block.toString('utf8', 0, block.length - 1).replaceAll('\n', ',')}]`, refuse).map(row =>
    decodeRow(row, refuse),
  )
  // Canonical form by construction: whatever JSON would forgive (spaces, escapes, 1e3) shows here.
  if (!Buffer.from(entries.map(entry => `${rowText(entry)}\n`).join('')).equals(block))
    throw refuse('is not in canonical form')
  return entries
}

function parseRows(text: string, refuse: Refuse): readonly unknown[] {
  try {
    const rows: unknown = JSON.parse(text)
    if (Array.isArray(rows)) return rows
  } catch (cause) {
    if (!(cause instanceof SyntaxError)) throw cause
  }
  throw refuse('has a line that is not JSON')
}

type Refuse = (problem: string) => DdvError

/**
 * Rows to entries: each path parsed, sorted, without duplicates, and no file that is also a directory.
 * Throws what `refuse` makes of the problem, such as `is not sorted`.
 */
export function decodeManifestRows(rows: readonly unknown[], refuse: Refuse): ManifestEntry[] {
  const entries = rows.map(row => decodeRow(row, refuse))
  checkOrder(entries, refuse)
  return entries
}

function checkOrder(entries: readonly ManifestEntry[], refuse: Refuse): void {
  for (let i = 1; i < entries.length; i++) {
    const before = entries[i - 1] as ManifestEntry
    const entry = entries[i] as ManifestEntry
    const order = compareUtf8(manifestKey(before), manifestKey(entry))
    if (order === 0) throw refuse(`names a path twice (${displayPath(entry.path)})`)
    if (order > 0) throw refuse('is not sorted')
  }
  refuseFileAsDirectory(entries, refuse)
}

// `a` and `a/b` in one manifest: other names (`a.txt`) may stand between the two, so a set, not the neighbour.
function refuseFileAsDirectory(entries: readonly ManifestEntry[], refuse: Refuse): void {
  const parents = new Set<string>()
  const empty = new Set<string>()
  let last = ''
  for (const { path, digest } of entries) {
    if (digest === undefined) empty.add(path)
    const parent = path.slice(0, Math.max(0, path.lastIndexOf('/')))
    if (parent === last) continue
    last = parent
    for (let p = parent; p !== '' && !parents.has(p); p = p.slice(0, Math.max(0, p.lastIndexOf('/')))) parents.add(p)
  }
  for (const { path, digest } of entries)
    if (parents.has(path) || (digest !== undefined && empty.has(path)))
      throw refuse(`names ${displayPath(path)} as a file and as a directory`)
}

function decodeRow(row: unknown, refuse: Refuse): ManifestEntry {
  if (!Array.isArray(row)) throw refuse('has a row that is no array')
  const [path, digest, size, mark] = row as readonly unknown[]
  if (typeof path !== 'string') throw refuse('has a row without a path')
  const emptyDirectory = row.length === 1
  if (emptyDirectory && !path.endsWith('/')) throw refuse('has a row of a path alone')
  const plain = emptyDirectory ? path.slice(0, -1) : path
  const problem = treePathProblem(plain)
  if (problem !== undefined) throw refuse(`has a path that ${problem}`)
  if (emptyDirectory) return { path: plain as TreePath, digest: undefined }
  if (row.length > 4 || (row.length === 4 && mark !== 'x')) throw refuse('has a row of the wrong form')
  if (!isDigest(digest)) throw refuse('has a row without a digest')
  if (typeof size !== 'number' || !Number.isSafeInteger(size) || size < 0 || Object.is(size, -0))
    throw refuse('has a row without a size')
  return { path: plain as TreePath, digest, size, executable: mark === 'x' }
}

const badManifest = (problem: string, name: string): DdvError =>
  new DdvError('bad-manifest', `manifest ${problem}: ${name}`)

/** Files, and the sum of their bytes. */
export function manifestTotals(entries: readonly ManifestEntry[]): { files: number; size: number } {
  let files = 0
  let size = 0
  for (const entry of entries)
    if (entry.digest !== undefined) {
      files++
      size += entry.size
    }
  return { files, size }
}
