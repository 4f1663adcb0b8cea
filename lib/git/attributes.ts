// The lines of `.gitattributes`: pointers keep LF on every platform, so that their bytes are the same everywhere, show
// listings in `git diff` and merge by file; ignore files merge by union.

import { join } from 'node:path'
import { editTextFile, joinLines, splitLines } from './text-file.js'

const attributeLines = ['*.ddv text eol=lf diff=ddv merge=ddv', 'ddv.lock merge=ddv', '.gitignore merge=union'] as const

/** The text with the lines of ddv that it lacks, at its end; the same text where it has all. */
export function withAttributes(text: string): string {
  const lines = splitLines(text)
  const present = new Set(lines.map(line => line.trim().replace(/\s+/g, ' ')))
  const missing = attributeLines.filter(line => !present.has(line))
  return missing.length === 0 ? text : joinLines([...lines, ...missing])
}

/** Whether `<directory>/.gitattributes` changed. */
export const addAttributes = (directory: string): boolean =>
  editTextFile(join(directory, '.gitattributes'), withAttributes)
