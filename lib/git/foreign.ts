// Another git repository: one on this machine is read in place; of any other a shallow, blobless, bare copy is made, which
// brings commits and trees, and of files only those that are asked for.

import { lstatSync, statSync } from 'node:fs'
import { isAbsolute, join, resolve } from 'node:path'
import { DdvError, isDdvError } from '../core/errors.js'
import { displayPath } from '../core/tree-path.js'
import type { Environment } from '../sys/spawn.js'
import { tryGit } from './git-program.js'
import { needsProgram } from './isomorphic.js'
import { findCommit } from './objects.js'
import { findRepository, type GitRepository, withoutCredentials } from './repository.js'

export interface ForeignOptions {
  /** What a relative path is relative to: absolute. */
  readonly cwd: string
  readonly env: Environment
  /** An empty directory of the caller's, for the copy. */
  readonly temporary: string
  /** What its owner calls HEAD unless told. */
  readonly revision?: string | undefined
  readonly signal?: AbortSignal | undefined
}

export interface ForeignRepository {
  readonly repository: GitRepository
  readonly commit: string
  /** Its top on this machine; undefined for one elsewhere. */
  readonly directory: string | undefined
  /** Its address without credentials, for messages. */
  readonly address: string
}

/** Throws `usage` for what is no repository or has no such revision, `git` with git's words for what cannot be fetched. */
export async function openForeign(address: string, options: ForeignOptions): Promise<ForeignRepository> {
  if (address === '' || address.startsWith('-') || address.includes('\0'))
    throw new DdvError('usage', `not the address of a repository: ${displayPath(address)}`)
  const directory = localDirectory(address, options.cwd)
  const inPlace = directory === undefined ? undefined : workingTree(directory, options.env)
  if (inPlace !== undefined)
    return { repository: inPlace, commit: await commitOf(inPlace, address, options), directory: inPlace.root, address }
  const shown = withoutCredentials(address)
  const { temporary: root, env } = options
  const repository = { root, gitDir: root, commonDir: root, env: withoutObjects(env) }
  try {
    const commit = await fetchInto(repository, directory ?? address, { ...options, shown })
    return { repository, commit, directory, address: shown }
  } catch (error) {
    if (!isDdvError(error, 'git')) throw error
    throw new DdvError('git', error.message.replaceAll(address, shown), { cause: error, ...hintOf(error) })
  }
}

const hintOf = ({ hint }: DdvError) => (hint === undefined ? {} : { hint })

/** `host:path` and URLs are elsewhere, whatever stands here under that name. */
function localDirectory(address: string, cwd: string): string | undefined {
  const file = /^file:\/\/(\/.*)$/.exec(address)?.[1]
  if (file !== undefined) return decodeURI(file)
  if (/^[a-z][a-z0-9+.-]*:/i.test(address) && !/^[a-z]:[\\/]/i.test(address)) return undefined
  const path = isAbsolute(address) ? address : resolve(cwd, address)
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory() === true) return path
  if (/^[^/]+:/.test(address)) return undefined
  throw new DdvError('usage', `no repository there: ${displayPath(address)}`)
}

/** The repository whose top this directory is, and no other above it. */
function workingTree(directory: string, env: Environment): GitRepository | undefined {
  if (lstatSync(join(directory, '.git'), { throwIfNoEntry: false }) === undefined) return undefined
  const found = findRepository(directory, env)
  return found?.root === resolve(directory) ? found : undefined
}

async function commitOf(
  repository: GitRepository,
  address: string,
  { revision = 'HEAD' }: ForeignOptions,
): Promise<string> {
  const commit = await findCommit(repository, revision)
  if (commit !== undefined) return commit
  throw noSuchRevision(revision, address)
}

const noSuchRevision = (revision: string, address: string): DdvError =>
  new DdvError('usage', `no revision ${displayPath(revision)} in the repository: ${displayPath(address)}`)

interface Fetching extends ForeignOptions {
  readonly shown: string
}

const blobless = ['--no-tags', '--no-write-fetch-head', '--filter=blob:none']

async function fetchInto(repository: GitRepository, from: string, options: Fetching): Promise<string> {
  const { revision = 'HEAD', signal, shown } = options
  if (revision.startsWith('-')) throw noSuchRevision(revision, shown)
  const init = await tryGit(repository, ['init', '-q', '--bare', '.'], { signal })
  if (init === undefined) throw needsProgram('repository is elsewhere', displayPath(shown))
  // A name of its own, which git needs in order to bring later what the filter left out.
  await tryGit(repository, ['config', 'remote.origin.url', from], { signal })
  await tryGit(repository, ['config', 'remote.origin.promisor', 'true'], { signal })
  await tryGit(repository, ['config', 'remote.origin.partialclonefilter', 'blob:none'], { signal })
  const fetch = (refspecs: readonly string[], more: readonly string[], answers: readonly number[]) =>
    tryGit(repository, ['fetch', '-q', ...blobless, ...more, 'origin', ...refspecs], { signal, answers })
  // A branch, a tag or a whole id: one commit comes. Anything else needs the history that it is counted in.
  const isName = /^[\w./-]+$/.test(revision)
  const answers = revision === 'HEAD' ? [0] : [0, 1, 128]
  const one = isName ? await fetch([`${revision}:refs/ddv/wanted`], ['--depth=1'], answers) : undefined
  if (one?.code !== 0) await fetch(['+refs/*:refs/*', '+HEAD:refs/ddv/head'], [], [0])
  const name = one?.code === 0 ? 'refs/ddv/wanted' : revision.replace(/^(HEAD|@)(?=[~^]|$)/, 'refs/ddv/head')
  const commit = await findCommit(repository, name)
  if (commit === undefined) throw noSuchRevision(revision, shown)
  return commit
}

// In a hook git names places for objects and the index that are this repository's.
function withoutObjects(env: Environment): Environment {
  const { GIT_OBJECT_DIRECTORY, GIT_ALTERNATE_OBJECT_DIRECTORIES, GIT_QUARANTINE_PATH, GIT_INDEX_FILE, ...rest } = env
  return rest
}
