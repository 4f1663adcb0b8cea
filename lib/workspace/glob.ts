// Globs that the shell did not expand: quoted ones, and those on Windows.

import { createRequire } from 'node:module'
import { resolve, sep } from 'node:path'

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

/** Whether an absolute path matches, for what need not be on disk: `*`, `?`, `**`, `[…]` and `{a,b}`. */
export function globMatcher(pattern: string, cwd: string): (path: string) => boolean {
  const glob = resolve(cwd, pattern).split(sep).join('/')
  let source = ''
  let braces = 0
  for (const [token] of glob.matchAll(/\*\*\/|\*+|\?|\[[!^]?[^\]]+\]|[{},]|[^*?[{},]+|\[/g)) {
    if (token === '**/') source += '(?:[^/]+/)*'
    else if (token.startsWith('*')) source += token === '*' ? '[^/]*' : '.*'
    else if (token === '?') source += '[^/]'
    else if (token === '{') {
      source += '(?:'
      braces++
    } else if (token === '}' && braces > 0) {
      source += ')'
      braces--
    } else if (token === ',' && braces > 0) source += '|'
    else if (/^\[.+\]$/.test(token)) source += token.replace(/^\[!/, '[^').replaceAll('\\', '\\\\')
    else source += token.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')
  }
  try {
    const expression = new RegExp(`^${source}${')'.repeat(braces)}$`, 's')
    return path => expression.test(path.split(sep).join('/'))
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error
    return () => false // such as a range from z to a
  }
}
