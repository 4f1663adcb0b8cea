// `repro`: makes what is stale, side by side, and records it. A dry run asks the same questions without the last step.

import { availableParallelism, totalmem } from 'node:os'
import { isDdvError } from '../core/errors.js'
import type { Control, StageOutcome } from '../core/events.js'
import type { RunId } from '../core/run-record.js'
import { lockFileOf, type Stage, stageAddress, writtenBy } from '../core/stage.js'
import { dirname, type TreePath } from '../core/tree-path.js'
import { type Graph, upstreamOf } from '../pipeline/graph.js'
import { runGraph } from '../pipeline/schedule.js'
import type { Reach } from '../pipeline/select-stages.js'
import { Artifacts } from './artifacts.js'
import { claimPlaces } from './claim-places.js'
import { isElsewhere, misfit, misfits } from './elsewhere.js'
import { LockFiles } from './lock-files.js'
import { withWorkspaceLock } from './locked.js'
import { errorFailure, makeStage } from './make-stage.js'
import type { Made, Making, StageReport } from './making.js'
import { ParamFiles } from './param-files.js'
import { requirePipeline, selectTyped, warnOfPipeline } from './pipeline.js'
import type { Project } from './project.js'
import { RunJournal } from './run-journal.js'
import { recoverAside, SetAside } from './set-aside.js'
import { judgeStage, type View } from './stage-state.js'
import { Turns } from './turns.js'
import { warnOfChangedData } from './warn-of-changes.js'
import { ignoreOutputs } from './write-pointers.js'

export interface ReproOptions extends Control {
  readonly cwd: string
  /** The targets and all that they wait for, unless told. */
  readonly reach?: Reach | undefined
  /** Say what would run, and why; run nothing, and write nothing. */
  readonly dryRun?: boolean | undefined
  /** Run all that is meant, stale or not. */
  readonly force?: boolean | undefined
  /** After a failure go on with what does not need what failed. */
  readonly keepGoing?: boolean | undefined
  /** Fetch what is not here: deps, outs, results of others. */
  readonly pull?: boolean | undefined
  /** False: results of before do not stand for a run. */
  readonly runCache?: boolean | undefined
  /** Stages at the same time; as many as there are cores unless told. */
  readonly jobs?: number | undefined
  /** Of ddv, and as it was asked for: for the record. */
  readonly version?: string | undefined
  readonly command?: readonly string[] | undefined
  /** What starts ddv, for built-in steps: a program and its first arguments. */
  readonly ddv?: readonly string[] | undefined
}

export interface ReproResult {
  /** Below `.ddv/runs/`; undefined where nothing ran. */
  readonly run: RunId | undefined
  /** In the graph's order. */
  readonly stages: readonly StageReport[]
  /** Locks that have other bytes than before. */
  readonly locks: readonly TreePath[]
}

/** Throws for what cannot be meant; a stage that fails is a part of the result. */
export async function repro(project: Project, targets: readonly string[], options: ReproOptions): Promise<ReproResult> {
  const params = new ParamFiles(project)
  const pipeline = requirePipeline(project, params)
  warnOfPipeline(pipeline, options)
  const graph = selectTyped(project, pipeline, { targets, cwd: options.cwd, reach: options.reach ?? 'upstream' })
  const names = new Set(pipeline.graph.stages.map(({ file, name }) => `${lockFileOf(file)}\0${name}`))
  const turns = new Turns()
  const locks = new LockFiles(project, {
    isStage: (file, name) => names.has(`${file}\0${name}`),
    locked: work => turns.run(() => withWorkspaceLock(project, options, work)),
  })
  const view = { project, params, locks, artifacts: new Artifacts(project, options), ...outsOf(pipeline.graph, locks) }
  await warnOfChangedData(view, graph, options)
  if (options.dryRun === true) return { run: undefined, stages: await judgeAll(view, graph, options), locks: [] }
  return reproduce({ ...view, turns }, graph, options)
}

/** Who makes what: the outs of all stages, and what their last runs left of them. */
function outsOf({ stages }: Graph, locks: LockFiles): Pick<Making, 'findOut' | 'makersOf'> {
  const makers = new Map<TreePath, Stage>()
  const above = new Map<TreePath, Stage[]>()
  for (const stage of stages)
    for (const { path } of writtenBy(stage)) {
      makers.set(path, stage)
      for (let at = dirname(path); at !== ''; at = dirname(at)) above.set(at, [...(above.get(at) ?? []), stage])
    }
  const makerOf = (path: TreePath): Stage | undefined => {
    for (let at: TreePath | '' = path; at !== ''; at = dirname(at)) {
      const maker = makers.get(at)
      if (maker !== undefined) return maker
    }
    return undefined
  }
  return {
    findOut: path => {
      const maker = makers.get(path)
      return maker === undefined ? undefined : locks.find(lockFileOf(maker.file), maker.name)?.outs.get(path)
    },
    makersOf: path => [makerOf(path) ?? [], above.get(path) ?? []].flat(),
  }
}

