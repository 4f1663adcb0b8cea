// Lock, format 1: `ddv.lock`, which holds each stage's last good run. For stage outputs it plays the pointer's part. See
// FORMAT.md. How two of them merge is in merge-lock.ts.

import { type Digest, isDigest } from './digest.js'
import { DdvError } from './errors.js'
import { isJsonRecord, type Json, type JsonRecord } from './json.js'
import { encodeLock as encodeRecord, parseLock } from './merge-lock.js'
import { own } from './merge-records.js'
import type { OutputKind, Pointer } from './pointer.js'
import { isStageName, type StageName } from './stage.js'
import { basename, displayPath, type TreePath, treePathProblem } from './tree-path.js'

/** What was at a path: a file's bytes, or a directory's manifest. */
export interface Artifact {
  readonly kind: OutputKind
  readonly hash: Digest
  /** Bytes; of all files for a directory. */
  readonly size: number
  /** Directories only. */
  readonly files: number | undefined
  readonly executable: boolean
}

export interface LockedDep extends Artifact {
  /**
   * The digest of the directory output that it is a part of, as that was then: while it is the same, so is the part, which
   * a clone without the directory's listing could not tell.
   */
  readonly of?: Digest
}

export interface LockedOut extends Artifact {
  readonly meta: JsonRecord | undefined
  /** False: git has its content. */
  readonly cache: boolean
  readonly push: boolean
}

export interface StageLock {
  /** As `stageCommand` of the stage gave it: compared, never run. */
  readonly command: JsonRecord
  readonly deps: ReadonlyMap<TreePath, LockedDep>
  /** By file, then by dotted key; under the key '' for a file that is named as a whole. */
  readonly params: ReadonlyMap<TreePath, JsonRecord>
  /** Values that `ddv.yaml` gives as they are, others by their digest: they may be secrets. */
  readonly env: JsonRecord
  readonly outs: ReadonlyMap<TreePath, LockedOut>
}

export type Lock = ReadonlyMap<StageName, StageLock>

/** Throws `bad-pointer`, `conflict` or `newer-format`, naming the file. */
export function decodeLock(text: string, file: string): Lock {
  const stages = own(parseLock(text, displayPath(file)), 'stages')
  const lock = new Map<StageName, StageLock>()
  if (!isJsonRecord(stages)) return lock
  for (const [name, value] of Object.entries(stages)) {
    const bad = (problem: string): DdvError =>
      new DdvError('bad-pointer', `lock has a stage '${displayPath(name)}' ${problem}: ${displayPath(file)}`)
    if (!isStageName(name)) throw bad('whose name cannot be one')
    lock.set(name, decodeStageLock(value, bad))
  }
  return lock
}

type Bad = (problem: string) => DdvError

const stageKeys = new Set(['command', 'deps', 'params', 'env', 'outs'])

/** Reads one stage of a lock, or of a result that has the same form. */
export function decodeStageLock(value: unknown, bad: Bad): StageLock {
  if (!isJsonRecord(value)) throw bad('that is no object')
  refuseOthers(value, stageKeys, bad)
  const command = recordOf(value, 'command', bad)
  return {
    command,
    deps: new Map(
      [...artifacts(value, 'deps', { keys: depKeys, bad })].map(([path, artifact]) => [
        path,
        { ...artifact, ...decodeOf(recordOf(recordOf(value, 'deps', bad), path, bad), bad) },
      ]),
    ),
    params: decodeParams(recordOf(value, 'params', bad), bad),
    env: recordOf(value, 'env', bad),
    outs: new Map(
      [...artifacts(value, 'outs', { keys: outKeys, bad })].map(([path, artifact]) => [
        path,
        { ...artifact, ...decodeOutOptions(recordOf(recordOf(value, 'outs', bad), path, bad), bad) },
      ]),
    ),
  }
}

function recordOf(record: JsonRecord, key: string, bad: Bad): JsonRecord {
  const value = own(record, key)
  if (value === undefined) return {}
  if (!isJsonRecord(value)) throw bad(`whose "${key}" is no object`)
  return value
}

function refuseOthers(record: JsonRecord, known: ReadonlySet<string>, bad: Bad): void {
  const other = Object.keys(record).find(key => !known.has(key))
  if (other !== undefined) throw bad(`with an unknown key "${displayPath(other)}"`)
}

function pathOf(text: string, bad: Bad): TreePath {
  const problem = treePathProblem(text)
  if (problem !== undefined) throw bad(`with a path that ${problem} ('${displayPath(text)}')`)
  return text as TreePath
}

const artifactKeys = new Set(['kind', 'hash', 'size', 'files', 'executable'])
const depKeys = new Set([...artifactKeys, 'of'])
const outKeys = new Set([...artifactKeys, 'meta', 'cache', 'push'])

