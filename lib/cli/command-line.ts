// The parser: yargs over the table of commands, with the flags that all of them take. yargs neither prints nor exits
// here; what it has to say comes back as text or as an error.

import { statSync } from 'node:fs'
import { resolve } from 'node:path'
import yargs, { type Argv } from 'yargs'
import { nearest } from '../core/did-you-mean.js'
import { DdvError } from '../core/errors.js'
import { displayPath } from '../core/tree-path.js'
import { type Command, createContext, type Runner } from './command.js'
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
    run: async (args: Record<string, unknown>, runner: Runner): Promise<void> => {
      const flags: GlobalArgs = args
      report = reportOptions(flags, io)
      code = await runCommand({ flags, runner, report }, io, signal)
    },
  }
  try {
    const output = await parse(argv, commandParser(io, start), path)
    if (output !== '') io.stdout.write(`${output}\n`)
    return code
  } catch (error) {
    return reportError(io, error, report)
  }
}

interface Chosen {
  readonly flags: GlobalArgs
  readonly runner: Runner
  readonly report: ReportOptions
}

async function runCommand({ flags, runner, report }: Chosen, io: Io, signal: AbortSignal): Promise<number> {
  const { cd, json = false, quiet = false, verbose = false, jobs, progress: live = true } = flags
  checkDirectory(io, cd)
  if (jobs !== undefined && !(Number.isSafeInteger(jobs) && jobs >= 1 && jobs <= 1024))
    throw new DdvError('usage', '--jobs is not a whole number from 1 to 1024')
  const progress = live && !quiet && !json && io.stderr.isTerminal ? createProgress(io) : noProgress
  const style = chooseStyle(flags.color ?? 'auto', io.stdout, io.env)
  try {
    const context = createContext({ io, cd, json, quiet, verbose, jobs, signal, progress, style, report })
    return (await runner(context)) ?? 0
  } finally {
    progress.clear()
  }
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

function commandParser(io: Io, start: Parameters<Command['register']>[1]): Argv {
  const parser = yargs()
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
    .parserConfiguration({ 'duplicate-arguments-array': false, 'parse-positional-numbers': false })
    .demandCommand(1, '')
  for (const command of commands) command.register(parser, start)
  return parser
}

/** Help texts come back as output; wrong usage is thrown. */
async function parse(argv: readonly string[], parser: Argv, path: readonly Command[]): Promise<string> {
  let said = ''
  parser.fail((message: string | null, error: Error | undefined) => {
    if (error !== undefined && error !== null) throw error
    throw usageError(message ?? '', path)
  })
  await parser.parseAsync([...argv], {}, (_error: Error | undefined, _args: unknown, output: string) => {
    said = output
  })
  return said
}

function usageError(message: string, path: readonly Command[]): DdvError {
  const words = ['ddv', ...path.map(command => command.name)].join(' ')
  const help = `'${words} --help' shows what it takes`
  const unknown = /^Unknown (?:argument|command)s?: ([^,]+)/.exec(message)?.[1]
  if (message === '') return new DdvError('usage', 'no command was given', { hint: `'ddv --help' lists them` })
  if (unknown === undefined) return new DdvError('usage', lowerFirst(message), { hint: help })
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

const lowerFirst = (text: string): string => text.charAt(0).toLowerCase() + text.slice(1)
