// What a commit, or the index that is about to become one, changes: rows of git's raw diff. Any number of commits costs
// one start of git.

import { DdvError } from '../core/errors.js'
import { pointerSuffix } from '../core/pointer.js'
import { lockFileName } from '../core/stage.js'
import { splitZero } from './git-index.js'
import { tryGit } from './git-program.js'
import { findCommit, noProgram, type ReadOptions } from './objects.js'
import { type GitRepository, repositoryConfig } from './repository.js'

export interface Change {
  /** Relative to the repository's root. */
  readonly path: string
  /** What is there now; both undefined where it is gone. */
  readonly kind: EntryKind | undefined
  readonly id: string | undefined
  readonly oldKind: EntryKind | undefined
  readonly oldId: string | undefined
}

export type EntryKind = 'file' | 'link' | 'submodule'

/** Of every diff that is read here. */
export const rawFormat = ['--raw', '-z', '--no-renames', '--no-abbrev', '--no-ext-diff']
const maxListing = 1_073_741_824

/** Pointers, and locks of stages, which name data too; for git with `patterns`. */
export const dataFileGlobs: readonly string[] = [`:(glob)**/*${pointerSuffix}`, `:(glob)**/${lockFileName}`]

/** How the index that is about to be committed differs from a commit; from nothing where there is none yet. */
export async function indexChanges(
  repository: GitRepository,
  against: string,
  { signal }: ReadOptions = {},
): Promise<readonly Change[]> {
  const options = { signal, maxOutput: maxListing, answers: [0, 128] }
  const diff = (commit: string) =>
    tryGit(repository, ['diff-index', '--cached', '--ita-invisible-in-index', ...rawFormat, commit, '--'], options)
  const result = await diff(against)
  if (result === undefined) throw noProgram()
  if (result.code === 0) return parseRows(splitZero(result.stdout))
  if ((await findCommit(repository, against)) === undefined) {
    const whole = await diff(emptyTree(repository))
    if (whole?.code === 0) return parseRows(splitZero(whole.stdout))
  }
  throw new DdvError('git', `git diff-index: ${result.stderr.trim().split('\n')[0] ?? ''}`)
}

/** The id of the tree without entries, which every repository knows. */
export const emptyTree = (repository: GitRepository): string =>
  repositoryConfig(repository).get('extensions.objectformat') === 'sha256'
    ? '6ef19b41225c5369f1c104d45d8d85efa9b057b53b14b4b9b939dd74decc5321'
    : '4b825dc642cb6eb9a060e54bf8d69288fbee4904'

/** Every pointer and lock in the index, by its name alone. */
export async function dataFilesInIndex(repository: GitRepository, { signal }: ReadOptions = {}): Promise<string[]> {
  const options = { signal, patterns: true, maxOutput: maxListing }
  const result = await tryGit(repository, ['ls-files', '-z', '--full-name', '--', ...dataFileGlobs], options)
  if (result === undefined) throw noProgram()
  return splitZero(result.stdout)
}

/** The same in the tree of a commit. */
export async function dataFilesInTree(
  repository: GitRepository,
  commit: string,
  { signal }: ReadOptions = {},
): Promise<string[]> {
  // ls-tree knows no globs; a diff against nothing does, and enters no more than it must.
  const rows = await treeChanges(repository, { from: emptyTree(repository), to: commit, globs: dataFileGlobs, signal })
  return rows.map(({ path }) => path)
}

export interface TreeOptions extends ReadOptions {
  readonly from: string
  readonly to: string
  /** Only paths that one of these pathspecs names. */
  readonly globs?: readonly string[]
}

/** How two commits, or trees, differ. */
export async function treeChanges(
  repository: GitRepository,
  { from, to, globs = [], signal }: TreeOptions,
): Promise<readonly Change[]> {
  const args = ['diff-tree', '-r', ...rawFormat, from, to, '--', ...globs]
  const result = await tryGit(repository, args, { signal, patterns: true, maxOutput: maxListing })
  if (result === undefined) throw noProgram()
  return parseRows(splitZero(result.stdout))
}

export interface CommitPair {
  readonly commit: string
  /** undefined where it has none, and is compared with nothing. */
  readonly parent: string | undefined
}

/** For each pair what the commit has otherwise than the parent, in order. */
export async function commitChanges(
  repository: GitRepository,
  pairs: readonly CommitPair[],
  { signal }: ReadOptions = {},
): Promise<readonly (readonly Change[])[]> {
  if (pairs.length === 0) return []
  const input = pairs.map(({ commit, parent }) => `${commit}${parent === undefined ? '' : ` ${parent}`}\n`).join('')
  // `--always`: the commit's id comes even before no rows, so that each line of the input has its part of the output.
  const args = ['diff-tree', '--stdin', '--always', '--root', '-m', '-r', ...rawFormat]
  const result = await tryGit(repository, args, { input, signal, maxOutput: maxListing })
  if (result === undefined) throw noProgram()
  const parts: string[][] = []
  for (const field of splitZero(withFinalZero(result.stdout)))
    if (/^[0-9a-f]{40,64}$/.test(field) && (parts.at(-1)?.length ?? 0) % 2 === 0) parts.push([])
    else parts.at(-1)?.push(field) // a row, or the path after it, which may look like an id
  if (parts.length !== pairs.length) throw new DdvError('git', 'git diff-tree: did not answer for every commit')
  return parts.map(parseRows)
}

// The last commit's id has no end where no rows follow it.
const withFinalZero = (bytes: Buffer): Buffer =>
  bytes.length === 0 || bytes.at(-1) === 0 ? bytes : Buffer.concat([bytes, Buffer.of(0)])

const rowPattern = /^:(\d{6}) (\d{6}) ([0-9a-f]+) ([0-9a-f]+) [A-Z]$/

function parseRows(fields: readonly string[]): Change[] {
  const changes: Change[] = []
  for (let i = 0; i + 1 < fields.length; i += 2) {
    const [, oldMode = '', mode = '', oldId = '', id = ''] = rowPattern.exec(fields[i] ?? '') ?? []
    if (mode === '') throw new DdvError('git', 'git printed a row that is none of its raw format')
    const [kind, oldKind] = [kindOf(mode), kindOf(oldMode)]
    changes.push({
      path: fields[i + 1] as string,
      kind,
      id: kind === undefined ? undefined : id,
      oldKind,
      oldId: oldKind === undefined ? undefined : oldId,
    })
  }
  return changes
}

const kindOf = (mode: string): EntryKind | undefined =>
  mode === '000000' ? undefined : mode === '120000' ? 'link' : mode === '160000' ? 'submodule' : 'file'
