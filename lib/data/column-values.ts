// What is written in a column, as SQL: whether it is a value of a type, and which. Never what DuckDB would make of it by
// itself, which takes ` 1`, `1_000` and `0x10` for numbers, 1.5 for the integer 2, and `2026-1-5` for a date.

import type { ColumnType } from '../core/table-shape.js'
import { datePattern, integerPattern, numberPattern, type SchemaValue, timestampPattern } from '../core/table-values.js'
import { quoteText } from './duckdb.js'
import type { TableSource } from './table-source.js'

export interface ColumnSql {
  /** Null where the file has no value. */
  readonly written: string
  /** For people: as text. */
  readonly shown: string
  /** What it may be: to be named `p`, and looked at by `value`. An expression that stood in two places would be run twice. */
  readonly parsed: string
  /** Null where it is none of the type, too. */
  readonly value: string
  /** What the value is to DuckDB. */
  readonly sqlType: string
}

/** `p`: what `parsed` is called. `type`: undefined takes anything. */
export function columnSql(
  source: TableSource,
  { place, type, p }: { readonly place: number; readonly type: ColumnType | undefined; readonly p: string },
): ColumnSql {
  const column = `c${place}`
  const own = source.columns[place]?.type ?? 'VARCHAR'
  if (source.kind === 'text')
    return { written: column, shown: column, sqlType: sqlTypeOf(type), ...fromText(column, p, type) }
  if (source.kind === 'json') {
    const text = `${column}::varchar`
    const shown = `case when starts_with(${text}, '"') then json_extract_string(${column}, '$') else ${text} end`
    return { written: column, shown, sqlType: sqlTypeOf(type), ...fromJson({ column, text, shown, p }, type) }
  }
  const shown = own.startsWith('TIMESTAMP WITH') ? `${utc(column)}::varchar || 'Z'` : `${column}::varchar`
  if (type === undefined) return { written: column, shown, parsed: column, value: p, sqlType: own }
  return { written: column, shown, ...fromTyped({ column, own, p }, type) }
}

const sqlTypes: Readonly<Record<ColumnType, string>> = {
  integer: 'BIGINT',
  number: 'DOUBLE',
  string: 'VARCHAR',
  boolean: 'BOOLEAN',
  date: 'DATE',
  timestamp: 'TIMESTAMP',
}

export const sqlTypeOf = (type: ColumnType | undefined): string => (type === undefined ? 'VARCHAR' : sqlTypes[type])

const fits = (text: string, pattern: string): string => `regexp_full_match(${text}, ${quoteText(pattern)})`

/** The first day that has a date in four digits. */
const firstDay = `date '0001-01-01'`

type Parsed = Pick<ColumnSql, 'parsed' | 'value'>

function fromText(text: string, p: string, type: ColumnType | undefined): Parsed {
  switch (type) {
    case 'integer':
      // Mostly it is written as DuckDB writes it, which is quicker to see.
      return {
        parsed: `try_cast(${text} as bigint)`,
        value: `case when ${p}::varchar = ${text} or ${fits(text, integerPattern)} then ${p} end`,
      }
    case 'number':
      return {
        parsed: `try_cast(${text} as double)`,
        value: `case when isfinite(${p}) and ${fits(text, numberPattern)} then ${p} end`,
      }
    case 'boolean':
      return { parsed: `case lower(${text}) when 'true' then true when 'false' then false end`, value: p }
    case 'date':
      return {
        parsed: `try_cast(${text} as date)`,
        value: `case when ${p} >= ${firstDay} and ${fits(text, datePattern)} then ${p} end`,
      }
    case 'timestamp':
      return { parsed: timeFromText(text), value: `case when ${p} >= ${firstDay} then ${p} end` }
    default:
      return { parsed: text, value: p }
  }
}

function timeFromText(text: string): string {
  const isUtc = `ends_with(${text}, 'Z') or ${fits(text, '.{10}[^+-]*')}`
  const time = `case when ${isUtc} then try_cast(${text} as timestamp) else ${utc(`try_cast(${text} as timestamptz)`)} end`
  return `case when ${fits(text, timestampPattern)} then ${time} end`
}

// A cast from one to the other would go by the time zone of this machine.
const utc = (time: string): string => `case when isfinite(${time}) then make_timestamp(epoch_us(${time})) end`

interface JsonSql {
  readonly column: string
  readonly text: string
  readonly shown: string
  readonly p: string
}

