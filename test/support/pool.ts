import type { Test } from 'tap'
import { hashRingJob } from '../../lib/sys/copy.js'
import { type Job, openPool, type Pool, type PoolOptions } from '../../lib/sys/pool.js'

const entry = new URL('./thread-files.js', import.meta.url)

/** Threads with the jobs of sys, cache and workspace, stopped when the test ends. */
export function filesPool(t: Test, options: Partial<PoolOptions> = {}): Pool {
  const pool = openPool({ entry, size: 2, ...options })
  t.teardown(() => pool.close())
  return pool
}

/** A pool that runs each job here, for what must be timed or broken by hand. */
export const directPool = (before: (job: string) => void | Promise<void> = () => {}): Pool => ({
  size: 1,
  run: async (job, args) => {
    await before(job.name)
    return job.name === hashRingJob.name ? runOnThread(job, args) : job.run(args)
  },
  close: async () => {},
})

// A job that waits for a file's copier must not do so on the copier's own thread.
async function runOnThread<A, R>(job: Job<A, R>, args: A): Promise<R> {
  const pool = openPool({ entry, size: 1 })
  try {
    return await pool.run(job, args)
  } finally {
    await pool.close()
  }
}
