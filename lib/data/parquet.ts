// From rows to Parquet, by DuckDB's writer and by way of a CSV file: so rows of any warehouse come the same way, in their
// order, and the same rows give the same bytes (of one version of DuckDB: its name is in the file).

import { DdvError, isDdvError } from '../core/errors.js'
import type { Column } from './connection.js'
import { type DatabaseOptions, escapePattern, quoteName, quoteText, withDatabase } from './duckdb.js'

export interface ParquetOptions extends Pick<DatabaseOptions, 'temporary' | 'signal' | 'load'> {
  readonly columns: readonly Column[]
  /** What the file will be called, for messages. */
  readonly goal: string
}

/** What it holds while it writes. */
const memory = '128MB'

/** A CSV file of ddv's own into a new Parquet file. Throws `refused` for values that its types cannot hold. */
export async function writeParquet(csv: string, file: string, options: ParquetOptions): Promise<void> {
  const { columns, goal, temporary, signal, load } = options
  const types = columns.map(column => `${quoteText(column.name)}: ${quoteText(parquetType(column))}`)
  // Quotes tell an empty text from null.
  const reading = `header = true, delim = ',', quote = '"', escape = '"', nullstr = '', allow_quoted_nulls = false`
  const rest = `auto_detect = false, new_line = '\\n', max_line_size = ${maxLine}, strict_mode = true`
  const from = `read_csv(${quoteText(escapePattern(csv))}, ${reading}, ${rest}, columns = {${types.join(', ')}})`
  const names = columns.map(({ name }) => quoteName(name)).join(', ')
  const copy = `copy (select ${names} from ${from}) to ${quoteText(file)} (format parquet, compression zstd, row_group_size ${groupSize})`
  try {
    // One thread: with more, where a group of rows ends is a matter of luck.
    await withDatabase({ temporary, threads: 1, memory, ordered: true, signal, load }, database =>
      database.query(
        copy,
        ({ words }, cause) => new DdvError('refused', `no Parquet can be made of it (${words}): ${goal}`, { cause }),
      ),
    )
  } catch (error) {
    if (!isDdvError(error, 'no-space')) throw error
    throw new DdvError('no-space', `no space left on the device: ${goal}`, { cause: error })
  }
}

/** Bytes of a row, at most. */
const maxLine = 16_777_216
/** Rows; DuckDB's own, so that a group of wide rows still fits into memory. */
const groupSize = 122_880

const maxDigits = 38

/** Whole numbers have 64 bits unless the warehouse has wider ones; a decimal keeps its places where it says how many. */
function parquetType({ type, nativeType, instant }: Column): string {
  const [, digits = '', places = ''] = /^(?:decimal|numeric)\((\d+), ?(\d+)\)$/i.exec(nativeType) ?? []
  const isDecimal = digits !== '' && Number(digits) <= maxDigits
  if (type === 'integer') {
    if (/^U?BIGINT$/.test(nativeType)) return nativeType
    if (/^(U?HUGEINT|BIGNUM)$/.test(nativeType)) return `DECIMAL(${maxDigits},0)`
    return isDecimal ? `DECIMAL(${digits},0)` : 'BIGINT'
  }
  if (type === 'number') return isDecimal ? `DECIMAL(${digits},${places})` : 'DOUBLE'
  if (type === 'timestamp') return instant === true ? 'TIMESTAMPTZ' : 'TIMESTAMP'
  return { boolean: 'BOOLEAN', date: 'DATE', string: 'VARCHAR' }[type]
}
