// One stage of a run: is it stale, was it made before, or is it run now. What it makes is in the cache before the lock names
// it; what it replaces was in the cache before, gives way, and comes back where it fails.

import { join } from 'node:path'
import type { Digest } from '../core/digest.js'
import { DdvError, isDdvError } from '../core/errors.js'
import type { Failure } from '../core/failure.js'
import type { JsonRecord } from '../core/json.js'
import { type Artifact, type LockedDep, type LockedOut, pointerOfOut, type StageLock } from '../core/lockfile.js'
import { type Dependency, lockFileOf, type Stage, stageAddress } from '../core/stage.js'
import { displayPath, type TreePath } from '../core/tree-path.js'
import { isSameContent } from '../pipeline/staleness.js'
import { openInside } from '../sys/inside.js'
import { withLock } from '../sys/lock.js'
import { statIfThere } from '../sys/stats.js'
import { ddvDirectory } from '../workspace/workspace.js'
import { noteBaselines } from './baseline.js'
import { bringDeps } from './bring-deps.js'
import { checkoutTargets } from './checkout.js'
import { fetchPointers } from './fetch.js'
import type { Made, Making } from './making.js'
import { areCached, findResult, keepResult, resultKey, resultPointers } from './results.js'
import type { NamedPointer } from './revision.js'
import { forgetFailed } from './set-aside.js'
import { type Judged, judgeStage } from './stage-state.js'
import { storePaths } from './store-outs.js'

/** Throws what is not the stage's own fault, such as `interrupted`; then its outs are as they were. */
export async function makeStage(making: Making, stage: Stage): Promise<Made> {
  const { artifacts, locks, options } = making
  const { force } = options
  const first = await judgeStage(making, stage, { force })
  if (first.reasons.length === 0 && (await bringOuts(making, first))) return unchanged(making, stage, first)
  return withStageLock(making, stage, async () => {
    const file = lockFileOf(stage.file)
    const isNew = locks.find(file, stage.name) !== first.lock
    // Another process ran it meanwhile.
    if (isNew) for (const { path } of [...stage.deps, ...stage.outs]) artifacts.forget(path)
    const judged = isNew ? await judgeStage(making, stage, { force }) : first
    if (judged.reasons.length === 0 && (await bringOuts(making, judged))) return { outcome: 'unchanged', reasons: [] }
    await making.claimPlaces(stage)
    return make(making, stage, judged)
  })
}

// The part is the same, and what it is a part of is not: noted, so that a clone without data can tell, too.
async function unchanged(making: Making, stage: Stage, { now, lock }: Judged): Promise<Made> {
  const isOf = ([path, dep]: readonly [TreePath, LockedDep]): boolean => now.deps.get(path)?.of === dep.of
  if (lock !== undefined && !stage.frozen && ![...lock.deps].every(isOf))
    await record(making, stage, { ...lock, deps: originOf({ now }).deps })
  return { outcome: 'unchanged', reasons: [] }
}

/** One process at a time makes a stage; others wait for it as long as it takes. */
function withStageLock<T>({ project, options }: Making, stage: Stage, work: () => Promise<T>): Promise<T> {
  const name = encodeURIComponent(stageAddress(stage)).slice(-200)
  const directory = join(project.workspace.root, ddvDirectory, 'stages', name)
  const waiting = setTimeout(() => {
    options.onEvent?.({ type: 'warning', message: `waiting for another ddv that runs '${stageAddress(stage)}'` })
  }, 2000)
  return withLock(directory, { patience: Number.POSITIVE_INFINITY, signal: options.signal }, () => {
    clearTimeout(waiting)
    return work()
  }).finally(() => clearTimeout(waiting))
}

/** Fresh, and some of its outs are not here: brought as any checkout does. False where they cannot be had. */
async function bringOuts(making: Making, { lock, absentOuts }: Judged): Promise<boolean> {
  if (absentOuts.length === 0 || lock === undefined) return true
  const named = absentOuts.map(path => ({ path, pointer: pointerOfOut(path, lock.outs.get(path) as LockedOut) }))
  return restore(making, named)
}

