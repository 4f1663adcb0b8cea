// BigQuery as a warehouse: a dry run says what the query is and which columns it has, a job runs it, and its rows come in
// pages. Google's package finds the credentials, and repeats what may be repeated.

import type { BigQuery, BigQueryOptions, Job } from '@google-cloud/bigquery'
import type { BigQueryTarget } from '../core/config-connections.js'
import { DdvError, throwIfAborted } from '../core/errors.js'
import { redactError, redactLine } from '../core/redact.js'
import { parseSql, writeParams } from '../core/sql-text.js'
import { columnOf, type Field, type RawRow, rowOf } from './bigquery-values.js'
import {
  type Batch,
  type Column,
  type Connection,
  checkParams,
  type QueryOptions,
  quoteTable,
  refusedQuery,
  writingQuery,
} from './connection.js'
import { loadOptional } from './load-optional.js'

export type BigQueryLoader = () => Promise<typeof import('@google-cloud/bigquery')>

export async function openBigQuery(target: BigQueryTarget, load?: BigQueryLoader): Promise<Connection> {
  const { BigQuery } = await loadOptional(load ?? (() => import('@google-cloud/bigquery')), {
    what: `the connection '${target.name}'`,
    packages: '@google-cloud/bigquery@8',
  })
  const { project, location, endpoint, keyFile } = target
  const options: BigQueryOptions = {
    projectId: project,
    ...(location !== undefined && { location }),
    ...(endpoint !== undefined && { apiEndpoint: endpoint }),
    ...(keyFile !== undefined && { keyFilename: keyFile }),
  }
  const open = { client: new BigQuery(options), target }
  return {
    query: (sql, options) => query(open, sql, options),
    describe: async (sql, options) => (await dryRun(open, sql, options)).map(columnOf),
    select: table => `select * from ${quoteTable(table, quote)}`,
    order,
    // Each request is a connection of its own.
    close: async () => undefined,
  }
}

const quote = (name: string): string => `\`${name.replace(/[\\`]/g, '\\$&')}\``

const inOrder = /^(STRING|BYTES|INTEGER|FLOAT|NUMERIC|BIGNUMERIC|BOOLEAN|TIMESTAMP|DATE|TIME|DATETIME)$/

/** Lists, records and JSON go by their text. */
const order = ({ name, nativeType }: Column): string =>
  `${inOrder.test(nativeType) ? quote(name) : `to_json_string(${quote(name)})`} nulls last`

interface Open {
  readonly client: BigQuery
  readonly target: BigQueryTarget
}

/** Rows of a page; the service also ends one at 10 MB. */
const pageSize = 10_000

function jobOptions({ target }: Open, sql: string, options: QueryOptions) {
  const { source, params = {} } = options
  const parsed = parseSql(sql, 'bigquery', source)
  checkParams(parsed, options)
  const { project, dataset } = target
  const nulls = Object.keys(params).filter(name => params[name] === null)
  return {
    query: writeParams(parsed, name => `@${name}`),
    useLegacySql: false,
    ...(dataset !== undefined && { defaultDataset: { projectId: project, datasetId: dataset } }),
    ...(Object.keys(params).length > 0 && {
      params: { ...params },
      types: Object.fromEntries(nulls.map(name => [name, 'STRING'])),
    }),
  }
}

/** What it costs is nothing. Throws `refused` for what does not only read. */
async function dryRun(open: Open, sql: string, options: QueryOptions): Promise<readonly Field[]> {
  const [job] = await asked(
    open,
    open.client.createQueryJob({ ...jobOptions(open, sql, options), dryRun: true }),
    options,
  )
  const { statistics } = job.metadata as { readonly statistics?: Statistics }
  if (statistics?.query?.statementType !== 'SELECT') throw writingQuery(options.source)
  return statistics.query.schema?.fields ?? []
}

interface Statistics {
  readonly query?: {
    readonly statementType?: string
    readonly schema?: { readonly fields?: readonly Field[] }
  }
}

async function* query(open: Open, sql: string, options: QueryOptions): AsyncGenerator<Batch> {
  const fields = await dryRun(open, sql, options)
  const columns = fields.map(columnOf)
  yield { columns, rows: [] }
  const [job] = await asked(open, open.client.createQueryJob(jobOptions(open, sql, options)), options)
  for (let page: Page | null = { maxResults: pageSize }; page !== null; ) {
    const answer = job.getQueryResults({ ...page, skipParsing: true, autoPaginate: false } as object)
    const [rows, next] = (await asked(open, answer, { ...options, job })) as [RawRow[], Page | null, unknown]
    if (rows.length > 0) yield { columns, rows: rows.map(row => rowOf(fields, row)) }
    page = next
  }
}

interface Page {
  readonly maxResults: number
  readonly pageToken?: string
}

interface Asking extends QueryOptions {
  /** To be cancelled where nobody waits for it any more. */
  readonly job?: Job
}

/** The package takes no signal: what was asked is left alone, and its answer thrown away. */
async function asked<T>({ target }: Open, work: Promise<T>, { source, signal, job }: Asking): Promise<T> {
  let stop = (): void => undefined
  const stopped = new Promise<never>((_resolve, reject) => {
    stop = () => reject(new DdvError('interrupted', 'interrupted'))
  })
  signal?.addEventListener('abort', stop, { once: true })
  try {
    throwIfAborted(signal)
    return await Promise.race([work, stopped])
  } catch (error) {
    if (signal?.aborted !== true) throw toDdvError(error, source, target)
    // Best effort: the query then ends by itself, and nobody is left to be told.
    job?.cancel().catch(() => undefined)
    work.catch(() => undefined)
    throw error
  } finally {
    signal?.removeEventListener('abort', stop)
  }
}

interface ApiError extends Error {
  readonly code?: number | string
  readonly errors?: readonly { readonly reason?: string; readonly message?: string }[]
}

const ofQuery = ['invalidQuery', 'notFound', 'invalid', 'resourcesExceeded', 'duplicate', 'billingTierLimitExceeded']
const denied = ['accessDenied', 'quotaExceeded', 'rateLimitExceeded', 'billingNotEnabled', 'authError', 'required']

function toDdvError(error: unknown, source: string, { name, endpoint }: BigQueryTarget): unknown {
  if (!(error instanceof Error) || error instanceof DdvError) return error
  const { code, errors = [] } = error as ApiError
  const reason = errors[0]?.reason ?? ''
  const cause = redactError(error)
  const words = redactLine(errors[0]?.message ?? error.message)
  if (ofQuery.includes(reason)) return refusedQuery(words, source, { line: lineOf(words), cause })
  const at = endpoint ?? `connection '${name}'`
  if (code === 401 || code === 403 || denied.includes(reason))
    return new DdvError('remote', `BigQuery does not let the user in (${words}): ${at}`, { hint: login, cause })
  // TypeErrors and the like are bugs, and shown as such.
  if (code === undefined && error.name !== 'Error') return error
  return new DdvError('remote', `BigQuery does not answer as it should (${words}): ${at}`, { hint: login, cause })
}

const login =
  'GOOGLE_APPLICATION_CREDENTIALS names a key file; `gcloud auth application-default login` makes one of your own'

/** "… at [3:7]". */
function lineOf(words: string): number | undefined {
  const [, line] = /\[(\d+):\d+\]/.exec(words) ?? []
  return line === undefined ? undefined : Number(line)
}
