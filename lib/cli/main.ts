// `ddv`, as a function: arguments and surroundings in, exit code out. The one place where errors are caught.

import type { Io } from './io.js'
import { readVersion } from './version.js'

/** How long after a Ctrl-C the work may take to stop by itself, in milliseconds. */
const grace = 800
/** How long the process may live on after the command has stopped, in milliseconds. */
const linger = 100

export async function main(argv: readonly string[], io: Io): Promise<number> {
  // Before anything is loaded: scripts ask this often, and yargs costs as much again as Node itself.
  if (asksForVersion(argv)) {
    io.stdout.write(`${readVersion()}\n`)
    return 0
  }
  const interruption = watchInterrupt(io)
  try {
    return await Promise.race([start(argv, io, interruption.signal), interruption.late])
  } finally {
    interruption.stop()
  }
}

async function start(argv: readonly string[], io: Io, signal: AbortSignal): Promise<number> {
  const [command, verb, name = '', ...args] = argv
  if (command === 'hook' && verb === 'run') {
    const { runHook } = await import('./hook.js')
    return runHook({ name, args, readInput }, io, signal)
  }
  const { runCommandLine } = await import('./command-line.js')
  return runCommandLine(argv, io, signal)
}

async function readInput(): Promise<string> {
  const parts: Buffer[] = []
  for await (const part of process.stdin) parts.push(part as Buffer)
  return Buffer.concat(parts).toString('utf8')
}

function asksForVersion(argv: readonly string[]): boolean {
  const end = argv.indexOf('--')
  const at = (end < 0 ? argv : argv.slice(0, end)).indexOf('--version')
  // Behind that command it is a flag of its own.
  return at >= 0 && !argv.slice(0, at).includes('register')
}

interface Interruption {
  readonly signal: AbortSignal
  /** Settles where the work did not stop in time; the process has been told to end by then. */
  readonly late: Promise<number>
  stop(): void
}

function watchInterrupt(io: Io): Interruption {
  const controller = new AbortController()
  let timer: NodeJS.Timeout | undefined
  let giveUp: (code: number) => void = () => undefined
  const late = new Promise<number>(resolve => {
    giveUp = resolve
  })
  const end = (): void => {
    giveUp(130)
    io.exitInterrupted()
  }
  const stopListening = io.onInterrupt(() => {
    if (controller.signal.aborted) return end()
    controller.abort()
    timer = setTimeout(() => {
      io.stderr.write('ddv: interrupted\n')
      end()
    }, grace)
  })
  return {
    signal: controller.signal,
    late,
    stop: () => {
      stopListening()
      clearTimeout(timer)
      // The command has given up, but a thread may still be in a long system call, which keeps the process alive.
      if (controller.signal.aborted) setTimeout(() => io.exitInterrupted(), linger).unref()
    },
  }
}
