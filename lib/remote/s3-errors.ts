// What went wrong with an S3 store, in one sentence and a hint. Stores and networks are told apart by codes and by
// status, never by their prose, which is shown only where nothing better is known, and redacted.

import { DdvError, systemCode } from '../core/errors.js'
import { redactError, redactLine } from '../core/redact.js'
import { markTransient } from './transient.js'

/** What is known of a failed request beside the error. */
export interface Failure {
  /** The remote, for messages. */
  readonly url: string
  readonly bucket: string
  readonly profile: string | undefined
  /** The host asked, where one was, with its port where that is not the usual one. */
  readonly host: string | undefined
  /** Whether the store has ever answered this process, whatever it said. */
  readonly answered: boolean
  /** Of the answer, where there was one. */
  readonly status: number | undefined
  readonly headers: Readonly<Record<string, string | undefined>>
}

interface Known {
  readonly message: (failure: Failure) => string
  readonly hint?: string | ((failure: Failure) => string)
  readonly transient?: true
  /** How long it is worth trying where the store has never answered: more likely it is not there at all. */
  readonly patience?: number
}

/** Milliseconds: a connection that cannot be made is known at once, silence takes a time-out each. */
const patience = { refused: 5_000, silent: 15_000 }

const at = (failure: Failure): string => failure.host ?? failure.url

const passing = (message: string): Known => ({ message: failure => `${message}: ${at(failure)}`, transient: true })

const network = 'check the network and the endpoint of the remote'
const tls = 'check the endpoint; for a certificate authority of your own, set NODE_EXTRA_CA_CERTS'
const login = 'get new credentials (such as `aws sso login`), then run the same command again'

const region: Known = {
  message: ({ bucket }) => `the bucket is in another region: ${bucket}`,
  hint: ({ headers }) => {
    const name = headers['x-amz-bucket-region']
    return `set the remote's region${name !== undefined && /^[a-z0-9-]+$/.test(name) ? ` to ${name}` : ''}`
  },
}
const denied: Known = {
  message: ({ url }) => `access denied: ${url}`,
  hint: 'the credentials need s3:ListBucket on the bucket; s3:GetObject, s3:PutObject and s3:DeleteObject on its objects',
}
const expired: Known = { message: ({ url }) => `the credentials have expired: ${url}`, hint: login }
const clock: Known = {
  message: failure => `this machine's clock and the store's differ by too much: ${at(failure)}`,
  hint: 'set the clock of this machine',
  // The SDK has taken the store's time from this answer; the next try is signed with it.
  transient: true,
}
const noCredentials: Known = {
  message: ({ url }) => `no credentials: ${url}`,
  hint: ({ profile }) =>
    profile === undefined
      ? 'set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or run `aws configure`, or name a profile for the remote'
      : `log in with the AWS profile '${profile}', or name another one for the remote`,
}
const badCertificate: Known = {
  message: failure => `the store's certificate is not trusted: ${at(failure)}`,
  hint: tls,
}
const notFound: Known = { message: failure => `host not found: ${at(failure)}`, hint: network }

/** By the code of the store's answer, or of the SDK. */
const byName: Readonly<Record<string, Known>> = {
  NoSuchBucket: {
    message: ({ bucket }) => `no such bucket: ${bucket}`,
    hint: 'make the bucket, or change the URL of the remote',
  },
  AccessDenied: denied,
  Forbidden: denied,
  AllAccessDisabled: denied,
  ExpiredToken: expired,
  ExpiredTokenException: expired,
  TokenRefreshRequired: expired,
  TokenProviderError: expired,
  InvalidToken: { message: ({ url }) => `the store does not accept the session token: ${url}`, hint: login },
  InvalidAccessKeyId: {
    message: ({ url }) => `the store does not know the access key: ${url}`,
    hint: 'check the credentials and the endpoint of the remote',
  },
  SignatureDoesNotMatch: {
    message: ({ url }) => `the store does not accept the signature: ${url}`,
    hint: 'check the secret access key, and the region and endpoint of the remote',
  },
  RequestTimeTooSkewed: clock,
  RequestInTheFuture: clock,
  PermanentRedirect: region,
  AuthorizationHeaderMalformed: region,
  IllegalLocationConstraintException: region,
  CredentialsProviderError: noCredentials,
  SlowDown: passing('the store asks for fewer requests'),
  TooManyRequests: passing('the store asks for fewer requests'),
  Throttling: passing('the store asks for fewer requests'),
  InternalError: passing('the store has an internal error'),
  ServiceUnavailable: passing('the store is not available'),
  RequestTimeout: passing('the store waited too long for bytes'),
  ConditionalRequestConflict: passing('another write of the same object is in progress'),
  OperationAborted: passing('another operation on the bucket is in progress'),
  TemporaryRedirect: passing('the store asks to come back later'),
  TimeoutError: { ...passing('no answer within the time-out'), hint: network, patience: patience.silent },
}

