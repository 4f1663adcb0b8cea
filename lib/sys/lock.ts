// A lock between processes that falls with its holder. Each contender writes a file of its own into a directory and
// looks only then who else is there: of two that come at once at least one sees the other, and steps back. Names are
// random and never reused, so the file of a dead process may be removed by anyone at any time without a race.
// (A single lock file that is broken when stale has one: two may break it one after the other, the second breaking the
// lock of the first.)

import { mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { DdvError, systemCode, throwIfAborted } from '../core/errors.js'
import { writeNewFile } from './fs.js'
import { randomName } from './random.js'

declare const lockedBrand: unique symbol
/** Proof that the lock is held: functions that write under it ask for one. */
export interface Locked {
  readonly [lockedBrand]: true
}

export interface LockOptions {
  /** Milliseconds to wait for a living holder; 10,000 unless told. */
  readonly patience?: number
  readonly signal?: AbortSignal | undefined
}

interface Holder {
  readonly pid: number
  /** Tells a process from a later one with the same pid: its start in clock ticks since boot, '' where unknown. */
  readonly start: string
  readonly boot: string
  readonly host: string
}

/** Runs `work` alone among all processes that use this directory. Throws `busy` when the patience ends. */
export async function withLock<T>(
  directory: string,
  options: LockOptions,
  work: (locked: Locked) => Promise<T>,
): Promise<T> {
  const file = await acquire(directory, options)
  try {
    return await work({} as Locked)
  } finally {
    rmSync(file, { force: true })
  }
}

async function acquire(directory: string, { patience = 10_000, signal }: LockOptions): Promise<string> {
  mkdirSync(directory, { recursive: true })
  const deadline = performance.now() + patience
  const self = thisProcess()
  for (;;) {
    throwIfAborted(signal)
    let other = livingHolder(directory, undefined)
    if (other === undefined) {
      const name = `${process.pid}-${randomName()}`
      writeNewFile(join(directory, name), JSON.stringify(self))
      other = livingHolder(directory, name)
      if (other === undefined) return join(directory, name)
      rmSync(join(directory, name), { force: true })
    }
    if (performance.now() >= deadline) throw busy(other, directory)
    // Random, so that two who saw each other do not meet for ever.
    await sleep(5 + Math.random() * 45)
  }
}

function busy(other: Holder, directory: string): DdvError {
  const elsewhere = other.host !== hostname()
  return new DdvError('busy', `another ddv is at work here (process ${other.pid} on ${other.host})`, {
    hint: elsewhere
      ? `wait for it; if that machine is gone, delete the files in ${directory}`
      : `wait for it to end, then run the same command again`,
  })
}

function livingHolder(directory: string, except: string | undefined): Holder | undefined {
  for (const name of readdirSync(directory)) {
    if (name === except) continue
    const holder = readHolder(join(directory, name))
    if (holder === undefined) continue
    if (isAlive(holder)) return holder
    rmSync(join(directory, name), { force: true })
  }
  return undefined
}

// undefined where the file has just gone. A file cut short belongs to a writer between open and write, or to one that
// died there; its name still tells the pid, and the rest is taken as this machine's.
function readHolder(file: string): Holder | undefined {
  try {
    return parseHolder(readFileSync(file, 'utf8'), file)
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined
    throw error
  }
}

function parseHolder(text: string, file: string): Holder {
  try {
    return JSON.parse(text) as Holder
  } catch {
    const pid = Number.parseInt(file.slice(file.lastIndexOf('/') + 1), 10)
    return { pid, start: '', boot: bootId(), host: hostname() }
  }
}

function isAlive(holder: Holder): boolean {
  if (holder.host !== hostname()) return true // cannot be known from here
  if (holder.boot !== bootId()) return false
  if (!Number.isSafeInteger(holder.pid) || holder.pid <= 0) return false
  try {
    process.kill(holder.pid, 0)
  } catch (error) {
    if (systemCode(error) === 'ESRCH') return false
  }
  return holder.start === '' || holder.start === startTime(holder.pid)
}

let self: Holder | undefined
function thisProcess(): Holder {
  self ??= { pid: process.pid, start: startTime(process.pid), boot: bootId(), host: hostname() }
  return self
}

// Field 22 of /proc/PID/stat; the second field may hold spaces and parentheses, so count from its end.
function startTime(pid: number): string {
  const text = readProc(`/proc/${pid}/stat`)
  return text.slice(text.lastIndexOf(')') + 2).split(' ')[19] ?? ''
}

const bootId = (): string => readProc('/proc/sys/kernel/random/boot_id').trim()

// '' where there is no /proc: then a pid that lives is taken for the holder.
function readProc(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return ''
  }
}
