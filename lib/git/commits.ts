// Making a commit of what is staged, and sending the branch. By the git program, so that hooks run and the user's settings
// hold; by isomorphic-git only where no hook is there to be passed over and nothing else needs the program.

import { accessSync, constants, existsSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { DdvError, systemCode } from '../core/errors.js'
import type { Environment } from '../sys/spawn.js'
import { decodeGitConfig } from './git-config.js'
import { tryGit, tryGitLocked } from './git-program.js'
import { lockIndex } from './index-lock.js'
import { asGitError, needsProgram, openIsomorphic } from './isomorphic.js'
import { findCommit, type ReadOptions } from './objects.js'
import { type GitRepository, repositoryConfig } from './repository.js'

export type CommitOutcome =
  | { readonly outcome: 'made'; readonly id: string }
  /** The index is as HEAD. */
  | { readonly outcome: 'nothing' }
  /** By a hook, as a rule; with what was said. */
  | { readonly outcome: 'refused'; readonly said: readonly string[] }

/** Commits the index as it is, in the user's name. Throws `git` where git cannot do it, `busy` after 10 s of another's lock. */
export async function makeCommit(
  repository: GitRepository,
  message: string,
  { signal }: ReadOptions = {},
): Promise<CommitOutcome> {
  const staged = await tryGit(repository, ['diff', '--cached', '--quiet'], { signal, answers: [0, 1] })
  if (staged === undefined) return commitWithoutProgram(repository, message, signal)
  if (staged.code === 0 && !isMerging(repository)) return { outcome: 'nothing' }
  // `patterns`: git hands its flag on to the hooks, whose own arguments are patterns.
  const options = { signal, answers: [0, 1], patterns: true, env: ownWays(repository.env) }
  const result = await tryGitLocked(repository, ['commit', '--quiet', `--message=${message}`], options)
  if (result === undefined) return commitWithoutProgram(repository, message, signal)
  if (result.code !== 0) return { outcome: 'refused', said: linesOf(`${result.stderr}\n${result.stdout.toString()}`) }
  return { outcome: 'made', id: (await findCommit(repository, 'HEAD')) ?? '' }
}

const isMerging = ({ gitDir }: GitRepository): boolean => existsSync(join(gitDir, 'MERGE_HEAD'))

/** Hooks and credential helpers speak to the user, not to ddv. */
const ownWays = ({ LC_ALL, GIT_TERMINAL_PROMPT }: Environment): Environment => ({ LC_ALL, GIT_TERMINAL_PROMPT })

const linesOf = (text: string): string[] => text.split('\n').filter(line => line.trim() !== '')

async function commitWithoutProgram(
  repository: GitRepository,
  message: string,
  signal: AbortSignal | undefined,
): Promise<CommitOutcome> {
  const author = requireSimple(repository)
  const lock = await lockIndex(repository, signal)
  try {
    const { git, base } = await openIsomorphic(repository)
    const branch = (await git.currentBranch({ ...base, fullname: true })) ?? 'HEAD'
    const parent = await findCommit(repository, 'HEAD')
    const id = await git.commit({ ...base, message, author, committer: author, noUpdateBranch: true })
    const treeOf = async (oid: string): Promise<string> => (await git.readCommit({ ...base, oid })).commit.tree
    if (parent !== undefined && (await treeOf(parent)) === (await treeOf(id))) return { outcome: 'nothing' }
    await git.writeRef({ ...base, ref: branch, value: id, force: true })
    return { outcome: 'made', id }
  } catch (error) {
    throw asGitError(error)
  } finally {
    lock.release()
  }
}

export interface Person {
  readonly name: string
  readonly email: string
}

const commitHooks = ['pre-commit', 'prepare-commit-msg', 'commit-msg', 'post-commit', 'reference-transaction']

/** Who commits. Throws `git` for what isomorphic-git would pass over in silence: hooks, signatures, a merge. */
function requireSimple(repository: GitRepository): Person {
  if (isMerging(repository)) throw needsProgram('is in a merge', repository.root)
  return requirePerson(repository, { hooks: commitHooks, signing: 'commit.gpgsign' })
}

export interface PersonOptions {
  /** That git would call for what is done. */
  readonly hooks: readonly string[]
  /** The setting, in lower case, by which git would sign it. */
  readonly signing: string
}

/** Who does something in git, by its configuration. Throws `git` for what isomorphic-git would pass over in silence. */
export function requirePerson(repository: GitRepository, { hooks, signing }: PersonOptions): Person {
  const config = new Map([...userConfig(repository.env), ...repositoryConfig(repository)])
  const hooksPath = config.get('core.hookspath')
  const directory = hooksPath === undefined ? join(repository.commonDir, 'hooks') : resolve(repository.root, hooksPath)
  const hook = hooks.find(name => isExecutableFile(join(directory, name)))
  if (hook !== undefined) throw needsProgram(`has the hook '${hook}'`, directory)
  if (config.get(signing) === 'true')
    throw needsProgram(`signs ${signing === 'tag.gpgsign' ? 'tags' : 'commits'}`, repository.root)
  const { GIT_AUTHOR_NAME, GIT_AUTHOR_EMAIL, EMAIL } = repository.env
  const name = GIT_AUTHOR_NAME || config.get('user.name')
  const email = GIT_AUTHOR_EMAIL || config.get('user.email') || EMAIL
  if (name && email) return { name, email }
  throw new DdvError('git', `git does not know who commits: ${repository.root}`, {
    hint: 'set user.name and user.email in git’s configuration, or GIT_AUTHOR_NAME and GIT_AUTHOR_EMAIL',
  })
}

function userConfig({ GIT_CONFIG_GLOBAL, XDG_CONFIG_HOME, HOME }: Environment): Map<string, string> {
  const own =
    HOME === undefined
      ? []
      : [join(XDG_CONFIG_HOME || join(HOME, '.config'), 'git', 'config'), join(HOME, '.gitconfig')]
  const files = GIT_CONFIG_GLOBAL === undefined ? own : [GIT_CONFIG_GLOBAL]
  return new Map(files.flatMap(file => [...decodeGitConfig(readIfThere(file))]))
}

function readIfThere(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    if (systemCode(error) === undefined) throw error
    return ''
  }
}

