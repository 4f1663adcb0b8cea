// A lake in a bucket: a path below the prefix is the object's own key. Large files go up in parts, a few at a time, each with
// its SHA-256 under the signature as any body of ours has; the object is there when the last call of the upload is answered,
// and not before. What a killed upload leaves of parts is no object, costs room, and is for a lifecycle rule of the bucket
// (AbortIncompleteMultipartUpload) to clear.

import { DdvError, throwIfAborted } from '../core/errors.js'
import { displayPath, type TreePath, treePathProblem } from '../core/tree-path.js'
import type { Lake, LakeBytes, LakeEntry, LakeObject, LakeRange, LakeSource } from './lake.js'
import type { CallOptions } from './remote.js'
import type { Retry } from './retry.js'
import { rangeHeader, readObject } from './s3-answers.js'
import { type Call, S3Calls, type S3Options } from './s3-client.js'
import { foreignAnswer } from './s3-errors.js'

export interface S3LakeOptions extends S3Options {
  /** Bytes of a part, 5 MiB at least; for tests. */
  readonly partSize?: number
}

/** Files up to this are one request. */
const defaultPartSize = 8 * 1024 * 1024
/** What S3 takes. */
const maxParts = 10_000
const maxKey = 1024
/** Parts on their way at once: memory holds one more. */
const partsAtOnce = 4
/** For giving up an upload after a failure, in milliseconds. */
const farewell = 5_000
const contentType = 'application/octet-stream'

export const openS3Lake = (options: S3LakeOptions): Lake => new S3Lake(options)

class S3Lake implements Lake {
  readonly url: string
  readonly #calls: S3Calls
  readonly #retry: Retry
  readonly #partSize: number

  constructor({ partSize = defaultPartSize, ...options }: S3LakeOptions) {
    this.url = options.url
    this.#calls = new S3Calls(options)
    this.#retry = options.retry ?? ((_what, act) => act())
    this.#partSize = partSize
  }

