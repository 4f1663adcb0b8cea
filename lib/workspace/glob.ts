// Globs that the shell did not expand: quoted ones, and those on Windows.

import { createRequire } from 'node:module'
import { resolve } from 'node:path'

const require = createRequire(import.meta.url)

/** Whether the text has anything that a glob reads as more than itself. Cheap: fast-glob is not loaded for plain paths. */
export const isGlob = (text: string): boolean => /[*?[{(!]/.test(text)

/** Absolute paths of files and directories that match, sorted; links are not followed. `.git` and `.ddv` never match. */
export function expandGlob(pattern: string, cwd: string): string[] {
  const fastGlob = require('fast-glob') as typeof import('fast-glob')
  const found = fastGlob.sync(pattern, {
    cwd,
    onlyFiles: false,
    followSymbolicLinks: false,
    ignore: ['**/.git/**', '**/.ddv/**', '**/.cache/**'],
  })
  return found.map(path => resolve(cwd, path)).sort()
}
