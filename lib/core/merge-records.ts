// Three-way merge of JSON objects, key by key: a pointer's `meta`, the lock's stages.

import { canonicalJson, type Json, type JsonRecord } from './json.js'
import { type Favour, fateOf, type MergeConflict, type Sides } from './merge3.js'

export interface RecordMerge {
  /** Keys in order. In conflict, a key is as `favour` has it. */
  readonly merged: JsonRecord
  readonly conflicts: readonly MergeConflict[]
}

export interface RecordOptions {
  readonly favour: Favour
  /** What a key is, for messages. */
  readonly part: MergeConflict['part']
}

export function mergeRecords(sides: Sides<JsonRecord>, { favour, part }: RecordOptions): RecordMerge {
  const { base = {}, ours, theirs } = sides
  const versions = { base, ours, theirs }
  const keys = [...new Set([base, ours, theirs].flatMap(Object.keys))].sort()
  const merged: [string, Json][] = []
  const conflicts: MergeConflict[] = []
  for (const key of keys) {
    const [before, our, their] = [base, ours, theirs].map(record => own(record, key))
    const [b, o, t] = [before, our, their].map(canonicalJson)
    let value = o === b ? their : our
    if (o !== t && o !== b && t !== b) {
      conflicts.push({ part, name: key, ours: fateOf(before, our), theirs: fateOf(before, their) })
      value = own(versions[favour], key)
    }
    if (value !== undefined) merged.push([key, value])
  }
  return { merged: Object.fromEntries(merged), conflicts }
}

/** Not what an object inherits: `constructor` is a key like any other. */
export const own = (record: JsonRecord, key: string): Json | undefined =>
  Object.hasOwn(record, key) ? record[key] : undefined
