// pre-commit and pre-merge-commit: judges the index that git is about to commit, and nothing that it takes over from the
// commits before it. A commit of code alone costs three short runs of git and no look at any data.

import { type DdvError, isDdvError } from '../core/errors.js'
import type { Control } from '../core/events.js'
import { displayPath } from '../core/tree-path.js'
import { type Change, indexChanges, pointersInIndex } from '../git/changes.js'
import { trackedAmong } from '../git/git-index.js'
import { currentOperation, type GitRepository, type Operation } from '../git/repository.js'
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
  readNewPointers,
} from './judge.js'
import { coveringPointer, isTerritoryPointer, openTerritory, type Territory } from './territory.js'

/** Everything that is wrong; nothing where the commit may be made. */
export async function judgeIndex(repository: GitRepository, control: Control): Promise<readonly OutputFailure[]> {
  const territory = openTerritory(repository)
  const [changes, names] = await Promise.all([
    indexChanges(repository, 'HEAD', control),
    pointersInIndex(repository, control),
  ])
  const own = changes.filter(({ path }) => territory.prefixOf(path) !== undefined)
  if (own.length === 0) return []
  const operation = currentOperation(repository)
  const fresh = await withoutInherited(repository, own, operation.mergeHeads, control)
  const facts = await factsOf(repository, fresh, control)
  const pointers = new Set(names.filter(name => isTerritoryPointer(territory, name)))
  const coverOf = (path: string) => coveringPointer(territory, path, pointer => pointers.has(pointer))
  const settings = openSettings(territory, repository.env)
  const large = await largeFiles(fresh, { territory, facts, settings, coverOf })
  const read = await readNewPointers(repository, fresh, { territory, facts }, control)
  const content = await contentOfNew(repository, { changes: own, territory }, control)
  const contentOf = (pointer: string) => content.get(pointer) ?? []
  return [
    ...contentProblems(own, { territory, coverOf, contentOf }, inIndex),
    ...read.problems.map(({ change: { path }, error }) => ({ path, error })),
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

/** For each pointer that comes into the index, what of its output is there as content, changed or not. */
async function contentOfNew(
  repository: GitRepository,
  { changes, territory }: { readonly changes: readonly Change[]; readonly territory: Territory },
  control: Control,
): Promise<ReadonlyMap<string, readonly string[]>> {
  const added = changes.filter(
    ({ path, kind, oldKind }) => kind !== undefined && oldKind === undefined && isTerritoryPointer(territory, path),
  )
  const outputs = added.map(({ path }) => outputOfPointer(path as Parameters<typeof outputOfPointer>[0]))
  const tracked = await trackedAmong(repository, outputs, control)
  return new Map(
    added.map(({ path }, i) => {
      const output = outputs[i] as string
      return [path, tracked.filter(file => file === output || file.startsWith(`${output}/`))]
    }),
  )
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
