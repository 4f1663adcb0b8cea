// Whether git and ddv are set up to work together here.

import { readFileSync } from 'node:fs'
import { join, relative, resolve } from 'node:path'
import { systemCode } from '../core/errors.js'
import type { Control } from '../core/events.js'
import { displayPath, type TreePath } from '../core/tree-path.js'
import { splitZero } from '../git/git-index.js'
import { tryGit } from '../git/git-program.js'
import { type GitRepository, repositoryConfig } from '../git/repository.js'
import { run } from '../sys/spawn.js'
import { coveringOutput } from '../workspace/pointers.js'
import { baselineOf } from './baseline.js'
import { type Check, problem } from './doctor-check.js'
import type { Project } from './project.js'
import { workspacePrefix } from './revision.js'

export async function checkGit(project: Project, control: Control): Promise<readonly Check[]> {
  const { git } = project
  if (git === undefined)
    return [{ name: 'repository', state: 'ok', message: 'none: pointers are not versioned, and not staged' }]
  try {
    const ignored = await isCacheIgnored(project, git, control)
    const hooks = await installedHooks(git, control)
    const left = await leftData(project, git, control)
    return [
      ignored
        ? { name: 'repository', state: 'ok', message: displayPath(git.root) }
        : {
            name: 'repository',
            state: 'problem',
            message: `git does not ignore the cache: ${displayPath(project.cache.root)}`,
            hint: `'ddv init' adds it to .gitignore`,
          },
      { name: 'hooks', state: 'ok', message: hooks.length === 0 ? 'not installed' : hooks.join(', ') },
      ...(left.length === 0 ? [] : [leftCheck(left)]),
    ]
  } catch (error) {
    return [problem('repository', error)]
  }
}

/**
 * Data that git ignores and no pointer tracks, though ddv had it: somebody deleted the pointer alone, and neither git nor
 * ddv shows what is left. Only what the stat index knows, since a line of `.gitignore` may be anybody's.
 */
async function leftData(project: Project, git: GitRepository, { signal }: Control): Promise<readonly TreePath[]> {
  const args = ['ls-files', '--others', '--ignored', '--exclude-standard', '--directory', '-z', '--full-name']
  const listing = await tryGit(git, args, { signal, maxOutput: 1_073_741_824 })
  const prefix = workspacePrefix(project)
  return splitZero(listing?.stdout ?? Buffer.of())
    .filter(path => path.startsWith(prefix))
    .map(path => path.slice(prefix.length).replace(/\/$/, '') as TreePath)
    .filter(path => path !== '' && path !== '.cache' && baselineOf(project, path).hash !== undefined)
    .filter(path => coveringOutput(project.workspace.root, path) === undefined)
}

function leftCheck([first, ...others]: readonly TreePath[]): Check {
  const name = displayPath(first ?? '')
  const more = others.length === 0 ? '' : ` (and ${others.length} more)`
  return {
    name: 'left data',
    state: 'warning',
    message: `git ignores it and no pointer tracks it: ${name}${more}`,
    hint: `'ddv add ${name}' tracks it again; else move it away and delete its line in .gitignore`,
  }
}

// Where there is no git program nothing is known of it, and nothing said.
async function isCacheIgnored({ cache }: Project, git: GitRepository, { signal }: Control): Promise<boolean> {
  const path = relative(git.root, cache.root)
  if (path.startsWith('..')) return true
  // Not by tryGit: check-ignore refuses the literal pathspecs that are asked for there.
  const args = ['check-ignore', '-q', '--', join(path, 'x')]
  const result = await run('git', args, { cwd: git.root, env: git.env, signal })
  return result?.code !== 1
}

const hookNames = ['pre-commit', 'pre-merge-commit', 'pre-push', 'post-checkout', 'post-merge', 'post-rewrite']

/** Those that call ddv, whoever wrote them. */
async function installedHooks(git: GitRepository, { signal }: Control): Promise<readonly string[]> {
  const told = await tryGit(git, ['rev-parse', '--git-path', 'hooks'], { signal })
  const path = told?.stdout.toString().trimEnd() ?? repositoryConfig(git).get('core.hookspath')
  const directory = path === undefined ? join(git.commonDir, 'hooks') : resolve(git.root, path)
  return hookNames.filter(name => /\bddv\b/.test(readIfThere(join(directory, name))))
}

function readIfThere(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    if (systemCode(error) === undefined) throw error
    return ''
  }
}
