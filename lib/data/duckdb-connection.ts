// DuckDB as a warehouse: a file of its own that is only read, or none, and then what CSV, Parquet and JSON files hold. It
// may fetch nothing by itself; what it cannot hold in memory goes into a directory that the caller names.

import { mkdirSync } from 'node:fs'
import { resolve } from 'node:path'
import type { DuckDBConnection, DuckDBDataChunk, DuckDBPreparedStatement } from '@duckdb/node-api'
import type { DuckDbTarget } from '../core/config-connections.js'
import { DdvError, throwIfAborted } from '../core/errors.js'
import { redactLine } from '../core/redact.js'
import { parseSql } from '../core/sql-text.js'
import { statIfThere } from '../sys/stats.js'
import {
  type Batch,
  type Column,
  type Connection,
  checkParams,
  type QueryOptions,
  quoteTable,
  refusedQuery,
  type Value,
  writingQuery,
} from './connection.js'
import { type Loader, quoteName } from './duckdb.js'
import { columnOf, type Reader, readerOf } from './duckdb-values.js'
import { loadOptional } from './load-optional.js'

type DuckDb = Awaited<ReturnType<Loader>>

export interface DuckDbOptions {
  /** Where relative paths start: absolute. */
  readonly root: string
  /** For what does not fit into memory; made where it is not there. */
  readonly temporary: string
  readonly threads: number
  /** Where the package comes from, for tests. */
  readonly load?: Loader | undefined
}

/** Throws `remote` where the file is not there, is none of DuckDB's, or is held by another process. */
export async function openDuckDb(target: DuckDbTarget, options: DuckDbOptions): Promise<Connection> {
  const duckdb = await loadOptional(options.load ?? (() => import('@duckdb/node-api')), {
    what: `the connection '${target.name}'`,
    packages: '@duckdb/node-api',
  })
  const instance = await openInstance(duckdb, target, options)
  const connection = await instance.connect()
  // Otherwise what a query says of times would depend on the machine.
  await connection.run(`set timezone = 'UTC'`)
  return {
    query: (sql, options) => query({ duckdb, connection }, sql, options),
    describe: async (sql, options) => {
      const statement = await prepare({ duckdb, connection }, sql, options)
      try {
        return columnsOf(duckdb, statement)
      } finally {
        statement.destroySync()
      }
    },
    select: table => `select * from ${quoteTable(table, quoteName)}`,
    order: ({ name }) => `${quoteName(name)} nulls last`,
    close: async () => {
      connection.closeSync()
      instance.closeSync()
    },
  }
}

async function openInstance({ DuckDBInstance }: DuckDb, { name, path, memory }: DuckDbTarget, options: DuckDbOptions) {
  const file = path === undefined ? undefined : resolve(options.root, path)
  if (file !== undefined && statIfThere(file, true) === undefined)
    throw new DdvError('remote', `the database of connection '${name}' is not there: ${file}`)
  mkdirSync(options.temporary, { recursive: true })
  const settings = {
    threads: String(options.threads),
    memory_limit: `${memory}B`,
    temp_directory: options.temporary,
    // It knows no other escape for the comma of its list than none.
    ...(!options.root.includes(',') && { file_search_path: options.root }),
    autoinstall_known_extensions: 'false',
    autoload_known_extensions: 'false',
    ...(file !== undefined && { access_mode: 'READ_ONLY' }),
  }
  try {
    return await DuckDBInstance.create(file ?? ':memory:', settings)
  } catch (cause) {
    if (!(cause instanceof Error)) throw cause
    const words = firstSentence(cause.message)
    throw new DdvError('remote', `the database of connection '${name}' cannot be opened (${words}): ${file ?? name}`, {
      hint: 'another process may have it open for writing, or another version of DuckDB made it',
      cause,
    })
  }
}

interface Open {
  readonly duckdb: DuckDb
  readonly connection: DuckDBConnection
}

async function prepare({ duckdb, connection }: Open, sql: string, options: QueryOptions) {
  const { source, params = {}, signal } = options
  const parsed = parseSql(sql, 'standard', source)
  checkParams(parsed, options)
  throwIfAborted(signal)
  const statement = await asked(connection.prepare(parsed.text), options)
  if (statement.statementType !== duckdb.StatementType.SELECT) throw writingQuery(source)
  if (Object.keys(params).length > 0) statement.bind({ ...params })
  return statement
}

/** Whatever DuckDB says of a query, as an error of ddv's. */
async function asked<T>(work: Promise<T>, { source, signal }: QueryOptions): Promise<T> {
  try {
    return await work
  } catch (cause) {
    throwIfAborted(signal)
    if (!(cause instanceof Error)) throw cause
    const [, line] = /^LINE (\d+): /m.exec(cause.message) ?? []
    throw refusedQuery(firstSentence(cause.message), source, {
      line: line === undefined ? undefined : Number(line),
      cause,
    })
  }
}

// What follows is the place in the query, as a drawing; a name that is near is worth its words.
const firstSentence = (message: string): string =>
  redactLine(message.replace(/\n+LINE \d+:[\s\S]*$/, '').replace(/^[A-Za-z ]+Error: /, ''))

const columnsOf = (duckdb: DuckDb, statement: DuckDBPreparedStatement): Column[] =>
  Array.from({ length: statement.columnCount }, (_, i) =>
    columnOf(duckdb, statement.columnName(i), statement.columnType(i)),
  )

async function* query(open: Open, sql: string, options: QueryOptions): AsyncGenerator<Batch> {
  const { duckdb, connection } = open
  const stop = (): void => connection.interrupt()
  const statement = await prepare(open, sql, options)
  options.signal?.addEventListener('abort', stop, { once: true })
  try {
    const result = await asked(statement.stream(), options)
    const types = result.columnTypes()
    const columns = types.map((type, i) => columnOf(duckdb, result.columnName(i), type))
    const readers = types.map(type => readerOf(duckdb, type))
    yield { columns, rows: [] }
    for (;;) {
      throwIfAborted(options.signal)
      const chunk = await asked(result.fetchChunk(), options)
      if (chunk === null || chunk.rowCount === 0) return
      yield { columns, rows: rowsOf(duckdb, chunk, readers) }
    }
  } finally {
    options.signal?.removeEventListener('abort', stop)
    statement.destroySync()
  }
}

// Column by column, as DuckDB has them: its own rows take twice the time.
function rowsOf(duckdb: DuckDb, chunk: DuckDBDataChunk, readers: readonly Reader[]): readonly (readonly Value[])[] {
  const rows: Value[][] = Array.from({ length: chunk.rowCount }, () => new Array<Value>(readers.length))
  for (const [c, { convert, json }] of readers.entries()) {
    const values: readonly unknown[] =
      json === undefined
        ? chunk.getColumnVector(c).toArray()
        : chunk.convertColumnValues(c, duckdb.JsonDuckDBValueConverter)
    const change = (json ?? convert) as ((value: unknown) => Value) | undefined
    for (const [r, row] of rows.entries()) {
      const value = values[r] as Value
      row[c] = value === null || value === undefined || change === undefined ? (value ?? null) : change(value)
    }
  }
  return rows
}
