// The part of BigQuery's REST interface that ddv uses, on loopback, with DuckDB behind it: jobs that are dry runs and jobs
// that run, pages of results, errors in BigQuery's form. It is no BigQuery: its SQL is DuckDB's, as far as the two agree.

import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { type DuckDBConnection, DuckDBInstance, StatementType } from '@duckdb/node-api'
import type { Test } from 'tap'
import { quoteTable } from '../../lib/data/connection.js'
import { quoteName } from '../../lib/data/duckdb.js'

export interface BigQueryServer {
  /** `http://127.0.0.1:PORT`. */
  readonly endpoint: string
  /** What was asked, as `POST /bigquery/v2/…`. */
  readonly requests: readonly string[]
  /** The next requests whose line matches are answered like this, as often as told; `cut` breaks the connection. */
  failNext(pattern: RegExp, answer: Failure | 'cut', times?: number): void
  run(sql: string): Promise<readonly (readonly unknown[])[]>
}

export interface Failure {
  readonly status: number
  readonly reason: string
  readonly message: string
}

interface Field {
  readonly name: string
  readonly type: string
  readonly mode: string
  readonly fields?: readonly Field[]
}

interface Job {
  /** Its own, to be interrupted by itself. */
  readonly connection: DuckDBConnection
  readonly sql: string
  readonly params: Record<string, string | number | boolean | null>
  readonly fields: readonly Field[]
  /** A page each, as long as somebody asks. */
  pages?: AsyncGenerator<readonly unknown[]>
  page: number
}

/** Closed when the test ends. */
export async function startBigQuery(t: Test, ...statements: readonly string[]): Promise<BigQueryServer> {
  const instance = await DuckDBInstance.create(':memory:', { threads: '2', memory_limit: '400MB' })
  const connection = await instance.connect()
  const service = new Service(instance)
  await connection.run(`set timezone = 'UTC'`)
  await connection.run(`create macro generate_array(a, b) as range(a, b + 1)`)
  await connection.run(`create macro to_json_string(a) as to_json(a)::varchar`)
  for (const sql of statements) await connection.run(sql)
  const server = createServer((request, response) => void service.answer(request, response))
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
    connection.interrupt()
  })
  return {
    endpoint: `http://127.0.0.1:${portOf(server)}`,
    requests: service.requests,
    failNext: (pattern, answer, times = 1) => service.failures.push({ pattern, answer, times }),
    run: async sql => (await connection.runAndReadAll(sql)).getRows(),
  }
}

const portOf = (server: Server): number => (server.address() as { port: number }).port

class Service {
  readonly requests: string[] = []
  readonly failures: { pattern: RegExp; answer: Failure | 'cut'; times: number }[] = []
  readonly #instance: DuckDBInstance
  readonly #jobs = new Map<string, Job>()

  constructor(instance: DuckDBInstance) {
    this.#instance = instance
  }

  async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '', 'http://127.0.0.1')
    const line = `${request.method} ${url.pathname}`
    this.requests.push(line)
    const failure = this.failures.find(({ pattern, times }) => times > 0 && pattern.test(line))
    if (failure !== undefined) failure.times--
    if (failure?.answer === 'cut') {
      request.socket.destroy()
      return
    }
    const body = failure === undefined ? await this.#handle(line, url, await bodyOf(request)) : errorOf(failure.answer)
    response.writeHead(body.error === undefined ? 200 : (body.error as { code: number }).code, {
      'content-type': 'application/json',
    })
    response.end(JSON.stringify(body))
  }

  async #handle(line: string, url: URL, body: string): Promise<Record<string, unknown>> {
    const [, what = '', id = ''] = /\/bigquery\/v2\/projects\/films\/(jobs|queries)\/?([^/]*)/.exec(line) ?? []
    if (line.startsWith('POST') && what === 'jobs' && id === '') return this.#insert(JSON.parse(body))
    const job = this.#jobs.get(id)
    if (line.endsWith('/cancel')) job?.connection.interrupt()
    if (line.endsWith('/cancel')) return { job: {} }
    if (job === undefined) return errorOf({ status: 404, reason: 'notFound', message: `Not found: ${line}` })
    return what === 'queries' ? this.#results(job, url) : { status: { state: 'DONE' } }
  }

  async #insert(asked: Asked): Promise<Record<string, unknown>> {
    const { query, dryRun = false } = asked.configuration
    const jobId = asked.jobReference?.jobId ?? `job${this.#jobs.size}`
    try {
      const job = await this.#prepare(query)
      if (!dryRun) this.#jobs.set(jobId, job)
      return {
        jobReference: { projectId: 'films', jobId, location: 'EU' },
        status: { state: 'DONE' },
        statistics: { query: { statementType: job.statementType, schema: { fields: job.fields } } },
      }
    } catch (error) {
      const message = String(error).replace(/\n+LINE (\d+):[\s\S]*$/, ' at [$1:1]')
      return errorOf({ status: 400, reason: 'invalidQuery', message })
    }
  }

  async #prepare({ query, queryParameters = [] }: Asked['configuration']['query']) {
    const sql = translate(query)
    const params = Object.fromEntries(queryParameters.map(parameter => [parameter.name, paramOf(parameter)]))
    const connection = await this.#instance.connect()
    await connection.run(`set timezone = 'UTC'`)
    const statement = await connection.prepare(sql)
    const statementType = statement.statementType === StatementType.SELECT ? 'SELECT' : 'SCRIPT'
    const described =
      statementType === 'SELECT' ? await connection.stream(`select * from (${sql}\n) limit 0`, params) : undefined
    const fields = described?.columnTypes().map((type, i) => fieldOf(described.columnName(i), String(type))) ?? []
    return { connection, sql, params, fields, page: 0, statementType }
  }

  async #results(job: Job, url: URL): Promise<Record<string, unknown>> {
    const size = Number(url.searchParams.get('maxResults'))
    const wanted = Number(url.searchParams.get('pageToken') ?? 0)
    if (wanted !== job.page) return errorOf({ status: 400, reason: 'invalid', message: 'pages come in order here' })
    job.pages ??= this.#pages(job, size)
    const { value: rows = [], done } = await job.pages.next().catch(() => ({ value: [], done: true }))
    job.page++
    const schema = { fields: job.fields }
    return {
      jobComplete: true,
      schema,
      rows,
      ...(done !== true && rows.length === size && { pageToken: String(job.page) }),
    }
  }

  async *#pages({ connection, sql, params, fields }: Job, size: number): AsyncGenerator<readonly unknown[]> {
    const columns = fields.map(({ name, type }) => textOf(name, type))
    const result = await connection.stream(`select ${columns.join(', ')} from (${sql}\n)`, params)
    let page: unknown[] = []
    for await (const chunk of result)
      for (const row of chunk.getRows()) {
        page.push({ f: row.map((value, i) => ({ v: rawOf(fields[i] as Field, value) })) })
        if (page.length < size) continue
        yield page
        page = []
      }
    yield page
  }
}

