// Paths of `ddv.yaml` as people write them: from the directory of the file, or from a stage's `wdir`; with `..` as long
// as they stay in the workspace.

import type { BadAt, Place } from './located.js'
import { shortened } from './located.js'
import { type TreePath, treePathProblem } from './tree-path.js'

export interface PathOptions {
  readonly base: TreePath | ''
  /** What it is, for messages: `dep of stage 'train'`. */
  readonly what: string
  readonly at: Place
  readonly bad: BadAt
}

/** The path from the workspace. Throws where there is no such path. */
export function stagePath(text: string, options: PathOptions): TreePath {
  const path = stageDirectory(text, options)
  if (path === '') throw options.bad(`${options.what} is the workspace itself ('${shortened(text)}')`, options.at)
  return path
}

/** As `stagePath`; '' for the workspace itself. */
export function stageDirectory(text: string, { base, what, at, bad }: PathOptions): TreePath | '' {
  const outside = (hint: string): Error => bad(`${what} is outside the workspace ('${shortened(text)}')`, at, hint)
  if (text === '') throw bad(`${what} is empty`, at)
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(text)) throw outside('let a stage fetch it, and name the file that it leaves')
  if (/^(?:[/\\]|[a-z]:[/\\])/i.test(text))
    throw outside('write it from the directory of the file, and bring it into the workspace')
  const parts: string[] = base === '' ? [] : base.split('/')
  for (const part of text.split('/')) {
    if (part === '' || part === '.') continue
    if (part !== '..') parts.push(part)
    else if (parts.pop() === undefined) throw outside('bring it into the workspace')
  }
  const path = parts.join('/')
  const problem = path === '' ? undefined : treePathProblem(path)
  if (problem !== undefined) throw bad(`${what} ${problem} ('${shortened(text)}')`, at)
  return path as TreePath | ''
}
