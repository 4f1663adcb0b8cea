// pre-commit and pre-merge-commit: judges the index that git is about to commit, and nothing that it takes over from the
// commits before it. A commit of code alone costs three short runs of git and no look at any data.

import { type DdvError, isDdvError } from '../core/errors.js'
import type { Control } from '../core/events.js'
import { displayPath, type TreePath } from '../core/tree-path.js'
import { type Change, dataFilesInIndex, indexChanges } from '../git/changes.js'
import { trackedAmong } from '../git/git-index.js'
import { currentOperation, type GitRepository, type Operation } from '../git/repository.js'
import { isLockPath, type LockedOuts, settle } from '../workspace/locks.js'
import { outputOfPointer } from '../workspace/pointers.js'
import type { OutputFailure } from './add.js'
import {
  contentProblems,
  type FoundPointer,
  factsOf,
  inIndex,
  largeFiles,
  largeProblem,
  openSettings,
} from './judge.js'
import { changedOuts, coveringStage, outputsOfLocks, readLockBlobs, readLockChanges, readNew } from './judge-locks.js'
import { coveringPointer, isTerritoryLock, isTerritoryPointer, openTerritory, type Territory } from './territory.js'

/** Everything that is wrong; nothing where the commit may be made. */
export async function judgeIndex(repository: GitRepository, control: Control): Promise<readonly OutputFailure[]> {
  const territory = openTerritory(repository)
  const [changes, names] = await Promise.all([
    indexChanges(repository, 'HEAD', control),
    dataFilesInIndex(repository, control),
  ])
  const own = changes.filter(({ path }) => territory.prefixOf(path) !== undefined)
  if (own.length === 0) return []
  const operation = currentOperation(repository)
  const fresh = await withoutInherited(repository, own, operation.mergeHeads, control)
  const facts = await factsOf(repository, fresh, control)
  const pointers = new Set(names.filter(name => isTerritoryPointer(territory, name)))
  const locks = await locksInIndex(repository, names, territory, control)
  const outs = new Set(locks.flatMap(({ prefix, found }) => outputsOfLocks(prefix, [found])))
  const coverOf = (path: string): string | undefined => {
    const pointer = coveringPointer(territory, path, pointer => pointers.has(pointer))
    return pointer === undefined ? coveringStage(outs, path) : outputOfPointer(pointer as TreePath)
  }
  const settings = openSettings(territory, repository.env)
  const large = await largeFiles(fresh, { territory, facts, settings, coverOf })
  const read = await readNew(repository, fresh, { territory, facts }, control)
  const content = await contentOfNew(repository, { changes: own, territory }, control)
  const contentOf = (change: Change) => content.get(change) ?? []
  return [
    ...contentProblems(own, { coverOf, contentOf }, inIndex),
    ...read.problems.map(({ change: { path }, error }) => ({ path, error })),
    ...overlaps(fresh, { territory, pointers, locks }),
    ...(await dataProblems({ repository, territory, operation }, read.found, control)),
    ...large.map(one => largeProblem(one, inIndex)),
  ]
}

/** What differs from every parent of the commit to be: a merge takes the rest over from commits that are judged already. */
async function withoutInherited(
  repository: GitRepository,
  changes: readonly Change[],
  otherParents: readonly string[],
  control: Control,
): Promise<readonly Change[]> {
  let fresh = changes
  for (const parent of otherParents) {
    const differing = new Set((await indexChanges(repository, parent, control)).map(({ path }) => path))
    fresh = fresh.filter(({ path }) => differing.has(path))
  }
  return fresh
}

