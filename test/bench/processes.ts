// Running a program from outside, as a person would: its wall time, and the peak of its memory that belongs to no file.

import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'

export interface Command {
  readonly argv: readonly string[]
  readonly cwd?: string | undefined
  readonly env?: Readonly<Record<string, string>> | undefined
}

export interface Outcome {
  /** Milliseconds from the start to the exit. */
  readonly time: number
  /** Milliseconds of processor time, of its children too; exact only while nothing else runs from here. Linux only. */
  readonly cpu: number
  /** Greatest RssAnon seen, in bytes; 0 where it was not sampled. */
  readonly peak: number
  readonly stdout: string
}

/** How often memory is looked at, in milliseconds: 100 times a second costs the program under test nothing it can feel. */
const sampleEvery = 10

/** Runs it to its end. Throws where it does not end with 0, with what it said. */
export function runCommand({ argv, cwd, env }: Command, { sample = false } = {}): Promise<Outcome> {
  const [file = '', ...args] = argv
  return new Promise((resolve, reject) => {
    const cpuBefore = childrenCpu()
    const start = process.hrtime.bigint()
    const child = spawn(file, args, { cwd, env: env ?? {}, stdio: ['ignore', 'pipe', 'pipe'] })
    let [stdout, stderr, peak] = ['', '', 0]
    child.stdout.setEncoding('utf8').on('data', text => {
      stdout += text
    })
    child.stderr.setEncoding('utf8').on('data', text => {
      stderr += text
    })
    const timer = sample
      ? setInterval(() => (peak = Math.max(peak, anonymousBytes(child.pid))), sampleEvery)
      : undefined
    let time = 0
    child.on('error', reject)
    child.on('exit', () => {
      time = Number(process.hrtime.bigint() - start) / 1e6
      clearInterval(timer)
    })
    child.on('close', (code, signal) => {
      if (code === 0) resolve({ time, cpu: childrenCpu() - cpuBefore, peak, stdout })
      else reject(new Error(`ended with ${code ?? signal}: ${argv.join(' ')}\n${stderr}${stdout.slice(-2000)}`))
    })
  })
}

/** Memory without file-backed pages: mapped indexes may grow as they like. */
function anonymousBytes(pid: number | undefined): number {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8')
    return Number(/^RssAnon:\s+(\d+) kB/m.exec(status)?.[1] ?? 0) * 1024
  } catch {
    return 0 // gone, or not Linux
  }
}

/** Milliseconds of processor time of all children that have ended; see proc(5), cutime and cstime in ticks of 10 ms. */
function childrenCpu(): number {
  try {
    const fields = readFileSync('/proc/self/stat', 'utf8').split(') ')[1]?.split(' ') ?? []
    return (Number(fields[13]) + Number(fields[14])) * 10
  } catch {
    return Number.NaN // not Linux
  }
}
