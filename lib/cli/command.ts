// What a command file is: flags, one call of an op, printing. `defineCommand` ties its types together; the table of
// commands is in commands.ts, and main.ts runs them.

import { resolve } from 'node:path'
import type { Argv, InferredOptionTypes, Options, PositionalOptions } from 'yargs'
import type { Event } from '../core/events.js'
import { displayPath } from '../core/tree-path.js'
import type { Io } from './io.js'
import { type LogFormat, writeLog } from './log-record.js'
import type { Progress } from './progress.js'
import { type Failure, type ReportOptions, reportFailures, reportWarning } from './report.js'
import type { Style } from './style.js'

/** A flag as yargs takes it. One that is on unless told is shown as `--no-NAME`, and described as that. */
export interface Flag extends Options {
  /** What stands for the value in help texts: `--cd DIR`. */
  readonly value?: string
}

export type Flags = Readonly<Record<string, Flag>>
export type Positionals = Readonly<Record<string, PositionalOptions>>

/** The flags that every command takes. */
export interface GlobalFlags {
  readonly json: boolean
  readonly quiet: boolean
  readonly verbose: boolean
  readonly jobs: number | undefined
  readonly logFormat: LogFormat
}

/** What a command has to work with. */
export interface Context extends GlobalFlags {
  readonly io: Io
  /** Where relative targets start: `--cd`, or the process's own. Absolute. */
  readonly cwd: string
  readonly signal: AbortSignal
  readonly onEvent: (event: Event) => void
  /** For stdout. */
  readonly style: Style
  /** Writes the result: `value` with --json, the text otherwise, and nothing of the text with --quiet. */
  result(value: unknown, text: () => string): void
  /** Writes to stdout whatever the flags: for commands whose answer is text, such as `root`. */
  print(text: string): void
  warn(message: string, hint?: string): void
  /** Names every output that failed; the exit code, 0 for none. */
  fail(failures: readonly Failure[]): number
}

export interface CommandSpec<P extends Positionals, O extends Flags> {
  /** As yargs writes it: `add <targets..>`. */
  readonly usage: string
  readonly describe: string
  readonly positionals?: P
  readonly options?: O
  /** One command line, and what it does. */
  readonly example: readonly [string, string]
  /** Exit codes beside 0, 2, 70 and 130. */
  readonly exits?: readonly number[]
  /** The exit code; 0 where it gives none. */
  readonly run: (
    args: InferredOptionTypes<P> & InferredOptionTypes<O>,
    context: Context,
  ) => Promise<number> | Promise<void>
}

export interface Command {
  readonly name: string
  readonly usage: string
  /** At most 64 characters: one line among the others. */
  readonly describe: string
  readonly positionals: Positionals
  readonly options: Flags
  /** Groups have none. */
  readonly example?: readonly [string, string]
  readonly exits: readonly number[]
  readonly children: readonly Command[]
  /** Adds it to the parser; `start` is called when it was chosen and its flags are right. */
  register(yargs: Argv, start: Start): Argv
}

export type Runner = (args: Readonly<Record<string, unknown>>, context: Context) => Promise<number> | Promise<void>
export type Start = (args: Readonly<Record<string, unknown>>, runner: Runner) => Promise<void>

const nameOf = (usage: string): string => usage.split(' ')[0] ?? ''

export function defineCommand<
  const P extends Positionals = Record<never, never>,
  const O extends Flags = Record<never, never>,
>(spec: CommandSpec<P, O>): Command {
  const { usage, describe, example, exits = [], run } = spec
  const positionals: Positionals = spec.positionals ?? {}
  const options: Flags = spec.options ?? {}
  return {
    ...{ name: nameOf(usage), usage, describe, positionals, options, example, exits, children: [] },
    register: (yargs, start) =>
      yargs.command(
        usage,
        describe,
        y => {
          for (const [name, option] of Object.entries(positionals)) y.positional(name, option)
          return y.options({ ...options })
        },
        // yargs has checked the flags against the spec by now.
        args => start(args, (checked, context) => run(checked as Parameters<typeof run>[0], context)),
      ),
  }
}

/** A command that only holds others: `remote add`, `remote list`. */
export function defineGroup(name: string, describe: string, children: readonly Command[]): Command {
  return {
    ...{ name, usage: name, describe, positionals: {}, options: {}, exits: [], children },
    register: (yargs, start) =>
      yargs.command(name, describe, y => {
        for (const child of children) child.register(y, start)
        return y.demandCommand(1, 1, `'ddv ${name}' needs a command: ${children.map(child => child.name).join(', ')}`)
      }),
  }
}

export interface ContextOptions extends GlobalFlags {
  readonly io: Io
  readonly cd: string | undefined
  readonly signal: AbortSignal
  readonly progress: Progress
  readonly style: Style
  readonly report: ReportOptions
}

export function createContext(options: ContextOptions): Context {
  const { io, json, quiet, verbose, jobs, logFormat, progress, report } = options
  const print = (text: string): void => {
    progress.clear()
    io.stdout.write(text)
  }
  const warn = (message: string, hint?: string): void => {
    progress.clear()
    if (!quiet) reportWarning(io, { message, ...(hint === undefined ? {} : { hint }) }, report)
  }
  const say = (lines: readonly string[]): void => {
    progress.clear()
    if (quiet) return
    if (logFormat === 'json') writeLog(io, 'info', { message: lines.join('\n') })
    else for (const line of lines) io.stderr.write(`${displayPath(line)}\n`)
  }
  return {
    ...{ io, json, quiet, verbose, jobs, logFormat, warn, print },
    cwd: resolve(io.cwd, options.cd ?? '.'),
    signal: options.signal,
    style: options.style,
    onEvent: event => {
      progress.onEvent(event)
      // Whoever listens behind this writes lines of them.
      if (event.type === 'stage' || event.type === 'output') progress.clear()
      if (event.type === 'warning') warn(event.message, event.hint)
      if (event.type === 'said') say(event.lines)
      if (event.type === 'retry' && verbose) warn(`${event.what}: trying again, try ${event.attempt + 1}`)
    },
    result: (value, text) => {
      if (json) print(`${JSON.stringify(value, null, io.stdout.isTerminal ? 2 : undefined)}\n`)
      else if (!quiet) print(text())
    },
    fail: failures => {
      progress.clear()
      return reportFailures(io, failures, report)
    },
  }
}
