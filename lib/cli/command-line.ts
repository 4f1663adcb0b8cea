// The parser: yargs over the table of commands, with the flags that all of them take. yargs neither prints nor exits
// here; what it has to say comes back as an error.

import { statSync } from 'node:fs'
import { resolve } from 'node:path'
import yargs, { type Argv } from 'yargs'
import { DdvError } from '../core/errors.js'
import { displayPath } from '../core/tree-path.js'
import { commandLine, readTyped, type Typed, usageWords } from './arguments.js'
import { type Command, type Context, createContext, type Runner, type Start } from './command.js'
import { commands, groupStarts } from './commands.js'
import { exitCodeOf } from './exit-codes.js'
import { gitCalls } from './git-calls.js'
import { globalOptions } from './global-options.js'
import type { Io, Output } from './io.js'
import type { LogFormat } from './log-record.js'
import { createProgress, noProgress } from './progress.js'
import { type ReportOptions, reportError } from './report.js'
import { type ColorChoice, chooseStyle, type Style } from './style.js'

interface GlobalArgs {
  readonly cd?: string | undefined
  readonly json?: boolean
  readonly quiet?: boolean
  readonly verbose?: boolean
  readonly progress?: boolean
  readonly jobs?: number | undefined
  readonly color?: ColorChoice
}

/** Runs one command line; the exit code. Throws nothing but bugs of its own. */
export async function runCommandLine(argv: readonly string[], io: Io, signal: AbortSignal): Promise<number> {
  const call = gitCalls.get(argv[0] ?? '')
  if (call !== undefined) return call(argv.slice(1), io)
  const typed = readTyped(argv, { commands, flags: globalOptions })
  // Errors are told as the flags ask for, those about the flags included.
  const report = reportOptions(typed, io)
  let code = 0
  try {
    if (typed.wantsHelp) {
      io.stdout.write(await helpText(typed.path, io.stdout, chooseStyle(report.color, io.stdout, io.env)))
      return 0
    }
    if (typed.problem !== undefined) throw typed.problem
    if (argv.length === 0) {
      io.stderr.write(await helpText([], io.stderr, report.style))
      return exitCodeOf('usage')
    }
    await parse(typed, async (marked, runner) => {
      const args = Object.fromEntries(Object.entries(marked).map(([name, value]) => [name, withoutMarks(value)]))
      code = await runCommand({ flags: args, run: context => runner(args, context), report }, io, signal)
    })
    return code
  } catch (error) {
    return reportError(io, error, report)
  }
}

interface Chosen {
  readonly flags: GlobalArgs
  readonly run: (context: Context) => ReturnType<Runner>
  readonly report: CommandReport
}

async function runCommand({ flags, run, report }: Chosen, io: Io, signal: AbortSignal): Promise<number> {
  const { cd, json = false, quiet = false, verbose = false, jobs, progress: live = true } = flags
  const logFormat = report.log
  checkDirectory(io, cd)
  if (jobs !== undefined && !(Number.isSafeInteger(jobs) && jobs >= 1 && jobs <= 1024))
    throw new DdvError('usage', '--jobs is not a whole number from 1 to 1024')
  const progress =
    live && !quiet && !json && logFormat === 'text' && io.stderr.isTerminal && io.env.TERM !== 'dumb'
      ? createProgress(io)
      : noProgress
  const style = chooseStyle(flags.color ?? 'auto', io.stdout, io.env)
  try {
    const context = createContext({ io, cd, json, quiet, verbose, jobs, logFormat, signal, progress, style, report })
    return (await run(context)) ?? 0
  } finally {
    progress.clear()
  }
}

function checkDirectory(io: Io, cd: string | undefined): void {
  if (cd !== undefined && statSync(resolve(io.cwd, cd), { throwIfNoEntry: false })?.isDirectory() !== true)
    throw new DdvError('usage', `--cd: no such directory: ${displayPath(cd)}`)
}

interface CommandReport extends ReportOptions {
  readonly color: ColorChoice
  readonly log: LogFormat
}

function reportOptions({ flags }: Typed, io: Io): CommandReport {
  const given = Object.fromEntries(flags.map(({ name, value }) => [name, value]))
  const color = globalOptions.color.choices.find(choice => choice === given.color) ?? 'auto'
  return {
    ...{ json: given.json === true, verbose: given.verbose === true, color },
    log: given['log-format'] === 'json' ? 'json' : 'text',
    style: chooseStyle(color, io.stderr, io.env),
  }
}

