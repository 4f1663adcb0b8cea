// BigQuery's types and values in the words of connections, from the JSON of its REST interface: texts in `v`, lists as
// lists of them, records as `f`.

import { hexText, isoText, isoTimestamp, jsonText, wholeNumber } from './canonical.js'
import type { Column, ColumnType, Value } from './connection.js'

export interface Field {
  readonly name?: string
  readonly type?: string
  readonly mode?: string
  readonly fields?: readonly Field[]
  readonly precision?: string
  readonly scale?: string
}

export interface RawRow {
  readonly f: readonly { readonly v: RawValue }[]
}

type RawValue = null | string | RawRow | readonly { readonly v: RawValue }[]

const types: Readonly<Record<string, ColumnType>> = {
  ...{ INTEGER: 'integer', INT64: 'integer', FLOAT: 'number', FLOAT64: 'number' },
  ...{ NUMERIC: 'number', BIGNUMERIC: 'number', BOOLEAN: 'boolean', BOOL: 'boolean' },
  ...{ DATE: 'date', DATETIME: 'timestamp', TIMESTAMP: 'timestamp' },
}

const isList = ({ mode }: Field): boolean => mode === 'REPEATED'

export function columnOf(field: Field): Column {
  const { name = '', type = '', precision, scale = '0' } = field
  const size = precision === undefined ? '' : `(${precision},${scale})`
  const nativeType = isList(field) ? `ARRAY<${type}>` : `${type}${size}`
  const instant = type === 'TIMESTAMP' && !isList(field)
  return {
    name,
    type: isList(field) ? 'string' : (types[type] ?? 'string'),
    nativeType,
    ...(instant && { instant: true }),
  }
}

export const rowOf = (fields: readonly Field[], { f }: RawRow): Value[] =>
  fields.map((field, i) => readValue(field, f[i]?.v ?? null))

function readValue(field: Field, value: RawValue): Value {
  if (value === null) return null
  if (typeof value !== 'string') return jsonText(plain(field, value))
  const { type = '' } = field
  if (type === 'INTEGER' || type === 'INT64') return wholeNumber(value)
  if (type === 'FLOAT' || type === 'FLOAT64') return Number(value)
  if (type === 'BOOLEAN' || type === 'BOOL') return value.toLowerCase() === 'true'
  if (type === 'BYTES') return hexText(Buffer.from(value, 'base64'))
  if (type === 'TIMESTAMP') return instant(value)
  return type === 'DATE' || type === 'DATETIME' ? isoText(value) : value
}

/** Microseconds as a whole number: the package asks for them so. */
function instant(value: string): string {
  const text = /^-?\d+$/.test(value) ? isoTimestamp(BigInt(value)) : undefined
  return text === undefined ? value : `${text}Z`
}

/** For JSON, in which a bigint has no place: it stands there as a text. */
function plain(field: Field, value: RawValue): unknown {
  if (value === null) return null
  if (Array.isArray(value)) return value.map(({ v }) => plain({ ...field, mode: 'NULLABLE' }, v))
  if (typeof value === 'string') {
    const one = readValue(field, value)
    return typeof one === 'bigint' ? String(one) : one
  }
  const { f } = value as RawRow
  return Object.fromEntries((field.fields ?? []).map((inner, i) => [inner.name ?? '', plain(inner, f[i]?.v ?? null)]))
}
