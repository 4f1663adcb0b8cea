// The outputs that a commit names, read from git's objects: neither the branch nor the workspace is touched.

import { relative, sep } from 'node:path'
import { DdvError, isDdvError } from '../core/errors.js'
import type { Control } from '../core/events.js'
import { pointerOfOut } from '../core/lockfile.js'
import type { Pointer } from '../core/pointer.js'
import { compareUtf8, displayPath, isWithin, type TreePath } from '../core/tree-path.js'
import type { GitRepository } from '../git/repository.js'
import { listPointersAt, resolveRevision } from '../git/revisions.js'
import { type LockedOuts, parseOuts, type StageOut, settle } from '../workspace/locks.js'
import { isPointerPath, outputOfPointer, parsePointer, skippedParent } from '../workspace/pointers.js'
import { toTreePath } from '../workspace/workspace.js'
import type { OutputFailure } from './add.js'
import type { Project } from './project.js'
import { type Target, withoutCovered } from './targets.js'

/** An output as some pointer has it, which need not be the one in the workspace. */
export interface NamedPointer {
  readonly path: TreePath
  readonly pointer: Pointer
  /** The stage that made it, by a lock. */
  readonly stage?: StageOut
}

export interface RevisionOutputs {
  /** The commit's full id. */
  readonly commit: string
  /** Sorted by path as git sorts. */
  readonly outputs: readonly NamedPointer[]
  /** Pointers that were committed and cannot be read. */
  readonly failures: readonly OutputFailure[]
}

/** A stage may keep what it made out of remotes: for that nobody looks there. */
export const isPushed = ({ stage }: Pick<NamedPointer, 'stage'>): boolean => stage?.out.push !== false

/** The repository, or an error that says that there is none. */
export function requireGit({ git, workspace }: Project): GitRepository {
  if (git !== undefined) return git
  throw new DdvError('git', `no git repository, so no revisions: ${workspace.root}`)
}

/** Where the workspace lies in the repository: '' or a path that ends in `/`. */
export function workspacePrefix({ git, workspace }: Pick<Project, 'git' | 'workspace'>): string {
  const path = git === undefined ? '' : relative(git.root, workspace.root)
  return path === '' ? '' : `${path.split(sep).join('/')}/`
}

/** Throws `usage` for an unknown revision, `git` where there is no repository. */
export async function outputsAt(project: Project, revision: string, { signal }: Control): Promise<RevisionOutputs> {
  const git = requireGit(project)
  const prefix = workspacePrefix(project)
  const commit = await resolveRevision(git, revision)
  const pointers = new Map<TreePath, Pointer | DdvError>()
  const locks: LockedOuts[] = []
  for await (const file of listPointersAt(git, commit, { under: prefix.slice(0, -1), signal })) {
    const path = file.path.slice(prefix.length) as TreePath
    if (skippedParent(path) !== undefined) continue
    if (isPointerPath(path)) pointers.set(outputOfPointer(path), pointerOr(file.bytes, path))
    else locks.push(parseOuts(file.bytes.toString(), path))
  }
  return { commit, ...settleNamed(pointers, locks) }
}

function pointerOr(bytes: Buffer, file: TreePath): Pointer | DdvError {
  try {
    return parsePointer(bytes.toString(), file)
  } catch (error) {
    if (isDdvError(error)) return error
    throw error
  }
}

/** What pointers and locks of one tree name together. */
function settleNamed(
  pointers: ReadonlyMap<TreePath, Pointer | DdvError>,
  locks: readonly LockedOuts[],
): Pick<RevisionOutputs, 'outputs' | 'failures'> {
  const settled = settle([...pointers.keys()], locks)
  const outputs: NamedPointer[] = []
  const failures: OutputFailure[] = []
  for (const path of settled.pointers) {
    const pointer = pointers.get(path) as Pointer | DdvError
    if (isDdvError(pointer)) failures.push({ path, error: pointer })
    else outputs.push({ path, pointer })
  }
  for (const stage of settled.outs.values()) outputs.push(namedOut(stage))
  for (const [path, error] of settled.problems) failures.push({ path, error })
  if (locks.length > 0) outputs.sort((a, b) => compareUtf8(`${a.path}.ddv`, `${b.path}.ddv`))
  return { outputs, failures }
}

