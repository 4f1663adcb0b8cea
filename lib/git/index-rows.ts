// Rows of git's index, to put back as they were what a command staged that did not come to its end.

import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { systemCode } from '../core/errors.js'
import { type IndexOptions, splitZero } from './git-index.js'
import { toGitPath } from './git-path.js'
import { tryGit, tryGitLocked } from './git-program.js'
import { lockIndex } from './index-lock.js'
import { type GitRepository, repositoryConfig } from './repository.js'

/** What the index said of some paths; opaque but for `restoreIndex`. */
export type IndexRows =
  | { readonly paths: readonly string[]; readonly rows: readonly string[] }
  /** Where there is no git program: the index as a whole. */
  | { readonly bytes: Buffer | undefined }

/** Paths are absolute or relative to the repository's root. */
export async function saveIndex(
  repository: GitRepository,
  files: readonly string[],
  options: IndexOptions = {},
): Promise<IndexRows> {
  const paths = [...new Set(files.map(file => toGitPath(repository, file)))]
  const args = ['ls-files', '--stage', '-z', '--full-name', '--', ...paths]
  const listing = paths.length === 0 ? undefined : await tryGit(repository, args, { ...options, maxOutput: maxListing })
  if (listing !== undefined) return { paths, rows: splitZero(listing.stdout) }
  return paths.length === 0 ? { paths, rows: [] } : { bytes: readIndex(repository) }
}

const maxListing = 268_435_456

/** The rows of these paths become what they were; others stay as they are, unless there is no git program. */
export async function restoreIndex(
  repository: GitRepository,
  saved: IndexRows,
  options: IndexOptions = {},
): Promise<void> {
  if ('bytes' in saved) return restoreBytes(repository, saved.bytes, options)
  const { paths, rows } = saved
  if (paths.length === 0) return
  // A path goes first and comes again, since rows of a conflict (stages 1 to 3) do not replace the one of stage 0.
  const none = '0'.repeat(repositoryConfig(repository).get('extensions.objectformat') === 'sha256' ? 64 : 40)
  const gone = paths.map(path => `0 ${none}\t${path}\0`)
  const input = [...gone, ...rows.map(row => `${row}\0`)].join('')
  await tryGitLocked(repository, ['update-index', '-z', '--index-info'], { ...options, input })
}

function readIndex({ gitDir }: GitRepository): Buffer | undefined {
  try {
    return readFileSync(join(gitDir, 'index'))
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined
    throw error
  }
}

async function restoreBytes(
  repository: GitRepository,
  bytes: Buffer | undefined,
  { signal }: IndexOptions,
): Promise<void> {
  const lock = await lockIndex(repository, signal)
  try {
    if (bytes === undefined) rmSync(join(repository.gitDir, 'index'), { force: true })
    else writeFileSync(lock.next, bytes)
  } catch (error) {
    lock.release()
    throw error
  }
  lock.commit()
}