function artifacts(
  stage: JsonRecord,
  key: 'deps' | 'outs',
  { keys, bad }: { readonly keys: ReadonlySet<string>; readonly bad: Bad },
): ReadonlyMap<TreePath, Artifact> {
  const found = new Map<TreePath, Artifact>()
  for (const [text, value] of Object.entries(recordOf(stage, key, bad))) {
    const path = pathOf(text, bad)
    if (!isJsonRecord(value)) throw bad(`whose "${key}" have no object at '${displayPath(text)}'`)
    refuseOthers(value, keys, bad)
    found.set(
      path,
      decodeArtifact(value, problem => bad(`that ${problem} at '${displayPath(text)}'`)),
    )
  }
  return found
}

/** The keys of an artifact, in a record that may have others. */
export function decodeArtifact(value: JsonRecord, bad: Bad): Artifact {
  const { kind, hash, size, files, executable } = value
  if (kind !== 'file' && kind !== 'directory') throw bad('has a "kind" that is neither file nor directory')
  if (!isDigest(hash)) throw bad('has a "hash" that is not 64 lower-case hex digits')
  if (!isCount(size)) throw bad('has a "size" that is not a count of bytes')
  if (kind === 'directory' ? !isCount(files) : files !== undefined) throw bad('has "files" that do not fit')
  if (executable !== undefined && (executable !== true || kind !== 'file'))
    throw bad('has an "executable" that does not fit')
  return { kind, hash, size, files: files as number | undefined, executable: executable === true }
}

function decodeOf({ of }: JsonRecord, bad: Bad): Pick<LockedDep, 'of'> {
  if (of === undefined) return {}
  if (!isDigest(of)) throw bad('with an "of" that is not 64 lower-case hex digits')
  return { of }
}

function decodeOutOptions(value: JsonRecord, bad: Bad): Pick<LockedOut, 'meta' | 'cache' | 'push'> {
  const { meta, cache, push } = value
  if (meta !== undefined && !isJsonRecord(meta)) throw bad('with a "meta" that is no object')
  for (const [key, flag] of Object.entries({ cache, push }))
    if (flag !== undefined && flag !== false) throw bad(`with a "${key}" that is not false`)
  return { meta: meta as JsonRecord | undefined, cache: cache !== false, push: push !== false }
}

function decodeParams(params: JsonRecord, bad: Bad): ReadonlyMap<TreePath, JsonRecord> {
  return new Map(Object.keys(params).map(file => [pathOf(file, bad), recordOf(params, file, bad)]))
}

const isCount = (value: unknown): value is number =>
  typeof value === 'number' && Number.isSafeInteger(value) && value >= 0

/** Keys sorted, so that the same runs give the same bytes whatever finished first. */
export const encodeLock = (lock: Lock): string =>
  encodeRecord({
    ddv: 1,
    stages: Object.fromEntries([...lock].map(([name, stage]) => [name, stageRecord(stage)])),
  })

/** One stage as it stands in a lock: what is empty is left out. */
export function stageRecord({ command, deps, params, env, outs }: StageLock): JsonRecord {
  return {
    command,
    ...(deps.size > 0 && { deps: mapRecord(deps, depRecord) }),
    ...(params.size > 0 && { params: mapRecord(params, values => values) }),
    ...(Object.keys(env).length > 0 && { env }),
    ...(outs.size > 0 && { outs: mapRecord(outs, outRecord) }),
  }
}

const mapRecord = <V>(map: ReadonlyMap<string, V>, toJson: (value: V) => Json): JsonRecord =>
  Object.fromEntries([...map].map(([key, value]) => [key, toJson(value)]))

export const artifactRecord = ({ kind, hash, size, files, executable }: Artifact): JsonRecord => ({
  kind,
  hash,
  size,
  ...(files !== undefined && { files }),
  ...(executable && { executable }),
})

const depRecord = ({ of, ...artifact }: LockedDep): JsonRecord => ({
  ...artifactRecord(artifact),
  ...(of !== undefined && { of }),
})

const outRecord = ({ meta, cache, push, ...artifact }: LockedOut): JsonRecord => ({
  ...artifactRecord(artifact),
  ...(meta !== undefined && { meta }),
  ...(!cache && { cache }),
  ...(!push && { push }),
})

/** An output as its pointer would say it. A lock never carries a directory's rows: they are in the manifest. */
export function pointerOfOut(
  path: TreePath,
  { kind, hash, size, files, executable, meta }: Artifact & Pick<LockedOut, 'meta'>,
): Pointer {
  const base = { filename: basename(path), hash, size, meta }
  return kind === 'file' ? { kind, ...base, executable } : { kind, ...base, files: files as number, entries: undefined }
}
