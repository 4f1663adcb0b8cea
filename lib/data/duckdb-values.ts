// DuckDB's types and values in the words of connections.

import type { DuckDBType, DuckDBValue, Json } from '@duckdb/node-api'
import { hexText, isoDate, isoOfNanos, isoTimestamp, jsonText, ofBigInt, ofFloat, wholeNumber } from './canonical.js'
import type { Column, ColumnType, Value } from './connection.js'

type DuckDb = typeof import('@duckdb/node-api')
type Convert = (value: DuckDBValue) => Value

/** How one column is read. `json`: its values are to be had as JSON, and converted from that. */
export interface Reader {
  readonly type: ColumnType
  readonly convert?: Convert
  readonly json?: (value: Json) => Value
}

const text: Reader = { type: 'string' }
const asText: Reader = { type: 'string', convert: String }
const small: Reader = { type: 'integer' }
const large: Reader = { type: 'integer', convert: value => ofBigInt(value as bigint) }
const nested: Reader = { type: 'string', json: jsonText }

// Each type's values have its class, whose fields hold what is converted; beyond the calendar, and for infinity, its text.
const timestamp = (micros: (value: DuckDBValue) => bigint): Reader => ({
  type: 'timestamp',
  convert: value => isoTimestamp(micros(value)) ?? String(value),
})
const plainTimestamp = timestamp(value => (value as { readonly micros: bigint }).micros)

/** By the names of DuckDB's type ids. */
const readers: Readonly<Record<string, Reader>> = {
  BOOLEAN: { type: 'boolean' },
  ...{ TINYINT: small, SMALLINT: small, INTEGER: small, UTINYINT: small, USMALLINT: small, UINTEGER: small },
  ...{ BIGINT: large, UBIGINT: large, HUGEINT: large, UHUGEINT: large, BIGNUM: large },
  FLOAT: { type: 'number', convert: value => ofFloat(value as number) },
  DOUBLE: { type: 'number' },
  VARCHAR: text,
  ENUM: text,
  DATE: {
    type: 'date',
    convert: value => dateText((value as { readonly days: number }).days) ?? String(value),
  },
  TIMESTAMP: plainTimestamp,
  TIMESTAMP_TZ: {
    type: 'timestamp',
    convert: value => withZone(isoTimestamp((value as { readonly micros: bigint }).micros)) ?? String(value),
  },
  TIMESTAMP_S: timestamp(value => (value as { readonly seconds: bigint }).seconds * 1_000_000n),
  TIMESTAMP_MS: timestamp(value => (value as { readonly millis: bigint }).millis * 1000n),
  TIMESTAMP_NS: {
    type: 'timestamp',
    convert: value => isoOfNanos((value as { readonly nanos: bigint }).nanos) ?? String(value),
  },
  BLOB: { type: 'string', convert: value => hexText((value as { readonly bytes: Uint8Array }).bytes) },
  ...{ LIST: nested, STRUCT: nested, MAP: nested, ARRAY: nested, UNION: nested, VARIANT: nested },
}

/** The first and the last number of days stand for what has no end. */
const dateText = (days: number): string | undefined =>
  Math.abs(days) === 2 ** 31 - 1 ? `${days < 0 ? '-' : ''}infinity` : isoDate(days)

const withZone = (text: string | undefined): string | undefined => (text === undefined ? undefined : `${text}Z`)

const decimal: Reader = { type: 'number', convert: String }
const wholeDecimal: Reader = { type: 'integer', convert: value => wholeNumber(String(value)) }

export function readerOf({ DuckDBTypeId }: DuckDb, type: DuckDBType): Reader {
  const id = DuckDBTypeId[type.typeId] ?? ''
  if (id === 'DECIMAL') return (type as { readonly scale?: number }).scale === 0 ? wholeDecimal : decimal
  return Object.hasOwn(readers, id) ? (readers[id] as Reader) : asText
}

export const columnOf = (duckdb: DuckDb, name: string, type: DuckDBType): Column => ({
  name,
  type: readerOf(duckdb, type).type,
  nativeType: type.toString(),
  ...(type.typeId === duckdb.DuckDBTypeId.TIMESTAMP_TZ && { instant: true }),
})
