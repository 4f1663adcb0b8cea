// The AWS SDK as ddv uses it, for every driver of S3 alike; loaded on first use: it takes 60–90 ms.
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
import type { Retry } from './retry.js'
import { acceptAnswer, refuseToken, type Seen, type WireAnswer, type WireRequest } from './s3-answers.js'
import { toRemoteError } from './s3-errors.js'
import { openSlots } from './slots.js'

export interface S3Options {
  /** As the user configured it, for messages. */
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

export type Sdk = typeof import('@aws-sdk/client-s3')
type Command<I extends ServiceInputTypes, O extends ServiceOutputTypes> = $Command<I, O, S3ClientResolvedConfig>

interface Opened {
  readonly sdk: Sdk
  readonly client: S3Client
}

/** One request or more in one slot, and what was seen of the last. */
export interface Call extends Seen, Opened {
  readonly signal: AbortSignal
}

/** A class because it remembers what it saw of the store. */
export class S3Calls {
  readonly options: S3Options
  readonly #slots = openSlots(maxSockets)
  #opened: Promise<Opened> | undefined
  #bucketSeen = false
  #answered = false

  constructor(options: S3Options) {
    this.options = options
  }

  /** Where an object of this name is, for any command. */
  at(name: string): { Bucket: string; Key: string } {
    return { Bucket: this.options.bucket, Key: this.options.prefix + name }
  }

  async close(): Promise<void> {
    const opened = await this.#opened?.catch(() => undefined)
    opened?.client.destroy()
  }

  #open(): Promise<Opened> {
    this.#opened ??= import('@aws-sdk/client-s3').then(async sdk => ({
      sdk,
      client: await openClient(sdk, this.options),
    }))
    return this.#opened
  }

  /** Takes a slot and sets a deadline for `act`; makes one kind of error of all that can go wrong. */
  async call<T>(signal: AbortSignal | undefined, act: (call: Call) => Promise<T>): Promise<T> {
    throwIfAborted(signal)
    const opened = await this.#open()
    return this.#slots(async () => {
      throwIfAborted(signal)
      const { url, bucket, profile, timeouts } = this.options
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

  /** `streams`: the answer's body is an object's bytes, which the caller reads and bounds. */
  async send<I extends ServiceInputTypes, O extends ServiceOutputTypes>(
    call: Call,
    command: Command<I, O>,
    { streams = false }: { streams?: boolean } = {},
  ): Promise<O> {
    const { endpoint, trusted = false } = this.options
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
  async unlessAbsent(call: Call, error: unknown): Promise<undefined> {
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
  async explain(call: Call, error: unknown): Promise<undefined> {
    const { status, headers } = call
    if (status !== 400 && status !== 403) return this.unlessAbsent(call, error)
    await this.#probe(call)
    throw toRemoteError(error, { ...call, status, headers })
  }

  #probe(call: Call): Promise<unknown> {
    return this.send(call, new call.sdk.ListObjectsV2Command({ Bucket: this.options.bucket, MaxKeys: 1 }))
  }
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

async function openClient(sdk: Sdk, options: S3Options): Promise<S3Client> {
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
