// Runs scripts in groups of their own until it is killed: `node group-child.js DIRECTORY SCRIPT…`. Each begins when the one
// before it has printed something.

import { runGroup } from '../../lib/sys/process-group.js'

const [directory = '', ...scripts] = process.argv.slice(2)

async function runFrom(at: number): Promise<void> {
  const script = scripts[at]
  if (script === undefined) return
  let next: Promise<void> | undefined
  await runGroup('/bin/sh', ['-c', script], {
    cwd: directory,
    env: process.env,
    onOutput: (_, bytes) => {
      process.stdout.write(bytes)
      next ??= runFrom(at + 1)
    },
  })
  await next
}

await runFrom(0)
