// A process that takes the lock. argv: directory, what to do, and for `count` a file and how often.

import { readFileSync, writeFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { withLock } from '../../lib/sys/lock.js'

const [directory, what, file, times] = process.argv.slice(2) as [string, string, string, string]

if (what === 'hold')
  await withLock(directory, {}, async () => {
    process.stdout.write(`held ${process.pid}\n`)
    await sleep(60_000)
  })
else
  for (let i = 0; i < Number(times); i++)
    await withLock(directory, { patience: 60_000 }, async () => {
      const count = Number(readFileSync(file, 'utf8'))
      if (i % 5 === 0) await sleep(1) // between reading and writing, where another would be seen
      writeFileSync(file, String(count + 1))
    })
