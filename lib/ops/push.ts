// `push`: what the workspace's pointers name, from the cache to a remote.

import { blobPath } from '../cache/cache.js'
import { setAside } from '../cache/quarantine.js'
import type { Digest } from '../core/digest.js'
import { DdvError, isDdvError } from '../core/errors.js'
import type { Control } from '../core/events.js'
import type { OutputKind } from '../core/pointer.js'
import { stageAddress } from '../core/stage.js'
import { displayPath, type TreePath } from '../core/tree-path.js'
import { earlierVersions } from '../git/revisions.js'
import { type PushItem, upload } from '../remote/upload.js'
import { parseOuts, type StageOut } from '../workspace/locks.js'
import { parsePointer, pointerPath } from '../workspace/pointers.js'
import { recipesDirectory } from '../workspace/workspace.js'
import type { OutputFailure } from './add.js'
import { openProjectRemote, repositoryIdentity } from './open-remote.js'
import { refuseInProduction } from './production.js'
import type { Project } from './project.js'
import { sendResults, unsentResults } from './push-results.js'
import { resultPointers } from './results.js'
import { isPushed, type NamedPointer, workspacePrefix } from './revision.js'
import { isScoped, outputsInScope, type Scope } from './scope.js'
import { findTargets, toNamed, wholeOutputs } from './targets.js'

export interface PushOptions extends Control, Scope {
  readonly cwd: string
  /** The default remote unless told. */
  readonly remote?: string | undefined
  /** Also reads what the remote has of it, and sends anew what is missing or damaged there. */
  readonly repair?: boolean | undefined
}

export interface PushedOutput {
  readonly path: TreePath
  readonly hash: Digest
  readonly size: number
  /** `present`: the remote had all of it. */
  readonly outcome: 'pushed' | 'present'
}

export interface PushResult {
  readonly remote: string
  readonly outputs: readonly PushedOutput[]
  readonly failures: readonly OutputFailure[]
  /** Of packs: what was new, as it was stored. */
  readonly bytesSent: number
  readonly packs: number
  /** Results of stages that were sent, so that others need not run them. */
  readonly results?: number
}

/** Outputs whose blobs the cache lacks, and the remote too, fail with `missing`; the others are pushed. */
export async function push(project: Project, targets: readonly string[], options: PushOptions): Promise<PushResult> {
  refuseInProduction(project.config, 'push')
  const { outputs, failures } = await namedOutputs(project, targets, options)
  if (targets.length > 0)
    for (const { path } of outputs.filter(one => !isPushed(one)))
      options.onEvent?.({ type: 'warning', message: `is not pushed, by its stage: ${displayPath(path)}` })
  if (targets.length > 0 || isScoped(options)) return pushPointers(project, outputs, { ...options, failures })
  return pushWithResults(project, outputs, { ...options, failures })
}

async function pushWithResults(
  project: Project,
  outputs: readonly NamedPointer[],
  options: PushOptions & { readonly failures: readonly OutputFailure[] },
): Promise<PushResult> {
  const results = await unsentResults(project, options.remote)
  const named = new Set(outputs.map(identity))
  const others = results.flatMap(({ stage }) => resultPointers(stage)).filter(one => !named.has(identity(one)))
  const done = await pushPointers(project, [...outputs, ...others], options)
  const sent = await sendResults(project, results, { ...options, pushed: done.outputs })
  // What git keeps of a stage's outs goes up for the results alone.
  const isNamed = ({ path, hash }: PushedOutput): boolean => named.has(`${path}\0${hash}`)
  return { ...done, outputs: done.outputs.filter(isNamed), ...(sent > 0 && { results: sent }) }
}

const identity = ({ path, pointer }: NamedPointer): string => `${path}\0${pointer.hash}`

/** Pushes what these pointers name, wherever they come from; each version of an output is one row of the result. What its
 * stage keeps to itself is passed over. */
export async function pushPointers(
  project: Project,
  all: readonly NamedPointer[],
  options: Control & Pick<PushOptions, 'remote' | 'repair'> & { readonly failures?: readonly OutputFailure[] },
): Promise<PushResult> {
  const failures = [...(options.failures ?? [])]
  const items = await pushItems(project, all.filter(isPushed), options)
  const stages = new Map(all.map(({ path, stage }) => [path, stage]))
  const remote = await openProjectRemote(project, { ...options, name: options.remote, write: true })
  try {
    const { config, pool, cache } = project
    const context = {
      remote,
      pool,
      index: project.chunkIndex(),
      blobPath: (digest: Digest) => blobPath(cache, digest),
      compression: config.core.compression !== 'off',
      repository: repositoryIdentity(project),
      concurrency: pushConcurrency,
      recipes: recipesDirectory(project.workspace),
      repair: options.repair,
    }
    const result = await upload(context, [...items.keys()], options)
    const outputs: PushedOutput[] = []
    for (const { item, outcome, error, missing, corrupt } of result.items) {
      const path = items.get(item) as TreePath
      const failure =
        error === undefined && outcome !== 'failed'
          ? undefined
          : failureOf(project, { path, stage: stages.get(path), error, missing, corrupt })
      if (failure !== undefined) {
        failures.push({ path, error: failure })
        options.onEvent?.({ type: 'failed', target: path, error: failure })
      } else if (outcome !== 'failed') outputs.push({ path, hash: item.hash, size: item.size, outcome })
    }
    return { remote: remote.url, outputs, failures, bytesSent: result.bytesSent, packs: result.packs }
  } finally {
    await remote.close()
  }
}

