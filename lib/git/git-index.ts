// Git's index: staging pointers and ignore files, and asking what git tracks already. One start of the git program
// where there is one; isomorphic-git under a lock of our own otherwise.

import { lstatSync } from 'node:fs'
import { join } from 'node:path'
import { toGitPath } from './git-path.js'
import { tryGit, tryGitLocked } from './git-program.js'
import { indexFileOf } from './index-file.js'
import { lockIndex } from './index-lock.js'
import { asGitError, type Isomorphic, indexProblem, needsProgram, openIsomorphic } from './isomorphic.js'
import { type GitRepository, isSparse } from './repository.js'

export interface IndexOptions {
  readonly signal?: AbortSignal | undefined
}

/**
 * Makes the index hold these files as they are on disk, ignored or not; of what is gone from disk the entry goes.
 * Paths are absolute or relative to the repository's root. All or none; `busy` after 10 s of another's lock.
 */
export async function stageFiles(
  repository: GitRepository,
  files: readonly string[],
  options: IndexOptions = {},
): Promise<void> {
  const paths = toGitPaths(repository, files)
  if (paths.length === 0) return
  const args = ['update-index', '--add', '--remove', '--replace', '-z', '--stdin']
  if ((await tryGitLocked(repository, args, { ...options, input: zeroEnded(paths) })) !== undefined) return
  await changeIndex(repository, options, async ({ git, base }) => {
    const isThere = (path: string): boolean =>
      lstatSync(join(repository.root, path), { throwIfNoEntry: false }) !== undefined
    const present = paths.filter(isThere)
    if (present.length > 0) await git.add({ ...base, filepath: present, force: true, parallel: false })
    for (const filepath of paths) if (!isThere(filepath)) await git.remove({ ...base, filepath })
  })
}

/** Takes these files out of the index and leaves them on disk. What is not in it is passed over. */
export async function unstageFiles(
  repository: GitRepository,
  files: readonly string[],
  options: IndexOptions = {},
): Promise<void> {
  const paths = toGitPaths(repository, files)
  if (paths.length === 0) return
  const args = ['update-index', '--force-remove', '-z', '--stdin']
  if ((await tryGitLocked(repository, args, { ...options, input: zeroEnded(paths) })) !== undefined) return
  await changeIndex(repository, options, async ({ git, base }) => {
    for (const filepath of paths) await git.remove({ ...base, filepath })
  })
}

// A listing limited to paths costs paths × entries inside git; beyond these the whole listing is cheaper.
const maxLimited = 64

/**
 * The tracked files among these paths and below those that are directories, relative to the repository's root, sorted
 * as git sorts; '' asks for all. Reads the index alone, so that paths need not be on disk.
 */
export async function trackedAmong(
  repository: GitRepository,
  paths: readonly string[],
  options: IndexOptions = {},
): Promise<readonly string[]> {
  const asked = new Set(toGitPaths(repository, paths))
  if (asked.size === 0) return []
  const limit = asked.size > maxLimited || asked.has('') ? [] : ['--', ...asked]
  const listing = await tryGit(repository, ['ls-files', '-z', '--full-name', ...limit], {
    ...options,
    maxOutput: 1_073_741_824,
  })
  const tracked = listing === undefined ? await listWithoutProgram(repository) : splitZero(listing.stdout)
  return [...new Set(tracked)].filter(path => isAskedFor(path, asked))
}

function isAskedFor(path: string, asked: ReadonlySet<string>): boolean {
  if (asked.has('') || asked.has(path)) return true
  for (let at = path.lastIndexOf('/'); at > 0; at = path.lastIndexOf('/', at - 1))
    if (asked.has(path.slice(0, at))) return true
  return false
}

/** Those of these tracked files that a sparse checkout leaves out of the working tree. */
export async function skippedAmong(
  repository: GitRepository,
  paths: readonly string[],
  options: IndexOptions = {},
): Promise<ReadonlySet<string>> {
  if (paths.length === 0 || !isSparse(repository)) return new Set()
  const asked = new Set(toGitPaths(repository, paths))
  const listing = await tryGit(repository, ['ls-files', '-t', '-z', '--full-name'], {
    ...options,
    maxOutput: 1_073_741_824,
  })
  if (listing === undefined) throw needsProgram('checkout is sparse', repository.root)
  const skipped = splitZero(listing.stdout).filter(row => row.startsWith('S '))
  return new Set(skipped.map(row => row.slice(2)).filter(path => asked.has(path)))
}

async function listWithoutProgram(repository: GitRepository): Promise<readonly string[]> {
  checkIndex(repository)
  const { git, base } = await openIsomorphic(repository)
  try {
    return await git.listFiles(base)
  } catch (error) {
    throw asGitError(error)
  }
}

const toGitPaths = (repository: GitRepository, paths: readonly string[]): readonly string[] => [
  ...new Set(paths.map(path => toGitPath(repository, path))),
]

const zeroEnded = (paths: readonly string[]): string => paths.map(path => `${path}\0`).join('')

export const splitZero = (bytes: Buffer): string[] => bytes.toString('utf8').split('\0').slice(0, -1)

function checkIndex(repository: GitRepository): void {
  const problem = indexProblem(indexFileOf(repository))
  if (problem !== undefined) throw needsProgram(problem, repository.root)
}

// isomorphic-git writes its index in place, so its file system is told that the index is another file.
async function changeIndex(
  repository: GitRepository,
  options: IndexOptions,
  change: (isomorphic: Isomorphic) => Promise<void>,
): Promise<void> {
  const index = indexFileOf(repository)
  const lock = await lockIndex(repository, options.signal)
  try {
    checkIndex(repository)
    const isWritten = (): boolean => lstatSync(lock.next, { throwIfNoEntry: false }) !== undefined
    await change(await openIsomorphic(repository, writing => (writing || isWritten() ? lock.next : index)))
  } catch (error) {
    lock.release()
    throw asGitError(error)
  }
  lock.commit()
}
