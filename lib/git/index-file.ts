// Where the index is: `.git/index`, or what `GIT_INDEX_FILE` names. In a hook of `git commit -a` and `git commit PATH`
// that is the one about to be committed; the program obeys the variable by itself.

import { join, resolve } from 'node:path'
import type { GitRepository } from './repository.js'

/** Absolute. git starts hooks at the top of the working tree, and the variable may be relative to it. */
export function indexFileOf({ root, gitDir, env }: GitRepository): string {
  const { GIT_INDEX_FILE: named } = env
  return named === undefined || named === '' ? join(gitDir, 'index') : resolve(root, named)
}
