// Which files are tables, and how DuckDB is told to read one. Everything is said, so that two versions of one file are
// never read by two guesses.

import { closeSync, openSync, readSync } from 'node:fs'
import { quoteText } from './duckdb.js'

export type TableFormat = 'csv' | 'tsv' | 'jsonl' | 'parquet'

export interface TableFile {
  /** Absolute; its name need not tell what it is. */
  readonly path: string
  readonly format: TableFormat
  readonly gzip: boolean
}

/** By the name's end; undefined for what is no table. */
export function tableFormat(name: string): Pick<TableFile, 'format' | 'gzip'> | undefined {
  const [, kind, gz] = /\.(csv|tsv|jsonl|ndjson|parquet)(\.gz)?$/i.exec(name) ?? []
  if (kind === undefined) return undefined
  const format = kind.toLowerCase() === 'ndjson' ? 'jsonl' : (kind.toLowerCase() as TableFormat)
  return format === 'parquet' && gz !== undefined ? undefined : { format, gzip: gz !== undefined }
}

/**
 * A table function for a `from`. `exact`: text as it stands in the file, so that `007` is not `7`; otherwise with the
 * types that the values suggest.
 */
export function readTable(file: TableFile, { exact }: { readonly exact: boolean }): string {
  const path = quoteText(escapePattern(file.path))
  const compression = file.gzip ? `, compression = 'gzip'` : ''
  if (file.format === 'parquet') return `read_parquet(${path})`
  if (file.format === 'jsonl')
    return `read_json(${path}, format = 'newline_delimited', records = true, maximum_depth = 1, sample_size = -1${compression})`
  const delimiter = file.format === 'tsv' ? '\t' : file.gzip ? undefined : delimiterOf(file.path)
  const given = delimiter === undefined ? '' : `, delim = ${quoteText(delimiter)}`
  const types = exact ? ', all_varchar = true' : ''
  // Left to guess, DuckDB takes lines for comments or for what stands above a table, and leaves them out without a word.
  const nothingSkipped = `comment = '', skip = 0, ignore_errors = false, null_padding = false`
  return `read_csv(${path}, header = true, quote = '"', escape = '"', ${nothingSkipped}${given}${types}${compression})`
}

// DuckDB takes a path for a pattern.
const escapePattern = (path: string): string => path.replace(/[*?[]/g, '[$&]')

const delimiters = [',', ';', '\t', '|']
const headLength = 65_536

/** The one that the head line has most of, outside of quotes. */
function delimiterOf(path: string): string {
  const head = readHead(path)
  const counts = new Map(delimiters.map(delimiter => [delimiter, 0]))
  let quoted = false
  for (const c of head) {
    if (c === '"') quoted = !quoted
    else if (!quoted && (c === '\n' || c === '\r')) break
    else if (!quoted && counts.has(c)) counts.set(c, (counts.get(c) ?? 0) + 1)
  }
  return delimiters.reduce((best, one) => ((counts.get(one) ?? 0) > (counts.get(best) ?? 0) ? one : best))
}

function readHead(path: string): string {
  const fd = openSync(path, 'r')
  try {
    const bytes = Buffer.alloc(headLength)
    return bytes.toString('utf8', 0, readSync(fd, bytes, 0, headLength, 0))
  } finally {
    closeSync(fd)
  }
}
