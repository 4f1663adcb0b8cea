// A stage as it is now, and why it is stale. What the workspace has counts; where it has nothing, what pointers and locks say
// stands for it, so that a clone without data can tell.

import { nearest } from '../core/did-you-mean.js'
import type { Digest } from '../core/digest.js'
import { DdvError } from '../core/errors.js'
import { isJsonRecord, type JsonRecord } from '../core/json.js'
import type { Artifact, LockedDep, StageLock } from '../core/lockfile.js'
import { lockFileOf, type ParamsOf, type Stage, stageAddress } from '../core/stage.js'
import type { StaleReason } from '../core/stale-reason.js'
import { displayPath, type TreePath } from '../core/tree-path.js'
import { currentEnv, type StageNow, stageCommand, staleReasons } from '../pipeline/staleness.js'
import type { Artifacts } from './artifacts.js'
import type { LockFiles } from './lock-files.js'
import type { ParamFiles } from './param-files.js'
import type { Project } from './project.js'
import { artifactIn, type FindOut, findOutput, type Recorded } from './recorded.js'

/** Where stages are looked at from. */
export interface View {
  readonly project: Project
  readonly artifacts: Artifacts
  readonly params: ParamFiles
  readonly locks: LockFiles
  readonly findOut: FindOut
}

export interface Judged {
  readonly now: Omit<StageNow, 'deps'> & { readonly deps: ReadonlyMap<TreePath, LockedDep | undefined> }
  readonly lock: StageLock | undefined
  /** None: it is fresh. */
  readonly reasons: readonly StaleReason[]
  /** Deps and outs that only pointers and locks know of: they are to be brought before they are of use. */
  readonly absentDeps: readonly TreePath[]
  readonly absentOuts: readonly TreePath[]
}

export interface JudgeOptions {
  /** Addresses of stages before it that are to run. */
  readonly upstream?: readonly string[]
  /** Stale, whatever it looks like. */
  readonly force?: boolean | undefined
  /** Looks at outs only where the rest leaves it fresh; else nothing is said of them: `judgeOuts` does, later. */
  readonly outsLast?: boolean | undefined
}

export async function judgeStage(view: View, stage: Stage, options: JudgeOptions = {}): Promise<Judged> {
  const { project, artifacts, locks, findOut } = view
  const lock = locks.find(lockFileOf(stage.file), stage.name)
  const deps = new Map<TreePath, LockedDep | undefined>()
  const absentDeps: TreePath[] = []
  for (const { path } of stage.deps) {
    const here = await artifacts.read(path)
    const recorded = findOutput(project, path, findOut)
    const dep = depOf(here, recorded === undefined || recorded.output === path ? undefined : recorded.pointer.hash)
    const artifact = dep ?? (recorded && depIn(project, { recorded, path, lock }))
    if (here === undefined && artifact !== undefined) absentDeps.push(path)
    deps.set(path, artifact)
  }
  const now: Judged['now'] = {
    command: stageCommand(stage),
    deps,
    params: new Map(stage.params.map(one => [one.file, readParams(view, stage, one)])),
    env: currentEnv(stage, project.env),
    outs: new Map(stage.outs.map(({ path }) => [path, lock?.outs.get(path)])),
    upstream: options.upstream,
  }
  const forced: readonly StaleReason[] = options.force === true && !stage.frozen ? [{ type: 'forced' }] : []
  const reasons = [...forced, ...staleReasons(stage, now, lock)]
  const judged = { now, lock, reasons, absentDeps, absentOuts: [] }
  return options.outsLast === true && reasons.length > 0 ? judged : judgeOuts(view, stage, judged)
}

/** The same with the stage's outs as they are. */
export async function judgeOuts(view: View, stage: Stage, judged: Judged): Promise<Judged> {
  const { artifacts } = view
  const { lock } = judged
  const outs = new Map<TreePath, Artifact | undefined>()
  const absentOuts: TreePath[] = []
  for (const { path, cache } of stage.outs) {
    const here = await artifacts.read(path)
    // What git keeps comes back by git.
    const artifact = here ?? (cache ? lock?.outs.get(path) : undefined)
    if (here === undefined && artifact !== undefined) absentOuts.push(path)
    outs.set(path, artifact)
  }
  for (const { path } of stage.tracked) outs.set(path, await trackedAt(view, path))
  const now = { ...judged.now, outs }
  const forced = judged.reasons.filter(({ type }) => type === 'forced')
  return {
    ...judged,
    now,
    reasons: [...forced, ...staleReasons(stage, now, lock && withTracked(stage, lock))],
    absentOuts,
  }
}

/** What is at the path of a pointer, or what that says where nothing is there. */
async function trackedAt({ project, artifacts, findOut }: View, path: TreePath): Promise<Artifact | undefined> {
  const here = await artifacts.read(path)
  const recorded = here === undefined ? findOutput(project, path, findOut) : undefined
  return here ?? (recorded && artifactIn(project, recorded, path))
}

/** What a step put under a pointer is what it read: no lock says it twice. */
function withTracked({ tracked, action }: Stage, lock: StageLock): StageLock {
  const data = action.kind === 'step' ? lock.deps.get(action.with.data as TreePath) : undefined
  if (tracked.length === 0 || data === undefined) return lock
  const options = { meta: undefined, cache: true, push: true }
  return {
    ...lock,
    outs: new Map([...lock.outs, ...tracked.map(({ path }) => [path, { ...data, ...options }] as const)]),
  }
}

const depOf = (artifact: Artifact | undefined, of: Digest | undefined): LockedDep | undefined =>
  artifact && { ...artifact, ...(of !== undefined && { of }) }

interface RecordedDep {
  readonly recorded: Recorded
  readonly path: TreePath
  readonly lock: StageLock | undefined
}

/** What is not here, by its output's listing, or as it was while the output is what it was. */
function depIn(project: Project, { recorded, path, lock }: RecordedDep): LockedDep | undefined {
  const { hash } = recorded.pointer
  const listed = artifactIn(project, recorded, path)
  if (listed !== undefined) return depOf(listed, recorded.output === path ? undefined : hash)
  const before = lock?.deps.get(path)
  return before?.of === hash ? before : undefined
}

function readParams({ params }: View, stage: Stage, one: ParamsOf): JsonRecord {
  const { values, missing } = params.pick(one)
  const [first] = missing
  if (first === undefined) return values
  const { file, line, column } = one.position
  const content = params.find(one.file)
  const near = nearest(first, namesOf(content ?? {}))
  const hint =
    content === undefined ? `there is no ${displayPath(one.file)}` : near && `did you mean '${displayPath(near)}'?`
  throw new DdvError(
    'bad-config',
    `'${displayPath(stageAddress(stage))}' names a param that is not there (${displayPath(first)} in ${displayPath(one.file)}): ${displayPath(file)}:${line}:${column}`,
    { ...(hint !== undefined && { hint }) },
  )
}

/** What a stage can name of a file of params: values, and groups of some. */
function* namesOf(params: JsonRecord, above = ''): Generator<string> {
  for (const [name, value] of Object.entries(params)) {
    yield `${above}${name}`
    if (isJsonRecord(value)) yield* namesOf(value, `${above}${name}.`)
  }
}