/** What would run: what is stale, and what reads from that. */
async function judgeAll(view: View, graph: Graph, options: ReproOptions): Promise<StageReport[]> {
  const stale = new Set<Stage>()
  const reports: StageReport[] = []
  for (const stage of graph.stages) {
    const address = stageAddress(stage)
    if (isElsewhere(view.project, stage)) {
      const reasons = await misfits(view, stage)
      if (reasons.length > 0) stale.add(stage)
      reports.push({ stage: address, outcome: reasons.length > 0 ? 'stale' : 'skipped', reasons })
      continue
    }
    const upstream = upstreamOf(graph, stage)
      .filter(other => stale.has(other))
      .map(stageAddress)
    const { reasons } = await judgeStage(view, stage, { upstream, force: options.force })
    if (reasons.length > 0) stale.add(stage)
    reports.push({ stage: address, outcome: reasons.length > 0 ? 'stale' : 'unchanged', reasons })
  }
  return reports
}

async function reproduce(
  view: View & Pick<Making, 'turns' | 'makersOf'>,
  graph: Graph,
  options: ReproOptions,
): Promise<ReproResult> {
  const { project, locks, turns } = view
  for (const path of await recoverAside(project, options))
    options.onEvent?.({ type: 'warning', message: `came back from a run that was killed: ${path}` })
  const { force = false, pull = false, runCache = true, keepGoing = false, signal, onEvent } = options
  const writesLocks = project.config.environment !== 'production'
  const aside = new SetAside(project)
  const journal = new RunJournal(project, options)
  const reports = new Map<Stage, StageReport>()
  const making: Making = {
    ...view,
    aside,
    writesLocks,
    options: { force, pull, runCache, signal, onEvent },
    claimPlaces: claimPlaces(project, graph, { turns, ...options }),
    act: stage => journal.act(stage, { signal, onEvent, waited: upstreamOf(graph, stage).length > 0 }),
    onStart: stage => onEvent?.({ type: 'stage', stage: stageAddress(stage), state: 'running' }),
  }
  const perform = async (stage: Stage): Promise<StageOutcome> => {
    const isHere = !isElsewhere(project, stage)
    const reasons = isHere ? [] : await misfits(making, stage)
    if (!isHere && reasons.length === 0) {
      reports.set(stage, { stage: stageAddress(stage), outcome: 'skipped', reasons })
      return 'skipped'
    }
    const made = isHere ? await makeStage(making, stage).catch(failedStage) : misfit(reasons)
    reports.set(stage, await journal.note(stage, made))
    return made.outcome === 'restored' || made.outcome === 'ran' ? 'done' : made.outcome
  }
  try {
    const jobs = options.jobs ?? project.config.core.jobs ?? availableParallelism()
    const resources = { cpus: availableParallelism(), memory: totalmem(), gpus: undefined }
    const results = await runGraph(graph, { jobs, resources, keepGoing, signal, onEvent }, perform)
    await finish(project, { locks, graph, made: reports, turns })
    const stages = results.map(
      ({ stage, outcome, because }): StageReport =>
        reports.get(stage) ?? {
          stage: stageAddress(stage),
          outcome,
          reasons: [],
          ...(because !== undefined && { because: stageAddress(because) }),
        },
    )
    return { run: journal.id, stages, locks: [...locks.changed] }
  } finally {
    // What is done is done, whatever became of the rest.
    await locks.flush()
    journal.close()
    aside.close()
  }
}

/** What is wrong with one stage fails that one; anything else ends the run. */
function failedStage(error: unknown): Made {
  if (!isDdvError(error, ...ofStages)) throw error
  return { outcome: 'failed', reasons: [], failure: errorFailure(error) }
}

const ofStages = ['refused', 'bad-path', 'bad-config', 'missing', 'changed', 'corrupt', 'permission'] as const

interface Finishing extends Pick<Making, 'turns'> {
  readonly locks: LockFiles
  readonly graph: Graph
  readonly made: ReadonlyMap<Stage, StageReport>
}

/** The locks written, and git told of them. */
async function finish(project: Project, { locks, graph, turns }: Finishing): Promise<void> {
  await locks.flush()
  const files = new Set(graph.stages.map(({ file }) => lockFileOf(file)))
  const untold = [...files].filter(file => locks.isUntold(file))
  if (untold.length === 0) return
  await turns.run(() =>
    withWorkspaceLock(project, {}, locked => ignoreOutputs(project, { outputs: [], locks: untold }, locked)),
  )
  locks.told(untold)
}
