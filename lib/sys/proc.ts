// What Linux tells of processes in /proc. Where there is none, or that of other processes, nothing is known.

import { readdirSync, readFileSync } from 'node:fs'

export interface ProcessStat {
  /** `R`, `S`, `Z`, …; '' where unknown. */
  readonly state: string
  /** The process group's number, 0 where unknown. */
  readonly group: number
  /** In clock ticks since boot, '' where unknown. */
  readonly start: string
}

const unknown: ProcessStat = { state: '', group: 0, start: '' }

export const processStat = (pid: number): ProcessStat => (isOwnProc() ? readStat(pid) : unknown)

// Fields 3, 5 and 22 of /proc/PID/stat; the second may hold spaces and parentheses, so count from its end.
function readStat(pid: number): ProcessStat {
  const text = readProc(`/proc/${pid}/stat`)
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  return { state: fields[0] ?? '', group: Number(fields[2] ?? 0), start: fields[19] ?? '' }
}

/** A zombie does no more work, but answers to signals until its parent looks, which some never do. */
export const isDead = ({ state }: ProcessStat): boolean => state === 'Z' || state === 'X'

// In a new pid namespace /proc may still be the old one's, where our pids are those of others.
const isOwnProc = (): boolean => readProc('/proc/self/stat').startsWith(`${process.pid} `)

/** '' where there is no such file. */
export function readProc(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return ''
  }
}

/** The living members of each group; undefined where it cannot be known. 10 to 20 µs a process of the machine. */
export function groupMembers(groups: ReadonlySet<number>): ReadonlyMap<number, readonly number[]> | undefined {
  if (!isOwnProc()) return undefined
  const members = new Map<number, number[]>([...groups].map(group => [group, []]))
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue
    const stat = readStat(Number(name))
    if (!isDead(stat)) members.get(stat.group)?.push(Number(name))
  }
  return members
}

export interface ProcessMemory {
  /** Bytes, now and at most so far. */
  readonly resident: number
  readonly peak: number
}

export function processMemory(pid: number): ProcessMemory {
  const status = readProc(`/proc/${pid}/status`)
  const bytes = (key: string): number => Number(new RegExp(`^${key}:\\s*(\\d+) kB`, 'm').exec(status)?.[1] ?? 0) * 1024
  return { resident: bytes('VmRSS'), peak: bytes('VmHWM') }
}
