// What `ddv.lock` names: outputs of stages, which have no pointer. How they stand beside those that have one is judged
// here, for the workspace as for any tree of git's: whatever two files name is nobody's to write.

import { join } from 'node:path'
import { DdvError, isDdvError } from '../core/errors.js'
import { decodeLock, type Lock, type LockedOut } from '../core/lockfile.js'
import { maxLockSize } from '../core/merge-lock.js'
import { lockFileName, pipelineFileName, type StageName } from '../core/stage.js'
import { dirname, displayPath, isWithin, type TreePath } from '../core/tree-path.js'
import { openInside } from '../sys/inside.js'
import { readRegular } from '../sys/read-stable.js'
import { statIfThere } from '../sys/stats.js'
import { pointerPath, skippedParent } from './pointers.js'

/** One output as the last run of its stage left it. */
export interface StageOut {
  readonly path: TreePath
  readonly out: LockedOut
  readonly name: StageName
  /** The stage's `ddv.yaml`. */
  readonly file: TreePath
  readonly lock: TreePath
}

export const isLockPath = (path: string): boolean => path === lockFileName || path.endsWith(`/${lockFileName}`)

/** The locks in the directories above, the nearest last, as far as a walk would find them. Not all need be there. */
export function locksAbove(path: TreePath): TreePath[] {
  const locks: TreePath[] = []
  for (let at = dirname(path); ; at = dirname(at)) {
    const lock = (at === '' ? lockFileName : `${at}/${lockFileName}`) as TreePath
    if (skippedParent(lock) === undefined) locks.unshift(lock)
    if (at === '') return locks
  }
}

/** Throws `bad-pointer`, `conflict`, `newer-format`. An absent lock is an empty one. */
export function readLock(root: string, file: TreePath): Lock {
  const path = openInside(root).path(file)
  const stat = statIfThere(path)
  if (stat === undefined) return new Map()
  if (stat.size > maxLockSize)
    throw new DdvError('bad-pointer', `lock is larger than ${maxLockSize} bytes: ${displayPath(file)}`)
  const bytes = stat.isFile() ? readRegular(path) : undefined
  if (bytes === undefined) throw new DdvError('bad-pointer', `lock is not a regular file: ${displayPath(file)}`)
  return decodeLock(bytes.toString(), file)
}

/** In the lock's own order, which is that of stages' names. */
export function outsOfLock(lock: Lock, file: TreePath): StageOut[] {
  const pipeline = `${file.slice(0, -lockFileName.length)}${pipelineFileName}` as TreePath
  return [...lock].flatMap(([name, { outs }]) =>
    [...outs].map(([path, out]) => ({ path, out, name, file: pipeline, lock: file })),
  )
}

export interface LockedOuts {
  readonly lock: TreePath
  readonly outs: readonly StageOut[]
  /** Why it cannot be read; then `outs` is empty. */
  readonly error: DdvError | undefined
}

/** For the text of a lock of any origin: never throws. */
export function parseOuts(text: string, file: TreePath): LockedOuts {
  return outsOr(file, () => outsOfLock(decodeLock(text, file), file))
}

function outsOr(lock: TreePath, read: () => readonly StageOut[]): LockedOuts {
  try {
    return { lock, outs: read(), error: undefined }
  } catch (error) {
    if (!isDdvError(error)) throw error
    return { lock, outs: [], error }
  }
}

/** The workspace's locks, each parsed once as long as it stays the same. A class because it remembers. */
export class LockReader {
  readonly #root: string
  readonly #known = new Map<TreePath, { readonly state: string; readonly found: LockedOuts }>()
  readonly #together = new Map<string, { readonly locks: readonly LockedOuts[]; readonly alone: Alone }>()

  constructor(root: string) {
    this.#root = root
  }

