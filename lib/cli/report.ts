// How errors look: `ddv: error: …`, `ddv: hint: …`; with --json one document on stderr.

import { DdvError, fromSystemError, isDdvError, systemCode } from '../core/errors.js'
import { displayPath } from '../core/tree-path.js'
import { bugExitCode, exitCodeOf, exitCodeOfAll } from './exit-codes.js'
import { formatCount } from './format.js'
import type { Io } from './io.js'
import { type LogFormat, writeLog } from './log-record.js'
import type { Style } from './style.js'

export interface ReportOptions {
  readonly json: boolean
  readonly style: Style
  /** Show the stack of what lies behind an error too. */
  readonly verbose?: boolean
  readonly log?: LogFormat
}

/** Tells one error that ended the command, and gives the exit code. */
export function reportError(io: Io, thrown: unknown, options: ReportOptions): number {
  const error = fromSurroundings(thrown)
  if (!isDdvError(error)) return reportBug(io, error, options)
  if (options.json) writeJson(io, { error: toJson(error) })
  else if (options.log === 'json') writeLog(io, 'error', toJson(error))
  else if (error.code === 'interrupted') io.stderr.write('ddv: interrupted\n')
  else writeText(io, error, options)
  return exitCodeOf(error.code)
}

/** Errors of the system that no program can help, wherever they come from. ENOENT and its like are bugs here. */
const notOurs: ReadonlySet<string> = new Set([
  'ENOSPC',
  'EDQUOT',
  'EROFS',
  'EACCES',
  'EPERM',
  'EMFILE',
  'ENFILE',
  'EIO',
])

function fromSurroundings(error: unknown): unknown {
  if (!notOurs.has(systemCode(error) ?? '')) return error
  const { path, syscall } = error as NodeJS.ErrnoException
  return fromSystemError(error, path ?? `in ${syscall ?? 'a call of the system'}`)
}

export interface Failure {
  readonly path: string
  readonly error: DdvError
  /** What failed, where it is no output. */
  readonly what?: 'stage'
}

/** Tells every output that failed while the others went on, and gives the exit code: 0 for no failure. */
export function reportFailures(io: Io, failures: readonly Failure[], options: ReportOptions): number {
  if (failures.length === 0) return 0
  const errors = failures.map(failure => failure.error)
  if (options.json) {
    const [first] = errors
    const rows = failures.map(({ path, error }) => ({ path, ...toJson(error) }))
    const summary = failures.length === 1 && first !== undefined ? toJson(first) : several(failures)
    writeJson(io, { error: { ...summary, failures: rows } })
  } else if (options.log === 'json')
    for (const { path, error } of failures) writeLog(io, 'error', { path, ...toJson(error) })
  else for (const alike of byCause(failures)) writeCause(io, alike, options)
  return exitCodeOfAll(errors)
}

/** A server that is down fails every output: those of one cause together, in the order of the first of each. */
function byCause(failures: readonly Failure[]): readonly (readonly Failure[])[] {
  const groups = new Map<string, Failure[]>()
  for (const failure of failures) {
    const { path, error } = failure
    const cause = namesOutput(error.message, path) ? [path] : [error.code, error.hint, causeText(error)]
    const key = JSON.stringify(cause)
    groups.set(key, [...(groups.get(key) ?? []), failure])
  }
  return [...groups.values()]
}

// The system says for each output which of its files it was; a full disk is one cause all the same.
const causeText = ({ message, cause }: DdvError): string =>
  systemCode(cause) === undefined ? message : message.replace(/: [^:]*$/, '')

/** Whether the path stands in the message as such, and not by chance: outputs may be called `a`. */
function namesOutput(message: string, path: string): boolean {
  const shown = displayPath(path)
  for (let at = message.indexOf(shown); at >= 0; at = message.indexOf(shown, at + 1)) {
    const [before, after] = [message.charAt(at - 1), message.slice(at + shown.length)]
    if (/^[\s'"(]?$/.test(before) && /^(?:\.ddv)?(?:$|[\s'",:;)/])/.test(after)) return true
  }
  return false
}

function writeCause(io: Io, alike: readonly Failure[], options: ReportOptions): void {
  const [first] = alike
  if (first === undefined) return
  const { path, error, what = 'output' } = first
  if (alike.length === 1) {
    writeText(io, namesOutput(error.message, path) ? error : withNote(error, `: ${displayPath(path)}`), options)
    return
  }
  const count = formatCount(alike.length, what)
  writeText(io, withNote(error, options.verbose ? ` (${count})` : ` (${count}; --verbose names them)`), options)
  if (options.verbose) for (const { path } of alike) io.stderr.write(`ddv:   ${oneLine(path)}\n`)
}

const withNote = ({ code, message, hint, cause }: DdvError, note: string): DdvError =>
  new DdvError(code, message + note, { cause, ...(hint === undefined ? {} : { hint }) })

function several(failures: readonly Failure[]): JsonError {
  const errors = failures.map(({ error }) => error)
  const wanted = exitCodeOfAll(errors)
  const telling = errors.find(error => exitCodeOf(error.code) === wanted) ?? errors[0]
  return { code: telling?.code ?? 'io', message: `${formatCount(errors.length, failures[0]?.what ?? 'output')} failed` }
}

interface JsonError {
  readonly code: string
  readonly message: string
  readonly hint?: string
}

const toJson = ({ code, message, hint }: DdvError): JsonError => ({
  code,
  message,
  ...(hint === undefined ? {} : { hint }),
})

const writeJson = (io: Io, document: unknown): void => io.stderr.write(`${JSON.stringify(document)}\n`)

function writeText(io: Io, error: DdvError, { style, verbose }: ReportOptions): void {
  io.stderr.write(`ddv: ${style.red('error:')} ${oneLine(error.message)}\n`)
  if (error.hint !== undefined) io.stderr.write(`ddv: ${style.bold('hint:')} ${oneLine(error.hint)}\n`)
  if (verbose === true && error.cause instanceof Error) io.stderr.write(`${error.cause.stack ?? error.cause.message}\n`)
}

/** Tells what does not end the command. */
export function reportWarning(
  io: Io,
  { message, hint }: { readonly message: string; readonly hint?: string },
  { style, log }: Pick<ReportOptions, 'style' | 'log'>,
): void {
  if (log === 'json') {
    writeLog(io, 'warning', { message, ...(hint !== undefined && { hint }) })
    return
  }
  io.stderr.write(`ddv: ${style.yellow('warning:')} ${oneLine(message)}\n`)
  if (hint !== undefined) io.stderr.write(`ddv: ${style.bold('hint:')} ${oneLine(hint)}\n`)
}

function reportBug(io: Io, error: unknown, { json, log }: ReportOptions): number {
  const stack = error instanceof Error ? (error.stack ?? error.message) : String(error)
  if (json) writeJson(io, { error: { code: 'bug', message: stack } })
  else if (log === 'json') writeLog(io, 'error', { code: 'bug', message: stack })
  else io.stderr.write(`ddv: this is a bug of ddv, please report it with these lines\n${stack}\n`)
  return bugExitCode
}

// Names in messages come from repositories and remotes: they must not move the cursor or begin a new line.
const oneLine = (text: string): string => displayPath(text)