async function helpText(path: readonly Command[], { columns }: Output, style: Style): Promise<string> {
  const { commandHelp, wholeHelp } = await import('./help.js')
  const options = { columns, style, flags: globalOptions }
  return path.length === 0 ? wholeHelp(groupsOf(commands), options) : commandHelp(path, options)
}

function groupsOf(all: readonly Command[]): (readonly [string, Command[]])[] {
  const groups: (readonly [string, Command[]])[] = []
  for (const command of all) {
    const title = groupStarts.find(([, first]) => first === command)?.[0]
    if (title !== undefined) groups.push([title, []])
    groups.at(-1)?.[1].push(command)
  }
  return groups
}

function commandParser(command: Command | undefined, start: Start): Argv {
  const parser = yargs()
  skipEagerHelp(parser)
  parser
    .scriptName('ddv')
    .locale('en')
    .exitProcess(false)
    .version(false)
    .help(false)
    .options(globalOptions)
    .strict()
    .parserConfiguration({ 'parse-positional-numbers': false, 'greedy-arrays': false })
    .demandCommand(1, '')
  // The one that is meant: each that is registered costs 0.3 ms.
  command?.register(parser, start)
  return parser
}

/** yargs renders a command's help, for later, whenever the command runs: a tenth of what `ddv status` costs. */
function skipEagerHelp(parser: Argv): void {
  const yargs = parser as unknown as {
    getInternalMethods(): { getUsageInstance(): { cacheHelpMessage: () => void } }
  }
  yargs.getInternalMethods().getUsageInstance().cacheHelpMessage = () => undefined
}

async function parse({ path, words, flags }: Typed, start: Start): Promise<void> {
  const parser = commandParser(path[0], start)
  parser.fail((message: string | null, error: Error | undefined) => {
    // yargs' own errors are about the arguments, too.
    if (error !== undefined && error !== null && error.name !== 'YError') throw error
    throw usageError(message ?? error?.message ?? '', path)
  })
  const names = path.map(({ name }) => name)
  const settings = flags.map(({ name, value }) => `--${name}=${value}`)
  await parser.parseAsync([...names, ...words.map(withMark), ...settings])
}

// An argument may look like a flag; so it travels marked by a character that no argument of a program can hold.
const mark = '\0'
const withMark = (word: string): string => (word.startsWith('-') ? mark + word : word)

function withoutMarks(value: unknown): unknown {
  if (typeof value === 'string') return value.startsWith(mark) ? value.slice(1) : value
  return Array.isArray(value) ? value.map(withoutMarks) : value
}

function usageError(message: string, path: readonly Command[]): DdvError {
  if (message === '') return new DdvError('usage', 'no command was given', { hint: `'ddv --help' lists them` })
  const hint = `'${commandLine(path)} --help' shows what it takes`
  const extra = /^Unknown (?:argument|command)s?: (.*)$/s.exec(message)?.[1]
  const given = /^Not enough non-option arguments: got (\d+)/.exec(message)?.[1]
  if (given !== undefined) return missingArgument(path, Number(given))
  const flag = /^Missing required argument: (\S+)$/.exec(message)?.[1]
  if (flag !== undefined) return new DdvError('usage', `${flagForm(flag, path)} is missing`, { hint })
  if (extra === undefined) return new DdvError('usage', plainMessage(message), { hint })
  return new DdvError('usage', `more arguments than it takes: ${displayPath(extra.replaceAll(mark, ''))}`, { hint })
}

function missingArgument(path: readonly Command[], given: number): DdvError {
  const { usage = '', positionals = {} } = path.at(-1) ?? {}
  const line = [commandLine(path), ...usageWords(usage).slice(1)].join(' ')
  const help = `'${commandLine(path)} --help' shows what it takes`
  const word = usageWords(usage).filter(word => word.startsWith('<'))[given] ?? ''
  const { describe } = positionals[word.replace(/[^\w-]/g, '')] ?? {}
  return new DdvError('usage', `an argument is missing: ${line}`, {
    hint: describe === undefined ? help : `${word}: ${describe}; ${help}`,
  })
}

/** As a person types it: `-m MSG`. */
function flagForm(name: string, path: readonly Command[]): string {
  const { alias, value = 'VALUE' } = path.at(-1)?.options[name] ?? {}
  return `${typeof alias === 'string' ? `-${alias}` : `--${name}`} ${value}`
}

function plainMessage(message: string): string {
  const [, flag, given, choices] = /Argument: (.*), Given: (.*), Choices: (.*)/.exec(message) ?? []
  if (flag !== undefined) return `--${flag} is none of ${choices?.replaceAll('"', '')}: ${given?.replaceAll('"', '')}`
  return message.charAt(0).toLowerCase() + message.slice(1)
}
