// A remote in a bucket. What is asked of the AWS SDK, and what is believed of it, is in s3-client.ts.

import { throwIfAborted } from '../core/errors.js'
import { checkKey, checkPrefix } from './key.js'
import type { CallOptions, Creation, GetOptions, Key, ObjectBytes, ObjectEntry, ObjectStat, Remote } from './remote.js'
import type { Retry } from './retry.js'
import { ageAt, entriesOf, rangeHeader, readObject } from './s3-answers.js'
import { type Call, S3Calls, type S3Options } from './s3-client.js'
import { foreignAnswer } from './s3-errors.js'

interface PageOptions extends CallOptions {
  readonly token: string | undefined
}

export const openS3Remote = (options: S3Options): Remote => new S3Remote(options)

class S3Remote implements Remote {
  readonly url: string
  readonly #calls: S3Calls

  constructor(options: S3Options) {
    this.url = options.url
    this.#calls = new S3Calls(options)
  }

  async stat(key: Key, { signal }: CallOptions = {}): Promise<ObjectStat | undefined> {
    checkKey(key)
    return this.#calls.call(signal, async call => {
      const command = new call.sdk.HeadObjectCommand(this.#calls.at(key))
      const output = await this.#calls.send(call, command).catch(error => this.#calls.explain(call, error))
      if (output === undefined) return undefined
      if (output.ETag === undefined || output.ContentLength === undefined) throw foreignAnswer(call, 'no ETag')
      return { size: output.ContentLength, age: ageAt(call, output.LastModified) }
    })
  }

  async get(key: Key, options: GetOptions): Promise<ObjectBytes | undefined> {
    checkKey(key)
    if (options.length === 0) return this.#emptyRange(key, options)
    const found = await this.#calls.call(options.signal, async call => {
      const command = new call.sdk.GetObjectCommand({ ...this.#calls.at(key), ...rangeHeader(options) })
      const output = await this.#calls
        .send(call, command, { streams: true })
        .catch(error => (call.status === 416 ? 'beyond' : this.#calls.unlessAbsent(call, error)))
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
    await this.#calls.call(signal, call => this.#put(call, key, { bytes }))
  }

  async create(key: Key, bytes: Uint8Array, { signal }: CallOptions = {}): Promise<Creation> {
    checkKey(key)
    return this.#calls.call(signal, async call => {
      try {
        await this.#put(call, key, { bytes, IfNoneMatch: '*' })
        return 'created'
      } catch (error) {
        if (call.status === 412) return 'exists'
        if (call.status === 501) return 'unsupported'
        throw error
      }
    })
  }

  async #put(
    call: Call,
    key: Key,
    { bytes, ...condition }: { readonly bytes: Uint8Array; readonly IfNoneMatch?: string },
  ): Promise<void> {
    // A view, no copy. The SDK sends it as it is, with its length and its SHA-256 under the signature.
    const Body = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    const object = { ...this.#calls.at(key), Body, ContentType: contentType, ...condition }
    const output = await this.#calls.send(call, new call.sdk.PutObjectCommand(object))
    if (output.ETag === undefined) throw foreignAnswer(call, 'no ETag')
  }

  async *list(prefix: string, { signal }: CallOptions = {}): AsyncGenerator<ObjectEntry> {
    checkPrefix(prefix)
    const retry: Retry = this.#calls.options.retry ?? ((_what, act) => act())
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
    return this.#calls.call(signal, async call => {
      const { bucket: Bucket, prefix: base } = this.#calls.options
      const more = token === undefined ? {} : { ContinuationToken: token }
      const output = await this.#calls.send(
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
    await this.#calls.call(signal, async call => {
      const command = new call.sdk.DeleteObjectCommand(this.#calls.at(key))
      await this.#calls.send(call, command).catch(error => this.#calls.unlessAbsent(call, error))
    })
  }

  close(): Promise<void> {
    return this.#calls.close()
  }
}

const contentType = 'application/octet-stream'

interface Page {
  readonly entries: readonly ObjectEntry[]
  readonly next: string | undefined
}
