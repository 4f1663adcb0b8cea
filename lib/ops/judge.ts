// What no commit may hold, whether it is about to be made or to leave: ddv's data as git content, pointers that cannot be
// read, large files that nobody tracks. Each problem comes with the command that mends it.

import type { Config } from '../core/config.js'
import { DdvError, isDdvError } from '../core/errors.js'
import type { Control } from '../core/events.js'
import { maxPointerSize, type Pointer } from '../core/pointer.js'
import { displayPath, type TreePath } from '../core/tree-path.js'
import type { Change } from '../git/changes.js'
import { describeObjects, type ObjectFacts, readBlobs } from '../git/objects.js'
import type { GitRepository } from '../git/repository.js'
import type { Environment } from '../sys/spawn.js'
import { matchesPatterns } from '../workspace/ignore.js'
import type { StageOut } from '../workspace/locks.js'
import { outputOfPointer, parsePointer } from '../workspace/pointers.js'
import type { OutputFailure } from './add.js'
import { loadConfig } from './config-files.js'
import { isTerritoryLock, isTerritoryPointer, type Territory } from './territory.js'

/** How a problem is told: of what is staged, or of a commit. */
export interface Wording {
  /** `staged`, `committed in 1234567`. */
  readonly staged: string
  /** From what mends an index to what mends this. */
  readonly mend: (commands: string) => string
}

export const inIndex: Wording = { staged: 'staged', mend: commands => commands }

export const inCommit = (commit: string): Wording => {
  const short = commit.slice(0, 10)
  const steps = (commands: string): string => `${commands}; then 'git commit --amend' and push again`
  return {
    staged: `committed in ${short}`,
    mend: commands => `go back to that commit with 'git rebase -i ${short}^' and 'edit', ${steps(commands)}`,
  }
}

