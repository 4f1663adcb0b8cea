// One stage of a run: is it stale, was it made before, or is it run now. What it makes is in the cache before the lock names
// it; what it replaces was in the cache before, gives way, and comes back where it fails.

import type { Digest } from '../core/digest.js'
import { DdvError, isDdvError } from '../core/errors.js'
import type { Failure } from '../core/failure.js'
import { canonicalJson, type JsonRecord } from '../core/json.js'
import { type Artifact, type LockedDep, type LockedOut, pointerOfOut, type StageLock } from '../core/lockfile.js'
import { type Dependency, lockFileOf, type Stage, stageAddress, writtenBy } from '../core/stage.js'
import { describeStep } from '../core/steps.js'
import { displayPath, type TreePath } from '../core/tree-path.js'
import { isSameContent } from '../pipeline/staleness.js'
import { openInside } from '../sys/inside.js'
import { withLock } from '../sys/lock.js'
import { statIfThere } from '../sys/stats.js'
import { noteBaselines } from './baseline.js'
import { bringDeps } from './bring-deps.js'
import { checkoutTargets } from './checkout.js'
import { fetchPointers } from './fetch.js'
import type { Made, Making } from './making.js'
import { areCached, findResult, keepResult, resultKey, resultPointers } from './results.js'
import type { NamedPointer } from './revision.js'
import { forgetFailed } from './set-aside.js'
import { lastBegun, noteBegun, stageLockDirectory } from './stage-lock.js'
import { type Judged, judgeOuts, judgeStage } from './stage-state.js'
import { artifactOf, storePaths } from './store-outs.js'

/** Throws what is not the stage's own fault, such as `interrupted`; then its outs are as they were. */
export async function makeStage(making: Making, stage: Stage): Promise<Made> {
  const { artifacts, locks, options } = making
  const how = { force: options.force, outsLast: true }
  const first = await judgeStage(making, stage, how)
  if (first.reasons.length === 0 && (await bringOuts(making, first))) return unchanged(making, stage, first)
  return withStageLock(making, stage, async () => {
    const file = lockFileOf(stage.file)
    const isNew = locks.find(file, stage.name) !== first.lock
    // Another process ran it meanwhile.
    if (isNew) for (const { path } of [...stage.deps, ...stage.outs]) artifacts.forget(path)
    const judged = isNew ? await judgeStage(making, stage, how) : first
    if (judged.reasons.length === 0 && (await bringOuts(making, judged))) return unchanged(making, stage, judged)
    await making.claimPlaces(stage)
    return make(making, stage, judged)
  })
}

// The part is the same, and what it is a part of is not: noted, so that a clone without data can tell, too.
async function unchanged(making: Making, stage: Stage, { now, lock }: Judged): Promise<Made> {
  const isOf = ([path, dep]: readonly [TreePath, LockedDep]): boolean => now.deps.get(path)?.of === dep.of
  if (lock !== undefined && !stage.frozen && ![...lock.deps].every(isOf))
    await record(making, stage, { ...lock, deps: originOf({ now }).deps })
  return { outcome: 'unchanged', reasons: [], ...(lock !== undefined && { result: lock }) }
}

/** One process at a time makes a stage; others wait for it as long as it takes, where they can know that it lives. */
function withStageLock<T>({ project, options }: Making, stage: Stage, work: () => Promise<T>): Promise<T> {
  const directory = stageLockDirectory(project, stage)
  const waiting = setTimeout(() => {
    options.onEvent?.({ type: 'warning', message: `waiting for another ddv that runs '${stageAddress(stage)}'` })
  }, 2000)
  return withLock(
    directory,
    { patience: Number.POSITIVE_INFINITY, patienceElsewhere: 10_000, signal: options.signal },
    () => {
      clearTimeout(waiting)
      return work()
    },
  ).finally(() => clearTimeout(waiting))
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
  // What a checkout placed is what it was told to place.
  for (const { path, pointer } of named)
    if (failures.length === 0) artifacts.learn(path, artifactOf(pointer))
    else artifacts.forget(path)
  const lost = failures.find(({ error }) => !isDdvError(error, 'missing', 'corrupt', 'bad-manifest', 'bad-pointer'))
  if (lost !== undefined) throw lost.error
  return failures.length === 0
}

async function make(making: Making, stage: Stage, early: Judged): Promise<Made> {
  const { project, options } = making
  const unknown = stage.deps.find(({ path }) => early.now.deps.get(path) === undefined)
  if (unknown !== undefined)
    return { outcome: 'failed', reasons: early.reasons, failure: errorFailure(missingDep(unknown)) }
  const key = resultKey({ ...originOf(early), outs: stage.outs.map(({ path }) => path) })
  await saveOuts(making, stage, early)
  const judged = await judgeOuts(making, stage, early)
  const { reasons } = judged
  if (options.runCache && !options.force && isReusable(stage)) {
    const found = await findResult(project, key, options)
    if (found !== undefined && (await restore(making, resultPointers(found)))) {
      const result = { ...originOf(judged), outs: outsOf(stage, found.outs, metaOf(found)) }
      await record(making, stage, result)
      return { outcome: 'restored', reasons, result }
    }
  }
  const absent = await bringDeps(making, judged)
  if (absent !== undefined) return { outcome: 'failed', reasons, failure: errorFailure(absent) }
  // Data that came from afar took its time.
  if (options.pull) await saveOuts(making, stage, judged)
  making.onStart(stage, reasons)
  return run(making, stage, { judged, key })
}

