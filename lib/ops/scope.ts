// Which versions of data are meant where it is not the workspace's: those of named commits, of all branches or tags, or
// every version that any commit ever had.

import { isDdvError } from '../core/errors.js'
import type { Control } from '../core/events.js'
import { displayPath, type TreePath } from '../core/tree-path.js'
import { pointerHistory } from '../git/history.js'
import { readBlobs } from '../git/objects.js'
import { listRefs } from '../git/refs.js'
import { findCommit } from '../git/revisions.js'
import { parseOuts } from '../workspace/locks.js'
import { isPointerPath, outputOfPointer, parseMovedPointer, skippedParent } from '../workspace/pointers.js'
import type { OutputFailure } from './add.js'
import type { Project } from './project.js'
import {
  isPushed,
  type NamedPointer,
  namedOut,
  outputsOfRevisions,
  requireGit,
  targetFilter,
  workspacePrefix,
} from './revision.js'

/** None of them: what the workspace's own pointers name. Several: all that each of them means. */
export interface Scope {
  readonly revisions?: readonly string[] | undefined
  readonly allBranches?: boolean | undefined
  readonly allTags?: boolean | undefined
  /** Of every commit that HEAD or a ref of any kind leads to. */
  readonly allCommits?: boolean | undefined
}

export const isScoped = ({ revisions = [], allBranches, allTags, allCommits }: Scope): boolean =>
  revisions.length > 0 || allBranches === true || allTags === true || allCommits === true

export interface ScopedOutputs {
  /** Each version of each output once. */
  readonly outputs: readonly NamedPointer[]
  /** What is named where it cannot be read. */
  readonly failures: readonly OutputFailure[]
}

interface Wanted extends Control {
  readonly targets: readonly string[]
  readonly cwd: string
}

/** Throws `usage` for an unknown revision, and for a target that no version has; `git` where there is no repository. */
export async function outputsInScope(project: Project, scope: Scope, wanted: Wanted): Promise<ScopedOutputs> {
  if (scope.allCommits === true) return everyVersion(project, wanted)
  const revisions = [...new Set([...(scope.revisions ?? []), ...(await tips(project, scope, wanted))])]
  const { targets, cwd } = wanted
  return outputsOfRevisions(project, { revisions, targets, cwd }, wanted)
}

/** The commits of branches and tags; a tag may be of something else. */
async function tips(project: Project, { allBranches, allTags }: Scope, { signal }: Control): Promise<string[]> {
  const git = requireGit(project)
  const commits = new Set<string>()
  for (const kind of ['heads', 'tags'] as const) {
    if ((kind === 'heads' ? allBranches : allTags) !== true) continue
    for (const name of await listRefs(git, kind, { signal })) {
      const commit = await findCommit(git, `refs/${kind}/${name}`)
      if (commit !== undefined) commits.add(commit)
    }
  }
  return [...commits]
}

/** By what commits changed, so that each version is read once, however many commits have it. */
async function everyVersion(project: Project, { targets, cwd, signal, onEvent }: Wanted): Promise<ScopedOutputs> {
  const git = requireGit(project)
  const prefix = workspacePrefix(project)
  const { commits, ends } = await pointerHistory(git, { everywhere: true, under: prefix.slice(0, -1), signal })
  // What the last commits of a shallow clone changed is not known: all that they have counts.
  const atEnds = await outputsOfRevisions(project, { revisions: ends, targets: [], cwd }, { signal })
  const versions = new Map<string, string>()
  for (const { path, after } of commits.flatMap(({ changes }) => changes))
    if (after !== undefined) versions.set(`${path}\0${after}`, path.slice(prefix.length))
  const blobs = await readBlobs(
    git,
    [...versions.keys()].map(key => key.slice(key.lastIndexOf('\0') + 1)),
    { signal },
  )
  const unreadable: TreePath[] = []
  const found = [...versions.values()].flatMap((path, i) => {
    const file = path as TreePath
    const named = readVersion(file, blobs[i] as Buffer)
    if (named === undefined) unreadable.push(file)
    return named ?? []
  })
  const [first] = unreadable
  if (first !== undefined) onEvent?.({ type: 'warning', message: unreadableText(first, unreadable.length) })
  const filter = targetFilter(project, targets, cwd)
  const outputs = new Map<string, NamedPointer>()
  for (const one of [...atEnds.outputs, ...found])
    if (filter.matches(one.path).length > 0)
      outputs.set(`${one.path}\0${one.pointer.kind}\0${one.pointer.hash}\0${isPushed(one)}`, one)
  filter.refuseUnmatched(['any commit'])
  return { outputs: [...outputs.values()], failures: [] }
}

// What commits of the past hold nobody can mend any more: it names nothing, and fails nothing.
const unreadableText = (first: TreePath, count: number): string =>
  `${count === 1 ? 'a version' : `${count} versions`} of the past cannot be read, and ${count === 1 ? 'names' : 'name'} nothing: ${displayPath(first)}`

/** undefined where it cannot be read. Throws `newer-format`: that may name what this ddv cannot see. */
function readVersion(file: TreePath, bytes: Buffer): readonly NamedPointer[] | undefined {
  if (skippedParent(file) !== undefined) return []
  try {
    if (isPointerPath(file))
      return [{ path: outputOfPointer(file), pointer: parseMovedPointer(bytes.toString(), file) }]
    const { outs, error } = parseOuts(bytes.toString(), file)
    if (error !== undefined) throw error
    return outs.filter(({ out }) => out.cache).map(namedOut)
  } catch (error) {
    if (isDdvError(error, 'newer-format') || !isDdvError(error)) throw error
    return undefined
  }
}
