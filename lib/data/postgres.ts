// PostgreSQL as a warehouse: one transaction that sees one state and may not write, and a cursor, so that neither side
// holds all rows. Errors are told apart by their codes.

import type { Client, FieldDef } from 'pg'
import type Cursor from 'pg-cursor'
import type { PostgresTarget } from '../core/config-connections.js'
import { DdvError, throwIfAborted } from '../core/errors.js'
import { paramNames, parseSql, writeParams } from '../core/sql-text.js'
import { type Batch, type Column, type Connection, checkParams, type QueryOptions, quoteTable } from './connection.js'
import { loadOptional } from './load-optional.js'
import { connectionError, queryError } from './postgres-errors.js'
import { columnOf, NoColumns, parserOf } from './postgres-values.js'

export interface PostgresPackages {
  readonly pg: typeof import('pg')
  readonly Cursor: typeof Cursor
}

export interface PostgresOptions {
  readonly signal?: AbortSignal | undefined
  /** Where the packages come from, for tests. */
  readonly load?: (() => Promise<PostgresPackages>) | undefined
}

const loadPackages = async (): Promise<PostgresPackages> => {
  const [pg, cursor] = await Promise.all([import('pg'), import('pg-cursor')])
  return { pg: pg.default as PostgresPackages['pg'], Cursor: cursor.default }
}

/** Milliseconds. */
const connectTimeout = 15_000

/** Throws `remote` where the server cannot be reached or does not let the user in. */
export async function openPostgres(target: PostgresTarget, options: PostgresOptions): Promise<Connection> {
  const packages = await loadOptional(options.load ?? loadPackages, {
    what: `the connection '${target.name}'`,
    packages: 'pg pg-cursor',
  })
  const session = new Session(target, packages)
  await session.open(options.signal)
  return {
    query: (sql, options) => session.query(sql, options),
    describe: (sql, options) => session.describe(sql, options),
    select: table => `select * from ${quoteTable(table, quote)}`,
    order,
    close: () => session.close(),
  }
}

const quote = (name: string): string => `"${name.replaceAll('"', '""')}"`

const inOrder = /^(bool|int[248]|float[48]|numeric|date|time|timetz|timestamp|timestamptz|uuid|bytea|oid)\b/

/** Texts by their bytes, since a database may have any language's order. What has no order of its own goes by its text. */
function order({ name, nativeType }: Column): string {
  const column = quote(name)
  return `${inOrder.test(nativeType) ? column : `${column}::text collate "C"`} nulls last`
}

/** Local to the transaction, so that a pool between here and the server keeps none of it. */
const settings = `begin isolation level repeatable read read only;
set local timezone = 'UTC'; set local datestyle = 'ISO, YMD'; set local intervalstyle = 'iso_8601';
set local bytea_output = 'hex'; set local extra_float_digits = 1; set local statement_timeout = 0;
set local idle_in_transaction_session_timeout = 0`

/** The server looks whether anybody still waits for what it computes: otherwise it would go on after a Ctrl-C. */
const watch = `select set_config('client_connection_check_interval', '2s', true)
where current_setting('client_connection_check_interval', true) is not null`

/** What was read of a server is one stream, so queries follow each other. A class because a lost connection ends it. */
class Session {
  readonly #target: PostgresTarget
  readonly #packages: PostgresPackages
  readonly #client: Client
  /** Settles when the connection is no more, of whatever cause. */
  readonly #ended: Promise<void>
  #lost: unknown

