// What a configuration says of one remote, and what its URL means. Who may set what (the repository's configuration is
// a stranger's) is for whoever reads the configuration; see `trusted` and `allowHttp`.

import { DdvError } from './errors.js'
import { displayPath } from './tree-path.js'

export interface RemoteConfig {
  readonly name: string
  readonly url: string
  /** An S3 store that is not AWS's: `https://host`. */
  readonly endpoint?: string
  readonly region?: string
  /** A profile of the user's AWS configuration. */
  readonly profile?: string
  /** `endpoint/bucket/key` and not `bucket.endpoint/key`; true with an endpoint unless told. */
  readonly pathStyle?: boolean
  readonly timeouts?: RemoteTimeouts
  /** Session tokens may go to `endpoint`: only from the user's own configuration or environment (`trustedHosts`). */
  readonly trusted?: boolean
  /** Plain `http:` beyond loopback: only from the user's own configuration or environment. */
  readonly allowHttp?: boolean
}

/** All in milliseconds. */
export interface RemoteTimeouts {
  /** Until the connection stands. */
  readonly connect?: number
  /** Without a byte sent or received. */
  readonly idle?: number
  /** For one request with its answer, however large. */
  readonly request?: number
}

export type RemoteLocation =
  /** Absolute, or relative to the workspace. */
  | { readonly type: 'directory'; readonly path: string }
  /** `prefix` is '' or ends in `/`. */
  | { readonly type: 's3'; readonly bucket: string; readonly prefix: string }

/** Throws `bad-config`. Two letters make a scheme: `C:\data` is a path. */
export function parseRemoteUrl(url: string): RemoteLocation {
  if (url === '' || /[\u0000-\u001f\u007f]/.test(url)) throw badUrl('not a remote URL', url)
  const scheme = /^([a-z][a-z0-9+.-]+):/i.exec(url)?.[1]?.toLowerCase()
  if (scheme === undefined) return { type: 'directory', path: url }
  if (scheme === 'file') return { type: 'directory', path: parseFilePath(url) }
  if (scheme === 's3') return parseS3(url)
  throw new DdvError('bad-config', `unsupported remote URL: ${safeUrl(url)}`, { hint: supported })
}

const supported = 'a path, file:/path, or s3://bucket/prefix; for other S3 stores that with its endpoint'

const badUrl = (problem: string, url: string, hint = supported): DdvError =>
  new DdvError('bad-config', `${problem}: ${safeUrl(url)}`, { hint })

// Whatever is between the scheme and an @ may be a password, and so may what is behind a `?`.
const safeUrl = (url: string): string => displayPath(url.replace(/\/\/.*@/s, '//***@').replace(/\?.*$/s, '?***'))

function parseFilePath(url: string): string {
  const [, host = '', rawPath = ''] = /^file:(?:\/\/([^/]*))?(.*)$/is.exec(url) ?? []
  if (host !== '' && host !== 'localhost') throw badUrl('a file: URL with a host', url, 'file:///absolute/path')
  const path = decode(rawPath)
  if (path === undefined || path === '' || path.includes('\0')) throw badUrl('a file: URL without a path', url)
  return /^\/[a-z]:[/\\]/i.test(path) ? path.slice(1) : path
}

function decode(text: string): string | undefined {
  try {
    return decodeURIComponent(text)
  } catch {
    return undefined
  }
}

function parseS3(url: string): RemoteLocation {
  const [, bucket = '', rest = ''] = /^s3:\/\/([^/]*)(.*)$/is.exec(url) ?? []
  if (bucket.includes('@')) throw badUrl('credentials inside a remote URL', url, credentialsHint)
  if (/[?#]/.test(url)) throw badUrl('a query string in a remote URL', url, 's3://bucket/prefix, and options beside it')
  if (!isBucketName(bucket)) throw badUrl('not a bucket name', url, 's3://bucket/prefix')
  const path = rest.slice(1)
  if (path === '') return { type: 's3', bucket, prefix: '' }
  const prefix = path.endsWith('/') ? path : `${path}/`
  const segments = prefix.slice(0, -1).split('/')
  if (prefix.includes('\\') || segments.some(segment => ['', '.', '..'].includes(segment)))
    throw badUrl('not a prefix of keys', url, 's3://bucket/prefix')
  // Beside it, a key of ddv's needs room within S3's 1,024 bytes.
  if (prefix.length > 301) throw badUrl('a prefix of more than 300 characters', url)
  return { type: 's3', bucket, prefix }
}

const credentialsHint = 'keep them in the AWS configuration (aws configure), and name its profile'

const isBucketName = (name: string): boolean =>
  /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(name) && !name.includes('..') && !/^\d+(\.\d+){3}$/.test(name)

/** The endpoint as given, without a `/` at its end. Throws `bad-config`. */
export function parseEndpoint(endpoint: string, { allowHttp = false }: Pick<RemoteConfig, 'allowHttp'> = {}): string {
  const url = parseUrl(endpoint)
  if (url === undefined || !['http:', 'https:'].includes(url.protocol) || url.hostname === '')
    throw badUrl('not an endpoint', endpoint, 'https://host or https://host:port')
  if (url.username !== '' || url.password !== '')
    throw badUrl('credentials inside an endpoint', endpoint, credentialsHint)
  if (url.search !== '' || url.hash !== '' || endpoint.includes('?'))
    throw badUrl('a query string in an endpoint', endpoint, 'https://host')
  if (url.protocol === 'http:' && !allowHttp && !isLoopback(url.hostname))
    throw badUrl('plain http: beyond this machine', endpoint, 'use https:, or set allow-http in your own configuration')
  return url.href.replace(/\/$/, '')
}

export const isLoopback = (host: string): boolean =>
  host === 'localhost' || /^127\.\d+\.\d+\.\d+$/.test(host) || host === '[::1]'

function parseUrl(text: string): URL | undefined {
  return URL.canParse(text) ? new URL(text) : undefined
}
