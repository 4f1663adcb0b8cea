// `fetch`: what pointers name, from a remote into the cache.

import { blobPath, openPlaces } from '../cache/cache.js'
import { findPartials, leavePartial, newPartial, takePartial } from '../cache/partials.js'
import { StoreBatch } from '../cache/store.js'
import type { Digest } from '../core/digest.js'
import { DdvError, isDdvError } from '../core/errors.js'
import type { Control } from '../core/events.js'
import type { Pointer } from '../core/pointer.js'
import { displayPath, type TreePath } from '../core/tree-path.js'
import { download, type FetchItem } from '../remote/download.js'
import { recipesDirectory } from '../workspace/workspace.js'
import type { OutputFailure } from './add.js'
import { outputsInConflict } from './conflicts.js'
import { fetchFromVersions } from './fetch-versions.js'
import { notPushed } from './not-pushed.js'
import { openProjectRemote } from './open-remote.js'
import { blobsOf, findAbsent } from './presence.js'
import type { Project } from './project.js'
import { isPushed, type NamedPointer } from './revision.js'
import { isScoped, outputsInScope, type Scope } from './scope.js'
import { findTargets, pointerOf, type Target } from './targets.js'

export interface FetchOptions extends Control, Scope {
  readonly cwd: string
  /** The default remote unless told. */
  readonly remote?: string | undefined
}

export interface FetchedOutput {
  readonly path: TreePath
  readonly hash: Digest
  readonly size: number
  /** `present`: the cache had all of it. */
  readonly outcome: 'fetched' | 'present'
}

export interface FetchResult {
  /** undefined where no remote had to be asked. */
  readonly remote: string | undefined
  readonly outputs: readonly FetchedOutput[]
  readonly failures: readonly OutputFailure[]
  /** Outputs of stages that are not pushed, and that the cache has not: no failure. */
  readonly left: readonly TreePath[]
  readonly bytesReceived: number
}

/** Outputs that cannot be had whole fail each by itself; what of them could be had is in the cache. */
export async function fetch(project: Project, targets: readonly string[], options: FetchOptions): Promise<FetchResult> {
  if (!isScoped(options)) return fetchTargets(project, findTargets(project, targets, options), options)
  const { outputs, failures } = await outputsInScope(project, options, { targets, ...options })
  return fetchPointers(project, outputs, { ...options, failures })
}

export async function fetchTargets(
  project: Project,
  targets: readonly Target[],
  options: FetchOptions,
): Promise<FetchResult> {
  const outputs: NamedPointer[] = []
  const failures: OutputFailure[] = []
  for (const [path, target] of new Map(targets.map(target => [target.output, target]))) {
    try {
      const { stage } = target
      for (const pointer of await wantedPointers(project, target, options))
        outputs.push({ path, pointer, ...(stage !== undefined && { stage }) })
    } catch (error) {
      if (!isDdvError(error)) throw error
      fail(failures, path, { error, options })
    }
  }
  return fetchPointers(project, outputs, { ...options, failures })
}

/** The pointer that counts; of an output in conflict those of all sides, so that any can be taken. */
async function wantedPointers(project: Project, target: Target, control: Control): Promise<readonly Pointer[]> {
  try {
    return [pointerOf(project, target)]
  } catch (error) {
    if (!isDdvError(error, 'conflict') || project.git === undefined) throw error
    const sides = (await outputsInConflict(project, [target.output], control))[0]
    if (sides === undefined) throw error
    const pointers = [sides.base, sides.ours, sides.theirs].filter(pointer => pointer !== undefined)
    return [...new Map(pointers.map(pointer => [`${pointer.kind} ${pointer.hash}`, pointer])).values()]
  }
}

/** Fetches what these pointers name, wherever they come from; each version of an output is one row of the result. */
export async function fetchPointers(
  project: Project,
  named: readonly NamedPointer[],
  options: Omit<FetchOptions, 'cwd'> & { readonly failures?: readonly OutputFailure[] },
): Promise<FetchResult> {
  const plan = await planFetch(project, named, options)
  const outputs: FetchedOutput[] = plan.present.map(([path, { hash, size }]) => ({
    path,
    hash,
    size,
    outcome: 'present',
  }))
  const failures = [...(options.failures ?? []), ...plan.failures]
  const { left } = plan
  if (plan.items.size === 0) return { remote: undefined, outputs, failures, left, bytesReceived: 0 }
  const remote = await openProjectRemote(project, { ...options, name: options.remote })
  try {
    const context = { remote, ...downloadContext(project) }
    const result = await download(context, [...plan.items.keys()], options)
    let { bytesReceived } = result
    const fetchVersion = async ({ path, pointer }: NamedPointer): Promise<void> => {
      bytesReceived += (await download(context, [toItem(path, pointer)], options)).bytesReceived
    }
    for (const { item, error } of result.items) {
      const named = plan.items.get(item) as NamedPointer
      const { path } = named
      if (error === undefined || (isMissing(error) && (await fetchFromVersions(project, named, fetchVersion, options))))
        outputs.push({ path, hash: item.hash, size: item.size, outcome: 'fetched' })
      else fail(failures, path, { error: withHint(error, path, remote.url), options })
    }
    outputs.sort((a, b) => (a.path < b.path ? -1 : 1))
    return { remote: remote.url, outputs, failures, left, bytesReceived }
  } finally {
    await remote.close()
  }
}

