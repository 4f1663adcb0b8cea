// Running a program with all that it starts: one group of processes in a session of its own, so that it ends as a whole
// when the program ends, when it is told to, when its time is over, and when this process is killed (watchdog.ts). What
// leaves the group on purpose, as daemons do, is not held.

import { type ChildProcess, spawn } from 'node:child_process'
import type { Readable, Writable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { DdvError, systemCode, throwIfAborted } from '../core/errors.js'
import { watchMemory } from './group-memory.js'
import { groupMembers } from './proc.js'
import { sleepUntilAborted } from './sleep.js'
import type { Environment } from './spawn.js'
import { unwatchGroup, watchGroup } from './watchdog.js'

export interface GroupOptions {
  /** Has to exist. */
  readonly cwd: string
  readonly env: Environment
  /** Bytes as they come; valid until it returns. What it throws ends the group and is thrown. */
  readonly onOutput: (stream: 'stdout' | 'stderr', bytes: Buffer) => void
  readonly signal?: AbortSignal | undefined
  /** Milliseconds until the group is ended. */
  readonly timeout?: number | undefined
  /** Milliseconds between the signals TERM and KILL; 10 s unless told. */
  readonly grace?: number | undefined
}

export interface GroupResult {
  /** Of the program; null where a signal ended it. */
  readonly code: number | null
  readonly signal: string | null
  readonly timedOut: boolean
  /** It ended before others of its group, which were ended then. */
  readonly leftOthers: boolean
  /** Bytes; undefined where it cannot be known. */
  readonly peakMemory: number | undefined
}

const defaultGrace = 10_000
/** Milliseconds for what ends by itself soon after the program, such as the `tee` that reads its output. */
const linger = 1_000
/** Milliseconds for what cannot take long: the end after KILL, and of pipes that nobody should hold any more. */
const shortly = 1_000
/** What timers can wait. */
const longestTimer = 2 ** 31 - 1

// The program starts when the watchdog knows of its group, and never where this process died before that.
const gate = 'read -r go <&3 || exit 125; exec 3<&-; exec "$@"'

/**
 * Runs an executable file, by its path, to the end of its whole group; stdin is empty. Throws `interrupted` when the signal
 * fired, once nothing of it runs any more, and `io` where it cannot be started.
 */
export async function runGroup(program: string, args: readonly string[], options: GroupOptions): Promise<GroupResult> {
  const { signal, timeout } = options
  throwIfAborted(signal)
  const child = start(program, args, options)
  const exit = exitOf(child)
  const group = new Group(await groupOf(child, program), options.grace)
  const timer = timeout === undefined ? undefined : setTimeout(group.endLate, Math.min(timeout, longestTimer))
  signal?.addEventListener('abort', group.end)
  if (signal?.aborted) group.end()
  const output = drainBoth(child, options.onOutput, group.end)
  openGate(child)
  try {
    const { code, signal: endedBy } = await exit
    clearTimeout(timer)
    const leftOthers = await group.outlived()
    const failure = await output.finish()
    if (failure !== undefined) throw failure.error
    throwIfAborted(signal)
    return { code, signal: endedBy, timedOut: group.timedOut, leftOthers, peakMemory: group.peakMemory() }
  } finally {
    clearTimeout(timer)
    signal?.removeEventListener('abort', group.end)
    for (const stream of child.stdio) stream?.destroy()
    group.forget()
  }
}

/** A class because it is ended once, by whoever comes first. */
class Group {
  readonly #id: number
  readonly #grace: number
  readonly peakMemory: () => number | undefined
  #ending: Promise<void> | undefined
  #timedOut = false

  constructor(id: number, grace = defaultGrace) {
    this.#id = id
    this.#grace = grace
    watchGroup(id)
    this.peakMemory = watchMemory(id)
  }

  readonly end = (): void => {
    this.#ending ??= endGroup(this.#id, this.#grace)
  }

  readonly endLate = (): void => {
    this.#timedOut = true
    this.end()
  }

  get timedOut(): boolean {
    return this.#timedOut
  }

  /** The program has ended: waits for the others, or ends them, and says whether that was needed. */
  async outlived(): Promise<boolean> {
    const isEnding = (): boolean => this.#ending !== undefined
    const left = !isEnding() && !(await isGoneWithin(this.#id, linger, isEnding)) && !isEnding()
    if (left) this.end()
    await this.#ending
    return left
  }

  forget(): void {
    this.peakMemory()
    unwatchGroup(this.#id)
  }
}

function start(program: string, args: readonly string[], { cwd, env }: GroupOptions): ChildProcess {
  try {
    return spawn('/bin/sh', ['-c', gate, 'sh', program, ...args], {
      cwd,
      env: { ...env },
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
    })
  } catch (error) {
    if (systemCode(error) === undefined) throw error
    throw cannotRun(program, error as Error) // E2BIG, which Node does not tell by an event
  }
}

const cannotRun = (program: string, error: Error): DdvError =>
  new DdvError('io', `cannot run ${program}: ${error.message}`, { cause: error })

const exitOf = (child: ChildProcess): Promise<{ readonly code: number | null; readonly signal: string | null }> =>
  new Promise(resolve => child.once('exit', (code, signal) => resolve({ code, signal })))

function groupOf(child: ChildProcess, program: string): Promise<number> {
  return new Promise((resolve, reject) => {
    child.once('error', error => reject(cannotRun(program, error)))
    child.once('spawn', () => resolve(child.pid as number))
  })
}

interface Output {
  /** Once nobody can write any more. What `onOutput` threw, if it did. */
  finish(): Promise<{ readonly error: unknown } | undefined>
}

function drainBoth(child: ChildProcess, onOutput: GroupOptions['onOutput'], onFailure: () => void): Output {
  let failure: { readonly error: unknown } | undefined
  const drain = (name: 'stdout' | 'stderr'): Promise<void> =>
    new Promise(resolve => {
      const stream = child[name] as Readable
      stream.on('error', () => undefined).on('close', () => resolve())
      stream.on('data', (bytes: Buffer) => {
        try {
          if (failure === undefined) onOutput(name, bytes)
        } catch (error) {
          failure = { error }
          onFailure()
        }
      })
    })
  const drained = Promise.all([drain('stdout'), drain('stderr')])
  return {
    finish: async () => {
      const patience = new AbortController()
      await Promise.race([drained, sleepUntilAborted(shortly, patience.signal)])
      patience.abort()
      return failure
    },
  }
}

// A program that died at once does not read it.
const openGate = (child: ChildProcess): unknown => (child.stdio[3] as Writable).on('error', () => undefined).end('\n')

async function endGroup(group: number, grace: number): Promise<void> {
  if (!send(group, 'SIGTERM')) return
  send(group, 'SIGCONT') // what is stopped could not end
  if (await isGoneWithin(group, grace)) return
  send(group, 'SIGKILL')
  await isGoneWithin(group, shortly)
}

/** False where no process of the group is left. */
function send(group: number, signal: NodeJS.Signals | 0): boolean {
  try {
    process.kill(-group, signal)
    return true
  } catch (error) {
    if (systemCode(error) === 'ESRCH') return false
    if (systemCode(error) === 'EPERM') return true // another user's by now
    throw error
  }
}

/** `enough` ends the wait early, as does the end of the group. */
async function isGoneWithin(group: number, milliseconds: number, enough?: () => boolean): Promise<boolean> {
  const deadline = performance.now() + milliseconds
  for (let wait = 1; hasMembers(group); wait = Math.min(wait * 2, 100)) {
    const left = deadline - performance.now()
    if (left <= 0 || enough?.() === true) return false
    await sleep(Math.min(wait, left))
  }
  return true
}

function hasMembers(group: number): boolean {
  if (!send(group, 0)) return false
  return groupMembers(new Set([group]))?.get(group)?.length !== 0
}
