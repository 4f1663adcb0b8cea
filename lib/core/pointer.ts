// Pointer, format 1: the small `<name>.ddv` file that git tracks in the data's stead. See FORMAT.md.
// The same data always gives the same bytes: no times, no machine, no user in it.

import { hasConflictMarkers } from './conflict-text.js'
import { type Digest, isDigest } from './digest.js'
import { DdvError } from './errors.js'
import { isJsonRecord, type JsonRecord, jsonProblem, sortKeys } from './json.js'
import { decodeManifestRows, encodeManifestRows, type ManifestEntry } from './manifest.js'
import { displayPath, treePathProblem } from './tree-path.js'

export type Meta = JsonRecord

interface PointerBase {
  /** The name of the data beside the pointer: one path segment without control characters. */
  readonly filename: string
  readonly hash: Digest
  /** Bytes; of all files for a directory. */
  readonly size: number
  readonly meta: Meta | undefined
}

export interface FilePointer extends PointerBase {
  readonly kind: 'file'
  readonly executable: boolean
}

export interface DirectoryPointer extends PointerBase {
  readonly kind: 'directory'
  readonly files: number
  /** The manifest's rows, for at most `maxInlineEntries` of them. */
  readonly entries: readonly ManifestEntry[] | undefined
}

export type Pointer = FilePointer | DirectoryPointer
export type OutputKind = Pointer['kind']

export const pointerSuffix = '.ddv'
/** Directories of at most this many rows carry them in the pointer, so that git and reviewers see them. */
export const maxInlineEntries = 1000
/** Bytes. */
export const maxPointerSize = 1_048_576

export function encodePointer(pointer: Pointer): string {
  const lines = [
    '"ddv": 1',
    `"kind": "${pointer.kind}"`,
    `"filename": ${JSON.stringify(pointer.filename)}`,
    `"hash": "${pointer.hash}"`,
    `"size": ${pointer.size}`,
  ]
  if (pointer.kind === 'directory') lines.push(`"files": ${pointer.files}`)
  if (pointer.kind === 'file' && pointer.executable) lines.push('"executable": true')
  if (pointer.meta !== undefined) lines.push(`"meta": ${indent(JSON.stringify(sortKeys(pointer.meta), null, 2))}`)
  if (pointer.kind === 'directory' && pointer.entries !== undefined) lines.push(entriesText(pointer.entries))
  return `{\n  ${lines.join(',\n  ')}\n}\n`
}

const indent = (json: string): string => json.replaceAll('\n', '\n  ')

const entriesText = (entries: readonly ManifestEntry[]): string =>
  entries.length === 0 ? '"entries": []' : `"entries": [\n    ${encodeManifestRows(entries).join(',\n    ')}\n  ]`

/**
 * Reads a pointer; other orders of keys, other white space and CRLF are forgiven, since people and merges touch these
 * files. That `entries` hash to `hash` is for the caller to check, who has a hash function.
 * `file` is the pointer's path, for messages. Throws `bad-pointer`, `conflict` or `newer-format`.
 */
export function decodePointer(text: string, file: string): Pointer {
  if (text.length > maxPointerSize) throw badPointer(`is larger than ${maxPointerSize} bytes`, file)
  if (hasConflictMarkers(text))
    throw new DdvError('conflict', `pointer holds merge markers: ${file}`, {
      hint: `take one side with 'ddv checkout --ours' or 'ddv checkout --theirs'`,
    })
  const fields = parseJson(text, file)
  if (!isJsonRecord(fields)) throw badPointer('is no JSON object', file)
  const version = fields.ddv
  if (typeof version === 'number' && Number.isSafeInteger(version) && version > 1)
    throw new DdvError('newer-format', `pointer was written by a newer ddv: ${file}`, { hint: 'update ddv' })
  if (version !== 1) throw badPointer('has no "ddv": 1', file)
  return decodeFields(fields, file)
}

function parseJson(text: string, file: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    if (!(cause instanceof SyntaxError)) throw cause
    throw badPointer('is not JSON', file)
  }
}

const commonKeys = ['ddv', 'kind', 'filename', 'hash', 'size', 'meta']
const knownKeys: Readonly<Record<OutputKind, ReadonlySet<string>>> = {
  file: new Set([...commonKeys, 'executable']),
  directory: new Set([...commonKeys, 'files', 'entries']),
}

function decodeFields(fields: Readonly<Record<string, unknown>>, file: string): Pointer {
  const { kind, filename, hash, size, executable, files, entries, meta } = fields
  if (kind !== 'file' && kind !== 'directory') throw badPointer('has a "kind" that is neither file nor directory', file)
  for (const key of Object.keys(fields))
    if (!knownKeys[kind].has(key)) throw badPointer(`has an unknown key "${displayPath(key)}"`, file)
  if (typeof filename !== 'string' || !isFilename(filename))
    throw badPointer('has a "filename" that is not a plain name', file)
  if (!isDigest(hash)) throw badPointer('has a "hash" that is not 64 lower-case hex digits', file)
  if (!isCount(size)) throw badPointer('has a "size" that is not a count of bytes', file)
  const base = { filename, hash, size, meta: decodeMeta(meta, file) }
  if (kind === 'file') {
    if (executable !== undefined && executable !== true) throw badPointer('has an "executable" that is not true', file)
    return { kind, ...base, executable: executable === true }
  }
  if (!isCount(files)) throw badPointer('has a "files" that is not a count', file)
  return { kind, ...base, files, entries: decodeEntries(entries, file) }
}

function decodeEntries(rows: unknown, file: string): readonly ManifestEntry[] | undefined {
  if (rows === undefined) return undefined
  if (!Array.isArray(rows)) throw badPointer('has "entries" that are no array', file)
  if (rows.length > maxInlineEntries) throw badPointer(`has more than ${maxInlineEntries} entries`, file)
  return decodeManifestRows(rows, problem => badPointer(`has "entries" whose manifest ${problem}`, file))
}

function decodeMeta(meta: unknown, file: string): Meta | undefined {
  if (meta === undefined) return undefined
  if (!isJsonRecord(meta)) throw badPointer('has a "meta" that is no object', file)
  const problem = jsonProblem(meta, '"meta"')
  if (problem !== undefined) throw badPointer(problem, file)
  return meta
}

/** One segment, no control characters: what may stand beside `<name>.ddv`. */
export const isFilename = (name: string): boolean =>
  treePathProblem(name) === undefined && !/[/\u0000-\u001f\u007f-\u009f]/.test(name)

const isCount = (value: unknown): value is number =>
  typeof value === 'number' && Number.isSafeInteger(value) && value >= 0

const badPointer = (problem: string, file: string): DdvError =>
  new DdvError('bad-pointer', `pointer ${problem}: ${file}`)