/** Requests at the same time; packs of 32 MiB, so that memory stays bounded. */
const pushConcurrency = 4

interface Failed {
  readonly path: TreePath
  /** Whose output it is. */
  readonly stage: StageOut | undefined
  readonly error: DdvError | undefined
  readonly missing: readonly Digest[]
  readonly corrupt: readonly Digest[]
}

function failureOf(project: Project, { path, stage, error, missing, corrupt }: Failed): DdvError {
  if (corrupt.length > 0) return corrupt.map(digest => setAside(project.cache, digest))[0] as DdvError
  const name = displayPath(path)
  if (missing.length > 0)
    return new DdvError(
      'missing',
      `${missing.length} ${missing.length === 1 ? 'blob is' : 'blobs are'} neither in the cache nor on the remote: ${name}`,
      {
        hint: `${again(name, stage)}; 'ddv pull ${name} -r OTHER' fetches them from another remote`,
      },
    )
  return error ?? new DdvError('remote', `was not pushed: ${name}`)
}

const again = (name: string, stage: StageOut | undefined): string =>
  stage === undefined
    ? `'ddv add ${name}' stores them again where the data is here`
    : `'ddv repro --force --single ${displayPath(stageAddress(stage))}' makes them again`

/** What pointers name: those of the workspace, or of the revisions that were asked for. */
export async function namedOutputs(
  project: Project,
  targets: readonly string[],
  options: Control & Scope & { readonly cwd: string },
): Promise<{ readonly outputs: readonly NamedPointer[]; readonly failures: readonly OutputFailure[] }> {
  const { onEvent } = options
  if (isScoped(options)) return outputsInScope(project, options, { targets, ...options })
  const outputs: NamedPointer[] = []
  const failures: OutputFailure[] = []
  for (const target of wholeOutputs(findTargets(project, targets, options))) {
    const { output } = target
    try {
      outputs.push(toNamed(project, target))
    } catch (error) {
      if (!isDdvError(error)) throw error
      failures.push({ path: output, error })
      onEvent?.({ type: 'failed', target: output, error })
    }
  }
  return { outputs, failures }
}

async function pushItems(
  project: Project,
  named: readonly NamedPointer[],
  control: Control,
): Promise<Map<PushItem, TreePath>> {
  const earlier = await earlierPointers(project, named, control)
  const items = new Map<PushItem, TreePath>()
  for (const { path, pointer } of named) {
    const { kind, hash, size } = pointer
    const previous = (earlier.get(path) ?? []).filter(old => old.hash !== hash)
    items.set({ kind, hash, size, label: path, previous, ...(kind === 'directory' && { files: pointer.files }) }, path)
  }
  return items
}

interface Version {
  readonly kind: OutputKind
  readonly hash: Digest
}

/** The versions that git's history has of each output, newest first: where a fresh clone finds chunks to share. */
async function earlierPointers(
  project: Project,
  named: readonly NamedPointer[],
  { signal }: Control,
): Promise<ReadonlyMap<TreePath, readonly Version[]>> {
  const { git } = project
  if (git === undefined) return new Map()
  const prefix = workspacePrefix(project)
  const pointers = new Map<string, TreePath>(named.map(({ path }) => [`${prefix}${pointerPath(path)}`, path]))
  const locks = new Map<string, TreePath>(
    named.flatMap(({ stage }) => (stage ? [[`${prefix}${stage.lock}`, stage.lock] as const] : [])),
  )
  const history = await earlierVersions(git, [...pointers.keys(), ...locks.keys()], { signal })
  const versions = new Map<TreePath, Version[]>()
  const note = (path: TreePath, found: readonly Version[]): void => {
    versions.set(path, [...(versions.get(path) ?? []), ...found])
  }
  const wanted = new Set(named.map(({ path }) => path))
  for (const [file, texts] of history) {
    const lock = locks.get(file)
    const output = pointers.get(file)
    for (const bytes of texts)
      if (output !== undefined) note(output, readVersion(bytes, output))
      else if (lock !== undefined)
        for (const { path, out } of parseOuts(bytes.toString(), lock).outs) if (wanted.has(path)) note(path, [out])
  }
  return versions
}

// An old pointer that does not parse is no reason to fail a push of a new one.
function readVersion(bytes: Buffer, output: TreePath): Version[] {
  try {
    const { kind, hash } = parsePointer(bytes.toString(), pointerPath(output))
    return [{ kind, hash }]
  } catch (error) {
    if (isDdvError(error)) return []
    throw error
  }
}
