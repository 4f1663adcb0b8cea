// How much memory groups of processes took at most, by looking now and then: what is short between two looks is not seen.
// One look serves all groups that are watched.

import { groupMembers, processMemory } from './proc.js'

/** Milliseconds. The first look comes soon, for what does not run long. */
const firstLook = 30
const interval = 200
/** A look may take a twentieth of the time: on machines with thousands of processes there are fewer of them. */
const share = 20
const longestInterval = 1_000

const peaks = new Map<number, number>()
let timer: NodeJS.Timeout | undefined

/** Watches until the function is called that it returns, which gives bytes, or undefined where none were seen. */
export function watchMemory(group: number): () => number | undefined {
  peaks.set(group, 0)
  clearTimeout(timer)
  lookAfter(firstLook)
  return () => {
    const peak = peaks.get(group)
    peaks.delete(group)
    return peak === 0 ? undefined : peak
  }
}

function lookAfter(wait: number): void {
  timer = setTimeout(look, wait).unref()
}

function look(): void {
  if (peaks.size === 0) return
  const started = performance.now()
  const members = groupMembers(new Set(peaks.keys()))
  if (members === undefined) return
  for (const [group, pids] of members) {
    let sum = 0
    for (const pid of pids) {
      const { resident, peak } = processMemory(pid)
      sum += resident
      raise(group, peak)
    }
    raise(group, sum)
  }
  lookAfter(Math.min(longestInterval, Math.max(interval, (performance.now() - started) * share)))
}

const raise = (group: number, bytes: number): unknown => peaks.set(group, Math.max(peaks.get(group) ?? 0, bytes))
