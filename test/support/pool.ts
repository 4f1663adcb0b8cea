import type { Test } from 'tap'
import { openPool, type Pool, type PoolOptions } from '../../lib/sys/pool.js'

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
    return job.run(args)
  },
  close: async () => {},
})
