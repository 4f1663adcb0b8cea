// What was typed, taken apart by the table of commands before yargs sees it: which command, which flags, which arguments.
// yargs takes the word behind a flag that it does not know for the flag's value, and says of a command line what fails
// last; a person wants to hear of the flag, and of nothing else.

import { nearest } from '../core/did-you-mean.js'
import { DdvError } from '../core/errors.js'
import { displayPath } from '../core/tree-path.js'
import type { Command, Flag, Flags } from './command.js'

export interface Typed {
  /** The command, behind the groups that hold it; empty where none was named. */
  readonly path: readonly Command[]
  /** What is neither the command nor a flag, in order; what follows `--` is at the end. */
  readonly words: readonly string[]
  readonly flags: readonly TypedFlag[]
  /** Help was asked for, on all or on a command that there is. */
  readonly wantsHelp: boolean
  /** The first thing that is wrong; what was read beside it still holds. */
  readonly problem: DdvError | undefined
}

export interface TypedFlag {
  readonly name: string
  readonly value: string | boolean
}

export interface Known {
  readonly commands: readonly Command[]
  /** The flags that every command takes. */
  readonly flags: Flags
}

export function readTyped(argv: readonly string[], known: Known): Typed {
  const end = argv.indexOf('--')
  const [head, tail] = end < 0 ? [argv, []] : [argv.slice(0, end), argv.slice(end + 1)]
  // `ddv help add` is `ddv add --help`.
  const asksHelp = head[0] === 'help'
  const place = findCommand(asksHelp ? head.slice(1) : head, known)
  const { path, rest, unknown } = place
  const command = path.at(-1)
  const own = { ...known.flags, ...command?.options }
  const { words, flags, problem } = readFlags(rest, indexFlags(own), commandLine(path))
  return {
    path,
    words: [...words, ...tail],
    flags,
    wantsHelp: unknown === undefined && (asksHelp || head.some(token => token === '--help' || token === '-h')),
    problem: unknown === undefined ? (problem ?? repeated(flags, own)) : unknownCommand(unknown, path, known),
  }
}

/** As typed: `ddv remote add`. */
export const commandLine = (path: readonly Command[]): string => ['ddv', ...path.map(({ name }) => name)].join(' ')

/** The command's name and its arguments as people write them: `<targets...>`, where yargs has two dots. */
export const usageWords = (usage: string): string[] => usage.replace(/\.\.(?=[>\]])/g, '...').split(' ')

interface Place {
  readonly path: readonly Command[]
  /** All tokens but the command's own. */
  readonly rest: readonly string[]
  /** Stands where a command should. */
  readonly unknown: string | undefined
}

// Flags may come before the command: until that is known, what any command takes says which of them have values.
function findCommand(tokens: readonly string[], known: Known): Place {
  const path: Command[] = []
  const rest: string[] = []
  let candidates = known.commands
  let flags = indexFlags({ ...allFlags(known.commands), ...known.flags })
  for (let at = 0; at < tokens.length; at++) {
    const token = tokens[at] as string
    if (isFlag(token)) {
      rest.push(token)
      const [last] = splitFlag(token, flags).slice(-1)
      if (last?.value === undefined && last?.flag !== undefined && isValue(tokens[at + 1]))
        rest.push(tokens[++at] as string)
      continue
    }
    const found = candidates.find(({ name }) => name === token)
    if (found !== undefined) {
      path.push(found)
      candidates = found.children
      if (candidates.length === 0) flags = indexFlags({ ...known.flags, ...found.options })
    } else if (candidates.length > 0) return { path, rest: [...rest, ...tokens.slice(at + 1)], unknown: token }
    else rest.push(token)
  }
  return { path, rest, unknown: undefined }
}

const allFlags = (commands: readonly Command[]): Flags =>
  Object.assign({}, ...commands.map(({ options, children }) => ({ ...options, ...allFlags(children) })))

interface Split {
  /** For messages. */
  readonly typed: string
  readonly name: string
  /** undefined for one that there is not. */
  readonly flag: Flag | undefined
  /** undefined where it is the next word, or missing. */
  readonly value: string | boolean | undefined
}

type Index = ReadonlyMap<string, readonly [string, Flag]>

/** By name, by the letter that stands for it, and by `no-` with the name. */
function indexFlags(flags: Flags): Index {
  const index = new Map<string, readonly [string, Flag]>()
  for (const [name, flag] of Object.entries(flags)) {
    for (const key of [name, flag.alias ?? []].flat()) index.set(key, [name, flag])
    if (flag.type === 'boolean') index.set(`no-${name}`, [name, flag])
  }
  return index
}

