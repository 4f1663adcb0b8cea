// What is believed of an S3 store's answers, below and beside the SDK: only what has all that S3 always sends. Between
// ddv and the store there may be proxies, login pages and other services, all of which answer 200.

import { Readable } from 'node:stream'
import { DdvError } from '../core/errors.js'
import { isKey } from './key.js'
import { checkLength, roomFor } from './range.js'
import type { GetOptions, Key, ObjectBytes, ObjectEntry } from './remote.js'
import { cutAnswer, type Failure, foreignAnswer } from './s3-errors.js'

/** What was seen of a request on the wire, whatever the SDK makes of its answer. */
export interface Seen extends Failure {
  host: string | undefined
  answered: boolean
  status: number | undefined
  headers: Headers
}

type Headers = Failure['headers']

/** Bytes of an answer that isn't an object: a page of 1,000 entries has less than 1 MB. */
const maxAnswer = 16 * 1024 * 1024

export interface WireRequest {
  readonly hostname: string
  readonly port?: number | undefined
  readonly headers: Headers
}

export interface WireAnswer {
  readonly statusCode: number
  readonly headers: Headers
  body: unknown
}

const hostOf = (endpoint: string): string => (URL.canParse(endpoint) ? new URL(endpoint).hostname : endpoint)

// A signature tells a stranger's host nothing; a session token is half of a secret that others accept.
export function refuseToken({ headers }: WireRequest, endpoint: string): void {
  if (headers['x-amz-security-token'] === undefined && headers['x-amz-s3session-token'] === undefined) return
  throw new DdvError('remote', `a session token is not sent to a host that only the repository names: ${endpoint}`, {
    hint: `if you trust it: ddv config set --user trustedHosts ${hostOf(endpoint)}; or use credentials without a session token`,
  })
}

export function acceptAnswer(seen: Seen, answer: WireAnswer, streams: boolean): void {
  seen.status = answer.statusCode
  seen.headers = answer.headers
  const { body } = answer
  if (!(body instanceof Readable)) return
  const isObject = streams && answer.statusCode < 300
  // Neither what is there nor what is absent comes from a page for people; errors beside 404 are errors anyway.
  const isBelieved = answer.statusCode < 300 || answer.statusCode === 404
  if (isBelieved && answer.headers['content-type']?.startsWith('text/html')) {
    body.destroy()
    throw foreignAnswer(seen, 'a web page')
  }
  if (!isObject) answer.body = Readable.from(bounded(seen, body))
}

async function* bounded(seen: Seen, body: Readable): AsyncGenerator<Buffer> {
  let size = 0
  for await (const chunk of body as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size > maxAnswer) throw foreignAnswer(seen, `more than ${maxAnswer} bytes`)
    yield chunk
  }
}

/** Of the SDK's outputs, what is looked at. */
interface GetAnswer {
  readonly Body?: unknown
  readonly ContentLength?: number | undefined
  readonly ContentRange?: string | undefined
  readonly ETag?: string | undefined
  readonly LastModified?: Date | undefined
}

interface ListAnswer {
  readonly Contents?: readonly ListedObject[] | undefined
}

interface ListedObject {
  readonly Key?: string | undefined
  readonly Size?: number | undefined
  readonly LastModified?: Date | undefined
}

/** By the store's own clock, in the same answer. */
export function ageAt(seen: Seen, written: Date | undefined): number {
  const age = Date.parse(seen.headers.date ?? '') - (written?.getTime() ?? Number.NaN)
  if (Number.isNaN(age)) throw foreignAnswer(seen, 'no dates')
  return Math.max(0, age)
}

export function entriesOf(
  seen: Seen,
  { Contents = [] }: ListAnswer,
  { base, prefix }: { base: string; prefix: string },
): ObjectEntry[] {
  return Contents.flatMap(({ Key: path = '', Size: size, LastModified }) => {
    const key = path.slice(base.length)
    // Others may keep things in the bucket; what isn't a key is none of ours.
    if (!path.startsWith(base + prefix) || !isKey(key)) return []
    if (size === undefined) throw foreignAnswer(seen, 'no sizes')
    return { key, size, age: ageAt(seen, LastModified) }
  })
}

export function rangeHeader({ offset = 0, length }: GetOptions): { Range?: string } {
  if (offset === 0 && length === undefined) return {}
  return { Range: `bytes=${offset}-${length === undefined ? '' : offset + length - 1}` }
}

interface ReadOptions extends GetOptions {
  readonly key: Key
}

export async function readObject(seen: Seen, output: GetAnswer, options: ReadOptions): Promise<ObjectBytes> {
  const { Body, ContentLength, ETag, LastModified } = output
  if (!(Body instanceof Readable)) throw foreignAnswer(seen, 'no body')
  try {
    if (ETag === undefined || ContentLength === undefined) throw foreignAnswer(seen, 'no ETag or length')
    const size = wholeSize(seen, output, options)
    checkLength(ContentLength, options.key, options.maxBytes)
    const age = ageAt(seen, LastModified)
    return { size, age, bytes: await readExactly(seen, Body, roomFor(ContentLength, options)) }
  } catch (error) {
    Body.destroy()
    throw error
  }
}

/** The size of the whole object. Throws where the answer is not the range asked for. */
function wholeSize(seen: Seen, { ContentLength, ContentRange }: GetAnswer, options: GetOptions): number {
  const { offset = 0, length } = options
  if (offset === 0 && length === undefined) return ContentLength ?? 0
  const [, first, last, whole] = /^bytes (\d+)-(\d+)\/(\d+)$/.exec(ContentRange ?? '') ?? []
  const size = Number(whole)
  const end = Math.min(size, length === undefined ? size : offset + length)
  if (Number(first) !== offset || Number(last) !== end - 1 || ContentLength !== end - offset)
    throw foreignAnswer(seen, 'another range than asked for')
  return size
}

async function readExactly(seen: Seen, body: Readable, bytes: Buffer): Promise<Buffer> {
  const { length } = bytes
  let at = 0
  for await (const chunk of body as AsyncIterable<Buffer>) {
    if (at + chunk.length > length) throw foreignAnswer(seen, 'more bytes than announced')
    at += chunk.copy(bytes, at)
  }
  if (at < length) throw cutAnswer(seen)
  return bytes
}
