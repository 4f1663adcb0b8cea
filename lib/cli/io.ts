// Everything of the process that the command line touches, as a record: tests run `main` in process with one of their own.

import { systemCode } from '../core/errors.js'
import type { Environment } from '../sys/spawn.js'

export interface Output {
  write(text: string): void
  /** Waits while the reader is slow; false where it went away. */
  writeBytes(bytes: Uint8Array): Promise<boolean>
  readonly isTerminal: boolean
  /** Width of the terminal, which may change; 80 where it is not known. */
  readonly columns: number
}

export interface Io {
  readonly stdout: Output
  readonly stderr: Output
  readonly env: Environment
  /** Absolute. */
  readonly cwd: string
  /** Calls the listener on each Ctrl-C (or SIGTERM), until the returned function is called. */
  onInterrupt(listener: () => void): () => void
  /** Ends the process at once, whatever still runs, as an interrupted one: a shell sees exit code 130. */
  exitInterrupted(): void
}

/** The real one. */
export function processIo(): Io {
  return {
    stdout: streamOutput(process.stdout),
    stderr: streamOutput(process.stderr),
    env: process.env,
    cwd: process.cwd(),
    onInterrupt(listener) {
      process.on('SIGINT', listener).on('SIGTERM', listener)
      return () => void process.off('SIGINT', listener).off('SIGTERM', listener)
    },
    exitInterrupted() {
      // process.exit waits for system calls that threads are in, such as the copy of a large file: 30 s were seen. To
      // die of the signal does not wait, and is what a shell expects of an interrupted program.
      if (process.platform === 'win32') process.exit(130)
      process.removeAllListeners('SIGINT')
      process.kill(process.pid, 'SIGINT')
    },
  }
}

// A reader that went away (`ddv list | head`) is no error: what is left to say is dropped, and the work goes on. It goes
// on, too, where the text has no room (`ddv list > full-disk`), but is then told to have failed.
function streamOutput(stream: NodeJS.WriteStream): Output {
  let open = true
  stream.on('error', error => {
    if (systemCode(error) !== 'EPIPE' && open) {
      process.stderr.write(`ddv: error: cannot write the output: ${error.message}\n`)
      process.once('exit', code => {
        if (code === 0) process.exitCode = 1
      })
    }
    open = false
  })
  return {
    write: text => {
      if (open) stream.write(text)
    },
    writeBytes: async bytes => {
      if (open && !stream.write(bytes)) await drained(stream)
      return open
    },
    isTerminal: stream.isTTY === true,
    get columns() {
      return stream.columns || 80
    },
  }
}

/** Settles also where the reader went away, and then nothing drains. */
function drained(stream: NodeJS.WriteStream): Promise<void> {
  return new Promise(resolve => {
    const done = (): void => {
      stream.off('drain', done).off('error', done).off('close', done)
      resolve()
    }
    stream.on('drain', done).on('error', done).on('close', done)
  })
}
