// What a registry keeps of a version of a model, and of each promotion: a small JSON file on the remote, and the message of
// a git tag. Written once, never changed. Both come from strangers' hands: the decoders accept what the encoders write. See
// lib/remote/FORMAT.md.

import { DdvError } from './errors.js'
import { isJsonRecord, type Json, type JsonRecord, jsonProblem, parseJson, sortKeys } from './json.js'
import {
  type Artifact,
  artifactRecord,
  decodeArtifact,
  decodeStageLock,
  type StageLock,
  stageRecord,
} from './lockfile.js'
import {
  isModelName,
  isModelStage,
  isModelVersion,
  type ModelName,
  type ModelStage,
  type ModelVersion,
} from './model-name.js'
import { isFilename } from './pointer.js'
import { isRunId, type RunId } from './run-record.js'
import { basename, displayPath, type TreePath, treePathProblem } from './tree-path.js'

/** What a stage read to make the model. */
export interface ModelOrigin extends Pick<StageLock, 'command' | 'deps' | 'params'> {
  /** As it is named on the command line. */
  readonly address: string
}

export interface ModelRecord {
  readonly model: ModelName
  readonly version: ModelVersion
  /** Where it lay in the workspace; its last part is the data's name. */
  readonly path: TreePath
  readonly artifact: Artifact
  readonly metrics: Json | undefined
  /** Of the code; undefined where nothing said it. */
  readonly commit: string | undefined
  /** Whether a pointer or lock of that commit names this very model; undefined where nobody could look. */
  readonly committed: boolean | undefined
  /** undefined: no stage made it. */
  readonly origin: ModelOrigin | undefined
  readonly run: RunId | undefined
  /** By the clock of whoever registered it: for people. */
  readonly at: Date
}

export interface PromotionRecord {
  readonly model: ModelName
  readonly stage: ModelStage
  /** From 1, over all stages of the model. */
  readonly number: number
  readonly version: ModelVersion
  /** The version's own. */
  readonly commit: string | undefined
  readonly at: Date
}

/** Bytes; a stage may have thousands of deps. */
export const maxModelRecord = 16_777_216

/** Keys in the order of their use, two spaces: people read it in the bucket, and as a tag's message. */
export function encodeModelRecord(record: ModelRecord): string {
  const { model, version, path, artifact, metrics, commit, committed, origin, run, at } = record
  return encode({
    ...{ ddv: 1, model, version, path },
    ...artifactRecord(artifact),
    ...(metrics !== undefined && { metrics: sortKeys(metrics) }),
    ...(commit !== undefined && { commit }),
    ...(committed !== undefined && { committed }),
    ...(origin !== undefined && { stage: originRecord(origin) }),
    ...(run !== undefined && { run }),
    at: at.toISOString(),
  })
}

const originRecord = ({ address, ...lock }: ModelOrigin): JsonRecord => ({
  address,
  ...(sortKeys(stageRecord({ ...lock, env: {}, outs: new Map() })) as JsonRecord),
})

export function encodePromotion({ model, stage, number, version, commit, at }: PromotionRecord): string {
  return encode({
    ...{ ddv: 1, model, stage, number, version },
    ...(commit !== undefined && { commit }),
    at: at.toISOString(),
  })
}

const encode = (record: JsonRecord): string => `${JSON.stringify(record, null, 2)}\n`

type Bad = (problem: string) => DdvError

/** Throws `corrupt` or `newer-format`, naming the place. */
export function decodeModelRecord(text: string, name: string): ModelRecord {
  const bad = badRecord(name)
  const { ddv: _ddv, model, version, path, metrics, commit, committed, stage, run, at, ...artifact } = parse(text, bad)
  if (!isModelName(model)) throw bad('has a "model" that is no name of one')
  if (!isModelVersion(version)) throw bad('has a "version" that is none')
  if (typeof path !== 'string' || treePathProblem(path) !== undefined || !isFilename(basename(path as TreePath)))
    throw bad('has a "path" that is none')
  if (committed !== undefined && typeof committed !== 'boolean') throw bad('has a "committed" that is no truth value')
  if (run !== undefined && !isRunId(run)) throw bad('has a "run" that is none')
  const known = new Set(['kind', 'hash', 'size', 'files', 'executable'])
  refuseOthers(artifact, known, bad)
  return {
    ...{ model, version, path: path as TreePath, metrics, committed, run },
    artifact: decodeArtifact(artifact, bad),
    commit: commitOf(commit, bad),
    origin: stage === undefined ? undefined : originOf(stage, bad),
    at: timeOf(at, bad),
  }
}

/** Throws `corrupt` or `newer-format`, naming the place. */
export function decodePromotion(text: string, name: string): PromotionRecord {
  const bad = badRecord(name)
  const { ddv: _ddv, model, stage, number, version, commit, at, ...others } = parse(text, bad)
  refuseOthers(others, new Set(), bad)
  if (!isModelName(model)) throw bad('has a "model" that is no name of one')
  if (!isModelStage(stage)) throw bad('has a "stage" that is no name of one')
  if (!isPromotionNumber(number)) throw bad('has a "number" that is none')
  if (!isModelVersion(version)) throw bad('has a "version" that is none')
  return { model, stage, number, version, commit: commitOf(commit, bad), at: timeOf(at, bad) }
}

export const isPromotionNumber = (value: unknown): value is number =>
  typeof value === 'number' && Number.isSafeInteger(value) && value >= 1 && value < 1e9

const badRecord =
  (name: string): Bad =>
  problem =>
    new DdvError('corrupt', `record of the registry ${problem}: ${displayPath(name)}`)

function parse(text: string, bad: Bad): JsonRecord {
  const value = parseJson(text)
  if (!isJsonRecord(value)) throw bad('is no JSON object')
  const problem = jsonProblem(value, 'data')
  if (problem !== undefined) throw bad(problem)
  const { ddv } = value
  if (typeof ddv === 'number' && Number.isSafeInteger(ddv) && ddv > 1)
    throw new DdvError('newer-format', bad('was written by a newer ddv').message, { hint: 'update ddv' })
  if (ddv !== 1) throw bad('has no "ddv": 1')
  return value
}

function refuseOthers(record: JsonRecord, known: ReadonlySet<string>, bad: Bad): void {
  const other = Object.keys(record).find(key => !known.has(key))
  if (other !== undefined) throw bad(`has an unknown key "${displayPath(other)}"`)
}

function commitOf(value: Json | undefined, bad: Bad): string | undefined {
  if (value === undefined) return undefined
  if (typeof value === 'string' && isCommitName(value)) return value
  throw bad('has a "commit" that is none')
}

/** An id, or what the environment of a container calls the commit. */
export const isCommitName = (text: string): boolean => /^[A-Za-z0-9_][A-Za-z0-9_./-]{0,199}$/.test(text)

function timeOf(value: Json | undefined, bad: Bad): Date {
  const time = new Date(typeof value === 'string' ? value : Number.NaN)
  if (Number.isNaN(time.getTime())) throw bad('has an "at" that is no time')
  return time
}

function originOf(value: Json, bad: Bad): ModelOrigin {
  if (!isJsonRecord(value)) throw bad('has a "stage" that is no object')
  const { address, ...lock } = value
  if (typeof address !== 'string' || address === '') throw bad('has a "stage" without an address')
  const { command, deps, params } = decodeStageLock(lock, problem => bad(`has a "stage" ${problem}`))
  return { address, command, deps, params }
}

/** Whether the two are the same bytes, whatever their names. */
export const isSameModel = (a: Artifact, b: Artifact): boolean => a.kind === b.kind && a.hash === b.hash
