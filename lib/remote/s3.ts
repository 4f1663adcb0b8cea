// A remote in a bucket, by the AWS SDK, which is loaded on first use: it takes 60–90 ms.
//
// Its defaults fail in many ways that matter here, so they are set on purpose: no checksums of its own (they go as
// aws-chunked bodies, which many stores refuse, and what ddv reads it checks against digests), no retries of its own
// (retry.ts has them), time-outs for everything, no `Expect: 100-continue` (it costs a new connection for each pack).
// And an answer is believed only where it has all that S3 always sends. Credentials come from the SDK's usual chain.

import type {
  $Command,
  S3Client,
  S3ClientConfig,
  S3ClientResolvedConfig,
  ServiceInputTypes,
  ServiceOutputTypes,
} from '@aws-sdk/client-s3'
import { throwIfAborted } from '../core/errors.js'
import type { RemoteTimeouts } from '../core/remote-config.js'
import { checkKey, checkPrefix } from './key.js'
import type { CallOptions, GetOptions, Key, ObjectBytes, ObjectEntry, ObjectStat, Remote } from './remote.js'
import type { Retry } from './retry.js'
import {
  acceptAnswer,
  ageAt,
  entriesOf,
  rangeHeader,
  readObject,
  refuseToken,
  type Seen,
  type WireAnswer,
  type WireRequest,
} from './s3-answers.js'
import { foreignAnswer, toRemoteError } from './s3-errors.js'
import { openSlots } from './slots.js'

export interface S3RemoteOptions {
  readonly url: string
  readonly bucket: string
  /** '' or ends in `/`. */
  readonly prefix: string
  /** A store that is not AWS's, checked by `parseEndpoint`. */
  readonly endpoint?: string
  readonly region?: string
  readonly profile?: string
  /** True with an endpoint unless told. */
  readonly pathStyle?: boolean
  readonly timeouts?: RemoteTimeouts
  /** The user named the endpoint: session tokens may go there. */
  readonly trusted?: boolean
  /** For the pages of a listing, which a wrapper cannot repeat one by one. */
  readonly retry?: Retry
}

/** Requests at once. The SDK's time for connecting runs while a request waits for a socket: so none may wait. */
const maxSockets = 32
const defaultTimeouts = { connect: 10_000, idle: 30_000, request: 600_000 }

type Sdk = typeof import('@aws-sdk/client-s3')
type Command<I extends ServiceInputTypes, O extends ServiceOutputTypes> = $Command<I, O, S3ClientResolvedConfig>

interface Opened {
  readonly sdk: Sdk
  readonly client: S3Client
}

/** One request or more in one slot, and what was seen of the last. */
interface Call extends Seen, Opened {
  readonly signal: AbortSignal
}

interface PageOptions extends CallOptions {
  readonly token: string | undefined
}

export const openS3Remote = (options: S3RemoteOptions): Remote => new S3Remote(options)

class S3Remote implements Remote {
  readonly url: string
  readonly #options: S3RemoteOptions
  readonly #slots = openSlots(maxSockets)
  #opened: Promise<Opened> | undefined
  #bucketSeen = false
  #answered = false

  constructor(options: S3RemoteOptions) {
    this.url = options.url
    this.#options = options
  }

