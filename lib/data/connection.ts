// One warehouse, of whatever kind: a query in, rows out, batch by batch. Every driver passes one contract suite
// (test/support/connection-contract.ts), so that the same rows come as the same values from each of them.

import { DdvError } from '../core/errors.js'
import { paramNames, type SqlText } from '../core/sql-text.js'
import { displayPath } from '../core/tree-path.js'

export type ColumnType = 'integer' | 'number' | 'string' | 'boolean' | 'date' | 'timestamp'

export interface Column {
  readonly name: string
  readonly type: ColumnType
  /** As the warehouse calls it: `DECIMAL(10,2)`, `timestamptz`. */
  readonly nativeType: string
  /** Of a timestamp: one moment everywhere, and not what some clock shows. */
  readonly instant?: true
}

/**
 * Whole numbers are numbers where those are exact, and bigints beyond; decimals are texts with all their digits; dates and
 * times are ISO 8601, with a `Z` where they are an instant, and as many digits of a second as there are; bytes are `\x` and
 * hex digits; lists and records are texts.
 */
export type Value = null | boolean | number | bigint | string

export interface Batch {
  readonly columns: readonly Column[]
  readonly rows: readonly (readonly Value[])[]
}

export type Param = null | boolean | number | string

export interface QueryOptions {
  /** By name: values for each `$name` of the query. */
  readonly params?: Readonly<Record<string, Param>> | undefined
  /** What the query is called in messages: its file, or its table. */
  readonly source: string
  readonly signal?: AbortSignal | undefined
}

export interface Connection {
  /**
   * At least one batch, also where there are no rows. Nothing is written, whatever the statement: one that would is
   * `refused`, as is what the warehouse does not understand; `remote` is thrown where it cannot be had or goes away.
   */
  query(sql: string, options: QueryOptions): AsyncIterable<Batch>
  /** The columns that the query would give, without running it. */
  describe(sql: string, options: QueryOptions): Promise<readonly Column[]>
  /** A query for all of a table's columns, which does not order them: `name` or `schema.name`. */
  select(table: string): string
  /** By what rows are ordered by this column, the same in every warehouse; undefined for what has no order. */
  order(column: Column): string | undefined
  close(): Promise<void>
}

/** Throws `usage` unless each `$name` has a value, and each value its `$name`. */
export function checkParams(sql: SqlText, { params = {}, source }: QueryOptions): void {
  const names = paramNames(sql)
  const missing = names.find(name => !Object.hasOwn(params, name))
  if (missing !== undefined)
    throw new DdvError('usage', `no value for $${missing}: ${displayPath(source)}`, {
      hint: `--param ${missing}=VALUE, or ${missing} under params`,
    })
  const unused = Object.keys(params).find(name => !names.includes(name))
  if (unused !== undefined)
    throw new DdvError('usage', `has no $${displayPath(unused)}: ${displayPath(source)}`, {
      hint: names.length === 0 ? 'it takes no values' : `it has ${names.map(name => `$${name}`).join(', ')}`,
    })
}

/** `a.b` as `"a"."b"`. */
export const quoteTable = (table: string, quote: (name: string) => string): string =>
  table.split('.').map(quote).join('.')

/** The warehouse's own words about a query; `line` counts from 1 in the file. */
export function refusedQuery(
  words: string,
  source: string,
  { line, cause }: { line?: number | undefined; cause: unknown },
) {
  const place = `${displayPath(source)}${line === undefined ? '' : `:${line}`}`
  return new DdvError('refused', `the warehouse refuses the query (${words}): ${place}`, { cause })
}

export const writingQuery = (source: string, cause?: unknown): DdvError =>
  new DdvError('refused', `is no query that only reads: ${displayPath(source)}`, {
    hint: 'a SELECT: what changes the warehouse is not for ddv',
    ...(cause !== undefined && { cause }),
  })
