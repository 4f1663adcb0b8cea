// From settings and the environment to the warehouse that is meant, and whether it may be sent a password: the repository's
// configuration is a stranger's, who could name a host of their own. Credentials come from the environment alone.

import type { Config, ConnectionSettings } from './config.js'
import { nearest } from './did-you-mean.js'
import { DdvError } from './errors.js'
import { isLoopback, parseEndpoint } from './remote-config.js'
import { displayPath } from './tree-path.js'

export interface DuckDbTarget {
  readonly type: 'duckdb'
  readonly name: string
  /** Absolute or relative to the workspace; undefined is in memory. */
  readonly path: string | undefined
  /** Bytes. */
  readonly memory: number
}

export interface PostgresTarget {
  readonly type: 'postgres'
  readonly name: string
  /** A name, an address, or the directory of a socket. */
  readonly host: string
  readonly port: number
  readonly user: string
  readonly database: string
  readonly tls: 'off' | 'unverified' | 'verified'
  readonly password: Password
}

/** `withheld`: there is one, but the host must not have it. */
export type Password =
  | { readonly type: 'none'; readonly hint: string }
  | { readonly type: 'withheld'; readonly hint: string }
  | { readonly type: 'given'; readonly text: string }

export interface BigQueryTarget {
  readonly type: 'bigquery'
  readonly name: string
  readonly project: string
  /** For tables that are named without one. */
  readonly dataset: string | undefined
  readonly location: string | undefined
  readonly endpoint: string | undefined
  /** A file of the user's; undefined leaves it to Google's own search for credentials. */
  readonly keyFile: string | undefined
}

export type ConnectionTarget = DuckDbTarget | PostgresTarget | BigQueryTarget

type Environment = Readonly<Record<string, string | undefined>>

/** Throws `usage` for an unknown name, `bad-config` for what does not make a connection. */
export function selectConnection(config: Config, name: string, env: Environment): ConnectionTarget {
  const settings = config.connections.get(name)
  if (settings === undefined) throw unknownConnection(config, name)
  const connection = { config, name, settings, env }
  if (settings.type === 'postgres') return postgresTarget(connection)
  if (settings.type === 'bigquery') return bigQueryTarget(connection)
  return { type: 'duckdb', name, path: settings.path, memory: settings.memory ?? defaultMemory }
}

interface Connection {
  readonly config: Config
  readonly name: string
  readonly settings: ConnectionSettings
  readonly env: Environment
}

/** DuckDB would take four fifths of the machine's, and keeps what it has read of a file as long as it may. */
const defaultMemory = 512_000_000

function unknownConnection({ connections }: Config, name: string): DdvError {
  const guess = nearest(name, connections.keys())
  const known = [...connections.keys()].join(', ')
  const list = known === '' ? `'ddv config set connections.NAME.type duckdb' makes one` : `there are ${known}`
  return new DdvError('usage', `no such connection: ${displayPath(name)}`, {
    hint: guess === undefined ? list : `did you mean '${guess}'?`,
  })
}

/** `DDV_CONNECTION_SHOP_PASSWORD`, of `shop`. */
export const connectionVariable = (name: string, what: 'URL' | 'PASSWORD'): string =>
  `DDV_CONNECTION_${name.replaceAll('-', '_').toUpperCase()}_${what}`

const ownLayers: readonly (string | undefined)[] = ['user', 'environment', 'flags']

const isOwn = ({ config, name }: Connection, option: string): boolean =>
  ownLayers.includes(config.entries.get(`connections.${name}.${option}`)?.layer)

const setTo = (value: string | undefined): string | undefined => (value === '' ? undefined : value)

function postgresTarget(connection: Connection): PostgresTarget {
  const { name, settings, env } = connection
  const variable = setTo(env[connectionVariable(name, 'URL')])
  const url = parseUrl(variable ?? settings.url ?? 'postgres://', name)
  const own = variable !== undefined || isOwn(connection, 'url')
  const host = url.host ?? setTo(env.PGHOST) ?? 'localhost'
  const port = Number(url.port ?? setTo(env.PGPORT) ?? usualPort)
  const user = url.user ?? setTo(env.PGUSER) ?? setTo(env.USER) ?? setTo(env.USERNAME)
  if (user === undefined) throw bad(name, 'has no user', 'write it into its url: postgres://user@host/database')
  const password = url.password ?? setTo(env[connectionVariable(name, 'PASSWORD')]) ?? setTo(env.PGPASSWORD)
  const place = { host, port, named: own || url.host === undefined || url.host === env.PGHOST }
  return {
    ...{ type: 'postgres', name, host, port, user },
    database: url.database ?? setTo(env.PGDATABASE) ?? user,
    tls: tlsOf(url.sslmode, { ...place, own, name }),
    password: passwordFor(connection, place, password),
  }
}

