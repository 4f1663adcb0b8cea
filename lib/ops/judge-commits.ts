// pre-push: judges every commit that leaves by what it changed itself. Any number of commits costs the same few runs of
// git; the pointers that they bring are what has to be pushed.

import { DdvError } from '../core/errors.js'
import type { Control } from '../core/events.js'
import type { TreePath } from '../core/tree-path.js'
import { type Change, dataFilesInTree } from '../git/changes.js'
import {
  type Changed,
  changesOf,
  contentsOf,
  leavingCommits,
  leavingTrees,
  type RefUpdate,
  tipsOf,
} from '../git/leaving.js'
import { describeObjects } from '../git/objects.js'
import type { GitRepository } from '../git/repository.js'
import { outputOfPointer } from '../workspace/pointers.js'
import type { OutputFailure } from './add.js'
import {
  contentProblems,
  type FoundPointer,
  factsOf,
  inCommit,
  largeFiles,
  largeProblem,
  openSettings,
  type ReadPointers,
} from './judge.js'
import { changedOuts, coveringStage, outputsOfLocks, readLockBlobs, readLockChanges, readNew } from './judge-locks.js'
import { coveringPointer, isTerritoryLock, isTerritoryPointer, openTerritory, type Territory } from './territory.js'

export interface JudgedCommits {
  readonly problems: readonly OutputFailure[]
  /** What the commits bring, each version of an output once. */
  readonly pointers: readonly FoundPointer[]
  readonly territory: Territory
}

/** `remote` is what git calls the other side. */
export async function judgeCommits(
  repository: GitRepository,
  updates: readonly RefUpdate[],
  options: Control & { readonly remote: string },
): Promise<JudgedCommits> {
  const territory = openTerritory(repository)
  const commits = await leavingCommits(repository, updates, options)
  const trees = await leavingTrees(repository, updates, options)
  const all = [...(await changesOf(repository, commits, options)), ...(await contentsOf(repository, trees, options))]
  const isOurs = ({ path }: { readonly path: string }): boolean => territory.prefixOf(path) !== undefined
  const judged = all
    .map(({ id, changes, fresh }) => ({ id, changes: changes.filter(isOurs), fresh: fresh.filter(isOurs) }))
    .filter(({ changes }) => changes.length > 0)
  if (judged.length === 0) return { problems: [], pointers: [], territory }
  const fresh = judged.flatMap(one => one.fresh)
  const facts = await factsOf(repository, fresh, options)
  const coverage = await openCoverage(repository, { judged, territory, tips: [...tipsOf(commits), ...trees] }, options)
  const settings = openSettings(territory, repository.env)
  const problems: OutputFailure[] = []
  for (const one of judged) {
    const { coverOf, contentOf } = coverage(one.id)
    problems.push(...contentProblems(one.changes, { coverOf, contentOf }, inCommit(one.id)))
    for (const large of await largeFiles(one.fresh, { territory, facts, settings, coverOf }))
      if (await hasWorkspace(repository, one.id, large.prefix)) problems.push(largeProblem(large, inCommit(one.id)))
  }
  const read = await readNew(repository, fresh, { territory, facts }, options)
  problems.push(...unreadable(judged, read))
  const versions = read.found.map(one => {
    const { kind, hash } = one.pointer
    return [`${one.prefix}${one.output}\0${kind}\0${hash}\0${one.stage?.out.push !== false}`, one] as const
  })
  return { problems, pointers: [...new Map(versions).values()], territory }
}

interface Leaving {
  readonly judged: readonly Changed[]
  readonly territory: Territory
  readonly tips: readonly string[]
}

/**
 * Which pointers and data each commit's tree has side by side. A pointer that some commit has is in the tree of a tip, or
 * went in one of the commits: so only paths at or below such a one are looked up, all in one run.
 */
