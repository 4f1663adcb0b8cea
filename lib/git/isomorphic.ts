// isomorphic-git, for machines without the git program. It knows neither linked worktrees nor index locks, and would
// misread some repositories; this file gives it a file system that makes up for the first two, and refuses the others.
// Loaded on first use: 20 ms and 0.5 MB that most commands never need.

import { promises as disk, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { DdvError, systemCode } from '../core/errors.js'
import { writeFileAtomic } from '../sys/fs.js'
import { indexFileOf } from './index-file.js'
import { type GitRepository, repositoryConfig } from './repository.js'

type IsomorphicGit = typeof import('isomorphic-git')

export interface Isomorphic {
  readonly git: IsomorphicGit
  /** What every call takes. The cache holds packs and index: one for each run of calls. */
  readonly base: {
    readonly fs: Parameters<IsomorphicGit['readBlob']>[0]['fs']
    readonly dir: string
    readonly gitdir: string
    readonly cache: object
  }
}

/** Where the index is read from, and where it is written to. */
export type IndexFile = (writing: boolean) => string

/** Throws `git` for repositories that only the program can read. `indexFile` stands in for the index. */
export async function openIsomorphic(
  repository: GitRepository,
  indexFile: IndexFile = () => indexFileOf(repository),
): Promise<Isomorphic> {
  const reason = unreadable(repository)
  if (reason !== undefined) throw needsProgram(`repository ${reason}`, repository.root)
  const git = await import('isomorphic-git')
  const { root: dir, gitDir: gitdir } = repository
  return { git, base: { fs: { promises: adaptedFs(repository, indexFile) }, dir, gitdir, cache: {} } }
}

export const needsProgram = (problem: string, path: string): DdvError =>
  new DdvError('git', `git ${problem}, which cannot be read without the git program: ${path}`, {
    hint: 'install git, then run the same command again',
  })

const harmless: ReadonlySet<string> = new Set(
  ['objectformat', 'refstorage', 'noop', 'partialclone', 'preciousobjects', 'worktreeconfig', 'relativeworktrees'].map(
    name => `extensions.${name}`,
  ),
)

function unreadable(repository: GitRepository): string | undefined {
  const config = repositoryConfig(repository)
  const version = config.get('core.repositoryformatversion') ?? '0'
  if (version !== '0' && version !== '1') return `has format ${version}`
  const format = config.get('extensions.objectformat')
  if (format !== undefined && format !== 'sha1') return `uses ${format}`
  const refs = config.get('extensions.refstorage')
  if (refs !== undefined && refs !== 'files') return `keeps its refs as ${refs}`
  // Known to be harmless here; git itself refuses what it does not know, since it may change what everything means.
  const other = [...config.keys()].find(key => /^extensions\./.test(key) && !harmless.has(key))
  if (version === '1' && other !== undefined) return `has the extension ${other.slice('extensions.'.length)}`
  const alternates = join(repository.commonDir, 'objects', 'info', 'alternates')
  if (statSync(alternates, { throwIfNoEntry: false }) !== undefined) return 'borrows objects from another'
  return undefined
}

/** Why isomorphic-git would misread this index or lose a part of it, or undefined. Absent is fine. */
export function indexProblem(file: string): string | undefined {
  const bytes = readIfThere(file)
  if (bytes === undefined) return undefined
  if (bytes.length < 32 || bytes.toString('latin1', 0, 4) !== 'DIRC') return 'index is damaged'
  const version = bytes.readUInt32BE(4)
  if (version !== 2 && version !== 3) return `index has version ${version}`
  if (bytes.subarray(-20).every(byte => byte === 0)) return 'index has no checksum' // index.skipHash
  // Extensions in lower case change what the entries mean (split and sparse indexes).
  for (let at = endOfEntries(bytes); at + 8 <= bytes.length - 20; at += 8 + bytes.readUInt32BE(at + 4)) {
    const name = bytes.toString('latin1', at, at + 4)
    if (/^[a-z]/.test(name)) return `index has the extension '${name}'`
  }
  return undefined
}

function endOfEntries(bytes: Buffer): number {
  let at = 12
  for (let left = bytes.readUInt32BE(8); left > 0 && at + 62 < bytes.length; left--) {
    const flags = bytes.readUInt16BE(at + 60)
    const name = at + ((flags & 0x4000) === 0 ? 62 : 64)
    const length = (flags & 0xfff) === 0xfff ? bytes.indexOf(0, name) - name : flags & 0xfff
    at += (name - at + length + 8) & ~7
  }
  return at
}

function readIfThere(file: string): Buffer | undefined {
  try {
    return readFileSync(file)
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined
    throw error
  }
}

// What a linked worktree has for itself; everything else it shares.
const ownOfWorktree = /^(?:HEAD|index|ORIG_HEAD|MERGE_HEAD|logs\/HEAD|refs\/(?:bisect|worktree|rewritten)\/.*)$/

function adaptedFs({ gitDir, commonDir }: GitRepository, indexFile: IndexFile) {
  const place = (path: string, writing = false): string => {
    if (!path.startsWith(`${gitDir}/`)) return path
    const name = path.slice(gitDir.length + 1)
    if (name === 'index') return indexFile(writing)
    return ownOfWorktree.test(name) ? path : join(commonDir, name)
  }
  // All async: isomorphic-git finds out by a call without arguments whether this is a file system of promises.
  return {
    readFile: async (path: string, options?: Parameters<typeof disk.readFile>[1]) =>
      disk.readFile(place(path), options),
    // Whole or not at all: isomorphic-git takes a torn object that it finds for a good one.
    writeFile: async (path: string, bytes: string | Uint8Array) => writeFileAtomic(place(path, true), bytes),
    readdir: async (path: string) => disk.readdir(place(path)),
    mkdir: async (path: string) => disk.mkdir(place(path)),
    rmdir: async (path: string) => disk.rmdir(place(path)),
    unlink: async (path: string) => disk.unlink(place(path)),
    stat: async (path: string) => disk.stat(place(path)),
    lstat: async (path: string) => disk.lstat(place(path)),
    readlink: async (path: string) => disk.readlink(place(path), 'buffer'),
    symlink: async (target: string, path: string) => disk.symlink(target, place(path)),
    chmod: async (path: string, mode: number) => disk.chmod(place(path), mode),
  }
}

/** Gives undefined for what isomorphic-git did not find, or found to be of another kind; wraps its other errors as `git`. */
export async function orUndefined<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work
  } catch (error) {
    const code = isomorphicCode(error)
    if (code === 'NotFoundError' || code === 'ObjectTypeError') return undefined
    throw asGitError(error)
  }
}

export function asGitError(error: unknown): unknown {
  const code = isomorphicCode(error)
  if (code === undefined || !(error instanceof Error) || error instanceof DdvError) return error
  return new DdvError('git', `git: ${error.message.split('\n')[0] ?? code}`, { cause: error })
}

const isomorphicCode = (error: unknown): string | undefined =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' && /Error$/.test(error.code)
    ? error.code
    : undefined
