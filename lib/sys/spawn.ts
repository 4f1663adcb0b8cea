// Starting other programs, never through a shell. What a program says or answers is data: only what cannot be an answer
// (stopped, too much output, no such directory) is thrown.

import type { ChildProcessWithoutNullStreams } from 'node:child_process'
import { DdvError, systemCode } from '../core/errors.js'

export interface RunOptions {
  readonly cwd: string
  /** The whole environment of the program, `PATH` for finding it included. */
  readonly env: Environment
  readonly input?: string | Uint8Array
  /** The program is killed and `interrupted` thrown. */
  readonly signal?: AbortSignal | undefined
  /** Bytes of stdout; 64 MiB unless told. More is an error, and the program is killed. */
  readonly maxOutput?: number
}

export type Environment = Readonly<Record<string, string | undefined>>

export interface RunResult {
  /** The exit code; 128 + the signal's number where a signal ended the program, as shells count. */
  readonly code: number
  readonly stdout: Buffer
  /** The last 64 KiB at most. */
  readonly stderr: string
}

const maxError = 65_536

/** Runs to the end. undefined where there is no such program. */
export function run(program: string, args: readonly string[], options: RunOptions): Promise<RunResult | undefined> {
  return new Promise((resolve, reject) => {
    if (options.signal?.aborted) return reject(interrupted())
    // Loaded on first use: it costs 3 ms, and most commands start no program.
    const { spawn } = process.getBuiltinModule('node:child_process')
    const child = spawn(program, args, { cwd: options.cwd, env: { ...options.env }, windowsHide: true })
    const stdout: Buffer[] = []
    let stderr = ''
    let size = 0
    let failure: DdvError | undefined
    const stop = (error: DdvError): void => {
      failure ??= error
      child.kill('SIGKILL')
    }
    const onAbort = (): void => stop(interrupted())
    options.signal?.addEventListener('abort', onAbort, { once: true })
    child.stdout.on('data', (bytes: Buffer) => {
      size += bytes.length
      if (size > (options.maxOutput ?? 67_108_864)) stop(new DdvError('io', `${program} printed more than expected`))
      else stdout.push(bytes)
    })
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr = (stderr + text).slice(-maxError)
    })
    child.on('error', error => {
      options.signal?.removeEventListener('abort', onAbort)
      // Node reports a missing working directory as if the program were missing.
      if (systemCode(error) === 'ENOENT') resolve(undefined)
      else reject(new DdvError('io', `cannot run ${program}: ${error.message}`, { cause: error }))
    })
    child.on('close', (code, signal) => {
      options.signal?.removeEventListener('abort', onAbort)
      if (failure !== undefined) reject(failure)
      else resolve({ code: code ?? signalCode(signal), stdout: Buffer.concat(stdout), stderr })
    })
    feed(child, options.input)
  })
}

// A program may end without reading all of its input; its exit code tells what that means.
function feed(child: ChildProcessWithoutNullStreams, input: string | Uint8Array | undefined): void {
  child.stdin.on('error', () => undefined)
  child.stdin.end(input ?? '')
}

const signalNumbers: Readonly<Record<string, number>> = { SIGHUP: 1, SIGINT: 2, SIGKILL: 9, SIGPIPE: 13, SIGTERM: 15 }
const signalCode = (signal: string | null): number => 128 + (signalNumbers[signal ?? ''] ?? 0)

const interrupted = (): DdvError => new DdvError('interrupted', 'interrupted')
