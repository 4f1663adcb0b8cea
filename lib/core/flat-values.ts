// Params and metrics as flat lists: nested objects become dotted keys, so that two versions can be held side by side.

import { canonicalJson, isJsonRecord, type Json } from './json.js'

/** Dotted key → value; lists, and objects that hold nothing, are values. In the order of the file. */
export type FlatValues = ReadonlyMap<string, Json>

export function flatten(value: Json): FlatValues {
  const values = new Map<string, Json>()
  const visit = (at: Json, key: string): void => {
    if (!isJsonRecord(at) || Object.keys(at).length === 0) {
      values.set(key, at)
      return
    }
    for (const [name, child] of Object.entries(at)) visit(child, key === '' ? name : `${key}.${name}`)
  }
  visit(value, '')
  return values
}

export interface ValueChange {
  readonly key: string
  /** undefined: not there. */
  readonly before: Json | undefined
  readonly after: Json | undefined
  /** After minus before, where both are numbers. */
  readonly difference: number | undefined
}

/** Every key of either, sorted; `all` also those that are the same. */
export function diffValues(before: FlatValues, after: FlatValues, { all }: { readonly all: boolean }): ValueChange[] {
  return [...new Set([...before.keys(), ...after.keys()])].sort().flatMap(key => {
    const [old, now] = [before.get(key), after.get(key)]
    if (!all && canonicalJson(old) === canonicalJson(now)) return []
    return [{ key, before: old, after: now, difference: differenceOf(old, now) }]
  })
}

// 0.1 + 0.2 is nobody's metric: what the two could not tell apart is not shown.
function differenceOf(before: Json | undefined, after: Json | undefined): number | undefined {
  if (typeof before !== 'number' || typeof after !== 'number') return undefined
  return Number((after - before).toPrecision(12))
}
