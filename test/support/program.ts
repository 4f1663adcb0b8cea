// Running ddv in tests: as a process of its own, which can be killed, or in this process, which is four times as fast.

import { type ChildProcess, spawn } from 'node:child_process'
import { createCipheriv } from 'node:crypto'
import { existsSync, mkdtempSync, readdirSync, statfsSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { main as Main } from '../../lib/cli/main.js'
import { gitEnv } from './git.js'

export const dist = resolve(import.meta.dirname, '../..')
export const killAt = join(import.meta.dirname, 'kill-at.cjs')

export interface Program {
  /** What `node` is started with. */
  readonly script: string
  readonly main: typeof Main
}

/** ddv as it was compiled into this directory; the bundle stands in for the process where it is up to date. */
export async function loadProgram(directory = dist): Promise<Program> {
  const { main } = (await import(pathToFileURL(join(directory, 'lib/cli/main.js')).href)) as { main: typeof Main }
  return { script: freshBundle(directory) ?? join(directory, 'bin/ddv.js'), main }
}

function freshBundle(directory: string): string | undefined {
  const bundle = join(directory, 'bundle/ddv.js')
  if (!existsSync(bundle)) return undefined
  const { mtimeMs } = statSync(bundle)
  const newer = ['lib', 'bin']
    .flatMap(part => readdirSync(join(directory, part), { recursive: true, encoding: 'utf8' }).map(f => join(part, f)))
    .some(file => file.endsWith('.js') && statSync(join(directory, file)).mtimeMs > mtimeMs)
  return newer ? undefined : bundle
}

export interface Ended {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

export interface SpawnOptions {
  readonly cwd: string
  readonly env?: Readonly<Record<string, string | undefined>>
  /** Ends it after so many ms; `signal` is then SIGTERM. */
  readonly timeout?: number
  readonly onStart?: (child: ChildProcess) => void
}

export function spawnProgram(program: Program, args: readonly string[], options: SpawnOptions): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [program.script, ...args], {
      cwd: options.cwd,
      env: { ...gitEnv, ...options.env },
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: options.timeout ?? 60_000,
    })
    let [stdout, stderr] = ['', '']
    child.stdout.on('data', text => {
      stdout += text
    })
    child.stderr.on('data', text => {
      stderr += text
    })
    child.on('error', reject)
    // Not 'close': a git that outlives a killed ddv keeps the pipes open.
    child.on('exit', (code, signal) => setImmediate(() => resolve({ code, signal, stdout, stderr })))
    options.onStart?.(child)
  })
}

/** The same in this process: for what is not to be killed. */
export async function runProgram(
  program: Program,
  args: readonly string[],
  { cwd, env = {} }: Pick<SpawnOptions, 'cwd' | 'env'>,
): Promise<Ended> {
  const said = { stdout: '', stderr: '' }
  const output = (name: 'stdout' | 'stderr') => ({
    write: (text: string) => {
      said[name] += text
    },
    writeBytes: async (bytes: Uint8Array) => {
      said[name] += Buffer.from(bytes).toString('latin1')
      return true
    },
    isTerminal: false,
    columns: 80,
  })
  const code = await program.main(args, {
    stdout: output('stdout'),
    stderr: output('stderr'),
    env: { ...gitEnv, ...env },
    cwd,
    onInterrupt: () => () => undefined,
    exitInterrupted: () => undefined,
  })
  return { code, signal: null, ...said }
}

/** Throws where it does not exit 0; what it said to stdout. */
export async function mustRun(
  program: Program,
  args: readonly string[],
  options: Pick<SpawnOptions, 'cwd' | 'env'>,
): Promise<string> {
  const { code, stdout, stderr } = await runProgram(program, args, options)
  if (code !== 0) throw new Error(`ddv ${args.join(' ')}: exit ${code} in ${options.cwd}\n${stderr}`)
  return stdout
}

/** In memory where there is room: what SIGKILL leaves is the same there, and an fsync costs nothing. */
export function fastDirectory(name: string): string {
  return mkdtempSync(join(roomIn('/dev/shm') > 1e9 ? '/dev/shm' : tmpdir(), `ddv-${name}-`))
}

function roomIn(directory: string): number {
  if (!existsSync(directory)) return 0
  const { bavail, bsize } = statfsSync(directory)
  return bavail * bsize
}

/** Bytes that do not compress, the same for the same seed. */
export function noise(seed: number, size: number): Buffer {
  const key = Buffer.alloc(16)
  key.writeUInt32LE(seed)
  return createCipheriv('aes-128-ctr', key, Buffer.alloc(16)).update(Buffer.alloc(size))
}

/** Numbers from 0 to 1, the same for the same seed. */
export function randoms(seed: number): () => number {
  const bytes = noise(seed, 65_536)
  let at = 0
  return () => {
    at = (at + 4) % 65_536
    return bytes.readUInt32LE(at) / 2 ** 32
  }
}
