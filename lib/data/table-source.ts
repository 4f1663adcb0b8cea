// A file as DuckDB is to read it so that nothing is guessed: columns by their place, c0 and on, since their names may be
// anything, and each value as it stands in the file. What a value is, column-values.ts says.

import { DdvError } from '../core/errors.js'
import { displayPath } from '../core/tree-path.js'
import { type Database, escapePattern, quoteName, quoteText } from './duckdb.js'
import type { TableFile } from './table-files.js'
import { readHead } from './table-head.js'

export interface SourceColumn {
  readonly name: string
  /** As DuckDB calls it: VARCHAR of CSV, JSON of JSON lines. */
  readonly type: string
}

export interface TableSource {
  readonly file: TableFile
  /** What a value is: its text, a piece of JSON, or of the type that the file gives it. */
  readonly kind: 'text' | 'json' | 'typed'
  readonly columns: readonly SourceColumn[]
  /** A select of c0 and on, in the file's order. */
  readonly select: string
}

/** How much DuckDB reads at once: the longest line that there may be. */
const bufferSize = 8_388_608

/**
 * `wanted`: columns that lines of JSON have even where no line names them. Throws `refused` for what is no table, and for
 * names that do not tell columns apart.
 */
export async function openSource(database: Database, file: TableFile, wanted: readonly string[]): Promise<TableSource> {
  if (file.format === 'parquet') return openParquet(database, file)
  if (file.format === 'jsonl') return openJsonLines(database, file, wanted)
  return openText(database, file)
}

async function openText(database: Database, file: TableFile): Promise<TableSource> {
  const { delimiter, names } = readHead(file, file.format === 'tsv' ? '\t' : undefined)
  refuseTwice(names)
  const columns = names.map(name => ({ name, type: 'VARCHAR' }))
  const types = names.map((_, i) => `c${i}: 'VARCHAR'`).join(', ')
  // A text in quotes is one, also an empty one; nothing between two delimiters is no value.
  const nulls = `nullstr = '', allow_quoted_nulls = false`
  const format = `auto_detect = false, header = true, delim = ${quoteText(delimiter)}, quote = '"', escape = '"', ${nulls}`
  const limits = `buffer_size = ${bufferSize}, max_line_size = ${bufferSize}`
  const select = (parallel: boolean): string =>
    `select * from read_csv(${pathOf(file)}, columns = {${types}}, ${format}, ${limits}, parallel = ${parallel}${compressionOf(file)})`
  return { file, kind: 'text', columns, select: select(await canBeParallel(database, select(true))) }
}

// Threads begin in the middle of a file, and may take what stands in quotes for rows. DuckDB notices that at the latest
// when two of them meet, and gives up; one thread reads everything. What it says of a file that it cannot read either is
// then said by that one.
async function canBeParallel(database: Database, select: string): Promise<boolean> {
  try {
    await database.query(`select count(*)::double from (${select})`)
    return true
  } catch (error) {
    if (error instanceof DdvError && error.code === 'refused') return false
    throw error
  }
}

async function openJsonLines(database: Database, file: TableFile, wanted: readonly string[]): Promise<TableSource> {
  const lines = `read_ndjson_objects(${pathOf(file)}${compressionOf(file)})`
  const [[first] = []] = await database.query(
    `select min(row)::double from (select json, row_number() over () as row from ${lines}) where json_type(json) <> 'OBJECT'`,
  )
  if (first !== null && first !== undefined) throw unclear(`row ${first} is no object`)
  const found = await database.query(`select distinct unnest(json_keys(json)) from ${lines}`)
  const [[head = '[]'] = []] = await database.query(`select to_json(json_keys(json))::varchar from ${lines} limit 1`)
  // As the first line has them; those that others add, sorted.
  const names = new Set(JSON.parse(String(head)) as string[])
  for (const name of found.map(([name]) => String(name)).sort()) names.add(name)
  for (const name of wanted) names.add(name)
  refuseTwice([...names].map(name => name.toLowerCase()))
  const all = [...names]
  const types = all.map(name => `${quoteName(name)}: 'JSON'`).join(', ')
  const values = all.map((name, i) => `${quoteName(name)} as c${i}`).join(', ')
  const from = `read_json(${pathOf(file)}, format = 'newline_delimited', columns = {${types}}${compressionOf(file)})`
  const select = all.length === 0 ? `select json from ${lines}` : `select ${values} from ${from}`
  return { file, kind: 'json', columns: all.map(name => ({ name, type: 'JSON' })), select }
}

async function openParquet(database: Database, file: TableFile): Promise<TableSource> {
  const from = `read_parquet(${pathOf(file)})`
  const found = await database.query(`select column_name, column_type from (describe select * from ${from})`)
  const columns = found.map(([name, type]) => ({ name: String(name), type: String(type) }))
  const values = columns.map(({ name }, i) => `${quoteName(name)} as c${i}`).join(', ')
  return { file, kind: 'typed', columns, select: `select ${values} from ${from}` }
}

const pathOf = ({ path }: TableFile): string => quoteText(escapePattern(path))

const compressionOf = ({ gzip }: TableFile): string => (gzip ? `, compression = 'gzip'` : '')

const unclear = (problem: string): DdvError => new DdvError('refused', `cannot be read as a table: ${problem}`)

function refuseTwice(names: readonly string[]): void {
  const seen = new Set<string>()
  for (const name of names) {
    if (seen.has(name)) throw unclear(`two columns are called '${displayPath(name)}'`)
    seen.add(name)
  }
}