async function restore(making: Making, named: readonly NamedPointer[]): Promise<boolean> {
  const { project, artifacts, turns, options } = making
  const { signal } = options
  if (!(await areCached(project, named))) {
    if (!options.pull) return false
    const { failures } = await fetchPointers(project, named, { signal })
    if (failures.length > 0) return false
  }
  const targets = named.map(({ path, pointer }) => ({ output: path, within: '' as const, pointer }))
  const { failures } = await turns.run(() => checkoutTargets(project, targets, { cwd: project.workspace.root, signal }))
  for (const { path } of named) artifacts.forget(path)
  const lost = failures.find(({ error }) => !isDdvError(error, 'missing', 'corrupt'))
  if (lost !== undefined) throw lost.error
  return failures.length === 0
}

async function make(making: Making, stage: Stage, judged: Judged): Promise<Made> {
  const { project, options } = making
  const { reasons } = judged
  const unknown = stage.deps.find(({ path }) => judged.now.deps.get(path) === undefined)
  if (unknown !== undefined) return { outcome: 'failed', reasons, failure: errorFailure(missingDep(unknown)) }
  const key = resultKey({ ...originOf(judged), outs: stage.outs.map(({ path }) => path) })
  await saveOuts(making, stage, judged)
  if (options.runCache && !options.force && !stage.alwaysChanged) {
    const found = await findResult(project, key, options)
    if (found !== undefined && (await restore(making, resultPointers(found)))) {
      const result = { ...originOf(judged), outs: outsOf(stage, found.outs, metaOf(found)) }
      await record(making, stage, result)
      return { outcome: 'restored', reasons, result }
    }
  }
  const absent = await bringDeps(making, judged)
  if (absent !== undefined) return { outcome: 'failed', reasons, failure: errorFailure(absent) }
  making.onStart(stage, reasons)
  return run(making, stage, { judged, key })
}

/** An error of ddv's own, as a stage's failure. */
export const errorFailure = ({ message, hint }: DdvError): Failure => ({
  kind: 'error',
  message: hint === undefined ? message : `${message} (${hint})`,
})

const missingDep = ({ path, position: { file, line, column } }: Dependency): DdvError =>
  new DdvError('missing', `has a dep that is nowhere: ${displayPath(path)} (${displayPath(file)}:${line}:${column})`)

const originOf = ({ now }: Pick<Judged, 'now'>): Pick<StageLock, 'command' | 'deps' | 'params' | 'env'> => ({
  command: now.command,
  deps: new Map([...now.deps].flatMap(([path, artifact]) => (artifact === undefined ? [] : [[path, artifact]]))),
  params: now.params,
  env: now.env,
})

const metaOf = ({ outs }: StageLock): Meta =>
  new Map([...outs].flatMap(([path, { meta }]) => (meta ? [[path, meta]] : [])))

type Meta = ReadonlyMap<TreePath, JsonRecord>

/** As this stage keeps them now, whatever a result of before said of that. */
function outsOf(stage: Stage, made: ReadonlyMap<TreePath, Artifact>, meta: Meta): StageLock['outs'] {
  return new Map(
    stage.outs.map(({ path, cache, push }) => {
      const { kind, hash, size, files, executable } = made.get(path) as Artifact
      return [path, { kind, hash, size, files, executable, meta: meta.get(path), cache, push }]
    }),
  )
}

/** What is in the places of outs and nowhere else goes into the cache first. */
async function saveOuts({ project, options }: Making, stage: Stage, judged: Judged): Promise<void> {
  const { now, lock, absentOuts } = judged
  const unsaved = stage.outs.filter(({ path, cache }) => {
    const [here, last] = [now.outs.get(path), lock?.outs.get(path)]
    if (here === undefined || absentOuts.includes(path)) return false
    // What the stage made itself and git keeps needs no copy of ours.
    return cache || last === undefined || !isSameContent(here, last)
  })
  if (unsaved.length === 0) return
  await storePaths(
    project,
    unsaved.map(({ path }) => path),
    { signal: options.signal },
  )
}

interface Running {
  readonly judged: Judged
  readonly key: Digest
}