  constructor(target: PostgresTarget, packages: PostgresPackages) {
    const { host, port, user, database, tls } = target
    this.#target = target
    this.#packages = packages
    this.#client = new packages.pg.Client({
      ...{ host, port, user, database, application_name: 'ddv', keepAlive: true },
      // A function, and always one: else the package would take PGPASSWORD for whatever host this is.
      password: () => passwordOf(target),
      ssl: tls === 'off' ? false : { rejectUnauthorized: tls === 'verified' },
      connectionTimeoutMillis: connectTimeout,
    })
    this.#ended = new Promise(resolve => this.#client.once('end', resolve))
    // Without a listener the loss of a connection would end the process.
    this.#client.on('error', error => {
      this.#lost ??= error
    })
  }

  async open(signal: AbortSignal | undefined): Promise<void> {
    throwIfAborted(signal)
    const stop = (): void => this.#cut()
    signal?.addEventListener('abort', stop, { once: true })
    try {
      await this.#client.connect()
      await this.#client.query(settings)
    } catch (error) {
      this.#cut()
      throwIfAborted(signal)
      throw connectionError(error, this.#target, 'no connection can be made')
    } finally {
      signal?.removeEventListener('abort', stop)
    }
    await this.#watch()
  }

  // Servers on systems that cannot tell, and older ones, do not know it; a transaction survives that by a savepoint.
  async #watch(): Promise<void> {
    try {
      await this.#client.query('savepoint ddv')
      await this.#client.query(watch)
    } catch (error) {
      if (!(error instanceof this.#packages.pg.DatabaseError)) throw connectionError(error, this.#target)
      await this.#client.query('rollback to savepoint ddv')
    }
  }

  async describe(sql: string, options: QueryOptions): Promise<readonly Column[]> {
    const { text } = parseSql(sql, 'standard', options.source)
    for await (const { columns } of this.query(`select * from (${text}\n) as q limit 0`, options)) return columns
    return []
  }

  async *query(sql: string, options: QueryOptions): AsyncGenerator<Batch> {
    const { source, params = {}, signal } = options
    const parsed = parseSql(sql, 'standard', source)
    checkParams(parsed, options)
    throwIfAborted(signal)
    const names = paramNames(parsed)
    const text = writeParams(parsed, name => `$${names.indexOf(name) + 1}`)
    const values = names.map(name => (params[name] === null ? null : String(params[name])))
    const { Cursor } = this.#packages
    const types = { getTypeParser: parserOf } as never
    const cursor = this.#client.query(
      new Cursor<readonly Batch['rows'][number][]>(text, values, { rowMode: 'array', types }),
    )
    const stop = (): void => this.#cut()
    signal?.addEventListener('abort', stop, { once: true })
    let failed = false
    try {
      yield* this.#read(cursor)
    } catch (error) {
      failed = true
      throwIfAborted(signal)
      throw queryError(this.#lost ?? error, { target: this.#target, source, sql: text })
    } finally {
      signal?.removeEventListener('abort', stop)
      // After an error the server expects nothing more, and may never answer again.
      if (!failed) await Promise.race([cursor.close(), this.#ended])
    }
  }

  async *#read(cursor: Cursor): AsyncGenerator<Batch> {
    let columns: readonly Column[] | undefined
    for (let count = firstRows; ; ) {
      const { rows, fields } = await readRows(cursor, count)
      if (columns === undefined) {
        if (fields.length === 0) throw new NoColumns()
        columns = fields.map(field => columnOf(this.#packages.pg, field))
        if (rows.length === 0) yield { columns, rows }
      }
      if (rows.length === 0) return
      yield { columns, rows }
      count = nextCount(rows)
    }
  }

  /** At once: what the server still does is told by the broken connection. */
  #cut(): void {
    const { connection } = this.#client as unknown as { readonly connection: { readonly stream: { destroy(): void } } }
    connection.stream.destroy()
  }

  async close(): Promise<void> {
    if (this.#lost === undefined) await Promise.race([this.#client.end(), this.#ended])
  }
}

function passwordOf({ name, host, password }: PostgresTarget): string {
  if (password.type === 'given') return password.text
  const message =
    password.type === 'none'
      ? `connection '${name}' needs a password, and there is none: ${host}`
      : `a password is not sent to a host that only the repository names: ${host}`
  throw new DdvError(password.type === 'none' ? 'remote' : 'refused', message, { hint: password.hint })
}

interface Read {
  readonly rows: Batch['rows']
  readonly fields: readonly FieldDef[]
}

const readRows = (cursor: Cursor, count: number): Promise<Read> =>
  new Promise((resolve, reject) => {
    cursor.read(count, (error, rows, { fields } = { fields: [] } as never) => {
      if (error) reject(error)
      else resolve({ rows: rows as Batch['rows'], fields })
    })
  })

const firstRows = 32
const maxRows = 5000
/** Characters of a batch: rows may be short or hold whole documents. */
const batchSize = 1_000_000

function nextCount(rows: Batch['rows']): number {
  let size = 0
  for (const row of rows) for (const value of row) size += typeof value === 'string' ? value.length + 16 : 16
  return Math.max(1, Math.min(maxRows, Math.floor((batchSize * rows.length) / size)))
}