  async stat(key: Key, { signal }: CallOptions = {}): Promise<ObjectStat | undefined> {
    checkKey(key)
    return this.#call(signal, async call => {
      const command = new call.sdk.HeadObjectCommand(this.#object(key))
      const output = await this.#send(call, command).catch(error => this.#explain(call, error))
      if (output === undefined) return undefined
      if (output.ETag === undefined || output.ContentLength === undefined) throw foreignAnswer(call, 'no ETag')
      return { size: output.ContentLength, age: ageAt(call, output.LastModified) }
    })
  }

  async get(key: Key, options: GetOptions): Promise<ObjectBytes | undefined> {
    checkKey(key)
    if (options.length === 0) return this.#emptyRange(key, options)
    const found = await this.#call(options.signal, async call => {
      const command = new call.sdk.GetObjectCommand({ ...this.#object(key), ...rangeHeader(options) })
      const output = await this.#send(call, command, { streams: true }).catch(error =>
        call.status === 416 ? 'beyond' : this.#unlessAbsent(call, error),
      )
      return typeof output === 'object' ? readObject(call, output, { ...options, key }) : output
    })
    return found === 'beyond' ? this.#emptyRange(key, options) : found
  }

  // HTTP has no range without bytes, and takes one that begins where the object ends for an error.
  async #emptyRange(key: Key, options: GetOptions): Promise<ObjectBytes | undefined> {
    const stat = await this.stat(key, options)
    return stat && { ...stat, bytes: Buffer.alloc(0) }
  }

  async put(key: Key, bytes: Uint8Array, { signal }: CallOptions = {}): Promise<void> {
    checkKey(key)
    await this.#call(signal, async call => {
      // A view, no copy. The SDK sends it as it is, with its length and its SHA-256 under the signature.
      const Body = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
      const command = new call.sdk.PutObjectCommand({ ...this.#object(key), Body, ContentType: contentType })
      const output = await this.#send(call, command)
      if (output.ETag === undefined) throw foreignAnswer(call, 'no ETag')
    })
  }

  async *list(prefix: string, { signal }: CallOptions = {}): AsyncGenerator<ObjectEntry> {
    checkPrefix(prefix)
    const retry: Retry = this.#options.retry ?? ((_what, act) => act())
    for (let token: string | undefined; ; ) {
      const page = await retry(`list ${prefix}`, () => this.#page(prefix, { token, signal }), signal)
      for (const entry of page.entries) {
        throwIfAborted(signal)
        yield entry
      }
      if (page.next === undefined) return
      token = page.next
    }
  }

  #page(prefix: string, { token, signal }: PageOptions): Promise<Page> {
    return this.#call(signal, async call => {
      const { bucket: Bucket, prefix: base } = this.#options
      const more = token === undefined ? {} : { ContinuationToken: token }
      const output = await this.#send(
        call,
        new call.sdk.ListObjectsV2Command({ Bucket, Prefix: base + prefix, ...more }),
      )
      const next = output.IsTruncated ? output.NextContinuationToken : undefined
      // A page that is believed to be empty, or the last, makes objects vanish: from XML alone it can't be told.
      if (output.IsTruncated === undefined) throw foreignAnswer(call, 'no listing')
      if (output.IsTruncated && (next === undefined || next === token)) throw foreignAnswer(call, 'no next page')
      return { entries: entriesOf(call, output, { base, prefix }), next }
    })
  }

  async remove(key: Key, { signal }: CallOptions = {}): Promise<void> {
    checkKey(key)
    await this.#call(signal, async call => {
      const command = new call.sdk.DeleteObjectCommand(this.#object(key))
      await this.#send(call, command).catch(error => this.#unlessAbsent(call, error))
    })
  }

  async close(): Promise<void> {
    const opened = await this.#opened?.catch(() => undefined)
    opened?.client.destroy()
  }

  #object(key: Key): { Bucket: string; Key: string } {
    return { Bucket: this.#options.bucket, Key: this.#options.prefix + key }
  }

  #open(): Promise<Opened> {
    this.#opened ??= import('@aws-sdk/client-s3').then(async sdk => ({
      sdk,
      client: await openClient(sdk, this.#options),
    }))
    return this.#opened
  }

  /** Takes a slot and sets a deadline for `act`; makes one kind of error of all that can go wrong. */
  async #call<T>(signal: AbortSignal | undefined, act: (call: Call) => Promise<T>): Promise<T> {
    throwIfAborted(signal)
    const opened = await this.#open()
    return this.#slots(async () => {
      throwIfAborted(signal)
      const { url, bucket, profile, timeouts } = this.#options
      const deadline = openDeadline(timeouts?.request ?? defaultTimeouts.request, signal)
      const seen = { host: undefined, answered: this.#answered, status: undefined, headers: {} }
      const call: Call = { ...opened, signal: deadline.signal, url, bucket, profile, ...seen }
      try {
        // The race because credentials, which a program may be asked for, are waited for without a signal.
        return await Promise.race([act(call), deadline.reached])
      } catch (error) {
        throwIfAborted(signal)
        throw toRemoteError(deadline.signal.aborted ? timeoutError() : error, call)
      } finally {
        deadline.clear()
      }
    })
  }

  async #send<I extends ServiceInputTypes, O extends ServiceOutputTypes>(
    call: Call,
    command: Command<I, O>,
    { streams = false }: { streams?: boolean } = {},
  ): Promise<O> {
    const { endpoint, trusted = false } = this.#options
    const guard = endpoint === undefined || trusted ? undefined : endpoint
    // Next to the wire: after the SDK signed the request, and before it reads the answer.
    command.middlewareStack.add(
      next => async args => {
        const request = args.request as WireRequest
        call.host = request.port === undefined ? request.hostname : `${request.hostname}:${request.port}`
        if (guard !== undefined) refuseToken(request, guard)
        const result = await next(args)
        this.#answered = true
        call.answered = true
        acceptAnswer(call, result.response as WireAnswer, streams)
        return result
      },
      { step: 'deserialize', priority: 'low', name: 'ddvWatch' },
    )
    Object.assign(call, { status: undefined, headers: {} })
    const output = await call.client.send(command, { abortSignal: call.signal })
    this.#bucketSeen = true
    return output
  }

  /** undefined where the error says that there is no such object. */
  async #unlessAbsent(call: Call, error: unknown): Promise<undefined> {
    const name = error instanceof Error ? error.name : ''
    if (call.status !== 404 || name === 'NoSuchBucket') throw error
    if (name === 'NoSuchKey' || this.#bucketSeen) return undefined
    // Perhaps there is no such bucket. A listing tells, by being denied too.
    await this.#probe(call).catch(reason => {
      if (call.status !== 403) throw reason
    })
    this.#bucketSeen = true
    return undefined
  }

  /** The same for a HEAD, whose answer has no body to say what is wrong: that of a listing has. */
  async #explain(call: Call, error: unknown): Promise<undefined> {
    const { status, headers } = call
    if (status !== 400 && status !== 403) return this.#unlessAbsent(call, error)
    await this.#probe(call)
    throw toRemoteError(error, { ...call, status, headers })
  }

  #probe(call: Call): Promise<unknown> {
    return this.#send(call, new call.sdk.ListObjectsV2Command({ Bucket: this.#options.bucket, MaxKeys: 1 }))
  }
}

