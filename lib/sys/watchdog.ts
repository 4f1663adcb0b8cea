// Ends what this process started when this process was killed without a chance to do it: two runs of the same thing at the
// same time would spoil each other's output. A small shell of its own session reads from a pipe which groups of processes
// live; when the pipe closes, whoever closed it, it kills those that are left. It is one a process, started on first use.
// (Linux could have the kernel do it, by PR_SET_PDEATHSIG, but for a direct child alone.)

import { type ChildProcess, spawn } from 'node:child_process'
import type { Writable } from 'node:stream'

// No program of its own but `sh` and `kill`, which is built in. Signals of a terminal or of a service manager are for those
// that are to end in order.
const script = `
trap '' HUP INT QUIT TERM PIPE
groups=' '
while read -r act group; do
  case $act in
    +) groups="$groups$group " ;;
    -) case $groups in *" $group "*) groups="\${groups%%" $group "*} \${groups#*" $group "}" ;; esac ;;
  esac
done
for group in $groups; do kill -s KILL -- "-$group"; done
`

let input: Writable | undefined
const watched = new Set<number>()

/** From now on the group is killed when this process dies. Known to the watchdog when this returns. */
export function watchGroup(group: number): void {
  watched.add(group)
  if (input === undefined) start()
  else input.write(`+ ${group}\n`)
}

/** The group has ended, and its number may be another's next. */
export function unwatchGroup(group: number): void {
  watched.delete(group)
  input?.write(`- ${group}\n`)
}

function start(): void {
  const child = spawn('/bin/sh', ['-c', script], {
    cwd: '/',
    env: {},
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  })
  const pipe = child.stdin as Writable
  const lose = (): void => {
    if (input === pipe) input = undefined // the next group starts another, which hears of all
  }
  child.on('error', lose).on('exit', lose)
  pipe.on('error', lose)
  input = pipe
  letGo(child)
  for (const group of watched) pipe.write(`+ ${group}\n`)
}

// It must not keep the program alive.
function letGo(child: ChildProcess): void {
  child.unref()
  const { stdin } = child
  if (stdin !== null && 'unref' in stdin && typeof stdin.unref === 'function') stdin.unref()
}
