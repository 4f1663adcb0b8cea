// What the stages of one run share, and what comes of each.

import type { Control, StageOutcome } from '../core/events.js'
import type { Failure } from '../core/failure.js'
import type { JsonRecord } from '../core/json.js'
import type { StageLock } from '../core/lockfile.js'
import type { Stage } from '../core/stage.js'
import type { StaleReason } from '../core/stale-reason.js'
import type { TreePath } from '../core/tree-path.js'
import type { SetAside } from './set-aside.js'
import type { View } from './stage-state.js'
import type { Turns } from './turns.js'

export interface MakeOptions extends Control {
  readonly force: boolean
  /** Fetch what is not here: deps, outs, and results of others. */
  readonly pull: boolean
  /** Whether results of before may stand for a run. */
  readonly runCache: boolean
}

/** What stages of one run share. */
export interface Making extends View {
  readonly aside: SetAside
  readonly turns: Turns
  readonly options: MakeOptions
  /** False in production, where the lock is as it was committed. */
  readonly writesLocks: boolean
  /** Runs the stage's action, with its retries. undefined: it did well. */
  readonly act: (stage: Stage) => Promise<Acted>
  /** The stages that make what is there, or a part of it. */
  readonly makersOf: (path: TreePath) => readonly Stage[]
  /** Called before the stage makes anything: its outs may not lie where others' data does. */
  readonly claimPlaces: (stage: Stage) => Promise<void>
  readonly onStart: (stage: Stage, reasons: readonly StaleReason[]) => void
}

export interface Acted {
  readonly failure: Failure | undefined
  /** Of its outs, for a step that knows something of them. */
  readonly meta?: ReadonlyMap<TreePath, JsonRecord> | undefined
}

export interface Made {
  readonly outcome: 'unchanged' | 'restored' | 'ran' | 'failed'
  readonly reasons: readonly StaleReason[]
  readonly failure?: Failure | undefined
  /** What the stage read and wrote, where it was made. */
  readonly result?: StageLock
}

export interface StageReport {
  /** As it is named on the command line. */
  readonly stage: string
  /** `stale`: of a dry run, that it would run. */
  readonly outcome: StageOutcome | 'stale'
  /** Its outs came from an earlier run of the same. */
  readonly cached?: true
  readonly reasons: readonly StaleReason[]
  readonly failure?: Failure
  /** Of what was skipped: the stage that failed. */
  readonly because?: string
  /** Milliseconds of its command, all tries together. */
  readonly duration?: number
  /** What it printed, relative to the workspace. */
  readonly log?: string
}