interface Asked {
  readonly jobReference?: { readonly jobId?: string }
  readonly configuration: {
    readonly dryRun?: boolean
    readonly query: { readonly query: string; readonly queryParameters?: readonly Parameter[] }
  }
}

interface Parameter {
  readonly name: string
  readonly parameterType: { readonly type: string }
  readonly parameterValue: { readonly value?: string | number | boolean | null }
}

function paramOf({ parameterType, parameterValue: { value } }: Parameter) {
  if (value === undefined || value === null) return null
  if (parameterType.type === 'INT64' || parameterType.type === 'FLOAT64') return Number(value)
  return parameterType.type === 'BOOL' ? String(value) === 'true' : String(value)
}

const translate = (sql: string): string =>
  sql
    .replace(/`([^`]*)`/g, '"$1"')
    .replace(/@(\w+)/g, '$$$1')
    .replace(/unnest\((.*?\))\) as (\w+)/g, 'unnest($1) as t($2)')

const types: readonly (readonly [RegExp, string])[] = [
  [/\[\]$/, 'LIST'],
  [/^STRUCT/, 'RECORD'],
  [/^(BIGINT|INTEGER|SMALLINT|HUGEINT|UBIGINT)$/, 'INTEGER'],
  [/^(DOUBLE|FLOAT)$/, 'FLOAT'],
  [/^DECIMAL/, 'NUMERIC'],
  [/^BLOB$/, 'BYTES'],
  [/^TIMESTAMP WITH.*/, 'TIMESTAMP'],
  [/^TIMESTAMP.*/, 'DATETIME'],
  [/^(BOOLEAN|DATE|TIME)$/, '$1'],
]

function fieldOf(name: string, native: string): Field {
  const [pattern, type] = types.find(([pattern]) => pattern.test(native)) ?? [/.*/s, 'STRING']
  const list = type === 'LIST'
  const one = list ? native.slice(0, -2) : native
  if (list) return { ...fieldOf(name, one), mode: 'REPEATED' }
  if (type !== 'RECORD') return { name, type: native.replace(pattern, type).replace(/\(.*/, ''), mode: 'NULLABLE' }
  const fields = [...native.matchAll(/"?(\w+)"? ([A-Z]+(?:\[\])?)/g)].map(([, name = '', type = '']) =>
    fieldOf(name, type),
  )
  return { name, type, mode: 'NULLABLE', fields }
}

/** As the interface has it; what DuckDB gives as texts is cast there. */
function textOf(name: string, type: string): string {
  const column = quoteTable(name, quoteName)
  if (type === 'TIMESTAMP') return `epoch_us(${column})::varchar`
  if (type === 'BYTES') return `to_base64(${column})`
  return column
}

function rawOf(field: Field, value: unknown): unknown {
  if (value === null || value === undefined) return null
  const { items, entries } = value as { items?: readonly unknown[]; entries?: Record<string, unknown> }
  if (items !== undefined) return items.map(item => ({ v: rawOf(field, item) }))
  if (entries !== undefined) return { f: (field.fields ?? []).map(inner => ({ v: rawOf(inner, entries[inner.name]) })) }
  if (field.type === 'DATETIME') return String(value).replace(' ', 'T')
  return String(value)
}

const errorOf = ({ status, reason, message }: Failure): Record<string, unknown> => ({
  error: { code: status, message, errors: [{ reason, message, domain: 'global' }], status: reason },
})

async function bodyOf(request: IncomingMessage): Promise<string> {
  const parts: Buffer[] = []
  for await (const part of request) parts.push(part as Buffer)
  return Buffer.concat(parts).toString('utf8')
}