const contentType = 'application/octet-stream'

interface Page {
  readonly entries: readonly ObjectEntry[]
  readonly next: string | undefined
}

interface Deadline {
  readonly signal: AbortSignal
  /** Rejects when the signal fires. */
  readonly reached: Promise<never>
  clear(): void
}

// By hand: AbortSignal.any keeps something of each call in a signal that lives as long as the whole op.
function openDeadline(milliseconds: number, signal: AbortSignal | undefined): Deadline {
  const controller = new AbortController()
  const abort = (): void => controller.abort()
  const timer = setTimeout(abort, milliseconds)
  signal?.addEventListener('abort', abort)
  const reached = new Promise<never>((_resolve, reject) => {
    controller.signal.addEventListener('abort', () => reject(timeoutError()))
  })
  return {
    signal: controller.signal,
    reached,
    clear() {
      clearTimeout(timer)
      signal?.removeEventListener('abort', abort)
    },
  }
}

// The name that the SDK gives its own.
const timeoutError = (): Error => Object.assign(new Error('the time for one request is over'), { name: 'TimeoutError' })

async function openClient(sdk: Sdk, options: S3RemoteOptions): Promise<S3Client> {
  const { endpoint, region, profile, pathStyle, timeouts } = options
  const { connect, idle } = { ...defaultTimeouts, ...timeouts }
  const agent = { keepAlive: true, maxSockets }
  const config: S3ClientConfig = {
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(region === undefined ? {} : { region }),
    ...(profile === undefined ? {} : { profile }),
    forcePathStyle: pathStyle ?? endpoint !== undefined,
    maxAttempts: 1,
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    expectContinueHeader: false,
    requestHandler: { connectionTimeout: connect, socketTimeout: idle, httpAgent: agent, httpsAgent: agent },
  }
  const client = newClient(sdk, config)
  try {
    await client.config.region()
    return client
  } catch {
    // None is configured anywhere. Stores that are not AWS's mostly don't care, and AWS says which one it should be.
    client.destroy()
    return newClient(sdk, { ...config, region: 'us-east-1' })
  }
}

// The SDK warns users of older versions of Node, once and on stderr. Which those are is ddv's to say.
function newClient(sdk: Sdk, config: S3ClientConfig): S3Client {
  const { emitWarning } = process
  process.emitWarning = () => undefined
  try {
    return new sdk.S3Client(config)
  } finally {
    process.emitWarning = emitWarning
  }
}