/** Numbers by what they are: 1.0 is the integer 1 to whoever reads JSON. Dates and times are texts in it. */
function fromJson({ column, text, shown, p }: JsonSql, type: ColumnType | undefined): Parsed {
  switch (type) {
    case 'integer': {
      const isWhole = `${fits(text, numberPattern)} and ${p} = floor(${p})`
      const value = `case when ${fits(text, integerPattern)} then try_cast(${text} as bigint) when ${isWhole} then try_cast(${p} as bigint) end`
      return { parsed: `try_cast(${text} as double)`, value }
    }
    case 'number':
      return fromText(text, p, type)
    case 'boolean':
      return { parsed: `case ${text} when 'true' then true when 'false' then false end`, value: p }
    case undefined:
      return { parsed: shown, value: p }
    default: {
      const inner = `case when starts_with(${text}, '"') then json_extract_string(${column}, '$') end`
      return fromText(inner, p, type)
    }
  }
}

interface TypedSql {
  readonly column: string
  readonly own: string
  readonly p: string
}

/** As the file has it, or of a type that holds the same: 3.0 is the integer 3, a time at midnight is a date. */
function fromTyped({ column, own, p }: TypedSql, type: ColumnType): Parsed & Pick<ColumnSql, 'sqlType'> {
  const as = (sqlType: string, value = p, parsed = column) => ({ parsed, value, sqlType })
  const finite = `case when isfinite(${p}) then ${p} end`
  const kind = kindOf(own)
  const time = own.startsWith('TIMESTAMP WITH')
    ? utc(column)
    : `case when isfinite(${column}) then ${column}::timestamp end`
  switch (type) {
    case 'integer':
      if (kind === 'whole') return as(own)
      if (kind !== 'real' && kind !== 'decimal') break
      return as('HUGEINT', `case when ${p} = floor(${p}) then try_cast(${p} as hugeint) end`)
    case 'number':
      if (kind === 'real') return as(own, finite)
      if (kind === 'whole' || kind === 'decimal') return as(own)
      break
    case 'string':
      if (kind === 'text') return as('VARCHAR', p, `${column}::varchar`)
      break
    case 'boolean':
      if (kind === 'boolean') return as(own)
      break
    case 'date':
      if (kind === 'date') return as(own, finite)
      if (kind === 'time') return as('DATE', `case when ${p} = date_trunc('day', ${p}) then ${p}::date end`, time)
      break
    case 'timestamp':
      if (kind === 'date' || kind === 'time') return as('TIMESTAMP', p, time)
  }
  return as(sqlTypeOf(type), p, `null::${sqlTypeOf(type)}`)
}

type Kind = 'whole' | 'real' | 'decimal' | 'text' | 'boolean' | 'date' | 'time' | 'other'

const kinds: readonly (readonly [RegExp, Kind])[] = [
  [/^U?(?:TINYINT|SMALLINT|INTEGER|BIGINT|HUGEINT)$/, 'whole'],
  [/^(?:FLOAT|DOUBLE)$/, 'real'],
  [/^DECIMAL\([0-9]+,[0-9]+\)$/, 'decimal'],
  [/^(?:VARCHAR|UUID|ENUM\(.*\))$/s, 'text'],
  [/^BOOLEAN$/, 'boolean'],
  [/^DATE$/, 'date'],
  [/^TIMESTAMP(?:_S|_MS|_NS| WITH TIME ZONE)?$/, 'time'],
]

const kindOf = (own: string): Kind => kinds.find(([pattern]) => pattern.test(own))?.[1] ?? 'other'

const natural: Readonly<Record<Kind, ColumnType>> = {
  whole: 'integer',
  real: 'number',
  decimal: 'number',
  text: 'string',
  boolean: 'boolean',
  date: 'date',
  time: 'timestamp',
  other: 'string',
}

/** Which of a schema's types the values have anyway, for a column of which it says nothing. */
export const naturalType = ({ kind, columns }: TableSource, place: number): ColumnType =>
  kind === 'typed' ? natural[kindOf(columns[place]?.type ?? '')] : 'string'

/** A value that a schema names, to be compared with those of a column of this type. */
export function valueLiteral(value: SchemaValue, type: ColumnType): string {
  if (typeof value === 'boolean') return String(value)
  if (type === 'timestamp') return `(${timeFromText(quoteText(String(value)))})`
  if (typeof value === 'string') return type === 'date' ? `date ${quoteText(value)}` : quoteText(value)
  return type === 'integer' ? BigInt(value).toString() : `${quoteText(String(value))}::double`
}
