// `.ddvignore`, in git's syntax, at the top of the workspace and in any directory below: what ddv never looks at.

import { readFileSync, statSync } from 'node:fs'
import { createRequire } from 'node:module'
import type { Ignore } from 'ignore'
import { DdvError, systemCode } from '../core/errors.js'

export const ignoreFileName = '.ddvignore'

/** Rules as they hold in one directory: its own file's and those of the directories above. */
export interface IgnoreRules {
  /** `path` is relative to the workspace's root. */
  ignores(path: string, isDirectory: boolean): boolean
  /** The rules below `directory`, whose listing holds an ignore file. */
  enter(directory: string): IgnoreRules
}

/** The rules at the top of the workspace. */
export function readIgnoreRules(root: string): IgnoreRules {
  return withFile({ root, layers: [] }, '')
}

/** Whether a directory on the way to the path is ignored, by the rules as they are in the workspace now. */
export function isBelowIgnored(rules: IgnoreRules, path: string): boolean {
  let inner = rules
  for (let slash = path.indexOf('/'); slash > 0; slash = path.indexOf('/', slash + 1)) {
    const directory = path.slice(0, slash)
    if (inner.ignores(directory, true)) return true
    inner = inner.enter(directory)
  }
  return false
}

interface Layer {
  /** '' or a path that ends in `/`. */
  readonly prefix: string
  readonly rules: Ignore
}

interface Rules {
  readonly root: string
  readonly layers: readonly Layer[]
}

function withFile(rules: Rules, directory: string): IgnoreRules {
  const prefix = directory === '' ? '' : `${directory}/`
  const text = readIfThere(`${rules.root}/${prefix}${ignoreFileName}`)
  const layers = hasRules(text) ? [...rules.layers, { prefix, rules: parse(text) }] : rules.layers
  const own = { root: rules.root, layers }
  return {
    ignores: (path, isDirectory) => isIgnored(layers, path, isDirectory),
    enter: below => withFile(own, below),
  }
}

// The nearest file that says anything of the path decides, as in git.
function isIgnored(layers: readonly Layer[], path: string, isDirectory: boolean): boolean {
  for (let i = layers.length - 1; i >= 0; i--) {
    const { prefix, rules } = layers[i] as Layer
    const result = rules.test(`${path.slice(prefix.length)}${isDirectory ? '/' : ''}`)
    if (result.ignored) return true
    if (result.unignored) return false
  }
  return false
}

/** Whether one of the patterns, in git's syntax, names the path; of several the last that says anything of it decides. */
export const matchesPatterns = (patterns: readonly string[], path: string): boolean =>
  patterns.length > 0 && parse(patterns.join('\n')).ignores(path)

const hasRules = (text: string): boolean => /^(?!#)\s*\S/m.test(text)

const require = createRequire(import.meta.url)
// Loaded only where there is a rule.
const parse = (text: string): Ignore => {
  const ignore = require('ignore') as (options: { ignorecase: boolean }) => Ignore
  return ignore({ ignorecase: false }).add(text)
}

/** A link may lead to a pipe or to a device that never ends. */
const maxSize = 1_048_576

function readIfThere(file: string): string {
  try {
    const stat = statSync(file)
    if (stat.isFile() && stat.size <= maxSize) return readFileSync(file, 'utf8')
    throw new DdvError('bad-config', `is no file of at most ${maxSize} bytes: ${file}`)
  } catch (error) {
    if (systemCode(error) === 'ENOENT' || systemCode(error) === 'ENOTDIR') return ''
    throw error
  }
}