/** For each pointer or lock that comes into the index, what of its outputs is there as content, changed or not. */
async function contentOfNew(
  repository: GitRepository,
  { changes, territory }: { readonly changes: readonly Change[]; readonly territory: Territory },
  control: Control,
): Promise<ReadonlyMap<Change, readonly (readonly [output: string, paths: readonly string[]])[]>> {
  const added: { readonly change: Change; readonly output: string }[] = []
  for (const change of changes)
    if (change.kind !== undefined && change.oldKind === undefined && isTerritoryPointer(territory, change.path))
      added.push({ change, output: outputOfPointer(change.path as TreePath) })
  for (const one of await readLockChanges(repository, changes, territory, control))
    for (const { path } of changedOuts(one))
      added.push({ change: one.change, output: `${territory.prefixOf(one.change.path) ?? ''}${path}` })
  const outputs = added.map(({ output }) => output)
  const tracked = await trackedAmong(repository, outputs, control)
  const content = new Map<Change, (readonly [string, readonly string[]])[]>()
  for (const { change, output } of added) {
    const files = tracked.filter(file => file === output || file.startsWith(`${output}/`))
    content.set(change, [...(content.get(change) ?? []), [output, files]])
  }
  return content
}

interface LockInIndex {
  readonly prefix: string
  readonly found: LockedOuts
}

async function locksInIndex(
  repository: GitRepository,
  names: readonly string[],
  territory: Territory,
  control: Control,
): Promise<readonly LockInIndex[]> {
  const locks = names.filter(name => isTerritoryLock(territory, name))
  const blobs = locks.map(path => ({ name: `:${path}`, path }))
  const read = await readLockBlobs(repository, blobs, territory, control)
  return locks.flatMap((path, i) => {
    const found = read[i]
    return found === undefined ? [] : [{ prefix: territory.prefixOf(path) ?? '', found }]
  })
}

interface Named {
  readonly territory: Territory
  readonly pointers: ReadonlySet<string>
  readonly locks: readonly LockInIndex[]
}

/** Outputs that two files of the index name, where one of them is new. */
function overlaps(fresh: readonly Change[], { territory, pointers, locks }: Named): OutputFailure[] {
  const isNew = ({ path }: Change): boolean => pointers.has(path) || isTerritoryLock(territory, path)
  const prefixes = new Set(fresh.filter(isNew).map(({ path }) => territory.prefixOf(path) ?? ''))
  return [...prefixes].flatMap(prefix => {
    const own = locks.filter(one => one.prefix === prefix).map(({ found }) => found)
    if (own.length === 0) return []
    const outputs = [...pointers]
      .filter(path => territory.prefixOf(path) === prefix)
      .map(path => outputOfPointer(path.slice(prefix.length) as TreePath))
    const { problems } = settle(outputs, own)
    // One that cannot be read is told of where it is new.
    return [...problems].flatMap(([path, error]) =>
      isLockPath(path) ? [] : [{ path: displayPath(`${prefix}${path}`), error }],
    )
  })
}

interface Place {
  readonly repository: GitRepository
  readonly territory: Territory
  readonly operation: Operation
}

async function dataProblems(
  { repository, territory, operation }: Place,
  found: readonly FoundPointer[],
  control: Control,
): Promise<OutputFailure[]> {
  if (found.length === 0) return []
  // Loaded here, so that a commit without pointers starts without them.
  const [{ openHookProject }, { pointerProblem }] = await Promise.all([
    import('./hook-project.js'),
    import('./judge-pointer.js'),
  ])
  const problems: OutputFailure[] = []
  for (const prefix of new Set(found.map(one => one.prefix))) {
    const project = await openHookProject(repository, territory.rootOf(prefix))
    try {
      for (const one of found.filter(other => other.prefix === prefix)) {
        const problem = await problemOf(() => pointerProblem(project, one, { ...control, ...operation }))
        if (problem !== undefined) problems.push({ path: displayPath(`${prefix}${one.output}`), error: problem })
      }
    } finally {
      await project.close()
    }
  }
  return problems
}

async function problemOf(look: () => Promise<DdvError | undefined>): Promise<DdvError | undefined> {
  try {
    return await look()
  } catch (error) {
    if (!isDdvError(error) || isDdvError(error, 'interrupted')) throw error
    return error
  }
}
