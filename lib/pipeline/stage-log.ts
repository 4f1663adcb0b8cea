// The file that keeps what a stage printed: stdout and stderr as they came, line by line, so that neither breaks into the
// other's lines. Written at once, so that what is in it when ddv is killed is all there was.

import { closeSync, constants, openSync, writeSync } from 'node:fs'
import { fromSystemError } from '../core/errors.js'
import type { OutputLog, OutputStream } from './executor.js'

/** Bytes that a stage may leave in its log, all tries together. */
export const maxLog = 67_108_864

/** A class because of what is open, and where in a line it is. */
export class StageLog implements OutputLog {
  readonly file: string
  readonly #fd: number
  #room: number
  #midLine = false
  #last: OutputStream | undefined
  #full = false

  /** Makes the file, which must not be there. */
  constructor(file: string, room = maxLog) {
    const { O_WRONLY, O_CREAT, O_EXCL, O_APPEND } = constants
    this.file = file
    this.#room = room
    this.#fd = openSync(file, O_WRONLY | O_CREAT | O_EXCL | O_APPEND, 0o666)
  }

  /** Whole lines, or the end of what a stream had. What comes after the log is full is let go, and the log says so. */
  write(stream: OutputStream, bytes: Buffer): void {
    if (this.#full || bytes.length === 0) return
    if (this.#midLine && stream !== this.#last) this.#append(Buffer.from('\n'))
    this.#last = stream
    const fitting = bytes.subarray(0, this.#room)
    this.#append(fitting)
    this.#room -= fitting.length
    if (fitting.length === bytes.length) return
    this.note('the log ends here: it has no room for more')
    this.#full = true
  }

  note(text: string): void {
    if (!this.#full) this.#append(Buffer.from(`${this.#midLine ? '\n' : ''}ddv: ${text}\n`))
  }

  close(): void {
    closeSync(this.#fd)
  }

  #append(bytes: Buffer): void {
    try {
      for (let at = 0; at < bytes.length; ) at += writeSync(this.#fd, bytes, at)
    } catch (error) {
      throw fromSystemError(error, this.file)
    }
    if (bytes.length > 0) this.#midLine = bytes.at(-1) !== 0x0a
  }
}
