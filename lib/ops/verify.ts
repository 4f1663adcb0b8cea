// `verify`: the blobs in the cache, each read and held against its digest. Nothing is changed, unless to repair.

import { listBlobs } from '../cache/list.js'
import { setAside } from '../cache/quarantine.js'
import type { Digest } from '../core/digest.js'
import { DdvError, isDdvError } from '../core/errors.js'
import type { Control } from '../core/events.js'
import type { Pointer } from '../core/pointer.js'
import { displayPath, type TreePath } from '../core/tree-path.js'
import type { OutputFailure } from './add.js'
import { type CheckedBlobs, checkBlobs } from './check-blobs.js'
import { fetchTargets } from './fetch.js'
import { type Blob, blobsOf } from './presence.js'
import type { Project } from './project.js'
import { findTargets, pointerOf, type Target, wholeOutputs } from './targets.js'

export interface VerifyOptions extends Control {
  readonly cwd: string
  /** Beside what pointers name, every blob that is in the cache. */
  readonly cache?: boolean | undefined
  /** Set corrupt blobs aside and fetch again what the workspace's pointers name. */
  readonly repair?: boolean | undefined
  /** Where it is fetched from; the default remote unless told. */
  readonly remote?: string | undefined
}

export interface VerifyResult {
  /** How many were looked at. */
  readonly outputs: number
  readonly blobs: number
  /** Of those that are good. */
  readonly bytes: number
  /** Outputs that were not whole and are now. */
  readonly repaired: readonly TreePath[]
  /** `missing`, `corrupt`, or a pointer that cannot be read; a blob that no pointer here names, by its digest. */
  readonly failures: readonly OutputFailure[]
}

/** Throws only for what cannot be begun. */
export async function verify(
  project: Project,
  targets: readonly string[],
  options: VerifyOptions,
): Promise<VerifyResult> {
  const outputs = wholeOutputs(findTargets(project, targets, options))
  const first = await check(project, outputs, options)
  if (options.repair !== true || first.failures.length === 0) return { ...first, outputs: outputs.length, repaired: [] }
  for (const [digest, error] of first.faults) if (isDdvError(error, 'corrupt')) setAside(project.cache, digest)
  const broken = first.failures.flatMap(({ path }) => outputs.filter(({ output }) => output === path))
  await fetchBroken(project, broken, options)
  const second = await check(project, broken, { ...options, cache: false })
  const still = new Set(second.failures.map(({ path }) => path))
  const redone = new Set<string>(broken.map(({ output }) => output))
  const others = first.failures.filter(({ path }) => !redone.has(path))
  return {
    outputs: outputs.length,
    blobs: first.blobs,
    bytes: first.bytes,
    repaired: broken.map(({ output }) => output).filter(output => !still.has(output)),
    failures: [...second.failures, ...others.filter(({ path }) => !isGoodNow(second, path))],
  }
}

const isGoodNow = ({ sizes }: Checked, path: string): boolean => sizes.has(path as Digest)

/** What cannot be fetched stays missing, and is told as such. */
async function fetchBroken(project: Project, broken: readonly Target[], options: VerifyOptions): Promise<void> {
  const { signal, remote, cwd, onEvent } = options
  try {
    const { failures } = await fetchTargets(project, broken, { signal, remote, cwd })
    for (const { error } of failures) onEvent?.({ type: 'warning', message: error.message })
  } catch (error) {
    if (!isDdvError(error, 'remote')) throw error
    onEvent?.({ type: 'warning', message: `could not be fetched again: ${error.message}` })
  }
}

interface Checked extends CheckedBlobs {
  readonly blobs: number
  readonly bytes: number
  readonly failures: readonly OutputFailure[]
}

async function check(project: Project, outputs: readonly Target[], options: VerifyOptions): Promise<Checked> {
  const failures: OutputFailure[] = []
  const pointers = new Map<TreePath, Pointer>()
  for (const target of outputs)
    guard(failures, target.output, () => {
      pointers.set(target.output, pointerOf(project, target))
    })
  // Listings first: a corrupt one must be found so here, and not by whoever reads it.
  const listings = await checkBlobs(project, listingsOf([...pointers.values()]), options)
  const lists = new Map<TreePath, readonly Blob[]>()
  for (const [output, pointer] of pointers)
    guard(failures, output, () => {
      const fault = listings.faults.get(pointer.hash)
      if (fault !== undefined) throw faultOf(fault, output)
      lists.set(output, blobsOf(project, output, pointer))
    })
  const named = [...lists.values()].flatMap(blobs => blobs.map(({ digest }) => digest))
  const listed = options.cache === true ? [...listBlobs(project.cache)] : []
  const open = [...new Set([...named, ...listed])].filter(digest => !listings.sizes.has(digest))
  const rest = await checkBlobs(
    project,
    open.filter(digest => !listings.faults.has(digest)),
    options,
  )
  const faults = new Map([...listings.faults, ...rest.faults])
  const sizes = new Map([...listings.sizes, ...rest.sizes])
  for (const [output, blobs] of lists) {
    const fault = worst(blobs, faults, sizes)
    if (fault !== undefined) failures.push({ path: output, error: faultOf(fault, output) })
  }
  const told = new Set([...named, ...[...pointers.values()].map(({ hash }) => hash)])
  for (const [digest, error] of faults) if (!told.has(digest)) failures.push({ path: digest, error })
  const bytes = [...sizes.values()].reduce((sum, size) => sum + size, 0)
  return { faults, sizes, failures, blobs: faults.size + sizes.size, bytes }
}

const listingsOf = (pointers: readonly Pointer[]): Digest[] => [
  ...new Set(pointers.filter(({ kind }) => kind === 'directory').map(({ hash }) => hash)),
]

function guard(failures: OutputFailure[], path: TreePath, act: () => void): void {
  try {
    act()
  } catch (error) {
    if (!isDdvError(error)) throw error
    failures.push({ path, error })
  }
}

const faultOf = ({ code, message, hint, cause }: DdvError, output: TreePath): DdvError =>
  new DdvError(code, `${message}: ${displayPath(output)}`, { cause, ...(hint !== undefined && { hint }) })

function worst(
  blobs: readonly Blob[],
  faults: ReadonlyMap<Digest, DdvError>,
  sizes: ReadonlyMap<Digest, number>,
): DdvError | undefined {
  const found = blobs.flatMap(({ digest }) => faults.get(digest) ?? [])
  const telling = found.find(({ code }) => code === 'corrupt') ?? found[0]
  if (telling !== undefined) {
    const more = found.length > 1 ? ` (and ${found.length - 1} more blobs)` : ''
    const hint = telling.hint ?? `'ddv pull' fetches what a remote has, 'ddv verify --repair' into the cache alone`
    return new DdvError(telling.code, `${telling.message}${more}`, { hint, cause: telling })
  }
  const other = blobs.find(({ digest, size }) => sizes.get(digest) !== size)
  if (other === undefined) return undefined
  return new DdvError('bad-pointer', `pointer gives another size than its blob has: ${other.digest}`, {
    hint: 'restore the pointer from git',
  })
}
