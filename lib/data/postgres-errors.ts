// What went wrong with a PostgreSQL server, in one sentence and a hint, told apart by the codes of servers and systems.

import type { PostgresTarget } from '../core/config-connections.js'
import { DdvError, isDdvError, systemCode } from '../core/errors.js'
import { redactError, redactLine } from '../core/redact.js'
import { refusedQuery, writingQuery } from './connection.js'
import { NoColumns } from './postgres-values.js'

const network = "check the network and the connection's url"

/** By SQLSTATE, or by its class. */
const servers: Readonly<Record<string, readonly [string, string?]>> = {
  '28P01': ['the password is not accepted', 'check it, and the user'],
  '28000': ['the user is not let in', "check the connection's url, and pg_hba.conf on the server"],
  '3D000': ['there is no such database', "check the connection's url"],
  '57P01': ['the server was shut down'],
  '57P02': ['the server crashed'],
  '57P03': ['the server starts or stops', 'try again in a moment'],
  '57014': ['the server cancelled the query'],
  '53300': ['the server has too many connections', 'try again in a moment'],
  '40001': ['the server gave up on the query since its rows changed meanwhile', 'run the same command again'],
  '08': ['the connection broke'],
  '53': ['the server lacks room or memory'],
  '57': ['the server stopped the query'],
  '58': ['the server has a problem with its disk'],
  XX: ['the server has an internal error'],
}

const systems: Readonly<Record<string, readonly [string, string?]>> = {
  ECONNREFUSED: ['connection refused', network],
  ENOENT: ['no server at this socket', network],
  ENOTFOUND: ['host not found', network],
  EAI_AGAIN: ['host not found', network],
  EHOSTUNREACH: ['host not reachable', network],
  ENETUNREACH: ['network not reachable', network],
  ETIMEDOUT: ['no answer within the time-out', network],
  ECONNRESET: ['the connection broke'],
  EPIPE: ['the connection broke'],
}

const tlsCodes = /^(CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO_|ERR_TLS_)|^EPROTO$/

const placeOf = ({ host, port }: PostgresTarget): string => (host.startsWith('/') ? host : `${host}:${port}`)

/** Of a query alone, by its class: the warehouse is well, and what was asked is not. */
const isOfQuery = (state: string): boolean => /^(0A|2[0-7]|2B|2F|3[49F]|42|44|54|P0)/.test(state)

interface Asked {
  readonly target: PostgresTarget
  readonly source: string
  /** As it was sent. */
  readonly sql: string
}

export function queryError(error: unknown, { target, source, sql }: Asked): unknown {
  if (error instanceof NoColumns) return writingQuery(source)
  const state = stateOf(error)
  if (state === '25006') return writingQuery(source, redactError(error))
  if (state === undefined || !isOfQuery(state)) return connectionError(error, target)
  const { position, hint } = error as { readonly position?: string; readonly hint?: string }
  const line = position === undefined ? undefined : sql.slice(0, Number(position)).split('\n').length
  const words = redactLine(`${(error as Error).message}${hint === undefined ? '' : `; ${hint}`}`)
  return refusedQuery(words, source, { line, cause: redactError(error) })
}

/** What the server, or the system on the way to it, says by a code; anything else is given back as it is. */
export function connectionError(error: unknown, target: PostgresTarget, otherwise = broken): unknown {
  const state = stateOf(error)
  const code = systemCode(error) ?? ''
  // The package has no code for what it finds itself, such as a connection that ended: a plain Error, as no bug is.
  const plain = error instanceof Error && (state !== undefined || code !== '' || error.name === 'Error')
  if (isDdvError(error) || !plain) return error
  const cause = redactError(error)
  const place = placeOf(target)
  const [message, hint] =
    state !== undefined
      ? (servers[state] ?? servers[state.slice(0, 2)] ?? ['the server refuses the connection'])
      : (systems[code] ?? (tlsCodes.test(code) ? noTrust : [otherwise]))
  const words = state === undefined && Object.hasOwn(systems, code) ? '' : ` (${redactLine(error.message)})`
  return new DdvError('remote', `${message}${words}: ${place}`, { cause, ...(hint !== undefined && { hint }) })
}

const broken = 'the connection broke'
const noTrust = [
  "the server's certificate is not trusted",
  'set NODE_EXTRA_CA_CERTS to the authority of your own, or sslmode in your own configuration of the connection',
] as const

/** Five characters, of errors that come from the server. */
function stateOf(error: unknown): string | undefined {
  const { code, severity } = error as { readonly code?: unknown; readonly severity?: unknown }
  return typeof code === 'string' && typeof severity === 'string' && code.length === 5 ? code : undefined
}