const isMissing = (error: DdvError): boolean => error.code === 'missing'

export function downloadContext(project: Project) {
  const { cache, pool } = project
  const batch = new StoreBatch(cache, pool)
  let find = openPlaces(cache)
  let partials: ReadonlyMap<Digest, readonly string[]> | undefined
  return {
    pool,
    recipes: recipesDirectory(project.workspace),
    blobPath: (digest: Digest) => blobPath(cache, digest),
    concurrency: fetchConcurrency,
    sink: {
      has: (digest: Digest, size: number) => {
        const place = find(digest, size)
        if (place === 'other') batch.occupied(digest)
        return place === 'blob'
      },
      newTemporary: (digest: Digest) => batch.temporaryFor(digest),
      newPartial: (digest: Digest) => newPartial(cache, digest),
      takePartial: (digest: Digest) => {
        partials ??= findPartials(cache)
        return takePartial(cache, digest, partials.get(digest) ?? [])
      },
      leavePartial: (digest: Digest, path: string) => leavePartial(cache, digest, path),
      add: (temporary: string, digest: Digest) => {
        if (temporary === batch.temporaryFor(digest)) batch.addStaged(digest)
        else batch.add(temporary, digest)
      },
      commit: async () => {
        await batch.commit()
        find = openPlaces(cache)
      },
    },
  }
}

/** Requests at the same time; packs of 32 MiB, so that memory stays bounded. */
const fetchConcurrency = 4

function withHint(error: DdvError, path: TreePath, url: string): DdvError {
  if (error.code !== 'missing' || error.hint !== undefined) return error
  const name = displayPath(path)
  return new DdvError('missing', error.message, {
    cause: error,
    hint: `whoever has ${name} can send it with 'ddv push ${name}'; asked was ${url}`,
  })
}

function fail(
  failures: OutputFailure[],
  path: TreePath,
  { error, options }: { error: DdvError; options: Control },
): void {
  failures.push({ path, error })
  options.onEvent?.({ type: 'failed', target: path, error })
}

interface FetchPlan {
  readonly items: ReadonlyMap<FetchItem, NamedPointer>
  readonly present: readonly (readonly [TreePath, Pointer])[]
  readonly failures: OutputFailure[]
  readonly left: readonly TreePath[]
}

async function planFetch(project: Project, named: readonly NamedPointer[], options: Control): Promise<FetchPlan> {
  const items = new Map<FetchItem, NamedPointer>()
  const present: (readonly [TreePath, Pointer])[] = []
  const failures: OutputFailure[] = []
  const left: TreePath[] = []
  for (const one of named) {
    const { path, pointer, stage } = one
    try {
      if (await isPresent(project, path, pointer)) present.push([path, pointer])
      else if (isPushed(one)) items.set(toItem(path, pointer), one)
      else {
        left.push(path)
        options.onEvent?.(notPushed(path, stage))
      }
    } catch (error) {
      if (!isDdvError(error) || isDdvError(error, 'interrupted')) throw error
      fail(failures, path, { error, options })
    }
  }
  return { items, present, failures, left }
}

async function isPresent(project: Project, output: TreePath, pointer: Pointer): Promise<boolean> {
  const { cache, pool } = project
  try {
    const list = () => blobsOf(project, output, pointer)
    return (await findAbsent(pointer, list, { cache, pool, index: project.index() })).length === 0
  } catch (error) {
    if (isDdvError(error, 'missing', 'corrupt')) return false // the manifest itself
    throw error
  }
}

export function toItem(output: TreePath, pointer: Pointer): FetchItem {
  const { kind, hash, size } = pointer
  if (kind === 'file') return { kind, hash, size, label: output }
  const { files, entries } = pointer
  return { kind, hash, size, files, label: output, ...(entries !== undefined && { entries }) }
}