  stat(path: TreePath, { signal }: CallOptions = {}): Promise<LakeObject | undefined> {
    return this.#request(`stat ${path}`, signal, async call => {
      const command = new call.sdk.HeadObjectCommand(this.#at(path))
      const output = await this.#calls.send(call, command).catch(error => this.#calls.explain(call, error))
      return output && { size: sizeOf(call, output.ContentLength), version: versionOf(call, output.ETag) }
    })
  }

  async get(path: TreePath, { offset, length, signal }: LakeRange): Promise<LakeBytes | undefined> {
    const range = { offset, length, maxBytes: length }
    const found = await this.#request(`get ${path}`, signal, async call => {
      const command = new call.sdk.GetObjectCommand({ ...this.#at(path), ...rangeHeader(range) })
      const output = await this.#calls.send(call, command, { streams: true }).catch(error =>
        // HTTP has no range in an empty object, nor behind the end.
        call.status === 416 ? 'beyond' : this.#calls.unlessAbsent(call, error),
      )
      if (typeof output !== 'object') return output
      const { size, bytes } = await readObject(call, output, { ...range, key: path })
      return { size, bytes, version: versionOf(call, output.ETag) }
    })
    if (found !== 'beyond') return found
    const object = await this.stat(path, { signal })
    return object && { ...object, bytes: Buffer.alloc(0) }
  }

  async put(path: TreePath, source: LakeSource, { signal }: CallOptions = {}): Promise<LakeObject> {
    const { size } = source
    if (size > this.#partSize) return this.#putParts(path, source, signal)
    let bytes: Buffer = Buffer.alloc(0)
    for await (const piece of source.pieces(Math.max(1, size))) bytes = piece
    return this.#request(`put ${path}`, signal, async call => {
      const command = new call.sdk.PutObjectCommand({ ...this.#at(path), Body: bytes, ContentType: contentType })
      return { size, version: versionOf(call, (await this.#calls.send(call, command)).ETag) }
    })
  }

  async *list(directory: TreePath, { signal }: CallOptions = {}): AsyncGenerator<LakeEntry> {
    const { bucket: Bucket, prefix } = this.#calls.options
    for (let token: string | undefined; ; ) {
      const more = token === undefined ? {} : { ContinuationToken: token }
      const page = await this.#request(`list ${directory}`, signal, async call => {
        // In XML as it is, names would lose spaces at their ends, and could hold what XML cannot.
        const options = { Bucket, Prefix: `${prefix}${directory}/`, EncodingType: 'url' as const, ...more }
        const output = await this.#calls.send(call, new call.sdk.ListObjectsV2Command(options))
        const next = output.IsTruncated ? output.NextContinuationToken : undefined
        if (output.IsTruncated === undefined) throw foreignAnswer(call, 'no listing')
        if (output.IsTruncated && (next === undefined || next === token)) throw foreignAnswer(call, 'no next page')
        const isEncoded = output.EncodingType === 'url'
        const entries = (output.Contents ?? []).flatMap(({ Key = '', Size, ETag }): LakeEntry[] => {
          const path = (isEncoded ? decodeKey(Key) : Key).slice(prefix.length)
          if (treePathProblem(path) !== undefined || !path.startsWith(`${directory}/`)) return []
          return [{ path: path as TreePath, size: sizeOf(call, Size), version: versionOf(call, ETag) }]
        })
        return { entries, next }
      })
      for (const entry of page.entries) {
        throwIfAborted(signal)
        yield entry
      }
      if (page.next === undefined) return
      token = page.next
    }
  }

  async remove(path: TreePath, { signal }: CallOptions = {}): Promise<void> {
    await this.#request(`remove ${path}`, signal, async call => {
      const command = new call.sdk.DeleteObjectCommand(this.#at(path))
      await this.#calls.send(call, command).catch(error => this.#calls.unlessAbsent(call, error))
    })
  }

  close(): Promise<void> {
    return this.#calls.close()
  }

  #request<T>(what: string, signal: AbortSignal | undefined, act: (call: Call) => Promise<T>): Promise<T> {
    return this.#retry(what, () => this.#calls.call(signal, act), signal)
  }

  #at(path: TreePath): { Bucket: string; Key: string } {
    const { Bucket, Key } = this.#calls.at(path)
    if (/[\u0000-\u001f\u007f]/.test(path))
      throw new DdvError('bad-path', `a name with control characters has no place in a bucket: ${displayPath(path)}`)
    if (Buffer.byteLength(Key) > maxKey)
      throw new DdvError(
        'bad-path',
        `a path of more than ${maxKey} bytes has no place in a bucket: ${displayPath(path)}`,
      )
    return { Bucket, Key }
  }

  async #putParts(path: TreePath, source: LakeSource, signal: AbortSignal | undefined): Promise<LakeObject> {
    const at = this.#at(path)
    const id = await this.#request(`put ${path}`, signal, async call => {
      const command = new call.sdk.CreateMultipartUploadCommand({ ...at, ContentType: contentType })
      const { UploadId } = await this.#calls.send(call, command)
      if (UploadId === undefined) throw foreignAnswer(call, 'no upload')
      return UploadId
    })
    try {
      const tags = await this.#sendParts(path, source, { id, signal })
      return await this.#complete(path, source.size, { id, tags, signal })
    } catch (error) {
      // Also where the caller has stopped. What cannot be given up is the bucket's to clear; the error at hand tells more.
      await this.#calls
        .call(AbortSignal.timeout(farewell), call =>
          this.#calls.send(call, new call.sdk.AbortMultipartUploadCommand({ ...at, UploadId: id })),
        )
        .catch(() => undefined)
      throw error
    }
  }

  async #sendParts(path: TreePath, source: LakeSource, { id, signal }: Upload): Promise<readonly string[]> {
    const size = Math.max(this.#partSize, Math.ceil(source.size / maxParts))
    const tags: string[] = []
    const running = new Set<Promise<void>>()
    let failure: unknown
    const send = async (number: number, Body: Buffer): Promise<void> => {
      const part = { ...this.#at(path), UploadId: id, PartNumber: number, Body }
      tags[number - 1] = await this.#request(`put ${path}, part ${number}`, signal, async call =>
        requireTag(call, (await this.#calls.send(call, new call.sdk.UploadPartCommand(part))).ETag),
      )
    }
    try {
      let number = 0
      for await (const piece of source.pieces(size)) {
        throwIfAborted(signal)
        const sending: Promise<void> = send(++number, piece)
          .catch(error => {
            failure ??= error
          })
          .finally(() => running.delete(sending))
        running.add(sending)
        if (running.size >= partsAtOnce) await Promise.race(running)
        if (failure !== undefined) break
      }
    } finally {
      await Promise.all(running)
    }
    if (failure !== undefined) throw failure
    return tags
  }

  async #complete(path: TreePath, size: number, { id, tags, signal }: Complete): Promise<LakeObject> {
    const MultipartUpload = { Parts: tags.map((ETag, i) => ({ ETag, PartNumber: i + 1 })) }
    let isLost = false
    await this.#request(`put ${path}, all parts`, signal, async call => {
      const command = new call.sdk.CompleteMultipartUploadCommand({ ...this.#at(path), UploadId: id, MultipartUpload })
      try {
        await this.#calls.send(call, command)
      } catch (error) {
        // After a lost answer the upload is over, and there is none of its id any more.
        if (isLost && error instanceof Error && error.name === 'NoSuchUpload') return
        isLost = true
        throw error
      }
    })
    // Not by the answer: Ceph's tells no ETag.
    const object = await this.stat(path, { signal })
    if (object?.size === size) return object
    throw new DdvError('remote', `an upload came to its end, and the object is not there: ${displayPath(path)}`)
  }
}

interface Upload extends CallOptions {
  readonly id: string
}

interface Complete extends Upload {
  readonly tags: readonly string[]
}

/** ETags are the same whether the answer quotes them or not. Throws where there is none: S3 always sends one. */
const versionOf = (call: Call, tag: string | undefined): string => requireTag(call, tag).replaceAll('"', '')

function requireTag(call: Call, tag: string | undefined): string {
  if (tag === undefined || tag === '') throw foreignAnswer(call, 'no ETag')
  return tag
}

function sizeOf(call: Call, size: number | undefined): number {
  if (size === undefined) throw foreignAnswer(call, 'no size')
  return size
}

/** As stores encode keys in listings: a `+` may stand for a space, never for itself. */
function decodeKey(key: string): string {
  try {
    return decodeURIComponent(key.replaceAll('+', ' '))
  } catch (error) {
    if (!(error instanceof URIError)) throw error
    return ''
  }
}
