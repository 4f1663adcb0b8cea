// A lock between processes that falls with its holder. Each contender writes a file of its own into a directory and
// looks only then who else is there: of two that come at once at least one sees the other, and steps back. Names are
// random and never reused, so the file of a dead process may be removed by anyone at any time without a race. All is said
// by the name: a file's content could be met, or lost in a crash, between its making and its writing.
// (A single lock file that is broken when stale has one: two may break it one after the other, the second breaking the
// lock of the first.)

import { mkdirSync, readdirSync, readlinkSync, rmSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { DdvError, systemCode, throwIfAborted } from '../core/errors.js'
import { writeNewFile } from './fs.js'
import { isDead, processStat, readProc } from './proc.js'
import { randomName } from './random.js'

declare const lockedBrand: unique symbol
/** Proof that the lock is held: functions that write under it ask for one. */
export interface Locked {
  readonly [lockedBrand]: true
}

export interface LockOptions {
  /** Milliseconds to wait for a living holder; 10,000 unless told. */
  readonly patience?: number
  /** The same for a holder of whom nothing can be known from here; `patience` unless told. */
  readonly patienceElsewhere?: number
  readonly signal?: AbortSignal | undefined
  /** Names in the directory that no ddv made. Asked once, where a process cannot be known from here. */
  readonly foreign?: (() => Promise<ReadonlySet<string>>) | undefined
}

interface Holder {
  readonly pid: number
  /** Tells a process from a later one with the same pid: its start in clock ticks since boot, '' where unknown. */
  readonly start: string
  readonly boot: string
  /** Which pids it counts among: containers have their own. '' where unknown. */
  readonly space: string
  /** As it stands in a file's name. */
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

async function acquire(directory: string, options: LockOptions): Promise<string> {
  const { patience = 10_000, patienceElsewhere = patience, signal } = options
  mkdirSync(directory, { recursive: true })
  const start = performance.now()
  let foreign: ReadonlySet<string> | undefined
  const others = (except: string | undefined) =>
    livingHolder(directory, name => name === except || foreign?.has(name) === true)
  for (;;) {
    throwIfAborted(signal)
    let other = others(undefined)
    if (other === undefined) {
      const name = newHolderName()
      writeNewFile(join(directory, name), '')
      other = others(name)
      if (other === undefined) return join(directory, name)
      rmSync(join(directory, name), { force: true })
    }
    if (foreign === undefined && options.foreign !== undefined && isElsewhere(other)) {
      foreign = await options.foreign()
      continue
    }
    if (performance.now() - start >= (isElsewhere(other) ? patienceElsewhere : patience)) throw busy(other, directory)
    // Random, so that two who saw each other do not meet for ever.
    await sleep(5 + Math.random() * 45)
  }
}

/** Whether a process holds it that lives, as far as can be known. */
export const isHeld = (directory: string): boolean =>
  listIfThere(directory).some(name => {
    const holder = parseHolder(name)
    return holder !== undefined && isAlive(holder)
  })

function listIfThere(directory: string): string[] {
  try {
    return readdirSync(directory)
  } catch (error) {
    if (systemCode(error) === 'ENOENT' || systemCode(error) === 'ENOTDIR') return []
    throw error
  }
}

function busy(other: Holder, directory: string): DdvError {
  const elsewhere = isElsewhere(other)
  return new DdvError('busy', `another ddv is at work here (process ${other.pid} on ${other.host})`, {
    hint: elsewhere
      ? `wait for it; if that machine or container is gone, delete the files in ${directory}`
      : `wait for it to end, then run the same command again`,
  })
}

function livingHolder(directory: string, isPassed: (name: string) => boolean): Holder | undefined {
  for (const name of readdirSync(directory)) {
    if (isPassed(name)) continue
    const holder = parseHolder(name)
    if (holder === undefined) continue
    if (isAlive(holder)) return holder
    rmSync(join(directory, name), { force: true })
  }
  return undefined
}

// The host is the one part that others choose.
const holderName = ({ pid, start, boot, space, host }: Holder): string =>
  `${pid}_${start}_${boot}_${space}_${host}_${randomName()}`

const hostPart = (): string => encodeURIComponent(hostname()).replaceAll('_', '%5F').slice(0, 128)

/** For other kinds of locks: a new name that tells this process. */
export const newHolderName = (): string => holderName(thisProcess())

/** Whether the process lives that made this name; true for what is no such name, and for other hosts and containers. */
export function isHolderAlive(name: string): boolean {
  const holder = parseHolder(name)
  return holder === undefined || isAlive(holder)
}

// undefined for what no holder wrote. Names without a space are of an earlier ddv.
function parseHolder(name: string): Holder | undefined {
  const match = /^(\d+)_(\d*)_([^_]*)(?:_(\d*))?_([^_]*)_[0-9a-f]{16}$/.exec(name)
  if (match === null) return undefined
  const [, pid = '', start = '', boot = '', space = '', host = ''] = match
  return { pid: Number(pid), start, boot, space, host }
}

/** Whether nothing can be known from here of its process. */
function isElsewhere({ host, boot, space }: Holder): boolean {
  if (host !== hostPart()) return true
  return boot === bootId() && space !== '' && pidSpace() !== '' && space !== pidSpace()
}

function isAlive(holder: Holder): boolean {
  if (isElsewhere(holder)) return true
  if (holder.boot !== bootId()) return false
  if (!Number.isSafeInteger(holder.pid) || holder.pid <= 0) return false
  try {
    process.kill(holder.pid, 0)
  } catch (error) {
    if (systemCode(error) === 'ESRCH') return false
  }
  const stat = processStat(holder.pid)
  if (isDead(stat)) return false
  return holder.start === '' || stat.start === '' || holder.start === stat.start // '' where /proc does not show it
}

let self: Holder | undefined
function thisProcess(): Holder {
  self ??= {
    pid: process.pid,
    start: processStat(process.pid).start,
    boot: bootId(),
    space: pidSpace(),
    host: hostPart(),
  }
  return self
}

const bootId = (): string => readProc('/proc/sys/kernel/random/boot_id').trim()

// `pid:[4026531836]`
function pidSpace(): string {
  try {
    return /\d+/.exec(readlinkSync('/proc/self/ns/pid'))?.[0] ?? ''
  } catch (error) {
    if (systemCode(error) === undefined) throw error
    return '' // no /proc
  }
}
