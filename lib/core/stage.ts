// Stages, as everything after `ddv.yaml` sees them: templates resolved, paths in the workspace. See pipeline-file.ts for
// how they are written down, lockfile.ts for what a run of one leaves.

import type { JsonRecord } from './json.js'
import type { Position } from './located.js'
import type { StepName } from './steps.js'
import type { TreePath } from './tree-path.js'

declare const stageNameBrand: unique symbol
/** `train`, or `train@key` for one of a `matrix` or `foreach`. */
export type StageName = string & { readonly [stageNameBrand]: true }

const plainName = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}$/
/** Fit for a file's name, and for one word of a shell. */
const keyPattern = /^[A-Za-z0-9_.,=+:-]{1,200}$/

export const isPlainStageName = (text: string): boolean => plainName.test(text)
export const isStageKey = (text: string): boolean => keyPattern.test(text) && text !== '.' && text !== '..'

export function isStageName(text: string): text is StageName {
  const at = text.indexOf('@')
  return at < 0 ? isPlainStageName(text) : isPlainStageName(text.slice(0, at)) && isStageKey(text.slice(at + 1))
}

/** The part before `@`: what `ddv.yaml` calls it. */
export const groupOf = (name: StageName): string => name.replace(/@.*/s, '')

/** The file that describes stages, and the one that keeps their last good runs. */
export const pipelineFileName = 'ddv.yaml'
export const lockFileName = 'ddv.lock'

export interface Stage {
  readonly name: StageName
  /** Its `ddv.yaml`. */
  readonly file: TreePath
  readonly position: Position
  readonly description: string | undefined
  readonly meta: JsonRecord | undefined
  /** Where it runs; '' for the workspace itself. Paths below are not relative to it any more. */
  readonly wdir: TreePath | ''
  readonly action: Action
  readonly deps: readonly Dependency[]
  readonly params: readonly ParamsOf[]
  readonly env: readonly EnvironmentEntry[]
  readonly outs: readonly Out[]
  /** What it puts under pointers of their own: no outs of the lock, and what others read all the same. */
  readonly tracked: readonly Dependency[]
  /** Never run, always taken for fresh. */
  readonly frozen: boolean
  /** Always taken for stale. */
  readonly alwaysChanged: boolean
  /** The one environment in which it runs. */
  readonly only: 'development' | 'production' | undefined
  /** How many times it is tried again after it failed. */
  readonly retry: number
  /** Milliseconds of one try. */
  readonly timeout: number | undefined
  readonly resources: Resources
}

export type Action = CommandAction | StepAction

export interface CommandAction {
  readonly kind: 'command'
  /** Scripts, one after the other, each in a shell of its own. */
  readonly commands: readonly string[]
  /** The program that runs them, such as `bash`; undefined for the user's. */
  readonly shell: string | undefined
}

/** A step that is built in. */
export interface StepAction {
  readonly kind: 'step'
  readonly uses: StepName
  /** As `requestOf` takes it: checked, and with paths that begin at the workspace. */
  readonly with: JsonRecord
}

export interface Dependency {
  readonly path: TreePath
  readonly position: Position
}

export interface ParamsOf {
  /** YAML, JSON or TOML. */
  readonly file: TreePath
  /** Dotted keys; undefined for all that the file holds. */
  readonly keys: readonly string[] | undefined
  readonly position: Position
}

export interface EnvironmentEntry {
  readonly name: string
  /** undefined: as whoever runs ddv has it. */
  readonly value: string | undefined
}

export interface Out {
  readonly path: TreePath
  readonly kind: 'data' | 'metrics' | 'plots'
  /** False: git has its content, ddv only the digest. */
  readonly cache: boolean
  /** Left where it is while the stage runs, which goes on from it. */
  readonly persist: boolean
  readonly push: boolean
  readonly position: Position
}

export interface Resources {
  readonly cpus: number | undefined
  /** Bytes. */
  readonly memory: number | undefined
  readonly gpus: number | undefined
  /** Milliseconds, for a scheduler of jobs. */
  readonly time: number | undefined
  readonly partition: string | undefined
  readonly account: string | undefined
}

/** All that it writes. */
export const writtenBy = ({ outs, tracked }: Stage): readonly Dependency[] =>
  tracked.length === 0 ? outs : [...outs, ...tracked]

/** How a stage is named on the command line and in messages: `train@a` at the top, `sub/ddv.yaml:train@a` below. */
export const stageAddress = ({ file, name }: Pick<Stage, 'file' | 'name'>): string =>
  file === pipelineFileName ? name : `${file}:${name}`

/** The lock that belongs to a `ddv.yaml`: beside it. */
export const lockFileOf = (file: TreePath): TreePath =>
  `${file.slice(0, -pipelineFileName.length)}${lockFileName}` as TreePath
