import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import type { Pool } from '../../lib/sys/pool.js'
import { statFilesJob } from '../../lib/sys/stats.js'
import { batchFiles, StatQueue } from '../../lib/workspace/stat-queue.js'
import { directPool } from '../support/pool.js'

const twoThreads = (before?: (job: string) => void | Promise<void>): Pool => ({ ...directPool(before), size: 3 })

t.test('stats come in the order of the names, whoever took them', async t => {
  const directory = t.testdir({})
  for (let i = 0; i < 10; i++) writeFileSync(join(directory, `f${i}`), 'x'.repeat(i))
  const names = Array.from({ length: 7 * batchFiles + 3 }, (_, i) => `f${i % 11}`) // f10 is not there
  const wanted = statFilesJob.run({ directory, names: names.join('\0') })
  let taken = 0
  const slow = async (): Promise<void> => {
    taken++
    await new Promise(resolve => setTimeout(resolve, taken % 3))
  }
  for (const pool of [directPool(() => Promise.reject(new Error('no thread is there'))), twoThreads(slow)]) {
    const queue = new StatQueue({ directory, pool })
    for (let row = 0; row < names.length; row += batchFiles) queue.add(names.slice(row, row + batchFiles))
    const stats = await queue.finish()
    t.ok(Buffer.from(stats.buffer).equals(Buffer.from(wanted.buffer)))
  }
  t.ok(taken > 1, 'threads took a part')
})

t.test('what fails on a thread fails all; after close nothing is begun', async t => {
  const directory = t.testdir({})
  const names = Array.from({ length: 8 * batchFiles }, (_, i) => `f${i}`)
  const queue = new StatQueue({ directory, pool: twoThreads(() => Promise.reject(new Error('broken'))) })
  queue.add(names)
  await t.rejects(queue.finish(), { message: 'broken' })
  let begun = 0
  const closed = new StatQueue({ directory, pool: twoThreads(() => void begun++) })
  for (let i = 0; i < 4; i++) closed.add(names)
  await closed.close()
  t.equal(begun, 2)
})
