import type { Io } from '../../lib/cli/io.js'
import { main } from '../../lib/cli/main.js'
import { gitEnv } from './git.js'

export interface FakeOptions {
  readonly cwd: string
  readonly env?: Readonly<Record<string, string | undefined>>
  readonly terminal?: boolean
  readonly columns?: number
}

export interface FakeIo extends Io {
  readonly said: { stdout: string; stderr: string }
  readonly exits: number[]
  interrupt(): void
}

/** An Io that remembers; Ctrl-C by `interrupt`. */
export function fakeIo({ cwd, env = {}, terminal = false, columns = 80 }: FakeOptions): FakeIo {
  const said = { stdout: '', stderr: '' }
  const exits: number[] = []
  const listeners = new Set<() => void>()
  const output = (name: 'stdout' | 'stderr') => ({
    write: (text: string) => {
      said[name] += text
    },
    writeBytes: async (bytes: Uint8Array) => {
      said[name] += Buffer.from(bytes).toString('latin1')
      return true
    },
    isTerminal: terminal,
    columns,
  })
  return {
    said,
    exits,
    stdout: output('stdout'),
    stderr: output('stderr'),
    env: { ...gitEnv, HOME: cwd, ...env },
    cwd,
    onInterrupt: listener => {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
    exitInterrupted: () => void exits.push(130),
    interrupt: () => {
      for (const listener of listeners) listener()
    },
  }
}

export interface Said {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/** `main` in process; what it said, and its exit code. */
export async function ddv(options: FakeOptions, ...argv: readonly string[]): Promise<Said> {
  const io = fakeIo(options)
  const code = await main(argv, io)
  return { code, ...io.said }
}
