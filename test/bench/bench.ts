// What a case has to work with, and what it gives back.

import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { Samples } from './measure.js'
import type { Command } from './processes.js'

export interface Bench {
  readonly quick: boolean
  /** Scratch; `data` in it is shared by the cases. */
  readonly directory: string
  /** The built program under test. */
  readonly program: string
  /** Programs that may serve as references, found on PATH. */
  readonly has: (program: string) => boolean
  /** Says something to the person at once: a phase, or what is left out and why. */
  readonly say: (text: string) => void
}

export interface Row {
  readonly case: string
  readonly what: string
  readonly unit: Unit
  readonly ddv: number
  readonly reference: { readonly name: string; readonly value: number; readonly cpu?: number } | undefined
  readonly goal: Goal | undefined
  /** Processor time, in milliseconds. */
  readonly cpu?: number | undefined
  readonly times?: readonly number[] | undefined
  readonly referenceTimes?: readonly number[] | undefined
}

export type Unit = 'ms' | 'bytes' | 'requests'

/** At most this many times the reference, or this much. `strict`: less than, for "faster than". */
export type Goal =
  | { readonly type: 'ratio'; readonly limit: number; readonly strict?: boolean }
  | { readonly type: 'amount'; readonly limit: number }

export interface BenchCase {
  readonly name: string
  readonly describe: string
  readonly run: (bench: Bench) => Promise<readonly Row[]>
}

export const ratioOf = ({ ddv, reference }: Row): number | undefined =>
  reference === undefined ? undefined : ddv / reference.value

/** Of processor time: what the ratio would be on a machine where nothing else runs and no disk waits. */
export const cpuRatioOf = ({ cpu, reference }: Row): number | undefined =>
  cpu === undefined || !reference?.cpu ? undefined : cpu / reference.cpu

/** undefined where there is no goal, or nothing to hold it against. */
export function isMet(row: Row): boolean | undefined {
  if (row.goal === undefined) return undefined
  if (row.goal.type === 'amount') return row.ddv <= row.goal.limit
  const ratio = ratioOf(row)
  if (ratio === undefined) return undefined
  return row.goal.strict === true ? ratio < row.goal.limit : ratio <= row.goal.limit
}

/** ddv first, then each reference with its own goal, or none: for information. */
export function timeRows(
  label: { readonly case: string; readonly what: string },
  [ddv, ...references]: readonly Samples[],
  goals: readonly (Goal | undefined)[],
): Row[] {
  if (ddv === undefined) return []
  return references.map((reference, i) => ({
    ...label,
    unit: 'ms',
    ddv: ddv.median,
    reference: { name: reference.name, value: reference.median, cpu: reference.cpu },
    goal: goals[i],
    cpu: ddv.cpu,
    times: ddv.times,
    referenceTimes: reference.times,
  }))
}

export const amountRow = (label: { case: string; what: string }, unit: Unit, ddv: number, limit?: number): Row => ({
  ...label,
  unit,
  ddv,
  reference: undefined,
  goal: limit === undefined ? undefined : { type: 'amount', limit },
})

export const atMost = (limit: number): Goal => ({ type: 'ratio', limit })
export const fasterThan: Goal = { type: 'ratio', limit: 1, strict: true }
/** "At least so many times faster." */
export const timesFaster = (times: number): Goal => ({ type: 'ratio', limit: 1 / times })

/** promises.md: the peak memory of any transfer, without file-backed pages. */
export const transferMemory = 350_000_000

/** The surroundings of every program of a run: none of the machine's settings, none of the person's. */
export function environment(bench: Bench, more: Readonly<Record<string, string>> = {}): Record<string, string> {
  return {
    PATH: process.env.PATH ?? '',
    HOME: join(bench.directory, 'home'),
    LC_ALL: 'C.UTF-8',
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_AUTHOR_NAME: 'Bench',
    GIT_AUTHOR_EMAIL: 'bench@example.org',
    GIT_COMMITTER_NAME: 'Bench',
    GIT_COMMITTER_EMAIL: 'bench@example.org',
    AWS_ACCESS_KEY_ID: 'test',
    AWS_SECRET_ACCESS_KEY: 'testing',
    AWS_REGION: 'us-east-1',
    ...more,
  }
}

/** `ddv …` in a workspace. */
export const ddvCommand = (
  bench: Bench,
  cwd: string,
  args: readonly string[],
  more: Readonly<Record<string, string>> = {},
): Command => ({ argv: [process.execPath, bench.program, ...args], cwd, env: environment(bench, more) })

export const shell = (bench: Bench, script: string, args: readonly string[] = [], cwd?: string): Command => ({
  argv: ['sh', '-e', '-c', script, 'sh', ...args],
  cwd,
  env: environment(bench),
})

/** A directory for a case, empty. */
export function freshDirectory(bench: Bench, name: string): string {
  const path = join(bench.directory, name)
  rmSync(path, { recursive: true, force: true })
  mkdirSync(path, { recursive: true })
  return path
}

export const removeTree = (path: string): void => rmSync(path, { recursive: true, force: true })

/** Where shared data of this name is, made or not. */
export const dataPath = (bench: Bench, name: string): string => join(bench.directory, 'data', name)