/** By the code of a system error. */
const bySystemCode: Readonly<Record<string, Known>> = {
  ENOTFOUND: notFound,
  EAI_AGAIN: { ...notFound, transient: true, patience: patience.refused },
  ECONNREFUSED: { ...passing('connection refused'), hint: network, patience: patience.refused },
  ECONNRESET: passing('the connection broke'),
  ECONNABORTED: passing('the connection broke'),
  EPIPE: passing('the connection broke'),
  ERR_STREAM_PREMATURE_CLOSE: passing('the connection broke'),
  ETIMEDOUT: { ...passing('no answer within the time-out'), hint: network, patience: patience.silent },
  EHOSTUNREACH: { ...passing('host not reachable'), hint: network, patience: patience.refused },
  ENETUNREACH: { ...passing('network not reachable'), hint: network, patience: patience.refused },
  EPROTO: { message: failure => `no TLS connection: ${at(failure)}`, hint: tls },
  CERT_HAS_EXPIRED: badCertificate,
  CERT_NOT_YET_VALID: badCertificate,
  DEPTH_ZERO_SELF_SIGNED_CERT: badCertificate,
  SELF_SIGNED_CERT_IN_CHAIN: badCertificate,
  UNABLE_TO_GET_ISSUER_CERT: badCertificate,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: badCertificate,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: badCertificate,
  ERR_TLS_CERT_ALTNAME_INVALID: badCertificate,
}

const byStatus: Readonly<Record<number, Known>> = {
  301: region,
  403: denied,
  429: passing('the store asks for fewer requests'),
  500: passing('the store has an internal error'),
  502: passing('no answer from the store behind its gateway'),
  503: passing('the store is not available'),
  504: passing('no answer from the store behind its gateway'),
}

/** A DdvError is given back as it is: it says already what is wrong. */
export function toRemoteError(error: unknown, failure: Failure): DdvError {
  if (error instanceof DdvError) return error
  const known = find(error, failure)
  const cause = redactError(error)
  if (known === undefined) return new DdvError('remote', `${unknownMessage(error, failure)}: ${failure.url}`, { cause })
  const hint = typeof known.hint === 'function' ? known.hint(failure) : known.hint
  const details = { cause, ...(hint === undefined ? {} : { hint }) }
  const result = new DdvError('remote', known.message(failure), details)
  if (!known.transient) return result
  const within = failure.answered ? undefined : known.patience
  return markTransient(result, { retryAfter: retryAfter(failure.headers), within })
}

function find(error: unknown, { status, headers }: Failure): Known | undefined {
  const name = error instanceof Error ? error.name : ''
  const system = systemCode(error) ?? ''
  if (Object.hasOwn(byName, name)) return byName[name]
  if (Object.hasOwn(bySystemCode, system)) return bySystemCode[system]
  // A HEAD's answer says it by this header alone.
  if (status === 400 && headers['x-amz-bucket-region'] !== undefined) return region
  return byStatus[status ?? 0]
}

function unknownMessage(error: unknown, { status }: Failure): string {
  const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error)
  return `the store ${status === undefined ? 'cannot be asked' : `answered ${status}`} (${redactLine(text)})`
}

/** An answer that no S3 store gives: a login page, a proxy's, another service's. It may pass. */
export const foreignAnswer = (failure: Failure, what: string): DdvError =>
  markTransient(
    new DdvError('remote', `the answer is not that of an S3 store (${what}): ${at(failure)}`, {
      hint: 'check the endpoint of the remote, and whether a proxy or a login page is in between',
    }),
    { retryAfter: retryAfter(failure.headers) },
  )

/** Fewer bytes than announced. */
export const cutAnswer = (failure: Failure): DdvError =>
  markTransient(new DdvError('remote', `the store sent fewer bytes than announced: ${at(failure)}`))

// Seconds, or a date; by the store's own clock where it says it.
function retryAfter(headers: Failure['headers']): number | undefined {
  const value = headers['retry-after']
  if (value === undefined) return undefined
  const wait = /^\d+$/.test(value) ? Number(value) * 1000 : Date.parse(value) - Date.parse(headers.date ?? '')
  return Number.isFinite(wait) && wait > 0 ? wait : undefined
}