/** A stage's output in a pointer's words. */
export const namedOut = (stage: StageOut): NamedPointer => ({
  path: stage.path,
  pointer: pointerOfOut(stage.path, stage.out),
  stage,
})

export interface RevisionTargets {
  readonly commit: string
  /** Each with the pointer that the commit has. */
  readonly targets: readonly Target[]
  readonly failures: readonly OutputFailure[]
}

/** The outputs, or parts of them, that the targets name in that commit; all for no target. Throws `usage` as `outputsAt`. */
export async function targetsAt(
  project: Project,
  { revision, targets, cwd }: { readonly revision: string; readonly targets: readonly string[]; readonly cwd: string },
  control: Control,
): Promise<RevisionTargets> {
  const at = await outputsAt(project, revision, control)
  const filter = targetFilter(project, targets, cwd)
  const found = at.outputs.flatMap(({ path, ...named }) =>
    filter.matches(path).map(within => ({ output: path, within, ...named })),
  )
  const failures = at.failures.filter(({ path }) => filter.matches(path as TreePath).length > 0)
  filter.refuseUnmatched([revision])
  return { commit: at.commit, targets: withoutCovered(found), failures }
}

export interface TargetFilter {
  /** Which parts of the output are meant: '' for the whole, none for an output that no target names. */
  matches(output: TreePath): readonly (TreePath | '')[]
  /** Throws `usage` for a target that has matched nothing so far. */
  refuseUnmatched(revisions: readonly string[]): void
}

/** Targets held against outputs that need not be in the workspace: paths alone, no patterns. None means all. */
export function targetFilter({ workspace }: Project, targets: readonly string[], cwd: string): TargetFilter {
  const wanted = targets.map(typed => ({ typed, path: toTreePath(workspace, typed, cwd), found: false }))
  return {
    matches: output => {
      if (wanted.length === 0) return ['']
      const matching = wanted.filter(one => isWithin(output, one.path) || isWithin(one.path, output))
      for (const one of matching) one.found = true
      return matching.map(({ path }) => (isWithin(output, path) ? '' : (path.slice(output.length + 1) as TreePath)))
    },
    refuseUnmatched: revisions => {
      const absent = wanted.find(({ found, path }) => !found && path !== '')
      if (absent !== undefined)
        throw new DdvError(
          'usage',
          `not under ddv in ${revisions.map(displayPath).join(', ')}: ${displayPath(absent.typed)}`,
        )
    },
  }
}

/**
 * Those outputs of several revisions that the targets name, or all for no target: each version of an output once. Throws
 * `usage` for a target that no revision has.
 */
export async function outputsOfRevisions(
  project: Project,
  {
    revisions,
    targets,
    cwd,
  }: { readonly revisions: readonly string[]; readonly targets: readonly string[]; readonly cwd: string },
  control: Control,
): Promise<{ readonly outputs: readonly NamedPointer[]; readonly failures: OutputFailure[] }> {
  const filter = targetFilter(project, targets, cwd)
  const isWanted = (path: TreePath): boolean => filter.matches(path).length > 0
  const outputs = new Map<string, NamedPointer>()
  const failures = new Map<string, OutputFailure>()
  for (const revision of revisions) {
    const at = await outputsAt(project, revision, control)
    for (const one of at.outputs)
      if (isWanted(one.path))
        outputs.set(`${one.path}\0${one.pointer.kind}\0${one.pointer.hash}\0${isPushed(one)}`, one)
    for (const one of at.failures) if (isWanted(one.path as TreePath)) failures.set(one.path, one)
  }
  filter.refuseUnmatched(revisions)
  return { outputs: [...outputs.values()], failures: [...failures.values()] }
}
