// Help texts, as wide as the terminal and at most 80 columns. Not yargs' own: those know no groups of commands, repeat
// what is true of all commands for each, and take two lines for what fits in one.

import { commandLine, usageWords } from './arguments.js'
import type { Command, Flag, Flags, Positionals } from './command.js'
import { exitMeanings } from './exit-codes.js'
import type { Style } from './style.js'

export interface HelpOptions {
  readonly columns: number
  readonly style: Style
  /** The flags that every command takes. */
  readonly flags: Flags
}

type Row = readonly [string, string]

/** A narrower terminal has no room for two columns. */
const twoColumns = 50

/** Of all: one line a command. */
export function wholeHelp(groups: readonly (readonly [string, readonly Command[]])[], options: HelpOptions): string {
  const width = widthOf(groups.flatMap(([, commands]) => commands.map(({ name }) => name)))
  return sections(options, [
    ['usage: ddv <command> [arguments] [flags]'],
    ['data versioning beside git'],
    ...groups.map(([title, commands]) => [title, commands.map(toRow), width] as const),
    ['Everywhere', flagRows({ ...options.flags, help: { type: 'boolean', alias: 'h', describe: 'this text' } })],
    [`'ddv help <command>' shows its arguments, flags, an example and its exit codes`],
  ])
}

const toRow = ({ name, describe }: Command): Row => [name, describe]

/** Of one command, or of a group. */
export function commandHelp(path: readonly Command[], options: HelpOptions): string {
  const command = path.at(-1)
  if (command === undefined) return ''
  const [first = '', ...others] = usageWords(command.usage)
  const words = [...others, ...(command.children.length > 0 ? ['<command>'] : []), '[flags]']
  const usage = `usage: ${commandLine([...path.slice(0, -1), { ...command, name: first }])} ${words.join(' ')}`
  const everywhere = `${flagNames(options.flags).join(', ')}: 'ddv --help' says what they do`
  return sections(options, [
    [usage],
    [command.describe],
    ['Commands', command.children.map(({ usage, describe }) => [usageWords(usage).join(' '), describe])],
    ['Arguments', positionalRows(command.positionals)],
    ['Flags', flagRows(command.options)],
    ['Example', command.example === undefined ? [] : [command.example], 'stacked'],
    ['Exit codes', command.children.length > 0 ? [] : exitRows(command.exits)],
    [`everywhere: ${everywhere}`],
  ])
}

const positionalRows = (positionals: Positionals): Row[] =>
  Object.entries(positionals).map(([name, { describe }]) => [name, describe ?? ''])

function flagRows(flags: Flags): Row[] {
  return Object.entries(flags).map(([name, flag]) => {
    const letter = typeof flag.alias === 'string' ? `-${flag.alias}, ` : '    '
    return [letter + longForm(name, flag), flag.describe ?? '']
  })
}

// What is on unless told is shown by what takes it away.
function longForm(name: string, { type, choices, default: preset, value }: Flag): string {
  if (type === 'boolean') return preset === true ? `--no-${name}` : `--${name}`
  return `--${name} ${value ?? choices?.join('|') ?? (type === 'number' ? 'N' : 'VALUE')}`
}

const flagNames = (flags: Flags): string[] =>
  Object.entries(flags).map(([name, { alias, ...flag }]) =>
    typeof alias === 'string' ? `-${alias}` : (longForm(name, flag).split(' ')[0] as string),
  )

const exitRows = (exits: readonly number[]): Row[] =>
  [...new Set([0, 2, 70, 130, ...exits])]
    .sort((a, b) => a - b)
    .map(code => [String(code).padStart(3), exitMeanings[code] ?? ''])

/** A title with its rows and the width of their first column, or a paragraph. */
type Section = readonly [string, (readonly Row[])?, (number | 'stacked')?]

function sections({ columns, style }: HelpOptions, parts: readonly Section[]): string {
  const width = Math.max(20, Math.min(80, columns))
  const texts = parts.flatMap(([title, rows, first]) => {
    if (rows === undefined) return [wrap(title, width).join('\n')]
    return rows.length === 0 ? [] : [[style.bold(title), ...rowLines(rows, width, first)].join('\n')]
  })
  return `${texts.join('\n\n')}\n`
}

function rowLines(rows: readonly Row[], width: number, column?: Section[2]): string[] {
  const first = typeof column === 'number' ? column : widthOf(rows.map(([left]) => left))
  const stacked = column === 'stacked' || width < twoColumns
  const indent = stacked ? 6 : first + 4
  return rows.flatMap(([left, right]) => {
    const lines = wrap(right, width - indent).map(line => ' '.repeat(indent) + line)
    if (stacked) return [...wrap(left, width - 2).map(line => `  ${line}`), ...lines]
    return [`  ${left.padEnd(first)}  ${lines[0]?.trimStart() ?? ''}`.trimEnd(), ...lines.slice(1)]
  })
}

const widthOf = (texts: readonly string[]): number => Math.max(0, ...texts.map(text => text.length))

function wrap(text: string, width: number): string[] {
  const lines: string[] = []
  for (const word of text.trimEnd().split(' ')) {
    const line = lines.at(-1)
    if (line !== undefined && line.length + 1 + word.length <= width) lines[lines.length - 1] = `${line} ${word}`
    else lines.push(word)
  }
  return lines
}