const isFlag = (token: string): boolean => token.startsWith('-') && token !== '-'

/** Whether the word can be a flag's value; one that begins with `-` needs an `=` before it, unless it is a number. */
const isValue = (token: string | undefined): boolean => token !== undefined && (!isFlag(token) || /^-\.?\d/.test(token))

/** `--name`, `--name=value`, `--no-name`, or letters: `-qv`, `-rNAME`. */
function splitFlag(token: string, index: Index): Split[] {
  const [, name, value] = /^--([^=]+)(?:=(.*))?$/s.exec(token) ?? []
  if (name === undefined) return splitLetters(token, index)
  const [known = name, flag] = index.get(name) ?? []
  const typed = `--${name}`
  if (flag?.type !== 'boolean') return [{ typed, name: known, flag, value }]
  return [{ typed, name: known, flag, value: value === undefined ? name === known : value }]
}

function splitLetters(token: string, index: Index): Split[] {
  const splits: Split[] = []
  for (let at = 1; at < token.length; at++) {
    const letter = token.charAt(at)
    const [name, flag] = index.get(letter) ?? []
    if (name === undefined || flag === undefined)
      return [{ typed: token, name: token.slice(1), flag: undefined, value: undefined }]
    if (flag.type !== 'boolean') {
      const value = token.slice(at + 1).replace(/^=/, '')
      return [...splits, { typed: `-${letter}`, name, flag, value: value === '' ? undefined : value }]
    }
    splits.push({ typed: `-${letter}`, name, flag, value: true })
  }
  return splits
}

function readFlags(
  tokens: readonly string[],
  index: Index,
  command: string,
): Pick<Typed, 'words' | 'flags' | 'problem'> {
  const words: string[] = []
  const flags: TypedFlag[] = []
  let problem: DdvError | undefined
  for (let at = 0; at < tokens.length; at++) {
    const token = tokens[at] as string
    if (!isFlag(token)) words.push(token)
    else
      for (const split of splitFlag(token, index)) {
        const fromNext = split.flag !== undefined && split.value === undefined && isValue(tokens[at + 1])
        const read = checkFlag(fromNext ? { ...split, value: tokens[++at] } : split, index, command)
        if (read instanceof DdvError) problem ??= read
        else flags.push(read)
      }
  }
  return { words, flags, problem }
}

function checkFlag({ typed, name, flag, value }: Split, index: Index, command: string): TypedFlag | DdvError {
  const help = `'${command} --help' shows what it takes`
  if (flag === undefined) {
    const names = [...index.keys()].filter(key => key.length > 1)
    const guess = index.has(name) ? name : nearest(name, names)
    const hint = guess === undefined ? nameHint(typed, command) : `did you mean '--${guess}'?`
    return new DdvError('usage', `unknown flag: ${displayPath(typed)}`, { hint: hint ?? help })
  }
  if (flag.type === 'boolean') {
    if (typeof value === 'boolean') return { name, value }
    if (typed === `--${name}` && (value === 'true' || value === 'false')) return { name, value: value === 'true' }
    return new DdvError('usage', `${typed} takes no value: ${displayPath(value ?? '')}`, { hint: help })
  }
  if (value === undefined || value === '') return new DdvError('usage', `${typed} needs a value`, { hint: help })
  return { name, value }
}

/** For what looks like a file's name rather than a flag. */
const nameHint = (typed: string, command: string): string | undefined =>
  /^-\.?\d|[./]/.test(typed)
    ? `a name that begins with '-' goes behind '--': ${command} -- ${displayPath(typed)}`
    : undefined

// Of a flag without a value the last counts, so that an alias of the shell can be told otherwise.
function repeated(flags: readonly TypedFlag[], known: Flags): DdvError | undefined {
  const seen = new Set<string>()
  for (const { name } of flags) {
    const flag = known[name]
    if (seen.has(name) && flag?.type !== 'boolean' && flag?.array !== true)
      return new DdvError('usage', `--${name} was given more than once`)
    seen.add(name)
  }
  return undefined
}

function unknownCommand(word: string, path: readonly Command[], known: Known): DdvError {
  const line = commandLine(path)
  const names = (path.at(-1)?.children ?? known.commands).map(({ name }) => name)
  const guess = nearest(word, names)
  return new DdvError('usage', `unknown command: ${displayPath(`${line} ${word}`)}`, {
    hint: guess === undefined ? `'${line} --help' lists them` : `did you mean '${line} ${guess}'?`,
  })
}