  /** undefined where there is none. */
  find(lock: TreePath): LockedOuts | undefined {
    const stat = statIfThere(join(this.#root, lock))
    if (stat === undefined || stat.isDirectory()) return undefined
    const state = [stat.ino, stat.size, stat.mtimeNs, stat.ctimeNs, stat.mode].join(' ')
    const known = this.#known.get(lock)
    if (known?.state === state) return known.found
    const found = outsOr(lock, () => outsOfLock(readLock(this.#root, lock), lock))
    this.#known.set(lock, { state, found })
    return found
  }

  /** What these locks name without any pointer: worked out once for thousands of paths that they lie above of. */
  settle(locks: readonly LockedOuts[]): Alone {
    const key = locks.map(({ lock }) => lock).join('\0')
    const known = this.#together.get(key)
    if (known?.locks.every((one, i) => one === locks[i])) return known.alone
    const touched = new Set(locks.flatMap(({ outs }) => outs.flatMap(({ path }) => [path, ...above(path)])))
    const alone = { ...settle([], locks), touched }
    this.#together.set(key, { locks, alone })
    return alone
  }
}

export interface Alone extends Settled {
  /** Every output that a stage has, git's too, and every directory that holds one. */
  readonly touched: ReadonlySet<string>
}

export interface Settled {
  /** Outputs with a pointer. */
  readonly pointers: readonly TreePath[]
  /** Those of stages that ddv has the content of. */
  readonly outs: ReadonlyMap<TreePath, StageOut>
  /** Those of stages that git has the content of. */
  readonly inGit: readonly StageOut[]
  /** Outputs that more than one file names, and locks that cannot be read. */
  readonly problems: ReadonlyMap<TreePath, DdvError>
}

/** What stands in a stage's output is data: a pointer, or another lock. Everything else that overlaps is a problem of both. */
export function settle(pointers: readonly TreePath[], locks: readonly LockedOuts[]): Settled {
  if (locks.length === 0) return { pointers, outs: new Map(), inGit: [], problems: new Map() }
  const problems = new Map<TreePath, DdvError>()
  const read = withoutData(pointers, locks)
  for (const { lock, error } of read) if (error !== undefined) problems.set(lock, error)
  const named = read.flatMap(one => one.outs)
  const outs = new Map<TreePath, StageOut>()
  for (const one of named) {
    const other = outs.get(one.path)
    if (other !== undefined) problems.set(one.path, overlapError(one.path, [sourceOf(other), sourceOf(one)]))
    if (one.out.cache || other === undefined) outs.set(one.path, one)
  }
  const isOfData = (path: TreePath): boolean => above(path).some(parent => outs.get(parent)?.out.cache === true)
  const kept = pointers.filter(path => !outs.has(pointerPath(path)) && !isOfData(pointerPath(path)))
  const pointed = new Set(kept)
  const source = (path: TreePath): string => {
    const out = outs.get(path)
    return out === undefined ? displayPath(pointerPath(path)) : sourceOf(out)
  }
  for (const one of outs.values()) {
    const { path } = one
    if (pointed.has(path)) problems.set(path, overlapError(path, [displayPath(pointerPath(path)), sourceOf(one)]))
    for (const parent of above(path)) {
      if (!pointed.has(parent) && outs.get(parent)?.out.cache !== true) continue
      const inside = `${displayPath(parent)} of ${source(parent)}`
      problems.set(path, overlapError(path, [inside, sourceOf(one)]))
      problems.set(parent, holdsError(parent, [source(parent), `${displayPath(path)} of ${sourceOf(one)}`]))
    }
  }
  return {
    pointers: kept.filter(path => !problems.has(path)),
    outs: new Map([...outs].filter(([path, { out }]) => out.cache && !problems.has(path))),
    inGit: [...outs.values()].filter(({ path, out }) => !out.cache && !problems.has(path)),
    problems,
  }
}

/** From the top, so that what a lock says of the locks below counts. */
function withoutData(pointers: readonly TreePath[], locks: readonly LockedOuts[]): LockedOuts[] {
  const data = new Set<TreePath>(pointers)
  const depth = ({ lock }: LockedOuts): number => lock.split('/').length
  return [...locks]
    .sort((a, b) => depth(a) - depth(b))
    .filter(({ lock, outs }) => {
      if (above(lock).some(parent => data.has(parent))) return false
      for (const { path, out } of outs) if (out.cache) data.add(path)
      return true
    })
}

function above(path: TreePath): TreePath[] {
  const parents: TreePath[] = []
  for (let at = dirname(path); at !== ''; at = dirname(at)) parents.push(at)
  return parents
}

const sourceOf = ({ name, lock }: StageOut): string => `stage '${name}' (${displayPath(lock)})`

const hint = 'let one of them alone have it, then run the same command again'

const overlapError = (path: TreePath, sources: readonly string[]): DdvError =>
  new DdvError('bad-pointer', `is named twice, by ${sources.join(' and by ')}: ${displayPath(path)}`, { hint })

const holdsError = (path: TreePath, sources: readonly [string, string]): DdvError =>
  new DdvError('bad-pointer', `is named by ${sources[0]} and holds ${sources[1]}: ${displayPath(path)}`, { hint })

/** The output of these that is the path or holds it. */
export const coveringOut = (outs: ReadonlyMap<TreePath, StageOut>, path: TreePath): StageOut | undefined =>
  [path, ...above(path)].map(at => outs.get(at)).find(out => out !== undefined)

/** Those at or below the path. */
export const outsWithin = (outs: Iterable<StageOut>, path: TreePath | ''): StageOut[] =>
  [...outs].filter(out => isWithin(out.path, path))
