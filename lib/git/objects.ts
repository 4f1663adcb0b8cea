// Reading git's objects: one interface, two ways. The program first: it answers in 3 ms and reads packs in place.
// isomorphic-git takes 20 ms to load and reads whole packs into memory (2,000 pointers beside 200 MB in one pack: 67 ms
// and 58 MB of memory with the program, 0.7 s and 500 MB without), and serves where there is no program.

import type { ReadCommitResult } from 'isomorphic-git'
import { DdvError } from '../core/errors.js'
import { splitZero } from './git-index.js'
import { tryGit } from './git-program.js'
import { type Isomorphic, openIsomorphic, orUndefined } from './isomorphic.js'
import type { GitRepository } from './repository.js'

export interface TreeFile {
  /** Relative to the repository's root. */
  readonly path: string
  /** The blob's id. */
  readonly id: string
}

export interface ReadOptions {
  readonly signal?: AbortSignal | undefined
}

// One for all reads of a repository, so that a pack is read once; its cache goes with the repository's record.
const readers = new WeakMap<GitRepository, Promise<Isomorphic>>()

export function openReader(repository: GitRepository): Promise<Isomorphic> {
  const reader = readers.get(repository) ?? openIsomorphic(repository)
  readers.set(repository, reader)
  return reader
}

/** Bytes of all blobs of one call: what ddv keeps in git is small. */
export const maxBlobs = 268_435_456

/** The full id of the commit that the revision means; undefined where there is none. */
export async function findCommit(repository: GitRepository, revision: string): Promise<string | undefined> {
  if (revision === '' || revision.startsWith('-') || revision.includes('\0')) return undefined
  // What follows `:/` is a text to the end, so that the commit can only be asked for afterwards.
  const name = revision.startsWith(':/') ? await revParse(repository, revision) : revision
  const id = name === undefined || name === '' ? name : await revParse(repository, `${name}^{commit}`)
  if (id !== undefined) return id === '' ? undefined : id
  return findCommitWithout(await openReader(repository), revision)
}

/** '' where git knows no such thing; undefined where there is no git program. */
async function revParse(repository: GitRepository, expression: string): Promise<string | undefined> {
  const args = ['rev-parse', '--verify', '--quiet', expression]
  const result = await tryGit(repository, args, { answers: [0, 1, 128] })
  return result === undefined ? undefined : result.code === 0 ? result.stdout.toString('latin1').trim() : ''
}

// Refs, full and short ids, and `~n`, `^`, `^n` after them; the rest of git's revision language needs git.
async function findCommitWithout({ git, base }: Isomorphic, revision: string): Promise<string | undefined> {
  const [, name = '', steps = ''] = /^(.*?)((?:[~^]\d*)*)$/s.exec(revision) ?? []
  if (/[@:^{}]/.test(name.replace(/^@$/, '')))
    throw new DdvError('git', `revision needs the git program: ${revision}`, { hint: 'name a branch, tag or commit' })
  const ref = name === '@' || name === '' ? 'HEAD' : name
  const id =
    (await orUndefined(git.resolveRef({ ...base, ref }))) ??
    (/^[0-9a-f]{4,40}$/.test(ref) ? await orUndefined(git.expandOid({ ...base, oid: ref })) : undefined)
  if (id === undefined) return undefined
  let commit: ReadCommitResult | undefined = await orUndefined(git.readCommit({ ...base, oid: id }))
  for (const [, kind, digits] of steps.matchAll(/([~^])(\d*)/g)) {
    const count = digits === '' ? 1 : Number(digits)
    const parents = kind === '~' ? Array<number>(count).fill(1) : count === 0 ? [] : [count]
    for (const parent of parents) {
      const oid: string | undefined = commit?.commit.parent[parent - 1]
      commit = oid === undefined ? undefined : await orUndefined(git.readCommit({ ...base, oid }))
    }
  }
  return commit?.oid
}

/** Plain files of a commit's tree whose path `wanted` accepts, sorted as git sorts; no links, no submodules. */
export async function listTree(
  repository: GitRepository,
  commit: string,
  { under = '', wanted, signal }: ReadOptions & { readonly under?: string; readonly wanted: (path: string) => boolean },
): Promise<readonly TreeFile[]> {
  const limit = under === '' ? [] : ['--', `${under}/`]
  const args = ['ls-tree', '-r', '-z', '--full-tree', commit, ...limit]
  const listing = await tryGit(repository, args, { signal, maxOutput: 1_073_741_824 })
  if (listing === undefined) return listTreeWithout(await openReader(repository), commit, { under, wanted })
  return splitZero(listing.stdout).flatMap(row => {
    const parts = /^100\d{3} blob ([0-9a-f]+)\t(.*)$/s.exec(row)
    const [, id = '', path = ''] = parts ?? []
    return parts !== null && wanted(path) ? [{ path, id }] : []
  })
}