async function openCoverage(repository: GitRepository, { judged, territory, tips }: Leaving, control: Control) {
  const names = new Set<string>()
  for (const tip of tips) for (const name of await dataFilesInTree(repository, tip, control)) names.add(name)
  for (const { changes } of judged) for (const { path } of changes) names.add(path)
  const pointers = new Set([...names].filter(name => isTerritoryPointer(territory, name)))
  const stages = await openStages(repository, { judged, territory, names }, control)
  const asked = new Set<string>(stages.asked)
  for (const { id, changes } of judged)
    for (const { path, kind } of changes) {
      if (kind === undefined) continue
      coveringPointer(territory, path, name => {
        if (pointers.has(name)) asked.add(`${id}:${name}`)
        return false
      })
      if (pointers.has(path)) asked.add(`${id}:${outputOfPointer(path as TreePath)}`)
    }
  const list = [...asked]
  const facts = await describeObjects(repository, list, control)
  const held = new Set(list.filter((_, i) => facts[i] !== undefined))
  return (id: string) => ({
    coverOf: (path: string): string | undefined => {
      const pointer = coveringPointer(territory, path, name => held.has(`${id}:${name}`))
      return pointer === undefined ? stages.coverOf(id, path) : outputOfPointer(pointer as TreePath)
    },
    contentOf: (change: Change) => {
      const own = pointers.has(change.path) ? [outputOfPointer(change.path as TreePath)] : []
      return [...own, ...stages.broughtBy(change)].map(
        output => [output, held.has(`${id}:${output}`) ? [output] : []] as const,
      )
    },
  })
}

interface LeavingNames extends Pick<Leaving, 'judged' | 'territory'> {
  /** Of every pointer and lock that one of the commits may have. */
  readonly names: ReadonlySet<string>
}

/** What each commit's locks name; nothing is read where there is none. */
async function openStages(repository: GitRepository, { judged, territory, names }: LeavingNames, control: Control) {
  const locks = [...names].filter(name => isTerritoryLock(territory, name))
  const blobs = judged.flatMap(({ id }) => locks.map(path => ({ commit: id, name: `${id}:${path}`, path })))
  const read = await readLockBlobs(repository, blobs, territory, control)
  const outs = new Map<string, Set<string>>()
  for (const [i, { commit, path }] of blobs.entries()) {
    const own = outs.get(commit) ?? new Set<string>()
    for (const output of outputsOfLocks(territory.prefixOf(path) ?? '', [read[i]])) own.add(output)
    outs.set(commit, own)
  }
  const brought = new Map<Change, readonly string[]>()
  const asked: string[] = []
  const commits = new Map(judged.flatMap(({ id, changes }) => changes.map(change => [change, id] as const)))
  for (const one of await readLockChanges(repository, [...commits.keys()], territory, control)) {
    const prefix = territory.prefixOf(one.change.path) ?? ''
    const outputs = changedOuts(one).map(({ path }) => `${prefix}${path}`)
    brought.set(one.change, outputs)
    asked.push(...outputs.map(output => `${commits.get(one.change)}:${output}`))
  }
  return {
    asked,
    coverOf: (commit: string, path: string) => coveringStage(outs.get(commit) ?? new Set(), path),
    broughtBy: (change: Change): readonly string[] => brought.get(change) ?? [],
  }
}

/** Before there was a workspace, nobody was told what is large. */
async function hasWorkspace(repository: GitRepository, commit: string, prefix: string): Promise<boolean> {
  const [facts] = await describeObjects(repository, [`${commit}:${prefix}.ddv/config.yaml`])
  return facts !== undefined
}

function unreadable(judged: readonly Changed[], { problems }: ReadPointers): OutputFailure[] {
  const commitOf = new Map(judged.flatMap(({ id, fresh }) => fresh.map(change => [change, id] as const)))
  return problems.map(({ change, error }) => {
    const { staged, mend } = inCommit(commitOf.get(change) ?? '')
    const hint = mend(error.hint ?? `repair it and 'git add' it`)
    return { path: change.path, error: new DdvError(error.code, `${staged}: ${error.message}`, { hint, cause: error }) }
  })
}
