// DuckDB, which reads tables of every kind and compares them. An optional package of 70 MB, loaded on first use; it may
// fetch nothing by itself, and what it cannot hold in memory goes where the caller says.

import type { DuckDBConnection } from '@duckdb/node-api'
import { DdvError, systemCode, throwIfAborted } from '../core/errors.js'

export type Loader = () => Promise<typeof import('@duckdb/node-api')>

export interface DatabaseOptions {
  /** For what does not fit into memory: a directory that is there, or is made. */
  readonly temporary: string
  readonly threads: number
  readonly signal?: AbortSignal | undefined
  /** Where the package comes from, for tests. */
  readonly load?: Loader | undefined
}

export type Cell = string | number | boolean | null

export interface Database {
  /** Rows of texts, numbers and null: whatever else is in a table must be cast. Throws `refused` with DuckDB's words. */
  query(sql: string): Promise<readonly (readonly Cell[])[]>
}

/** Throws `refused` where the package is not installed. */
export async function withDatabase<T>(options: DatabaseOptions, work: (database: Database) => Promise<T>): Promise<T> {
  const { DuckDBInstance } = await loadPackage(options.load)
  const instance = await DuckDBInstance.create(':memory:', {
    threads: String(options.threads),
    temp_directory: options.temporary,
    autoinstall_known_extensions: 'false',
    autoload_known_extensions: 'false',
    preserve_insertion_order: 'false',
  })
  try {
    const connection = await instance.connect()
    const stop = (): void => connection.interrupt()
    options.signal?.addEventListener('abort', stop, { once: true })
    try {
      return await work({ query: sql => query(connection, sql, options.signal) })
    } finally {
      options.signal?.removeEventListener('abort', stop)
      connection.closeSync()
    }
  } finally {
    instance.closeSync()
  }
}

async function loadPackage(load: Loader = () => import('@duckdb/node-api')) {
  try {
    return await load()
  } catch (cause) {
    const code = systemCode(cause)
    if (code !== 'ERR_MODULE_NOT_FOUND' && code !== 'MODULE_NOT_FOUND' && code !== 'ERR_DLOPEN_FAILED') throw cause
    throw new DdvError('refused', 'rows are compared by the package @duckdb/node-api, which is not installed', {
      hint: 'npm install @duckdb/node-api',
      cause,
    })
  }
}

async function query(connection: DuckDBConnection, sql: string, signal: AbortSignal | undefined) {
  throwIfAborted(signal)
  try {
    return (await connection.runAndReadAll(sql)).getRows() as readonly (readonly Cell[])[]
  } catch (cause) {
    throwIfAborted(signal)
    if (!(cause instanceof Error)) throw cause
    throw new DdvError('refused', `cannot be read as a table: ${firstWords(cause.message)}`, { cause })
  }
}

// The first sentence: what follows are suggestions about options that nobody here can give, and the file's path.
const firstWords = (message: string): string =>
  (message.replace(/^[A-Za-z ]+Error: /, '').split('\n')[0] ?? '').slice(0, 200)

/** As a literal: DuckDB's strings have no escapes but the doubled quote. */
export const quoteText = (text: string): string => `'${text.replaceAll("'", "''")}'`

export const quoteName = (name: string): string => `"${name.replaceAll('"', '""')}"`