/** Whether the same origin gives the same outs: not where a stage goes on from what it finds, or does more than make outs. */
const isReusable = ({ action, alwaysChanged, outs }: Stage): boolean =>
  !alwaysChanged &&
  !outs.some(({ persist }) => persist) &&
  !(action.kind === 'step' && describeStep(action.uses).hasEffects)

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

/**
 * What is in the places of outs and nowhere else goes into the cache first. They are looked at now, right before they give
 * way, whatever is known of them: people may write there at any time.
 */
async function saveOuts({ project, artifacts, options }: Making, stage: Stage, { lock }: Judged): Promise<void> {
  const unsaved: TreePath[] = []
  for (const { path, cache } of stage.outs) {
    const last = lock?.outs.get(path)
    const here = last && (await artifacts.read(path, performance.now()))
    if (last !== undefined && here === undefined) continue
    const isLast = last !== undefined && here !== undefined && isSameContent(here, last)
    // What the stage made itself and git keeps needs no copy of ours.
    const isSaved = isLast && (!cache || (await areCached(project, [{ path, pointer: pointerOfOut(path, last) }])))
    if (!isSaved) unsaved.push(path)
  }
  if (unsaved.length === 0) return
  const stored = await storePaths(project, unsaved, { signal: options.signal })
  for (const [path, artifact] of stored) artifacts.learn(path, artifact)
}

interface Running {
  readonly judged: Judged
  readonly key: Digest
}

async function run(making: Making, stage: Stage, { judged, key }: Running): Promise<Made> {
  const { project, artifacts, aside, options } = making
  const { reasons } = judged
  const address = stageAddress(stage)
  const outs = stage.outs.map(({ path }) => path)
  const forgetOuts = (): void => {
    for (const { path } of writtenBy(stage)) artifacts.forget(path)
  }
  noteBegun(project, stage)
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
    const turns = turnsOf(making, stage)
    for (const path of outs) inside.pathWithParents(path)
    const { failure, meta = new Map() } = await making.act(stage)
    const ended = performance.now()
    forgetOuts()
    if (failure !== undefined) return failed(failure)
    const unmade = outs.find(path => statIfThere(inside.path(path)) === undefined)
    if (unmade !== undefined) return failed({ kind: 'error', message: `did not make its out ${displayPath(unmade)}` })
    const changed = await findChangedDep(making, stage, { judged, turns, ended })
    if (changed !== undefined) return failed({ kind: 'error', message: changedText(changed) })
    const stored = await storeMade(making, stage)
    const result: StageLock = { ...originOf(judged), outs: outsOf(stage, stored.artifacts, meta) }
    if (stored.all && isReusable(stage)) keepResult(project, key, { stage: result, onEvent: options.onEvent })
    await record(making, stage, result)
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

const changedText = (path: TreePath): string =>
  `ran while its dep ${displayPath(path)} was changed, so nobody knows what it read (what it writes there itself belongs into .ddvignore)`

/** By dep: when the stages that make it last began to, in any process. */
const turnsOf = ({ project, makersOf }: Making, { deps }: Stage): ReadonlyMap<TreePath, string> =>
  new Map(
    deps.map(({ path }) => {
      const begun = makersOf(path).map(maker => lastBegun(project, maker))
      return [path, begun.join(',')]
    }),
  )

interface Around {
  readonly judged: Judged
  /** Of `turnsOf`, when the stage began. */
  readonly turns: ReadonlyMap<TreePath, string>
  /** When it ended, of `performance.now()`. */
  readonly ended: number
}

/**
 * A dep that is another one now than when the stage began, or that another process made anew meanwhile, though it came out
 * the same; or a file of params that says something else. Every file of a dep is looked at, also of one that this very run
 * made: only its own stat tells that it was written to, and a lock or an entry of the run cache that claims what the stage
 * did not read would pass for true for ever.
 */
async function findChangedDep(making: Making, stage: Stage, around: Around): Promise<TreePath | undefined> {
  const { artifacts } = making
  const { judged, turns, ended } = around
  const now = turnsOf(making, stage)
  for (const { path } of stage.deps) {
    if (now.get(path) !== turns.get(path)) return path
    const [before, after] = [judged.now.deps.get(path), await artifacts.read(path, ended)]
    if (before === undefined || after === undefined || !isSameContent(before, after)) return path
  }
  const params = stage.params.find(one => {
    const { values } = making.params.pick(one)
    return canonicalJson(values) !== canonicalJson(judged.now.params.get(one.file))
  })
  return params?.file
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
