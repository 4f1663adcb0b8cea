// The calls by which a program changes something, as kill-at.cts lists them, and which of them it is to be killed before.

import { readFileSync } from 'node:fs'

export interface Call {
  /** Counted from 1. */
  readonly number: number
  /** It writes bytes, so half of it can be done. */
  readonly hasHalf: boolean
  /** What it met on disk: of two calls in a row that meet the same, to be killed before either leaves the same behind. */
  readonly met: string
  /** Command, name and paths, without what differs from run to run or from file to file of many. */
  readonly kind: string
}

/** The list of a command that ran below the root. */
export function readCalls(list: string, { command, root }: { command: string; root: string }): Call[] {
  const lines = readFileSync(list, 'utf8').split('\n').slice(0, -1)
  const calls = lines.map(line => {
    const [number, half, met = '', ...rest] = line.split(' ')
    const kind = rest
      .join(' ')
      .replaceAll(root, '')
      .replace(/(?<=\/data\/set\/)[^ ]+/g, '*')
      .replace(/[^/ ]*\d[^/ ]*|(?<=\/)[a-f]{2}\b/g, '*')
    return { number: Number(number), hasHalf: half === 'half', met, kind: `${command} ${kind}` }
  })
  return calls.sort((a, b) => a.number - b.number)
}

/** Without those that meet what the call before them met: it changed nothing (an fsync, say, or what calls another). */
export const apart = (calls: readonly Call[]): Call[] => calls.filter(({ met }, i) => met !== calls[i - 1]?.met)

export interface Choice {
  readonly step: number
  /** Which of every so many. */
  readonly seed: number
  readonly seen: Set<string>
}

/** Every so manyeth call, and the first of each kind that was not seen yet: now it is. */
export function choose(calls: readonly Call[], { step, seed, seen }: Choice): Call[] {
  return calls.filter(({ kind }, i) => {
    const isNew = !seen.has(kind)
    seen.add(kind)
    return isNew || (i + seed) % step === 0
  })
}
