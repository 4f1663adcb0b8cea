import type { Test } from 'tap'
import { openPool, type Pool, type PoolOptions } from '../../lib/sys/pool.js'

/** Threads with the jobs of sys, cache and workspace, stopped when the test ends. */
export function filesPool(t: Test, options: Partial<PoolOptions> = {}): Pool {
  const pool = openPool({ entry: new URL('./thread-files.js', import.meta.url), size: 2, ...options })
  t.teardown(() => pool.close())
  return pool
}

/** A pool that runs each job here, for what must be timed or broken by hand. */
export const directPool = (before: (job: string) => void | Promise<void> = () => {}): Pool => ({
  size: 1,
  run: async (job, args) => {
    await before(job.name)
    await written(args)
    return job.run(args)
  },
  close: async () => {},
})

// A job that waits for a file's writer must not do so on the writer's own thread.
async function written(args: unknown): Promise<void> {
  const progress = (args as { progress?: Int32Array } | null)?.progress
  while (progress !== undefined && Atomics.load(progress, 0) === 0) await new Promise(resolve => setTimeout(resolve, 1))
}
