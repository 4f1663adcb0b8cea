// The other end of pool.ts: what a worker thread does.

import { parentPort, type TransferListItem } from 'node:worker_threads'
import { DdvError, systemCode } from '../core/errors.js'
import type { Job, Reply, Request } from './pool.js'

// Each job has its own types of arguments and results; here they are only passed through.
interface AnyJob {
  readonly name: string
  readonly run: (args: never) => unknown
  readonly transfer?: ((result: never) => readonly ArrayBufferLike[]) | undefined
}

/** Answers requests for these jobs until the thread is ended. Throws outside a worker thread. */
export function serveJobs(jobs: readonly AnyJob[]): void {
  const port = parentPort
  if (port === null) throw new Error('serveJobs is for worker threads')
  const byName = new Map(jobs.map(job => [job.name, job as unknown as Job<unknown, unknown>]))
  port.on('message', async ({ id, job: name, args }: Request) => {
    try {
      const job = byName.get(name)
      if (job === undefined) throw new Error(`no such job: ${name}`)
      const result = await job.run(args)
      const reply: Reply = { id, ok: true, result }
      port.postMessage(reply, (job.transfer?.(result) ?? []) as TransferListItem[])
    } catch (error) {
      const ddv = error instanceof DdvError ? { code: error.code, message: error.message, hint: error.hint } : undefined
      // A DOMException (what could not be cloned, say) arrives as an empty object.
      const sent = error instanceof DOMException ? new Error(`${error.name}: ${error.message}`) : error
      const reply: Reply = { id, ok: false, error: sent, parts: { ddv, code: systemCode(error) } }
      port.postMessage(reply)
    }
  })
}
