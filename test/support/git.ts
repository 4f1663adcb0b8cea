// A git repository for tests: the real program, a user of its own, none of the machine's configuration.

import { execFileSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

export const gitEnv = {
  PATH: process.env.PATH,
  HOME: '/nonexistent',
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_CONFIG_GLOBAL: '/dev/null',
  GIT_AUTHOR_NAME: 'A',
  GIT_AUTHOR_EMAIL: 'a@example.com',
  GIT_COMMITTER_NAME: 'A',
  GIT_COMMITTER_EMAIL: 'a@example.com',
}

/** An environment in which no git program is found. */
export const withoutGit = { ...gitEnv, PATH: '/nonexistent' }

export const git = (cwd: string, ...args: string[]): string =>
  execFileSync('git', args, { cwd, env: gitEnv, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }).trimEnd()

export function write(root: string, files: Readonly<Record<string, string>>): void {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    writeFileSync(join(root, path), text)
  }
}

/** Makes a repository with one commit of these files on `main`. */
export function makeRepository(root: string, files: Readonly<Record<string, string>> = {}): string {
  mkdirSync(root, { recursive: true })
  git(root, 'init', '-q', '-b', 'main')
  commit(root, files)
  return root
}

/** Writes the files and commits everything; the new commit's id. */
export function commit(root: string, files: Readonly<Record<string, string>>): string {
  write(root, files)
  git(root, 'add', '-A', '-f')
  git(root, 'commit', '-q', '--allow-empty', '-m', 'c')
  return git(root, 'rev-parse', 'HEAD')
}
