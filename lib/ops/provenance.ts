// What is recorded of data in the workspace, and where it came from: by the run in which a step is called, by locks and
// pointers, and in production, where no lock is written, by what runs left there.

import { DdvError, isDdvError } from '../core/errors.js'
import { type Artifact, pointerOfOut, type StageLock } from '../core/lockfile.js'
import type { Pointer } from '../core/pointer.js'
import { decodeRun, type RunId, type RunRecord } from '../core/run-record.js'
import { stageAddress } from '../core/stage.js'
import { dirname, type TreePath } from '../core/tree-path.js'
import { listRuns, readRun } from '../pipeline/run-record.js'
import { isSameContent } from '../pipeline/staleness.js'
import { readRegular } from '../sys/read-stable.js'
import { readLock, type StageOut } from '../workspace/locks.js'
import { findPointer } from '../workspace/pointers.js'
import { coveringIn, findCovering, listAll, type Output } from './outputs.js'
import type { Project } from './project.js'
import { artifactIn } from './recorded.js'
import { runsDirectory } from './run-journal.js'

export interface Provenance {
  /** That the path is, or lies in. */
  readonly output: TreePath
  readonly pointer: Pointer
  /** undefined: no stage made it. */
  readonly made: MadeBy | undefined
  readonly run: RunId | undefined
}

export interface MadeBy {
  /** Of the stage. */
  readonly address: string
  readonly lock: StageLock
}

/** Everything that may say what is to be at the path, what counts most first; none where it is not under ddv. */
export function provenancesOf(project: Project, path: TreePath): readonly Provenance[] {
  const current = currentRun(project)
  const ofRun = current && madeIn(current, path)
  if (ofRun !== undefined) return [ofRun]
  const recorded = recordedNow(project, path)
  const inProduction = project.config.environment === 'production'
  const ofRuns = inProduction ? findMade(project, path, () => true) : undefined
  return [ofRuns, recorded].flatMap(one => one ?? [])
}

/** The first that says of the path what is there; with the newest run that left it so, where it names none. */
export function findProvenance(project: Project, path: TreePath, here: Artifact): Provenance | undefined {
  const found = provenancesOf(project, path).find(one => isAsRecorded(project, one, { path, here }))
  if (found === undefined || found.run !== undefined || found.made === undefined) return found
  const { hash } = found.pointer
  const run = findMade(project, path, ({ pointer }) => pointer.hash === hash)?.run
  return { ...found, run }
}

function isAsRecorded(
  project: Project,
  provenance: Provenance,
  { path, here }: { readonly path: TreePath; readonly here: Artifact },
): boolean {
  const recorded = artifactIn(project, provenance, path)
  return recorded !== undefined && isSameContent(recorded, here)
}

/** That of the run in which this process is a step, as `DDV_RUN` says. */
function currentRun({ env }: Project): RunRecord | undefined {
  const file = env.DDV_RUN
  if (file === undefined || file === '') return undefined
  const text = readRegular(file)?.toString()
  if (text === undefined) throw new DdvError('usage', `DDV_RUN names no record of a run: ${file}`)
  return decodeRun(text, file)
}

function recordedNow(project: Project, path: TreePath): Provenance | undefined {
  const covering = findCovering(project, path) ?? coveringIn(listAll(project), path)
  if (covering === undefined) return undefined
  const { output, stage, problem } = covering as Output
  if (problem !== undefined) throw problem
  if (stage !== undefined) return { ...ofStage(project, stage), run: undefined }
  const pointer = findPointer(project.workspace.root, output)
  return pointer === undefined ? undefined : { output, pointer, made: undefined, run: undefined }
}

function ofStage({ workspace }: Project, stage: StageOut): Omit<Provenance, 'run'> {
  const lock = readLock(workspace.root, stage.lock).get(stage.name)
  return {
    output: stage.path,
    pointer: pointerOfOut(stage.path, stage.out),
    made: lock === undefined ? undefined : { address: stageAddress(stage), lock },
  }
}

/** By the newest run that has such an output at the path, or around it. A record that cannot be read is none. */
function findMade(project: Project, path: TreePath, wanted: (made: Provenance) => boolean): Provenance | undefined {
  const runs = runsDirectory(project)
  for (const id of listRuns(runs)) {
    const record = readOr(() => readRun(runs, id))
    const made = record && madeIn(record, path)
    if (made !== undefined && wanted(made)) return made
  }
  return undefined
}

function readOr<T>(read: () => T): T | undefined {
  try {
    return read()
  } catch (error) {
    if (isDdvError(error, 'corrupt', 'newer-format')) return undefined
    throw error
  }
}

/** The last that the run says of it. */
function madeIn({ id, stages }: RunRecord, path: TreePath): Provenance | undefined {
  for (const { file, name, outcome, lock } of stages.toReversed()) {
    if (lock === undefined || (outcome !== 'done' && outcome !== 'unchanged')) continue
    for (let output: TreePath | '' = path; output !== ''; output = dirname(output)) {
      const out = lock.outs.get(output)
      if (out === undefined) continue
      const made = { address: stageAddress({ file, name }), lock }
      return { output, pointer: pointerOfOut(output, out), made, run: id }
    }
  }
  return undefined
}
