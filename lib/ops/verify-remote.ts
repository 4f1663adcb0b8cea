// `verify --remote`: whether a remote has what the workspace's pointers name, or what every commit of a range does. It
// needs neither data nor cache, so that a build server finds what a commit without hooks let through.

import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { Digest } from '../core/digest.js'
import { DdvError, type ErrorCode } from '../core/errors.js'
import type { Control } from '../core/events.js'
import type { OutputKind } from '../core/pointer.js'
import { displayPath, isWithin, type TreePath } from '../core/tree-path.js'
import { isShallow, listCommits } from '../git/range.js'
import { checkItems, readItems } from '../remote/check.js'
import type { FetchItem } from '../remote/download.js'
import { randomName } from '../sys/random.js'
import { toTreePath, workTemporaryDirectory } from '../workspace/workspace.js'
import type { OutputFailure } from './add.js'
import { readCommitted } from './committed.js'
import { openProjectRemote } from './open-remote.js'
import type { Project } from './project.js'
import { namedOutputs } from './push.js'
import { isPushed, type NamedPointer, requireGit } from './revision.js'

export interface VerifyRemoteOptions extends Control {
  readonly cwd: string
  /** Revisions and ranges `A..B`; the workspace's pointers for none. */
  readonly revisions?: readonly string[] | undefined
  /** The default remote unless told. */
  readonly remote?: string | undefined
  /** Read everything and check it, and not only whether it is there. */
  readonly deep?: boolean | undefined
}

export interface VerifiedVersion {
  readonly path: TreePath
  readonly kind: OutputKind
  readonly hash: Digest
  readonly size: number
  /** The first of the commits that names it; undefined for the workspace's pointers. */
  readonly commit: string | undefined
  readonly state: 'present' | 'missing' | 'corrupt'
}

export interface VerifyProblem {
  readonly path: string
  readonly commit: string | undefined
  readonly code: ErrorCode
  readonly message: string
}

export interface VerifyRemoteResult {
  /** undefined where nothing had to be asked for. */
  readonly remote: string | undefined
  /** Full ids, parents first. */
  readonly commits: readonly string[]
  /** Each version of each output once. */
  readonly outputs: readonly VerifiedVersion[]
  readonly problems: readonly VerifyProblem[]
  /** The same, as they are reported. */
  readonly failures: readonly OutputFailure[]
}

interface Version extends NamedPointer {
  readonly commit?: string
}

interface Found {
  readonly commits: readonly string[]
  readonly versions: readonly Version[]
  readonly faults: readonly Fault[]
}

interface Fault {
  readonly path: TreePath
  readonly commit: string | undefined
  readonly error: DdvError
}

/** Throws `usage` for an unknown revision, `remote` where the remote cannot be asked. */
export async function verifyRemote(
  project: Project,
  targets: readonly string[],
  options: VerifyRemoteOptions,
): Promise<VerifyRemoteResult> {
  const { revisions = [] } = options
  const found =
    revisions.length === 0
      ? await inWorkspace(project, targets, options)
      : await inCommits(project, targets, { ...options, revisions })
  const { remote, errors } = await look(project, found.versions, options)
  const faults = [...found.faults, ...found.versions.flatMap((version, i) => faultOf(version, errors[i]))]
  return {
    remote,
    commits: found.commits,
    outputs: found.versions.map(({ path, commit, pointer: { kind, hash, size } }, i) => {
      const code = errors[i]?.code
      const state = code === undefined ? 'present' : code === 'missing' ? 'missing' : 'corrupt'
      return { path, kind, hash, size, commit, state }
    }),
    problems: faults.map(({ path, commit, error }) => ({ path, commit, code: error.code, message: error.message })),
    failures: faults.map(({ path, error }) => ({ path, error })),
  }
}

async function inWorkspace(project: Project, targets: readonly string[], options: VerifyRemoteOptions): Promise<Found> {
  const { signal, cwd } = options
  const { outputs, failures } = await namedOutputs(project, targets, { signal, cwd })
  const faults = failures.map(({ path, error }) => ({ path: path as TreePath, commit: undefined, error }))
  return { commits: [], versions: outputs.filter(isPushed), faults }
}

