// Contenders side by side: in each round every one of them once, another one first each time, so that what the machine
// does meanwhile falls on all alike.

import { type Command, runCommand } from './processes.js'

export interface Contender {
  readonly name: string
  /** Not timed; before each run. */
  readonly prepare?: () => void | Promise<void>
  readonly command: Command
  /** Not timed; throws where the work was not done. */
  readonly verify: (stdout: string) => void | Promise<void>
}

export interface MeasureOptions {
  readonly rounds: number
  readonly warmUps?: number
  /** The file system to write back before each run, so that none pays for what another left behind. */
  readonly settle?: string | undefined
  readonly sample?: boolean
}

export interface Samples {
  readonly name: string
  /** Milliseconds, in the order of the rounds. */
  readonly times: readonly number[]
  readonly median: number
  /** Median of the processor time, in milliseconds: steadier than the wall's where other people's work runs too. */
  readonly cpu: number
  /** Greatest of all rounds, in bytes. */
  readonly peak: number
}

/** One answer a contender, in their order. */
export async function measure(contenders: readonly Contender[], options: MeasureOptions): Promise<Samples[]> {
  const { rounds, warmUps = 1, settle, sample = false } = options
  const times = contenders.map((): number[] => [])
  const cpus = contenders.map((): number[] => [])
  const peaks = contenders.map(() => 0)
  for (let round = -warmUps; round < rounds; round++)
    for (let turn = 0; turn < contenders.length; turn++) {
      const at = (turn + Math.abs(round)) % contenders.length
      const contender = contenders[at] as Contender
      await contender.prepare?.()
      if (settle !== undefined)
        await runCommand({ argv: ['sync', '-f', settle], env: { PATH: process.env.PATH ?? '' } })
      const { time, cpu, peak, stdout } = await runCommand(contender.command, { sample })
      await contender.verify(stdout)
      if (round < 0) continue
      times[at]?.push(time)
      cpus[at]?.push(cpu)
      peaks[at] = Math.max(peaks[at] ?? 0, peak)
    }
  return contenders.map(({ name }, at) => {
    const all = times[at] ?? []
    return { name, times: all, median: median(all), cpu: median(cpus[at] ?? []), peak: peaks[at] ?? 0 }
  })
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  const upper = sorted[middle] ?? Number.NaN
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2
}
