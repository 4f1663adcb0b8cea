// The `git` program: one start costs 3 ms, where loading isomorphic-git costs 20. It is used wherever it is found.

import { setTimeout as sleep } from 'node:timers/promises'
import { DdvError, throwIfAborted } from '../core/errors.js'
import { type Environment, type RunResult, run } from '../sys/spawn.js'
import { breakDeadLocks, indexBusy, lockPatience } from './index-lock.js'
import type { GitRepository } from './repository.js'

export interface GitOptions {
  readonly input?: string | Uint8Array
  readonly signal?: AbortSignal | undefined
  readonly maxOutput?: number
  /** Exit codes that are answers; 0 alone unless told. */
  readonly answers?: readonly number[]
  /** Whether paths among the arguments are patterns; they are what they say unless told. */
  readonly patterns?: boolean
  /** Over the environment that git is given otherwise. */
  readonly env?: Environment
}

/** undefined where there is no git program. Any exit code that is no answer is thrown as `git`, with git's own words. */
export async function tryGit(
  repository: GitRepository,
  args: readonly string[],
  options: GitOptions = {},
): Promise<RunResult | undefined> {
  const { answers = [0], patterns = false, env, ...rest } = options
  const result = await run('git', [patterns ? '--no-literal-pathspecs' : '--literal-pathspecs', ...args], {
    ...rest,
    cwd: repository.root,
    env: { ...gitEnvironment(repository), ...env },
  })
  if (result === undefined || answers.includes(result.code)) return result
  throw gitError(args[0] ?? '', result)
}

/** As tryGit, for what takes the index's lock: waits for another holder, then throws `busy`. */
export async function tryGitLocked(
  repository: GitRepository,
  args: readonly string[],
  options: GitOptions = {},
): Promise<RunResult | undefined> {
  const deadline = performance.now() + lockPatience
  for (let pause = 10; ; pause = Math.min(pause * 2, 200)) {
    const result = await tryGit(repository, args, { ...options, answers: [...(options.answers ?? [0]), 128] })
    if (result === undefined || result.code !== 128) return result
    if (!/\.lock': File exists/.test(result.stderr)) throw gitError(args[0] ?? '', result)
    if (breakDeadLocks(repository)) continue
    if (performance.now() > deadline) throw indexBusy(repository)
    throwIfAborted(options.signal)
    await sleep(pause)
  }
}

// Left to find the repository by itself, from its root, git checks that the user owns it (safe.directory) before it obeys
// its configuration; variables that point elsewhere are for the command that set them. A hook's index is the one that
// is about to be committed, so that one stays. Messages must be in one language, since index.lock shows in them alone.
function gitEnvironment({ env, root, gitDir, apart }: GitRepository): Environment {
  const { GIT_DIR, GIT_WORK_TREE, GIT_COMMON_DIR, GIT_PREFIX, GIT_NAMESPACE, ...rest } = env
  // Pathspecs are as the arguments say; git refuses to be told twice.
  const { GIT_LITERAL_PATHSPECS, GIT_GLOB_PATHSPECS, GIT_NOGLOB_PATHSPECS, GIT_ICASE_PATHSPECS, ...own } = rest
  const place = apart === true ? { GIT_DIR: gitDir, GIT_WORK_TREE: root } : {}
  return { ...own, ...place, LC_ALL: 'C', GIT_OPTIONAL_LOCKS: '0', GIT_TERMINAL_PROMPT: '0' }
}

function gitError(command: string, { code, stderr }: RunResult): DdvError {
  const lines = stderr.split('\n').filter(line => line.trim() !== '')
  const line = lines.find(line => /^(fatal|error):/.test(line)) ?? lines[0]
  const said = line === undefined ? `exit code ${code}` : line.replace(/^(fatal|error): /, '')
  const hint = hints.find(([form]) => form.test(stderr))?.[1]
  return new DdvError('git', `git ${command}: ${said}`, hint === undefined ? {} : { hint })
}

// Not git's sentences, which come in the user's language, but the commands in them.
const hints: readonly (readonly [RegExp, string])[] = [
  [
    /detected dubious ownership|--add safe\.directory/,
    'if you trust it: git config --global --add safe.directory <its root>',
  ],
  [
    /git config --global user\.|^fatal: (?:no email|empty ident|no name|unable to auto-detect)/m,
    `tell git who you are: git config --global user.name 'YOUR NAME'; git config --global user.email YOU@EXAMPLE.COM`,
  ],
]