async function inCommits(
  project: Project,
  targets: readonly string[],
  options: VerifyRemoteOptions & { readonly revisions: readonly string[] },
): Promise<Found> {
  const git = requireGit(project)
  if (isShallow(git))
    options.onEvent?.({
      type: 'warning',
      message: `the clone has not all of its history, and commits beyond its end are not looked at`,
      hint: 'clone with all of it (fetch-depth: 0, GIT_DEPTH: 0), or git fetch --unshallow',
    })
  const commits = new Set<string>()
  for (const range of options.revisions) for (const id of await listCommits(git, range, options)) commits.add(id)
  const { versions, problems } = await readCommitted(project, [...commits], options)
  const wanted = targets.map(typed => toTreePath(project.workspace, typed, options.cwd))
  const isWanted = ({ path }: { readonly path: TreePath }): boolean =>
    wanted.length === 0 || wanted.some(one => one === '' || isWithin(path, one) || isWithin(one, path))
  const faults = problems
    .filter(isWanted)
    .map(({ path, commit, error }) => ({ path, commit, error: inCommit(error, commit) }))
  return { commits: [...commits], versions: versions.filter(one => isPushed(one) && isWanted(one)), faults }
}

const shortLength = 12

const inCommit = ({ code, message, hint }: DdvError, commit: string): DdvError =>
  new DdvError(code, `commit ${commit.slice(0, shortLength)}: ${message}`, hint === undefined ? {} : { hint })

function faultOf({ path, commit }: Version, error: DdvError | undefined): Fault[] {
  if (error === undefined) return []
  const shown = displayPath(path)
  const named = new DdvError(error.code, `${error.message.replace(`: ${path}`, '')}: ${shown}`, {
    cause: error,
    hint:
      error.hint ?? `send it from where it is: ddv push${commit === undefined ? ` '${shown}'` : ` --rev ${commit}`}`,
  })
  return [{ path, commit, error: commit === undefined ? named : inCommit(named, commit) }]
}

/** Requests at the same time. */
const concurrency = 8

interface Looked {
  readonly remote: string | undefined
  readonly errors: readonly (DdvError | undefined)[]
}

async function look(project: Project, versions: readonly Version[], options: VerifyRemoteOptions): Promise<Looked> {
  if (versions.length === 0) return { remote: undefined, errors: [] }
  // Two outputs of the same content are one on the remote.
  const items = new Map(versions.map(version => [contentKey(version), itemOf(version)]))
  const remote = await openProjectRemote(project, { ...options, name: options.remote })
  try {
    const distinct = [...items.values()]
    const context = { remote, index: project.chunkIndex(), concurrency, tables: options.deep === true }
    const errors = await checkItems(context, distinct, options)
    const deep = options.deep === true ? await readDeep(project, { remote, items: distinct, errors }, options) : errors
    const byKey = new Map([...items.keys()].map((key, i) => [key, deep[i]]))
    return { remote: remote.url, errors: versions.map(version => byKey.get(contentKey(version))) }
  } finally {
    await remote.close()
  }
}

const contentKey = ({ pointer: { kind, hash, size } }: Version): string => `${kind} ${hash} ${size}`

function itemOf({ path, pointer }: Version): FetchItem {
  const { kind, hash, size } = pointer
  return { kind, hash, size, label: path, ...(pointer.kind === 'directory' && { files: pointer.files }) }
}

/** Only what is there by the cheap look. */
async function readDeep(
  project: Project,
  {
    remote,
    items,
    errors,
  }: {
    readonly remote: Awaited<ReturnType<typeof openProjectRemote>>
    readonly items: readonly FetchItem[]
    readonly errors: readonly (DdvError | undefined)[]
  },
  control: Control,
): Promise<(DdvError | undefined)[]> {
  const directory = join(workTemporaryDirectory(project.workspace), `verify-${randomName()}`)
  mkdirSync(directory, { recursive: true })
  try {
    const open = items.filter((_, i) => errors[i] === undefined)
    const found = await readItems({ remote, pool: project.pool, concurrency, directory }, open, control)
    const byItem = new Map(open.map((item, i) => [item, found[i]]))
    return items.map((item, i) => errors[i] ?? byItem.get(item))
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}
