// Three-way merge of `ddv.lock`: stage by stage, and what is beside the stages key by key. A stage is never mixed of two
// runs: its digests belong together.

import { hasConflictMarkers } from './conflict-text.js'
import { DdvError } from './errors.js'
import { isJsonRecord, type JsonRecord, jsonProblem, parseJson, sortKeys } from './json.js'
import { mergeRecords, own } from './merge-records.js'
import type { Favour, MergeConflict, Sides } from './merge3.js'
import { displayPath } from './tree-path.js'

/** Bytes; what a generated file may have. */
export const maxLockSize = 67_108_864

/** What ends a conflict that a merge of the lock left. */
export const lockConflictHint = (file: string): string =>
  `take one side with 'git checkout --ours ${displayPath(file)}' or '--theirs', then run 'ddv repro'`

/** Reads any lock of format 1, whatever each stage holds. Throws `bad-pointer`, `conflict` or `newer-format`. */
export function parseLock(text: string, file: string): JsonRecord {
  const bad = (problem: string): DdvError => new DdvError('bad-pointer', `lock ${problem}: ${file}`)
  if (text.length > maxLockSize) throw bad(`is larger than ${maxLockSize} bytes`)
  if (hasConflictMarkers(text))
    throw new DdvError('conflict', `lock holds merge markers: ${file}`, { hint: lockConflictHint(file) })
  const fields = parseJson(text)
  if (!isJsonRecord(fields)) throw bad('is no JSON object')
  const problem = jsonProblem(fields, 'data')
  if (problem !== undefined) throw bad(problem)
  const version = own(fields, 'ddv')
  if (typeof version === 'number' && Number.isSafeInteger(version) && version > 1)
    throw new DdvError('newer-format', `lock was written by a newer ddv: ${file}`, { hint: 'update ddv' })
  if (version !== 1) throw bad('has no "ddv": 1')
  const stages = own(fields, 'stages')
  if (stages !== undefined && !isJsonRecord(stages)) throw bad('has "stages" that are no object')
  return fields
}

export const encodeLock = (lock: JsonRecord): string => `${JSON.stringify(sortKeys(lock), null, 2)}\n`

export interface LockMerge {
  readonly lock: JsonRecord
  readonly conflicts: readonly MergeConflict[]
}

export function mergeLocks({ base, ours, theirs }: Sides<JsonRecord>, favour: Favour): LockMerge {
  const tops = { base: withoutStages(base ?? {}), ours: withoutStages(ours), theirs: withoutStages(theirs) }
  const top = mergeRecords(tops, { favour, part: 'key' })
  const all = { base: stagesOf(base ?? {}), ours: stagesOf(ours), theirs: stagesOf(theirs) }
  const stages = mergeRecords(
    { base: all.base, ours: all.ours ?? {}, theirs: all.theirs ?? {} },
    { favour, part: 'stage' },
  )
  const [b, o, t] = [all.base, all.ours, all.theirs].map(one => one !== undefined)
  const isThere = (o === b ? t : o) || Object.keys(stages.merged).length > 0
  return {
    lock: isThere ? { ...top.merged, stages: stages.merged } : top.merged,
    conflicts: [...top.conflicts, ...stages.conflicts],
  }
}

const stagesOf = (lock: JsonRecord): JsonRecord | undefined => own(lock, 'stages') as JsonRecord | undefined
const withoutStages = ({ stages, ...others }: JsonRecord): JsonRecord => others