const usualPort = 5432

interface Place {
  readonly host: string
  readonly port: number
  /** By the user: in their configuration or environment. */
  readonly named: boolean
}

const isNear = (host: string): boolean => host.startsWith('/') || host === '::1' || isLoopback(host)

function passwordFor({ config, name }: Connection, place: Place, text: string | undefined): Password {
  const variable = connectionVariable(name, 'PASSWORD')
  if (text === undefined) return { type: 'none', hint: `set ${variable} or PGPASSWORD in the environment` }
  const { host, port, named } = place
  const shown = port === usualPort ? host : `${host.includes(':') ? `[${host}]` : host}:${port}`
  if (named || isNear(host) || config.trustedHosts.includes(shown)) return { type: 'given', text }
  const hosts = [...config.trustedHosts, shown].join(',')
  return { type: 'withheld', hint: `if you know the host: ddv config set --user trustedHosts ${hosts}` }
}

interface PostgresUrl {
  readonly host: string | undefined
  readonly port: string | undefined
  readonly user: string | undefined
  readonly password: string | undefined
  readonly database: string | undefined
  readonly sslmode: string | undefined
}

function parseUrl(text: string, name: string): PostgresUrl {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url === undefined || !/^postgres(ql)?:$/.test(url.protocol))
    throw bad(name, 'has no URL that can be read', 'postgres://user@host:port/database')
  const options = new Map(url.searchParams)
  for (const option of options.keys())
    if (option !== 'sslmode' && option !== 'host')
      throw bad(name, `has an unknown option in its url: ${displayPath(option)}`, 'there are sslmode and host')
  const host = setTo(decode(url.hostname, name).replace(/^\[(.*)\]$/, '$1')) ?? options.get('host')
  return {
    host,
    port: setTo(url.port),
    user: setTo(decode(url.username, name)),
    password: setTo(decode(url.password, name)),
    database: setTo(decode(url.pathname.slice(1), name)),
    sslmode: options.get('sslmode'),
  }
}

function decode(text: string, name: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    throw bad(name, 'has a url with a % that is not followed by two hex digits')
  }
}

/** Beyond this machine a server must prove who it is, unless the user, and nobody else, says otherwise. */
function tlsOf(
  sslmode: string | undefined,
  { host, own, name }: Place & { readonly own: boolean; readonly name: string },
): PostgresTarget['tls'] {
  const near = isNear(host)
  if (sslmode === undefined) return near ? 'off' : 'verified'
  const tls = { disable: 'off', require: 'unverified', 'verify-full': 'verified' }[sslmode]
  if (tls === undefined) throw bad(name, 'has an unknown sslmode', 'there are disable, require and verify-full')
  if (tls !== 'verified' && !near && !own)
    throw bad(name, `asks for sslmode=${sslmode} beyond this machine`, 'set the url in your own configuration (--user)')
  return tls as PostgresTarget['tls']
}

function bigQueryTarget(connection: Connection): BigQueryTarget {
  const { name, settings, env } = connection
  const project = settings.project ?? setTo(env.GOOGLE_CLOUD_PROJECT)
  if (project === undefined) throw bad(name, 'has no project', `ddv config set connections.${name}.project PROJECT`)
  return {
    ...{ type: 'bigquery', name, project, dataset: settings.dataset, location: settings.location },
    endpoint: settings.endpoint === undefined ? undefined : checkEndpoint(connection, settings.endpoint),
    keyFile: settings.keyFile ?? setTo(env.GOOGLE_APPLICATION_CREDENTIALS),
  }
}

// Every request carries a token that whoever gets it can use.
function checkEndpoint(connection: Connection, endpoint: string): string {
  const url = parseEndpoint(endpoint)
  const { host, hostname } = new URL(url)
  const { trustedHosts } = connection.config
  if (isOwn(connection, 'endpoint') || isLoopback(hostname) || trustedHosts.includes(host)) return url
  if (hostname.endsWith('.googleapis.com')) return url
  throw new DdvError('refused', `credentials are not sent to a host that only the repository names: ${host}`, {
    hint: `if you know it: ddv config set --user trustedHosts ${[...trustedHosts, host].join(',')}`,
  })
}

const bad = (name: string, problem: string, hint?: string): DdvError =>
  new DdvError('bad-config', `connection ${problem}: ${name}`, hint === undefined ? {} : { hint })
