// Worker threads for what is bound by the processor or by synchronous file-system calls (for many small files those
// beat promises three to one). A job is a plain function in a module of its room; the thread's entry (ops/thread.ts)
// lists all jobs, so that this folder need not know them.

import { cpus } from 'node:os'
import { setEnvironmentData, type TransferListItem, Worker } from 'node:worker_threads'
import { DdvError } from '../core/errors.js'

/** `run` gets a structured clone of the arguments and gives back what can be cloned; `transfer` names its buffers. */
export interface Job<A, R> {
  readonly name: string
  readonly run: (args: A) => R | Promise<R>
  readonly transfer?: (result: R) => readonly ArrayBufferLike[]
}

export interface Pool {
  /** How many jobs run at the same time. */
  readonly size: number
  /** Runs on a thread, started on first use. A DdvError thrown there arrives as one, a system error with its code. */
  run<A, R>(job: Job<A, R>, args: A, options?: RunOptions): Promise<R>
  /** Ends the threads; what runs or waits is `interrupted`. */
  close(): Promise<void>
}

export interface RunOptions {
  /** Buffers of the arguments that move to the thread instead of being copied. */
  readonly transfer?: readonly ArrayBufferLike[] | undefined
  /** Aborted before a thread was free: the job is `interrupted` and never runs. */
  readonly signal?: AbortSignal | undefined
}

export interface PoolOptions {
  /** The module that every thread runs; it calls `serveJobs`. */
  readonly entry: URL
  /** Default: the number of cores. */
  readonly size?: number | undefined
  /** Given to each thread's environment data under `ddv`. */
  readonly data?: Readonly<Record<string, unknown>> | undefined
}

export type Request = { readonly id: number; readonly job: string; readonly args: unknown }
export type Reply =
  | { readonly id: number; readonly ok: true; readonly result: unknown }
  | { readonly id: number; readonly ok: false; readonly error: unknown; readonly parts: ErrorParts }
/** Structured clone loses the class and the fields of an error, so they travel beside it. */
export interface ErrorParts {
  readonly ddv: Pick<DdvError, 'code' | 'message' | 'hint'> | undefined
  /** Of a system error. */
  readonly code: string | undefined
}

interface Waiting {
  readonly request: Request
  readonly options: RunOptions
  readonly resolve: (result: unknown) => void
  readonly reject: (error: unknown) => void
}

interface Thread {
  readonly worker: Worker
  current: Waiting | undefined
}

export function openPool(options: PoolOptions): Pool {
  const size = Math.max(1, options.size ?? cpus().length)
  if (options.data !== undefined) setEnvironmentData('ddv', options.data)
  return new ThreadPool(options.entry, size)
}

/** Short-lived objects of a thread before it collects, in MiB: what jobs keep is small, and unless told it is 48 each. */
const youngMemory = 12

class ThreadPool implements Pool {
  readonly size: number
  readonly #entry: URL
  readonly #threads: Thread[] = []
  readonly #queue: Waiting[] = []
  #nextId = 0

  constructor(entry: URL, size: number) {
    this.#entry = entry
    this.size = size
  }

  run<A, R>(job: Job<A, R>, args: A, options: RunOptions = {}): Promise<R> {
    return new Promise<R>((resolve, reject) => {
      const request = { id: this.#nextId++, job: job.name, args }
      this.#queue.push({ request, options, resolve: resolve as (result: unknown) => void, reject })
      this.#dispatch()
    })
  }

  async close(): Promise<void> {
    const threads = this.#threads.splice(0)
    for (const waiting of this.#queue.splice(0)) waiting.reject(stopped())
    await Promise.all(threads.map(thread => thread.worker.terminate()))
  }

  #dispatch(): void {
    while (this.#queue.length > 0) {
      const thread = this.#threads.find(t => t.current === undefined) ?? this.#start()
      if (thread === undefined) return
      const next = this.#queue.shift() as Waiting
      if (next.options.signal?.aborted) {
        next.reject(new DdvError('interrupted', 'interrupted'))
        continue
      }
      try {
        thread.worker.postMessage(next.request, (next.options.transfer ?? []) as TransferListItem[])
      } catch (error) {
        next.reject(error) // arguments that cannot be cloned: the thread has seen nothing of them
        thread.worker.unref()
        continue
      }
      thread.current = next
      thread.worker.ref()
    }
  }

  #start(): Thread | undefined {
    if (this.#threads.length >= this.size) return undefined
    // Without the program's own flags: a module preloaded there would cost each thread its start again.
    const worker = new Worker(this.#entry, { execArgv: [], resourceLimits: { maxYoungGenerationSizeMb: youngMemory } })
    const thread: Thread = { worker, current: undefined }
    thread.worker.on('message', (reply: Reply) => this.#settle(thread, reply))
    thread.worker.on('error', error => this.#lose(thread, error))
    thread.worker.on('exit', () => this.#lose(thread, stopped()))
    this.#threads.push(thread)
    return thread
  }

  #settle(thread: Thread, reply: Reply): void {
    const waiting = thread.current
    thread.current = undefined
    thread.worker.unref() // an idle thread must not keep the program alive
    if (reply.ok) waiting?.resolve(reply.result)
    else waiting?.reject(reviveError(reply))
    this.#dispatch()
  }

  #lose(thread: Thread, error: unknown): void {
    const at = this.#threads.indexOf(thread)
    if (at >= 0) this.#threads.splice(at, 1)
    const waiting = thread.current
    thread.current = undefined
    waiting?.reject(error)
    if (at >= 0) this.#dispatch()
  }
}

const stopped = (): DdvError => new DdvError('interrupted', 'a worker thread was stopped')

function reviveError(reply: Reply & { ok: false }): unknown {
  const { ddv, code: systemCode } = reply.parts
  if (ddv === undefined)
    return reply.error instanceof Error && systemCode !== undefined
      ? Object.assign(reply.error, { code: systemCode })
      : reply.error
  const { code, message, hint } = ddv
  return new DdvError(code, message, { cause: reply.error, ...(hint === undefined ? {} : { hint }) })
}
