// Between paths of the machine and git's own, which are relative to the root of the working tree, with `/`.

import { isAbsolute, relative, resolve, sep } from 'node:path'
import { DdvError } from '../core/errors.js'
import { displayPath } from '../core/tree-path.js'
import type { GitRepository } from './repository.js'

/** `path` is absolute or relative to the root; '' for the root itself. Throws `bad-path` for what lies outside. */
export function toGitPath(repository: GitRepository, path: string): string {
  const within = relative(repository.root, resolve(repository.root, path))
  if (isAbsolute(within) || within === '..' || within.startsWith(`..${sep}`))
    throw new DdvError('bad-path', `path is outside of the git repository ${repository.root}: ${displayPath(path)}`)
  return sep === '/' ? within : within.replaceAll(sep, '/')
}