/** A path for a command that a person may copy. */
export const shellPath = (path: string): string =>
  /^[\w./@%+,:-]+$/.test(path) && !path.startsWith('-') ? path : `'${displayPath(path).replaceAll("'", `'\\''`)}'`

/** `ddv add data/x`, to be run where a hook runs: in the repository's root. */
export function ddvCommand(verb: string, prefix: string, path: string): string {
  const place = prefix === '' ? '' : `--cd ${shellPath(prefix.slice(0, -1))} `
  return `'ddv ${place}${verb} ${shellPath(path.slice(prefix.length))}'`
}

/** Outputs and paths alike are relative to the repository's root. */
export interface Coverage {
  /** The output that a path which is git content is, or lies in. */
  readonly coverOf: (path: string) => string | undefined
  /** Where the change is one of a pointer or lock: of the outputs that it brings, what is git content. */
  readonly contentOf: (change: Change) => Iterable<readonly [output: string, paths: readonly string[]]>
}

/** One problem an output, however many of its files are in git. `changes` are those against the first parent. */
export function contentProblems(
  changes: readonly Change[],
  { coverOf, contentOf }: Coverage,
  { staged, mend }: Wording,
): OutputFailure[] {
  const found = new Map<string, Set<string>>()
  const note = (output: string, paths: readonly string[]): void => {
    if (paths.length > 0) found.set(output, new Set([...(found.get(output) ?? []), ...paths]))
  }
  for (const change of changes) {
    if (change.kind === undefined) continue
    const output = coverOf(change.path)
    if (output !== undefined) note(output, [change.path])
    for (const [output, paths] of contentOf(change)) note(output, paths)
  }
  return [...found].map(([output, paths]) => {
    const [first = output] = paths
    const more = paths.size > 1 ? ` and ${paths.size - 1} more` : ''
    return {
      path: output,
      error: new DdvError('refused', `is under ddv, and ${staged} as git content: ${displayPath(first)}${more}`, {
        hint: mend(`take it out with 'git rm -r -q --cached ${shellPath(output)}', which leaves the data where it is`),
      }),
    }
  })
}

/** Of a change that no parent has: what a commit itself brings. */
export interface Fresh extends Change {
  readonly id: string
}

export const isFresh = (change: Change): change is Fresh => change.id !== undefined

/** Facts by id, of what is neither link nor submodule. */
export async function factsOf(
  repository: GitRepository,
  changes: readonly Change[],
  control: Control,
): Promise<ReadonlyMap<string, ObjectFacts>> {
  const ids = [...new Set(changes.flatMap(({ id, kind }) => (kind === 'file' && id !== undefined ? [id] : [])))]
  const facts = await describeObjects(repository, ids, control)
  return new Map(facts.flatMap(one => (one === undefined ? [] : [[one.id, one] as const])))
}

/** The settings of each workspace, read once. */
export function openSettings(territory: Territory, env: Environment): (prefix: string) => Promise<Config> {
  const read = new Map<string, Promise<Config>>()
  return prefix => {
    const config = read.get(prefix) ?? loadConfig({ root: territory.rootOf(prefix), env })
    read.set(prefix, config)
    return config
  }
}

export interface LargeOptions {
  readonly territory: Territory
  readonly facts: ReadonlyMap<string, ObjectFacts>
  readonly settings: (prefix: string) => Promise<Config>
  readonly coverOf: (path: string) => string | undefined
}

export interface Large {
  readonly change: Fresh
  readonly prefix: string
  readonly size: number
  readonly limit: number
}

/** New files above the limit. What only got another name, or lies under ddv, which is a problem of its own, is none. */
export async function largeFiles(
  changes: readonly Change[],
  { territory, facts, settings, coverOf }: LargeOptions,
): Promise<Large[]> {
  const old = new Set(changes.flatMap(({ oldId }) => oldId ?? []))
  const large: Large[] = []
  for (const change of changes) {
    if (!isFresh(change) || change.kind !== 'file' || old.has(change.id)) continue
    const prefix = territory.prefixOf(change.path)
    if (prefix === undefined) continue
    const size = facts.get(change.id)?.size ?? 0
    const { maxFileSize, largeFileExceptions } = (await settings(prefix)).git
    const isDataFile = isTerritoryPointer(territory, change.path) || isTerritoryLock(territory, change.path)
    if (size <= maxFileSize || isDataFile || coverOf(change.path) !== undefined) continue
    if (matchesPatterns(largeFileExceptions, change.path.slice(prefix.length))) continue
    large.push({ change, prefix, size, limit: maxFileSize })
  }
  return large
}

export function largeProblem({ change, prefix, size, limit }: Large, { mend }: Wording): OutputFailure {
  const { path } = change
  const commands = `'git rm -q --cached ${shellPath(path)}', then ${ddvCommand('add', prefix, path)}`
  const hint = `${mend(commands)}; or name it in git.largeFileExceptions`
  const message = `has ${size} bytes, more than git.maxFileSize allows (${limit}), and is not under ddv: ${displayPath(path)}`
  return { path, error: new DdvError('refused', message, { hint }) }
}

/** A pointer, or what a lock says of one output, as some commit or index has it. */
export interface FoundPointer {
  readonly change: Fresh
  readonly prefix: string
  /** In its workspace. */
  readonly output: TreePath
  readonly pointer: Pointer
  readonly stage?: StageOut
}

export interface ReadPointers {
  readonly found: readonly FoundPointer[]
  readonly problems: readonly { readonly change: Fresh; readonly error: DdvError }[]
}

/** Reads and checks the pointers among what is new; one start of git for all. */
export async function readNewPointers(
  repository: GitRepository,
  changes: readonly Change[],
  { territory, facts }: Pick<LargeOptions, 'territory' | 'facts'>,
  control: Control,
): Promise<ReadPointers> {
  const found: FoundPointer[] = []
  const problems: { change: Fresh; error: DdvError }[] = []
  const pointers = changes.filter(isFresh).filter(({ path }) => isTerritoryPointer(territory, path))
  const isReadable = ({ kind, id }: Fresh): boolean => kind === 'file' && (facts.get(id)?.size ?? 0) <= maxPointerSize
  const ids = [...new Set(pointers.filter(isReadable).map(({ id }) => id))]
  const blobs = await readBlobs(repository, ids, control)
  const texts = new Map(ids.map((id, i) => [id, blobs[i]?.toString() ?? '']))
  for (const change of pointers) {
    const text = texts.get(change.id)
    const prefix = territory.prefixOf(change.path) ?? ''
    const file = change.path.slice(prefix.length) as TreePath
    try {
      if (text === undefined) throw unreadable(change)
      found.push({ change, prefix, output: outputOfPointer(file), pointer: parsePointer(text, file) })
    } catch (error) {
      if (!isDdvError(error)) throw error
      problems.push({ change, error })
    }
  }
  return { found, problems }
}

function unreadable({ kind, path }: Fresh): DdvError {
  const problem = kind === 'file' ? `is larger than ${maxPointerSize} bytes` : 'is not a regular file'
  return new DdvError('bad-pointer', `pointer ${problem}: ${displayPath(path)}`)
}
