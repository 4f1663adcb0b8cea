// DuckDB, which reads tables of every kind, compares and checks them. An optional package of 70 MB, loaded on first use; it
// may fetch nothing by itself, and what it cannot hold in memory goes where the caller says.

import type { DuckDBConnection } from '@duckdb/node-api'
import { DdvError, systemCode, throwIfAborted } from '../core/errors.js'
import { displayPath } from '../core/tree-path.js'

export type Loader = () => Promise<typeof import('@duckdb/node-api')>

export interface DatabaseOptions {
  /** For what does not fit into memory: a directory that is there, or is made. */
  readonly temporary: string
  readonly threads: number
  /** How much it may hold in memory, such as `128MB`; most of what the machine has unless told. */
  readonly memory?: string | undefined
  /** Rows come as they stand in a file, so that they can be numbered. */
  readonly ordered?: boolean | undefined
  readonly signal?: AbortSignal | undefined
  /** Where the package comes from, for tests. */
  readonly load?: Loader | undefined
}

export type Cell = string | number | boolean | null

/** Why DuckDB did not do it. `sql`: the statement itself is wrong, whatever the data. */
export interface Problem {
  readonly kind: 'sql' | 'data'
  readonly words: string
}

export type Explain = (problem: Problem, cause: Error) => DdvError

export interface Database {
  /**
   * Rows of texts, numbers and null: whatever else is in a table must be cast. Throws `refused` with DuckDB's words, or
   * what `explain` makes of them.
   */
  query(sql: string, explain?: Explain): Promise<readonly (readonly Cell[])[]>
  /**
   * For SQL that a stranger may have written: from here on it can read these files and no other, write none, and undo none
   * of this.
   */
  confine(paths: readonly string[]): Promise<void>
  /** Why the text is not one statement that only reads, or undefined. Unknown tables and columns are no matter here. */
  selectProblem(sql: string): Promise<string | undefined>
}

/** Throws `refused` where the package is not installed. */
export async function withDatabase<T>(options: DatabaseOptions, work: (database: Database) => Promise<T>): Promise<T> {
  const duckdb = await loadPackage(options.load)
  const { DuckDBInstance } = duckdb
  const instance = await DuckDBInstance.create(':memory:', {
    threads: String(options.threads),
    temp_directory: options.temporary,
    autoinstall_known_extensions: 'false',
    autoload_known_extensions: 'false',
    preserve_insertion_order: String(options.ordered === true),
    // What it frees goes back to the system soon, and not only when there is 128 MB of it.
    ...(options.memory !== undefined && { memory_limit: options.memory, allocator_flush_threshold: '8MB' }),
  })
  try {
    const connection = await instance.connect()
    const stop = (): void => connection.interrupt()
    options.signal?.addEventListener('abort', stop, { once: true })
    try {
      return await work({
        query: (sql, explain) => query(connection, sql, { explain, signal: options.signal }),
        confine: paths => confine(connection, paths),
        selectProblem: sql => selectProblem(connection, sql, duckdb),
      })
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
    throw new DdvError('refused', 'tables are read by the package @duckdb/node-api, which is not installed', {
      hint: 'npm install @duckdb/node-api',
      cause,
    })
  }
}

interface QueryOptions {
  readonly explain: Explain | undefined
  readonly signal: AbortSignal | undefined
}

async function query(connection: DuckDBConnection, sql: string, { explain = unreadable, signal }: QueryOptions) {
  throwIfAborted(signal)
  try {
    return (await connection.runAndReadAll(sql)).getRows() as readonly (readonly Cell[])[]
  } catch (cause) {
    throwIfAborted(signal)
    if (!(cause instanceof Error)) throw cause
    if (/No space left on device|max_temp_directory_size/.test(cause.message))
      throw new DdvError('no-space', 'no space left for what does not fit into memory', { cause })
    const kind = /^(?:Parser|Binder|Catalog) Error/.test(cause.message) ? 'sql' : 'data'
    throw explain({ kind, words: firstWords(cause.message) }, cause)
  }
}

const unreadable: Explain = ({ words }, cause) =>
  new DdvError('refused', `cannot be read as a table: ${words}`, { cause })

async function confine(connection: DuckDBConnection, paths: readonly string[]): Promise<void> {
  // Both as they are and as a pattern of themselves: DuckDB looks for the text that it was given.
  const allowed = paths.flatMap(path => [path, escapePattern(path)]).map(quoteText)
  await connection.run(`set allowed_paths = [${allowed.join(', ')}]`)
  await connection.run('set enable_external_access = false')
  await connection.run('set lock_configuration = true')
}

async function selectProblem(
  connection: DuckDBConnection,
  sql: string,
  { StatementType }: typeof import('@duckdb/node-api'),
): Promise<string | undefined> {
  try {
    const statements = await connection.extractStatements(sql)
    if (statements.count !== 1) return `is ${statements.count === 0 ? 'no statement' : 'more than one statement'}`
    const statement = await statements.prepare(0)
    const { statementType } = statement
    statement.destroySync()
    return statementType === StatementType.SELECT ? undefined : 'does not only read'
  } catch (cause) {
    if (!(cause instanceof Error)) throw cause
    // Whatever else is wrong with it shows when it is run.
    return /Parser Error/.test(cause.message) ? firstWords(cause.message.replace(/^Failed[^:]*: /, '')) : undefined
  }
}

// The first sentence: what follows are suggestions about options that nobody here can give, and the file's path.
const firstWords = (message: string): string =>
  (message.replace(/^[A-Za-z ]+Error: /, '').split('\n')[0] ?? '').slice(0, 200)

/** A path for DuckDB, which takes every path for a pattern. */
export const escapePattern = (path: string): string => path.replace(/[*?[]/g, '[$&]')

/** As a literal: DuckDB's strings have no escapes but the doubled quote. Throws `refused` for what has none. */
export const quoteText = (text: string): string => `'${withoutNul(text).replaceAll("'", "''")}'`

export const quoteName = (name: string): string => `"${withoutNul(name).replaceAll('"', '""')}"`

// A statement would end there.
function withoutNul(text: string): string {
  if (text.includes('\0')) throw new DdvError('refused', `holds a NUL: ${displayPath(text.slice(0, 80))}`)
  return text
}
