// The public API: the ops with their types, and what they give and throw. Nothing else is promised.

export type { Digest } from './core/digest.js'
export { DdvError, type ErrorCode, isDdvError } from './core/errors.js'
export type { Event, OnEvent, Phase } from './core/events.js'
export type { FileEntry, ManifestEntry } from './core/manifest.js'
export type { DirectoryPointer, FilePointer, Meta, OutputKind, Pointer } from './core/pointer.js'
export type { TreePath } from './core/tree-path.js'
export type { Column, RowChange, RowDiff, Values } from './data/row-diff.js'
export { type AddedOutput, type AddOptions, type AddResult, add, type OutputFailure } from './ops/add.js'
export { type CatOptions, type CatResult, cat } from './ops/cat.js'
export { type CheckedOut, type CheckoutOptions, type CheckoutResult, checkout } from './ops/checkout.js'
export { type CommitOptions, type CommitResult, commit } from './ops/commit.js'
export { type DagOptions, type StageNode, stageNodes } from './ops/dag.js'
export { type DescribeOptions, type Description, describe } from './ops/describe.js'
export {
  type DiffOptions,
  type DiffResult,
  type DiffSide,
  diff,
  type OutputDiff,
  type OutputVersion,
} from './ops/diff.js'
export type { Change, FileDiff, FileVersion } from './ops/diff-files.js'
export { type DiffRowsOptions, type DiffRowsResult, diffRows, type TableDiff } from './ops/diff-rows.js'
export { type DoctorOptions, type DoctorResult, doctor } from './ops/doctor.js'
export type { Check } from './ops/doctor-check.js'
export { type DuOptions, type DuResult, du, type OutputUsage } from './ops/du.js'
export { type FetchedOutput, type FetchOptions, type FetchResult, fetch } from './ops/fetch.js'
export { type GetOptions, type GetResult, get } from './ops/get.js'
export { type InitOptions, type InitResult, init } from './ops/init.js'
export { type ListedEntry, type ListOptions, type ListResult, list } from './ops/list.js'
export { type LoggedChange, type LoggedCommit, type LogOptions, type LogResult, log } from './ops/log.js'
export type { StageReport } from './ops/making.js'
export {
  diffMetrics,
  type MetricsResult,
  type ShowMetricsOptions,
  showMetrics,
} from './ops/metrics.js'
export { type MoveOptions, type MoveResult, move } from './ops/move.js'
export { diffParams } from './ops/params-diff.js'
export { type OpenOptions, openProject, type Project } from './ops/project.js'
export { type PullOptions, type PullResult, pull } from './ops/pull.js'
export { type PushedOutput, type PushOptions, type PushResult, push } from './ops/push.js'
export { type RegisterOptions, type RegisterResult, register } from './ops/register.js'
export {
  type RegisteredModel,
  type RegistryEvent,
  type RegistryHistory,
  type RegistryOptions,
  type RegistryResult,
  type RegistryTagResult,
  registryHistory,
  showRegistry,
  tagRegistry,
} from './ops/registry.js'
export { type RemoveOptions, type RemoveResult, remove } from './ops/remove.js'
export { type ReproOptions, type ReproResult, repro } from './ops/repro.js'
export { type ListedRun, listedRuns, type ShownRun, showRun } from './ops/runs.js'
export { type AddStageOptions, type AddStageResult, addStage } from './ops/stage-add.js'
export { type ListedStage, listStages } from './ops/stage-list.js'
export { type OutputStatus, type StatusOptions, type StatusResult, status } from './ops/status.js'
export type { FileChanges, ValuesDiff, ValuesDiffOptions } from './ops/values-diff.js'
export { type VerifyOptions, type VerifyResult, verify } from './ops/verify.js'
export {
  type VerifiedVersion,
  type VerifyProblem,
  type VerifyRemoteOptions,
  type VerifyRemoteResult,
  verifyRemote,
} from './ops/verify-remote.js'
