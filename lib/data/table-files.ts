// Which files are tables, and how DuckDB is told to read one. Everything is said, so that two versions of one file are
// never read by two guesses.

import { escapePattern, quoteText } from './duckdb.js'
import { findDelimiter } from './table-head.js'

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
  const given = `, delim = ${quoteText(file.format === 'tsv' ? '\t' : findDelimiter(file))}`
  const types = exact ? ', all_varchar = true' : ''
  // Left to guess, DuckDB takes lines for comments or for what stands above a table, and leaves them out without a word.
  const nothingSkipped = `comment = '', skip = 0, ignore_errors = false, null_padding = false`
  return `read_csv(${path}, header = true, quote = '"', escape = '"', ${nothingSkipped}${given}${types}${compression})`
}