async function listTreeWithout(
  { git, base }: Isomorphic,
  commit: string,
  { under, wanted }: { readonly under: string; readonly wanted: (path: string) => boolean },
): Promise<readonly TreeFile[]> {
  const files: TreeFile[] = []
  const visit = async (oid: string, parent: string): Promise<void> => {
    const { tree } = await git.readTree({ ...base, oid })
    for (const entry of tree) {
      const path = parent + entry.path
      if (entry.type === 'tree') await visit(entry.oid, `${path}/`)
      else if (entry.type === 'blob' && isFileMode(entry.mode) && wanted(path)) files.push({ path, id: entry.oid })
    }
  }
  if (under === '') await visit(commit, '')
  else {
    const top = await orUndefined(git.readTree({ ...base, oid: commit, filepath: under }))
    if (top !== undefined) await visit(top.oid, `${under}/`)
  }
  return files
}

/** The id of the file at this path of the commit's tree; undefined where there is none. */
export async function findInTree(
  repository: GitRepository,
  commit: string,
  path: string,
): Promise<TreeFile | undefined> {
  const listing = await tryGit(repository, ['ls-tree', '-z', '--full-tree', commit, '--', path])
  if (listing === undefined) return findInTreeWithout(await openReader(repository), commit, path)
  const id = /^100\d{3} blob ([0-9a-f]+)\t/.exec(listing.stdout.toString('latin1'))?.[1]
  return id === undefined ? undefined : { path, id }
}

async function findInTreeWithout(
  { git, base }: Isomorphic,
  commit: string,
  path: string,
): Promise<TreeFile | undefined> {
  const slash = path.lastIndexOf('/')
  const parent = slash < 0 ? {} : { filepath: path.slice(0, slash) }
  const found = await orUndefined(git.readTree({ ...base, oid: commit, ...parent }))
  const entry = found?.tree.find(({ path: name, mode }) => name === path.slice(slash + 1) && isFileMode(mode))
  return entry === undefined ? undefined : { path, id: entry.oid }
}

const isFileMode = (mode: string): boolean => /^0?100\d{3}$/.test(mode)

/** The bytes of each blob, in order. Throws `git` where one is missing, as in a clone without its blobs. */
export async function readBlobs(
  repository: GitRepository,
  ids: readonly string[],
  { signal }: ReadOptions = {},
): Promise<readonly Buffer[]> {
  if (ids.length === 0) return []
  const input = ids.map(id => `${id}\n`).join('')
  const result = await tryGit(repository, ['cat-file', '--batch'], { input, signal, maxOutput: maxBlobs })
  if (result !== undefined) return splitBatch(result.stdout, ids)
  const { git, base } = await openReader(repository)
  const blobs: Buffer[] = []
  for (const oid of ids) {
    const found = await orUndefined(git.readBlob({ ...base, oid }))
    if (found === undefined) throw missingObject(oid)
    blobs.push(Buffer.from(found.blob))
  }
  return blobs
}

// `<id> blob <size>\n<bytes>\n` for each, or `<id> missing\n`.
function splitBatch(bytes: Buffer, ids: readonly string[]): readonly Buffer[] {
  let at = 0
  return ids.map(id => {
    const end = bytes.indexOf(10, at)
    const size = /^[0-9a-f]+ blob (\d+)$/.exec(bytes.toString('latin1', at, end))?.[1]
    if (size === undefined) throw missingObject(id)
    const start = end + 1
    at = start + Number(size) + 1
    return bytes.subarray(start, at - 1)
  })
}

const missingObject = (id: string): DdvError => new DdvError('git', `git has no blob ${id}`)

export interface ObjectFacts {
  readonly id: string
  readonly type: string
  /** Bytes. */
  readonly size: number
}

/**
 * What git has under each of these names (`<id>`, `<commit>:<path>`), in order; undefined where it has nothing. One
 * start of git for all of them. Throws `git` where there is no git program.
 */
export async function describeObjects(
  repository: GitRepository,
  names: readonly string[],
  { signal }: ReadOptions = {},
): Promise<readonly (ObjectFacts | undefined)[]> {
  if (names.length === 0) return []
  const asked: string[] = []
  // A line break ends a name here, and only newer gits take another end.
  for (const name of names) asked.push(name.includes('\n') ? await resolveName(repository, name) : name)
  const input = asked.map(name => `${name}\n`).join('')
  const result = await tryGit(repository, ['cat-file', '--batch-check'], { input, signal, maxOutput: 1_073_741_824 })
  if (result === undefined) throw noProgram()
  const lines = result.stdout.toString('utf8').split('\n')
  return names.map((_, i) => {
    const [, id, type, size] = /^([0-9a-f]+) ([a-z]+) (\d+)$/.exec(lines[i] ?? '') ?? []
    return id === undefined || type === undefined ? undefined : { id, type, size: Number(size) }
  })
}

async function resolveName(repository: GitRepository, name: string): Promise<string> {
  const result = await tryGit(repository, ['rev-parse', '--verify', '--quiet', name], { answers: [0, 1, 128] })
  return result?.code === 0 ? result.stdout.toString('latin1').trim() : 'absent'
}

/** For what isomorphic-git cannot do. */
export const noProgram = (): DdvError =>
  new DdvError('git', 'needs the git program', { hint: 'install git, then run the same command again' })
