// Jobs that do what jobs should and should not do on a thread.

import { readFileSync } from 'node:fs'
import { threadId } from 'node:worker_threads'
import { DdvError } from '../../lib/core/errors.js'
import { createHasher, finishDigest, hashBytes, hashName } from '../../lib/sys/hash.js'
import type { Job } from '../../lib/sys/pool.js'

export const echoJob: Job<unknown, unknown> = { name: 'test.echo', run: args => args }

export const threadJob: Job<null, number> = {
  name: 'test.thread',
  run: async () => {
    await new Promise(resolve => setTimeout(resolve, 20))
    return threadId
  },
}

export const bufferJob = {
  name: 'test.buffer',
  run: (bytes: Uint8Array) => bytes.map(byte => byte + 1),
  transfer: (bytes: Uint8Array) => [bytes.buffer],
} satisfies Job<Uint8Array, Uint8Array>

export const ddvErrorJob: Job<null, never> = {
  name: 'test.ddv-error',
  run: () => {
    throw new DdvError('busy', 'no time', { hint: 'wait', cause: new Error('deep') })
  },
}

export const systemErrorJob: Job<string, string> = {
  name: 'test.system-error',
  run: file => readFileSync(file, 'utf8'),
}

export const plainErrorJob: Job<null, never> = {
  name: 'test.plain-error',
  run: () => {
    throw new TypeError('a bug')
  },
}

/** A rejection that nobody awaits: as a fault outside of any job. */
export const crashJob: Job<null, null> = {
  name: 'test.crash',
  run: () =>
    new Promise(() => {
      setImmediate(() => {
        throw new Error('crashed')
      })
    }),
}

export const exitJob: Job<null, null> = { name: 'test.exit', run: () => process.exit(3) }

export const uncloneableJob: Job<null, unknown> = { name: 'test.uncloneable', run: () => () => 1 }

export const hangJob: Job<null, null> = { name: 'test.hang', run: () => new Promise(() => {}) }

/** Not served on purpose. */
export const unknownJob: Job<null, null> = { name: 'test.unknown', run: () => null }

export interface HashReport {
  readonly name: string
  readonly whole: string
  readonly streamed: string
}

/** Bytes hashed by one call, and in uneven pieces. */
export function hashBothWays(bytes: Uint8Array): HashReport {
  const hasher = createHasher()
  for (let at = 0, step = 1; at < bytes.length; at += step, step = (step * 3 + 1) % 4099)
    hasher.update(bytes.subarray(at, at + step))
  return { name: hashName(), whole: hashBytes(bytes), streamed: finishDigest(hasher) }
}

export const hashBothWaysJob: Job<Uint8Array, HashReport> = { name: 'test.hash', run: hashBothWays }

export const testJobs = [
  echoJob,
  threadJob,
  bufferJob,
  ddvErrorJob,
  systemErrorJob,
  plainErrorJob,
  crashJob,
  exitJob,
  uncloneableJob,
  hangJob,
  hashBothWaysJob,
]
