// The calls by which a program changes something, as kill-at.cts lists them, and which of them it is to be killed before.

import { readFileSync } from 'node:fs'

export interface Call {
  /** Counted from 1. */
  readonly number: number
  /** It writes bytes, so half of it can be done. */
  readonly hasHalf: boolean
  /** Command, name and paths, without what differs from run to run or from file to file of many. */
  readonly kind: string
}

/** The list of a command that ran below the root. */
export function readCalls(list: string, { command, root }: { command: string; root: string }): Call[] {
  const lines = readFileSync(list, 'utf8').split('\n').slice(0, -1)
  const calls = lines.map(line => {
    const [number, half, ...rest] = line.split(' ')
    const kind = rest
      .join(' ')
      .replaceAll(root, '')
      .replace(/[^/ ]*\d[^/ ]*|(?<=\/)[a-f]{2}\b/g, '*')
    return { number: Number(number), hasHalf: half === 'half', kind: `${command} ${kind}` }
  })
  return calls.sort((a, b) => a.number - b.number)
}

/** Every so manyeth call, and the first of each kind that was not seen yet: now it is. */
export function choose(calls: readonly Call[], step: number, seen: Set<string>): Call[] {
  return calls.filter(({ kind }, i) => {
    const isNew = !seen.has(kind)
    seen.add(kind)
    return isNew || i % step === 0
  })
}
