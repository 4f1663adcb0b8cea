// The parser: yargs over the table of commands, with the flags that all of them take. yargs neither prints nor exits
// here; what it has to say comes back as text or as an error.

import { statSync } from 'node:fs'
import { resolve } from 'node:path'
import yargs, { type Argv } from 'yargs'
import { nearest } from '../core/did-you-mean.js'
import { DdvError } from '../core/errors.js'
import { displayPath } from '../core/tree-path.js'
import { type Command, type Context, createContext, type Runner } from './command.js'
import { commands } from './commands.js'
import type { Io } from './io.js'
import { createProgress, noProgress } from './progress.js'
import { type ReportOptions, reportError } from './report.js'
import { type ColorChoice, chooseStyle } from './style.js'

const globalOptions = {
  cd: { type: 'string', describe: 'run as if started in this directory', requiresArg: true },
  json: { type: 'boolean', default: false, describe: 'one JSON document on stdout, errors as JSON on stderr' },
  quiet: { type: 'boolean', alias: 'q', default: false, describe: 'say nothing but errors' },
  verbose: { type: 'boolean', alias: 'v', default: false, describe: 'say more' },
  progress: { type: 'boolean', default: true, describe: 'the live line; --no-progress for none' },
  jobs: { type: 'number', requiresArg: true, describe: 'how much to do at once; as many as there are cores' },
  color: { choices: ['auto', 'always', 'never'], default: 'auto', describe: 'colour; NO_COLOR is heeded too' },
} as const

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
  // Until the flags are parsed, errors are told as they ask for; what yargs would refuse must not decide that.
  let report = reportOptions({ json: argv.includes('--json') }, io)
  const path: Command[] = []
  let code = 0
  const start = {
    chosen: (command: Command) => void path.push(command),
    run: async (marked: Readonly<Record<string, unknown>>, runner: Runner): Promise<void> => {
      const args = Object.fromEntries(Object.entries(marked).map(([name, value]) => [name, withoutMarks(value)]))
      refuseRepeated(args, path.at(-1))
      const flags: GlobalArgs = args
      report = reportOptions(flags, io)
      code = await runCommand({ flags, run: context => runner(args, context), report }, io, signal)
    },
  }
  try {
    const output = await parse(argv, commandParser(argv, io, start), path)
    if (output !== '') io.stdout.write(`${output}\n`)
    return code
  } catch (error) {
    return reportError(io, error, report)
  }
}

interface Chosen {
  readonly flags: GlobalArgs
  readonly run: (context: Context) => ReturnType<Runner>
  readonly report: ReportOptions
}

async function runCommand({ flags, run, report }: Chosen, io: Io, signal: AbortSignal): Promise<number> {
  const { cd, json = false, quiet = false, verbose = false, jobs, progress: live = true } = flags
  checkDirectory(io, cd)
  if (jobs !== undefined && !(Number.isSafeInteger(jobs) && jobs >= 1 && jobs <= 1024))
    throw new DdvError('usage', '--jobs is not a whole number from 1 to 1024')
  const progress = live && !quiet && !json && io.stderr.isTerminal ? createProgress(io) : noProgress
  const style = chooseStyle(flags.color ?? 'auto', io.stdout, io.env)
  try {
    const context = createContext({ io, cd, json, quiet, verbose, jobs, signal, progress, style, report })
    return (await run(context)) ?? 0
  } finally {
    progress.clear()
  }
}

/** yargs makes a list of a flag that comes twice, whatever its type says. */
function refuseRepeated(args: Readonly<Record<string, unknown>>, command: Command | undefined): void {
  for (const [name, value] of Object.entries(args))
    if (Array.isArray(value) && name !== '_' && command?.lists.includes(name) !== true)
      throw new DdvError('usage', `--${name} was given more than once`)
}

function checkDirectory(io: Io, cd: string | undefined): void {
  if (cd !== undefined && statSync(resolve(io.cwd, cd), { throwIfNoEntry: false })?.isDirectory() !== true)
    throw new DdvError('usage', `--cd: no such directory: ${displayPath(cd)}`)
}

const reportOptions = (flags: GlobalArgs, io: Io): ReportOptions => ({
  json: flags.json ?? false,
  verbose: flags.verbose ?? false,
  style: chooseStyle(flags.color ?? 'auto', io.stderr, io.env),
})

