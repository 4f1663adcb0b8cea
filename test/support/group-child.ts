// Runs a script in a group of its own until it is killed: `node group-child.js DIRECTORY SCRIPT`.

import { runGroup } from '../../lib/sys/process-group.js'

const [directory = '', script = ''] = process.argv.slice(2)
await runGroup('/bin/sh', ['-c', script], {
  cwd: directory,
  env: process.env,
  onOutput: (_, bytes) => {
    process.stdout.write(bytes)
  },
})
