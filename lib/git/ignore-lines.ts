// The lines of `.gitignore` that keep data out of git. One a name, `/name`, in the file beside the data, sorted, so that
// two branches that add data merge by themselves (`merge=union`). The user's lines and comments stay as they are.

import { join } from 'node:path'
import { compareUtf8 } from '../core/tree-path.js'
import { editTextFile, joinLines, splitLines } from './text-file.js'

/** The line that ignores exactly this name beside the file. A name has no newline: no line could say it. */
export const ignoreLine = (name: string): string =>
  `/${name.replace(/[\\*?[]/g, '\\$&').replace(/ +$/, spaces => '\\ '.repeat(spaces.length))}`

/** The text with a line for each name that has none; the same text where nothing is missing. */
export function withIgnored(text: string, names: readonly string[]): string {
  const lines = splitLines(text)
  // A later `!` may take back what stands before it, so only lines after the last one count.
  const start = lines.findLastIndex(line => line.startsWith('!')) + 1
  const present = new Set(lines.slice(start).map(withoutCr))
  const missing = [...new Set(names.map(ignoreLine))].filter(line => !present.has(line)).sort(compareUtf8)
  if (missing.length === 0) return text
  const [from, to] = sortedRun(lines, start)
  const run = [...lines.slice(from, to), ...missing].sort(compareLines)
  return joinLines([...lines.slice(0, from), ...run, ...lines.slice(to)])
}

/** The text without the lines of these names; the same text where there are none. */
export function withoutIgnored(text: string, names: readonly string[]): string {
  const unwanted = new Set(names.map(ignoreLine))
  const lines = splitLines(text)
  const kept = lines.filter(line => !unwanted.has(withoutCr(line)))
  return kept.length === lines.length ? text : joinLines(kept)
}

/** Ignores these names beside `<directory>/.gitignore`; whether the file changed. `temporary` as for `editTextFile`. */
export const ignoreNames = (directory: string, names: readonly string[], temporary?: string): boolean =>
  editTextFile(join(directory, '.gitignore'), text => withIgnored(text, names), temporary)

/** Takes the names back; a file that held nothing else goes. */
export const unignoreNames = (directory: string, names: readonly string[], temporary?: string): boolean =>
  editTextFile(join(directory, '.gitignore'), text => withoutIgnored(text, names), temporary)

// Where new lines go: the last group of `/name` lines, as far as it is sorted; the end of the file where there is none.
function sortedRun(lines: readonly string[], start: number): readonly [number, number] {
  const to = lines.findLastIndex(isNameLine) + 1
  if (to <= start) return [lines.length, lines.length]
  let from = to - 1
  while (
    from > start &&
    isNameLine(lines[from - 1] ?? '') &&
    compareLines(lines[from - 1] ?? '', lines[from] ?? '') <= 0
  )
    from--
  return [from, to]
}

const isNameLine = (line: string): boolean => /^\/[^/]+$/.test(line)
const withoutCr = (line: string): string => line.replace(/\r$/, '')
const compareLines = (a: string, b: string): number => compareUtf8(withoutCr(a), withoutCr(b))