function commandParser(argv: readonly string[], io: Io, start: Parameters<Command['register']>[1]): Argv {
  const parser = yargs()
  skipEagerHelp(parser)
  parser
    .scriptName('ddv')
    .usage('$0 <command>\n\nVersions data beside git.')
    .locale('en')
    .exitProcess(false)
    .wrap(Math.min(100, io.stdout.columns))
    .version(false)
    .help()
    .alias('help', 'h')
    .options(globalOptions)
    .group(['cd', 'json', 'quiet', 'verbose', 'progress', 'jobs', 'color', 'help'], 'Everywhere:')
    .strict()
    .parserConfiguration({ 'parse-positional-numbers': false })
    .demandCommand(1, '')
  // Those that may be meant: each that is registered costs 0.3 ms. All for the list of them, and for a wrong name.
  const named = commands.filter(({ name }) => argv.includes(name))
  for (const command of named.length > 0 ? named : commands) command.register(parser, start)
  return parser
}

/** yargs renders a command's help, for later, whenever the command runs: a tenth of what `ddv status` costs. */
function skipEagerHelp(parser: Argv): void {
  const yargs = parser as unknown as {
    getInternalMethods(): { getUsageInstance(): { cacheHelpMessage: () => void } }
  }
  yargs.getInternalMethods().getUsageInstance().cacheHelpMessage = () => undefined
}

/** Help texts come back as output; wrong usage is thrown. */
async function parse(argv: readonly string[], parser: Argv, path: readonly Command[]): Promise<string> {
  let said = ''
  parser.fail((message: string | null, error: Error | undefined) => {
    // yargs' own errors are about the arguments, too.
    if (error !== undefined && error !== null && error.name !== 'YError') throw error
    throw usageError(message ?? error?.message ?? '', path)
  })
  await parser.parseAsync(guardTail(argv), {}, (_error: Error | undefined, _args: unknown, output: string) => {
    said = output
  })
  return said
}

// What follows `--` is no flag, whatever it looks like. yargs would not count it among the arguments that a command
// asks for; so it travels among them, marked by a character that no argument of a program can hold.
const tailMark = '\0'

function guardTail(argv: readonly string[]): string[] {
  const end = argv.indexOf('--')
  return end < 0 ? [...argv] : [...argv.slice(0, end), ...argv.slice(end + 1).map(text => tailMark + text)]
}

function withoutMarks(value: unknown): unknown {
  if (typeof value === 'string') return value.startsWith(tailMark) ? value.slice(1) : value
  return Array.isArray(value) ? value.map(withoutMarks) : value
}

function usageError(message: string, path: readonly Command[]): DdvError {
  const words = ['ddv', ...path.map(command => command.name)].join(' ')
  const help = `'${words} --help' shows what it takes`
  const unknown = /^Unknown (?:argument|command)s?: ([^,]+)/.exec(message)?.[1]
  if (message === '') return new DdvError('usage', 'no command was given', { hint: `'ddv --help' lists them` })
  if (unknown === undefined) return new DdvError('usage', plainMessage(message), { hint: help })
  const command = path.at(-1)
  const siblings = command === undefined ? commands : command.children
  if (siblings.length > 0 && !unknown.startsWith('-')) {
    const guess = nearest(
      unknown,
      siblings.map(({ name }) => name),
    )
    return new DdvError('usage', `unknown command: ${displayPath(`${words} ${unknown}`)}`, {
      hint: guess === undefined ? `'${words} --help' lists them` : `did you mean '${words} ${guess}'?`,
    })
  }
  const guess = nearest(unknown, [...(command?.optionNames ?? []), ...Object.keys(globalOptions)])
  return new DdvError('usage', `unknown flag or argument: ${displayPath(unknown)}`, {
    hint: guess === undefined ? help : `did you mean '--${guess}'?`,
  })
}

function plainMessage(message: string): string {
  const [, flag, given, choices] = /Argument: (.*), Given: (.*), Choices: (.*)/.exec(message) ?? []
  if (flag !== undefined) return `--${flag} is none of ${choices?.replaceAll('"', '')}: ${given?.replaceAll('"', '')}`
  const missing = /^Not enough arguments following: (.*)$/.exec(message)?.[1]
  if (missing !== undefined) return `--${missing} needs a value`
  const few = /^Not enough non-option arguments: got (\d+), need at least (\d+)$/.exec(message)
  if (few !== null)
    return `${few[2]} arguments are needed, and ${few[1]} were given`.replace(/^1 arguments are/, '1 argument is')
  return message.charAt(0).toLowerCase() + message.slice(1)
}