async function run(making: Making, stage: Stage, { judged, key }: Running): Promise<Made> {
  const { project, artifacts, aside } = making
  const { reasons } = judged
  const address = stageAddress(stage)
  const outs = stage.outs.map(({ path }) => path)
  const forgetOuts = (): void => {
    for (const path of outs) artifacts.forget(path)
  }
  const taken = aside.take(
    stage.outs.filter(({ persist }) => !persist).map(({ path }) => path),
    address,
  )
  const failed = (failure: Failure): Made => {
    taken.restore()
    forgetOuts()
    return { outcome: 'failed', reasons, failure }
  }
  try {
    const inside = openInside(project.workspace.root)
    for (const path of outs) inside.pathWithParents(path)
    const { failure, meta = new Map() } = await making.act(stage)
    forgetOuts()
    if (failure !== undefined) return failed(failure)
    const unmade = outs.find(path => statIfThere(inside.path(path)) === undefined)
    if (unmade !== undefined) return failed({ kind: 'error', message: `did not make its out ${displayPath(unmade)}` })
    const changed = await findChangedDep(making, stage, judged)
    if (changed !== undefined) return failed({ kind: 'error', message: changedText(changed) })
    const stored = await storeMade(making, stage)
    const result: StageLock = { ...originOf(judged), outs: outsOf(stage, stored.artifacts, meta) }
    await record(making, stage, result)
    if (stored.all) keepResult(project, key, result)
    taken.drop()
    forgetFailed(project, address)
    return { outcome: 'ran', reasons, result }
  } catch (error) {
    if (!isDdvError(error, 'refused', 'bad-path', 'changed')) {
      taken.restore()
      forgetOuts()
      throw error
    }
    return failed({ kind: 'error', message: `made what cannot be kept: ${error.message}` })
  }
}

const changedText = (dep: TreePath): string =>
  `ran while its dep ${displayPath(dep)} was changed, so nobody knows what it read (what it writes there itself belongs into .ddvignore)`

/**
 * A dep that is another one now than when the stage began. Only what no stage makes is looked at again: outs change under
 * their stages' locks alone, and a directory of 100,000 files is worth a look less.
 */
async function findChangedDep(making: Making, stage: Stage, { now }: Judged): Promise<TreePath | undefined> {
  const { artifacts, isMade } = making
  for (const { path } of stage.deps) {
    if (isMade(path)) continue
    artifacts.forget(path)
    const [before, after] = [now.deps.get(path), await artifacts.read(path)]
    if (before === undefined || after === undefined || !isSameContent(before, after)) return path
  }
  return undefined
}

/** Bytes of outs that git keeps, up to which a result is worth a copy of them in the cache. */
const smallOuts = 1_048_576

interface Stored {
  readonly artifacts: ReadonlyMap<TreePath, Artifact>
  /** Whether the cache has every out, so that the result can be had again. */
  readonly all: boolean
}

async function storeMade(making: Making, stage: Stage): Promise<Stored> {
  const { project, artifacts, options } = making
  const { signal } = options
  const made = new Map<TreePath, Artifact>()
  const large = new Set<TreePath>()
  for (const { path, cache } of stage.outs) {
    if (cache) continue
    const artifact = await artifacts.read(path)
    if (artifact === undefined || artifact.size <= smallOuts) continue
    large.add(path)
    made.set(path, artifact)
  }
  const kept = stage.outs.map(({ path }) => path).filter(path => !large.has(path))
  for (const [path, artifact] of await storePaths(project, kept, { signal })) {
    if (artifact === undefined) throw new DdvError('changed', `vanished while it was stored: ${displayPath(path)}`)
    artifacts.learn(path, artifact)
    made.set(path, artifact)
  }
  return { artifacts: made, all: large.size === 0 }
}

async function record({ project, locks, writesLocks }: Making, stage: Stage, result: StageLock): Promise<void> {
  if (!writesLocks) return
  await locks.record(lockFileOf(stage.file), stage.name, result)
  const outs = [...result.outs].filter(([, { cache }]) => cache)
  noteBaselines(
    project,
    outs.map(([output, { hash }]) => ({ output, hash })),
  )
}
