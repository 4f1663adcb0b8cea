// Runs a stage on this machine. Each of its scripts is one call of a shell, which stops at the first command that fails, also
// in scripts of many lines; of several scripts none is begun after one that failed. Unix alone: groups of processes, and
// signals to them, are what makes that nothing is left running.

import { statSync } from 'node:fs'
import { join } from 'node:path'
import { DdvError } from '../core/errors.js'
import { commandNotFound, type Failure } from '../core/failure.js'
import { type Stage, stageAddress } from '../core/stage.js'
import { type GroupResult, runGroup } from '../sys/process-group.js'
import type { Environment } from '../sys/spawn.js'
import type { Executor, OutputStream, TryOptions, TryResult } from './executor.js'
import { createLineCutter, linesIn } from './output-lines.js'
import { type Program, programsOf } from './programs.js'

export interface LocalOptions {
  /** The workspace, absolute. */
  readonly root: string
  /** What stages find around them; each one's own comes on top. */
  readonly env: Environment
  /** Milliseconds between asking processes to end and ending them; 10 s unless told. */
  readonly grace?: number | undefined
  /** What starts ddv, for built-in steps: a program and its first arguments. */
  readonly ddv?: readonly string[] | undefined
}

export function localExecutor(options: LocalOptions): Executor {
  if (process.platform === 'win32')
    throw new DdvError('usage', 'stages do not run on Windows', { hint: 'run ddv in WSL or in a container' })
  return { name: 'local', run: (stage, given) => runStage(stage, options, given) }
}

async function runStage(stage: Stage, local: LocalOptions, options: TryOptions): Promise<TryResult> {
  const started = performance.now()
  const result = (failure: Failure | undefined, runs: readonly GroupResult[]): TryResult => ({
    failure,
    duration: performance.now() - started,
    peakMemory: runs.reduce<number | undefined>((most, { peakMemory }) => max(most, peakMemory), undefined),
    leftOthers: runs.some(({ leftOthers }) => leftOthers),
  })
  const directory = join(local.root, stage.wdir)
  if (!isDirectory(directory)) return result({ kind: 'not-found', what: 'directory', name: stage.wdir }, [])
  const env = { ...environmentOf(stage, local), ...options.env }
  const programs = programsOf(stage, { root: local.root, directory, env, ddv: local.ddv })
  if ('kind' in programs) return result(programs, [])
  const runs: GroupResult[] = []
  for (const program of programs) {
    // The timeout is for all of them together.
    const left = stage.timeout === undefined ? undefined : Math.max(1, stage.timeout - (performance.now() - started))
    const run = await runProgram(program, { ...options, cwd: directory, env, timeout: left, grace: local.grace })
    runs.push(run)
    const failure = failureOf(run, stage)
    if (failure !== undefined) return result(failure, runs)
  }
  return result(undefined, runs)
}

const max = (a: number | undefined, b: number | undefined): number | undefined =>
  a === undefined || b === undefined ? (a ?? b) : Math.max(a, b)

const isDirectory = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isDirectory() === true

/** What stages can rely on beside their own: the workspace and who they are. */
function environmentOf(stage: Stage, { root, env }: LocalOptions): Environment {
  const given = stage.env.flatMap(({ name, value }) => (value === undefined ? [] : [[name, value] as const]))
  return { ...env, ...Object.fromEntries(given), DDV_ROOT: root, DDV_STAGE: stageAddress(stage) }
}

interface ProgramOptions extends TryOptions {
  readonly cwd: string
  readonly env: Environment
  readonly timeout: number | undefined
  readonly grace: number | undefined
}

async function runProgram({ file, args }: Program, options: ProgramOptions): Promise<GroupResult> {
  const { log, onLine, ...others } = options
  const cutters = { stdout: createLineCutter(), stderr: createLineCutter() }
  const tell = (stream: OutputStream, bytes: Buffer): void => {
    log.write(stream, bytes)
    if (onLine !== undefined) for (const line of linesIn(bytes)) onLine(stream, line)
  }
  const flush = (): void => {
    for (const stream of ['stdout', 'stderr'] as const) tell(stream, cutters[stream].finish())
  }
  try {
    return await runGroup(file, args, {
      ...others,
      onOutput: (stream, bytes) => tell(stream, cutters[stream].push(bytes)),
    })
  } finally {
    flush()
  }
}

function failureOf({ code, signal, timedOut }: GroupResult, { timeout }: Stage): Failure | undefined {
  if (timedOut) return { kind: 'timeout', after: timeout ?? 0 }
  if (signal !== null) return { kind: 'signal', signal }
  if (code === commandNotFound) return { kind: 'not-found', what: 'command', name: '' }
  return code === 0 ? undefined : { kind: 'exit', code: code ?? 0 }
}