function isExecutableFile(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch (error) {
    if (systemCode(error) === undefined) throw error
    return false
  }
}

export interface Upstream {
  readonly branch: string
  /** As git names it: `origin/main`. */
  readonly upstream: string
}

/** Where `git push` sends the branch to. Throws `refused` with the command that says it, `git` where there is no program. */
export async function requireUpstream(repository: GitRepository): Promise<Upstream> {
  const head = await tryGit(repository, ['symbolic-ref', '--quiet', '--short', 'HEAD'], { answers: [0, 1] })
  if (head === undefined)
    throw new DdvError('git', `a push needs the git program: ${repository.root}`, { hint: 'install git' })
  const branch = head.stdout.toString().trim()
  if (branch === '')
    throw new DdvError('refused', `HEAD is detached, so there is no branch to push: ${repository.root}`, {
      hint: `go to a branch first: git switch BRANCH`,
    })
  const args = ['rev-parse', '--abbrev-ref', '--symbolic-full-name', '@{upstream}']
  const found = await tryGit(repository, args, { answers: [0, 128] })
  const upstream = found?.code === 0 ? found.stdout.toString().trim() : ''
  if (upstream !== '') return { branch, upstream }
  throw new DdvError('refused', `branch has no upstream to push to: ${branch}`, {
    hint: `set it once: git push --set-upstream origin ${branch}`,
  })
}

/** `git push`. What git and its hooks say where it fails; undefined where it is done. */
export async function pushBranch(
  repository: GitRepository,
  { signal }: ReadOptions = {},
): Promise<readonly string[] | undefined> {
  const result = await tryGit(repository, ['push', '--quiet'], {
    signal,
    answers: [0, 1, 128],
    patterns: true,
    env: ownWays(repository.env),
  })
  return result?.code === 0 ? undefined : linesOf(result?.stderr ?? '')
}

/** The line that tells why a push failed: git's advice, and what it says in the end of all of them, come after it. */
export function pushReason(said: readonly string[]): string | undefined {
  const lines = said.map(line => line.trim())
  const telling = [/^fatal: /, /^! \[/, /^ddv: error: /, /^error: /, /^remote: ./].map(form =>
    lines.find(line => form.test(line)),
  )
  return telling.find(line => line !== undefined) ?? lines.findLast(line => !line.startsWith('hint: '))
}

/** Others have pushed what this branch does not have. */
export const hasOthers = (said: readonly string[]): boolean =>
  said.some(line => /^\s*! \[rejected\].*\((?:fetch first|non-fast-forward)\)$/.test(line))
