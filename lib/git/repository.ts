// Where git keeps what belongs to a workspace. Found by reading files, as git does, so that it works without the
// program; whether there is one shows on first use (see git-program.ts).

import { readFileSync, statSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { systemCode } from '../core/errors.js'
import type { Environment } from '../sys/spawn.js'
import { decodeGitConfig } from './git-config.js'

export interface GitRepository {
  /** The top of the working tree. A ddv workspace may lie below it. */
  readonly root: string
  /** This working tree's own directory: HEAD and index. */
  readonly gitDir: string
  /** Objects, refs and configuration; another one than `gitDir` in a linked worktree only. */
  readonly commonDir: string
  /** For the git program: its `PATH`, the user's `HOME`, a hook's `GIT_INDEX_FILE`. */
  readonly env: Environment
  /** The working tree does not lead to it: `GIT_DIR` and `GIT_WORK_TREE` said where both are. */
  readonly apart?: true
}

/** The repository whose working tree holds `start` (absolute), or undefined. */
export function findRepository(start: string, env: Environment): GitRepository | undefined {
  for (let root = resolve(start); ; root = dirname(root)) {
    const gitDir = findGitDir(root)
    if (gitDir !== undefined) return { root, gitDir, commonDir: commonDirOf(gitDir), env }
    if (dirname(root) === root) return undefined
  }
}

/**
 * The repository for which git runs a hook in `cwd`, the top of the working tree. Only there do `GIT_DIR` and
 * `GIT_WORK_TREE` count: git itself has obeyed them by then, its checks of who owns the repository included.
 */
export function repositoryOfHook(cwd: string, env: Environment): GitRepository | undefined {
  const found = findRepository(cwd, env)
  const { GIT_DIR: gitDir, GIT_WORK_TREE: worktree } = env
  if (gitDir === undefined || gitDir === '') return found
  const named = resolve(cwd, gitDir)
  if (found !== undefined && isSameDirectory(found.gitDir, named)) return found
  if (!isGitDir(named)) return found
  const root = worktree === undefined || worktree === '' ? cwd : resolve(cwd, worktree)
  return { root, gitDir: named, commonDir: commonDirOf(named), env, apart: true }
}

function isSameDirectory(a: string, b: string): boolean {
  if (a === b) return true
  const [one, other] = [statSync(a, { bigint: true }), statSync(b, { bigint: true, throwIfNoEntry: false })]
  return one.ino === other?.ino && one.dev === other.dev
}

// `.git` is a directory, or in linked worktrees and submodules a file that names one. Whatever else is called so is not
// git's, and the search goes on above it, as git's does.
function findGitDir(root: string): string | undefined {
  const path = join(root, '.git')
  const stats = statSync(path, { throwIfNoEntry: false })
  if (stats === undefined) return undefined
  if (stats.isDirectory()) return isGitDir(path) ? path : undefined
  const link = /^gitdir: (.+?)[\r\n]*$/.exec(readText(path) ?? '')
  if (link === null) return undefined
  const gitDir = resolve(root, link[1] ?? '')
  return isGitDir(gitDir) ? gitDir : undefined
}

const isGitDir = (path: string): boolean =>
  readText(join(path, 'HEAD')) !== undefined &&
  statSync(join(commonDirOf(path), 'objects'), { throwIfNoEntry: false }) !== undefined

function commonDirOf(gitDir: string): string {
  const text = readText(join(gitDir, 'commondir'))
  return text === undefined ? gitDir : resolve(gitDir, text.trim())
}

/** The top of the working tree that was there first; linked worktrees share its `.cache`. undefined for a bare repository. */
export function mainWorktree(repository: GitRepository): string | undefined {
  const { root, gitDir, commonDir } = repository
  if (gitDir === commonDir) return root
  const config = repositoryConfig(repository)
  if (config.get('core.bare') === 'true') return undefined
  const worktree = config.get('core.worktree')
  if (worktree !== undefined) return resolve(commonDir, worktree)
  return basename(commonDir) === '.git' ? dirname(commonDir) : undefined
}

/** The commits at which a shallow clone ends: what came before them is not here. Empty for a whole history. */
export const shallowCommits = ({ commonDir }: GitRepository): ReadonlySet<string> =>
  new Set((readText(join(commonDir, 'shallow')) ?? '').split('\n').filter(line => line !== ''))

/** What git is in the middle of, in this working tree. */
export interface Operation {
  /** The other commits of a merge that is to be committed: `git merge` names them in a hook's environment before it writes them. */
  readonly mergeHeads: readonly string[]
  /** A merge, cherry-pick, revert or rebase: pointers come from other commits, and the data was not brought yet. */
  readonly unfinished: boolean
}

export function currentOperation({ gitDir, env }: GitRepository): Operation {
  const named = Object.keys(env).flatMap(key => /^GITHEAD_([0-9a-f]{40,64})$/.exec(key)?.[1] ?? [])
  const written = (readText(join(gitDir, 'MERGE_HEAD')) ?? '').split('\n').filter(line => line !== '')
  const mergeHeads = [...new Set([...named, ...written])]
  const others = ['CHERRY_PICK_HEAD', 'REVERT_HEAD', 'rebase-merge', 'rebase-apply', 'sequencer']
  const isThere = (name: string): boolean => statSync(join(gitDir, name), { throwIfNoEntry: false }) !== undefined
  return { mergeHeads, unfinished: mergeHeads.length > 0 || others.some(isThere) }
}

export const repositoryConfig = (repository: GitRepository): ReadonlyMap<string, string> =>
  decodeGitConfig(readText(join(repository.commonDir, 'config')) ?? '')

/** Whether the working tree may lack files that are tracked. */
export const isSparse = (repository: GitRepository): boolean =>
  (decodeGitConfig(readText(join(repository.gitDir, 'config.worktree')) ?? '').get('core.sparsecheckout') ??
    repositoryConfig(repository).get('core.sparsecheckout')) === 'true'

/** The URL of `origin` without credentials: by it a ddv remote knows this repository. undefined where there is none. */
export function originUrl(repository: GitRepository): string | undefined {
  const url = repositoryConfig(repository).get('remote.origin.url')
  // A command line, in which anything may be secret, is no address that others could use either.
  return url === undefined || url.trim() === '' || /^ext::/i.test(url.trim()) ? undefined : withoutCredentials(url)
}

/**
 * `https://user:token@host/path?token=x` → `https://host/path`; the user of an ssh URL is part of the address and stays.
 * In doubt more goes than must: others still know the repository by what is left, and nobody gets a secret back.
 */
export function withoutCredentials(url: string): string {
  const helper = /^\s*([a-z0-9+.-]+)::(.*)$/is.exec(url)
  if (helper !== null) return `${helper[1]}::${withoutCredentials(helper[2] ?? '')}`
  const parts = /^\s*(?:([a-z][a-z0-9+.-]*):\/\/|((?:git\+)?(?:https?|ftps?|ssh|git)):[\\/]+)(.*)$/is.exec(url)
  if (parts === null) return withoutScpPassword(url)
  const scheme = parts[1] ?? parts[2] ?? ''
  const [userInfo, address] = splitUserInfo(parts[3] ?? '')
  const user = /^(git\+)?ssh$/i.test(scheme) ? userInfo.replace(/:.*/s, '') : ''
  return `${scheme}://${user === '' ? '' : `${user}@`}${address.replace(/[?#].*$/s, '')}`
}

// All up to the authority's last `@`. A password may hold a `/` that should have been escaped: then what looks like the
// host has a port that is none.
function splitUserInfo(text: string): [userInfo: string, address: string] {
  const authority = /^[^/]*/.exec(text)?.[0] ?? ''
  const isHost = authority.includes('@') || !/:(?!\d*$)/.test(authority.replace(/^\[[^\]]*\]/, ''))
  const at = (isHost ? authority : text).lastIndexOf('@')
  return [text.slice(0, Math.max(at, 0)), text.slice(at + 1)]
}

// `host:path`, a path (of Windows too), or `user:password@host:path`, which git does not know but people try.
const withoutScpPassword = (url: string): string =>
  url
    .trim()
    .replace(/^(?![a-z]:[\\/])([^/:@]+):(?:[^/]*@|.*@(?=[^/@:]+:))/is, '$1@')
    .replace(/\?[\w.%-]+=.*$/s, '')

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    const code = systemCode(error)
    if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'EISDIR') return undefined
    throw error
  }
}
