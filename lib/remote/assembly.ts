// A file that arrives in pieces, in any order, at their places in one temporary file. It is hashed behind the pieces as
// far as they are there without a gap, so that the last one is not followed by a long read of it all.

import { chmodSync, closeSync, openSync, rmSync, statSync, truncateSync } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import type { Digest } from '../core/digest.js'
import { fromSystemError } from '../core/errors.js'
import { createHasher, finishDigest } from '../sys/hash.js'

const readSize = 4_194_304
let readBuffer: Buffer | undefined

export class Assembly {
  readonly path: string
  readonly size: number
  readonly #done = new Map<number, number>()
  readonly #hasher = createHasher()
  #prefix = 0
  #hashed = 0
  #received = 0
  #file: FileHandle | undefined
  #hashing: Promise<void> = Promise.resolve()

  /** Makes the temporary file, which must not be there; or takes one, whatever is in it. */
  constructor(path: string, size: number, { taken = false }: { readonly taken?: boolean } = {}) {
    this.path = path
    this.size = size
    try {
      if (!taken) closeSync(openSync(path, 'wx', 0o600))
      else if (statSync(path).size > size) truncateSync(path, size)
    } catch (error) {
      throw fromSystemError(error, path)
    }
  }

  /** A piece was written. Each byte is told of once. */
  note(position: number, length: number): void {
    this.#received += length
    this.#done.set(position, position + length)
    for (let end = this.#done.get(this.#prefix); end !== undefined; end = this.#done.get(this.#prefix)) {
      this.#done.delete(this.#prefix)
      this.#prefix = end
    }
    const prefix = this.#prefix
    this.#hashing = this.#hashing.then(() => this.#hashTo(prefix))
    this.#hashing.catch(() => undefined) // thrown by `digest`
  }

  get complete(): boolean {
    return this.#received === this.size
  }

  /** Of the complete file. After it the file has the mode of a blob. */
  async digest(): Promise<Digest> {
    try {
      await this.#hashing
      chmodSync(this.path, 0o444)
      return finishDigest(this.#hasher)
    } catch (error) {
      throw fromSystemError(error, this.path)
    } finally {
      await this.#close()
    }
  }

  /** Leaves the file as it is, for a later pull. */
  async leave(): Promise<void> {
    await this.#hashing.catch(() => undefined)
    await this.#close()
  }

  async discard(): Promise<void> {
    await this.leave()
    rmSync(this.path, { force: true })
  }

  async #close(): Promise<void> {
    await this.#file?.close()
    this.#file = undefined
  }

  async #hashTo(end: number): Promise<void> {
    while (this.#hashed < end) {
      this.#file ??= await open(this.path, 'r')
      // Taken while it is read into and hashed, since several assemblies share it.
      const buffer = readBuffer ?? Buffer.allocUnsafeSlow(readSize)
      readBuffer = undefined
      const { bytesRead } = await this.#file.read(buffer, 0, Math.min(readSize, end - this.#hashed), this.#hashed)
      this.#hasher.update(buffer.subarray(0, bytesRead))
      readBuffer = buffer
      // Someone else made the file shorter: the digest will tell.
      if (bytesRead === 0) return
      this.#hashed += bytesRead
    }
  }
}
