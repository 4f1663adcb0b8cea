// The first line of a CSV file: what its columns are called. Read here and not by DuckDB, which gives two columns of one
// name two names of its own.

import { closeSync, openSync, readSync } from 'node:fs'
import { gunzipSync, constants as zlib } from 'node:zlib'
import { DdvError, fromSystemError, systemCode } from '../core/errors.js'
import { displayPath } from '../core/tree-path.js'

export interface TextFile {
  /** Absolute. */
  readonly path: string
  readonly gzip: boolean
}

export interface TableHead {
  readonly delimiter: string
  readonly names: readonly string[]
}

const headLength = 1_048_576
/** Of a compressed file, which may be a thousand times as long. */
const compressedLength = 65_536
const delimiters = [',', ';', '\t', '|']
const [quote, newline, carriageReturn] = [0x22, 0x0a, 0x0d]

/** `delimiter`: where it is known. Throws `refused` for a file that does not begin with a line of names. */
export function readHead(file: TextFile, known?: string): TableHead {
  const bytes = withoutMark(headOf(file))
  const refuse = (problem: string, hint?: string): DdvError =>
    new DdvError('refused', `cannot be read as a table: ${problem}`, hint === undefined ? {} : { hint })
  if (bytes.length === 0) throw refuse('it is empty, without even a line of names')
  if (isUtf16(bytes)) throw refuse('it is UTF-16, not UTF-8', 'iconv -f UTF-16 -t UTF-8')
  const end = endOfLine(bytes)
  if (end < 0) throw refuse(`its first line is longer than ${headLength} bytes`)
  const line = bytes.subarray(0, end)
  if (line.includes(0)) throw refuse('it is no text')
  if (line.length === 0) throw refuse('its first line has no names')
  const text = decode(line)
  if (text === undefined) throw refuse('it is not UTF-8', 'iconv -f LATIN1 -t UTF-8, if that is what it is')
  const delimiter = known ?? delimiterOf(line)
  const names = splitLine(text, delimiter)
  if (names === undefined) throw refuse('quotes are not closed in its first line')
  return { delimiter, names }
}

/** The delimiter that the first line has most of, whatever else is in the file. */
export function findDelimiter(file: TextFile): string {
  const bytes = headOf(file)
  const end = endOfLine(bytes)
  return delimiterOf(end < 0 ? bytes : bytes.subarray(0, end))
}

function headOf({ path, gzip }: TextFile): Buffer {
  let fd: number | undefined
  try {
    fd = openSync(path, 'r')
    const bytes = Buffer.alloc(gzip ? compressedLength : headLength)
    const head = bytes.subarray(0, readSync(fd, bytes, 0, bytes.length, 0))
    // What follows the part at hand is no error.
    return gzip && head.length > 0 ? gunzipSync(head, { finishFlush: zlib.Z_SYNC_FLUSH }).subarray(0, headLength) : head
  } catch (error) {
    if (systemCode(error)?.startsWith('Z_') !== true) throw fromSystemError(error, displayPath(path))
    throw new DdvError('refused', 'cannot be read as a table: it is no gzip', { cause: error })
  } finally {
    if (fd !== undefined) closeSync(fd)
  }
}

const withoutMark = (bytes: Buffer): Buffer =>
  bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? bytes.subarray(3) : bytes

const isUtf16 = ([a, b]: Buffer): boolean => (a === 0xff && b === 0xfe) || (a === 0xfe && b === 0xff)

/** -1 where the line goes on beyond what was read. */
function endOfLine(bytes: Buffer): number {
  let quoted = false
  for (const [i, byte] of bytes.entries()) {
    if (byte === quote) quoted = !quoted
    else if (!quoted && (byte === newline || byte === carriageReturn)) return i
  }
  return bytes.length < headLength ? bytes.length : -1
}

function decode(bytes: Buffer): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch (error) {
    if (error instanceof TypeError) return undefined
    throw error
  }
}

/** The one that the line has most of, outside of quotes. */
function delimiterOf(line: Buffer): string {
  const counts = delimiters.map(() => 0)
  let quoted = false
  for (const byte of line) {
    if (byte === quote) quoted = !quoted
    const at = quoted ? -1 : delimiters.indexOf(String.fromCharCode(byte))
    if (at >= 0) counts[at] = (counts[at] ?? 0) + 1
  }
  return delimiters[counts.indexOf(Math.max(...counts))] ?? ','
}

/** RFC 4180; undefined where a quote is left open, or text follows a closed one. */
function splitLine(line: string, delimiter: string): readonly string[] | undefined {
  const names: string[] = []
  for (let at = 0; ; ) {
    const quoted = line[at] === '"'
    const end = quoted ? closingQuote(line, at + 1) : line.indexOf(delimiter, at)
    if (quoted && (end < 0 || (end + 1 < line.length && line[end + 1] !== delimiter))) return undefined
    const stop = end < 0 ? line.length : end
    names.push(quoted ? line.slice(at + 1, stop).replaceAll('""', '"') : line.slice(at, stop))
    const next = quoted ? stop + 1 : stop
    if (next >= line.length) return names
    at = next + 1
  }
}

function closingQuote(line: string, from: number): number {
  for (let at = line.indexOf('"', from); at >= 0; at = line.indexOf('"', at + 2)) if (line[at + 1] !== '"') return at
  return -1
}
