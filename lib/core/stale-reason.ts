// Why a stage is to run: what differs from its last good run. Found by pipeline/staleness.ts, kept by records of runs, told
// to people.

import { canonicalJson, isJsonRecord, type Json } from './json.js'
import { own } from './merge-records.js'
import { displayPath } from './tree-path.js'

/** `added`, `removed`: from what the stage names. `missing`: named, and nothing is there. */
export type Change = 'added' | 'removed' | 'modified' | 'missing'

export type StaleReason =
  /** The lock knows nothing of it. */
  | { readonly type: 'never-run' }
  /** The stage asks for it. */
  | { readonly type: 'always-changed' }
  /** Whoever runs it asks for it. */
  | { readonly type: 'forced' }
  /** What runs; as people write it. */
  | { readonly type: 'command'; readonly old: string; readonly new: string }
  | { readonly type: 'dep'; readonly path: string; readonly change: Change }
  /** undefined: not there; then the value of the whole file stands under the key ''. */
  | {
      readonly type: 'param'
      readonly file: string
      readonly key: string
      readonly old: Json | undefined
      readonly new: Json | undefined
    }
  /** Values are not told: they may be secrets. */
  | { readonly type: 'env'; readonly name: string }
  | { readonly type: 'out'; readonly path: string; readonly change: Change }
  /** A stage whose outs it reads is to run before it. By address. */
  | { readonly type: 'upstream'; readonly stage: string }

const texts: Readonly<Record<'dep' | 'out', Readonly<Record<Change, string>>>> = {
  dep: {
    added: 'a dep was added',
    removed: 'a dep was taken away',
    modified: 'a dep changed',
    missing: 'a dep is missing',
  },
  out: {
    added: 'an out was added',
    removed: 'an out was taken away',
    modified: 'an out is not as the last run left it',
    missing: 'an out is missing',
  },
}

/** One line for people. */
export function describeReason(reason: StaleReason): string {
  switch (reason.type) {
    case 'never-run':
      return 'it never ran'
    case 'always-changed':
      return 'it always runs'
    case 'forced':
      return 'it was asked for'
    case 'command':
      return 'its command changed'
    case 'dep':
    case 'out':
      return `${texts[reason.type][reason.change]}: ${displayPath(reason.path)}`
    case 'param':
      return describeParam(reason)
    case 'env':
      return `the environment's ${displayPath(reason.name)} changed`
    case 'upstream':
      return `${displayPath(reason.stage)} is to run before it`
  }
}

type ParamReason = StaleReason & { readonly type: 'param' }

function describeParam(named: ParamReason): string {
  const [reason = named, ...others] = changedValues(named)
  const key = displayPath(reason.key)
  const file = `${others.length > 0 ? `, and ${others.length} more` : ''}: ${displayPath(reason.file)}`
  if (reason.key === '') return `params changed${file}`
  if (reason.new === undefined) return `param ${key} is gone (was ${shown(reason.old)})${file}`
  if (reason.old === undefined) return `param ${key} is new (${shown(reason.new)})${file}`
  return `param ${key} is ${shown(reason.new)} (was ${shown(reason.old)})${file}`
}

/** Where a stage names a group of params, those of it that differ. */
function changedValues(reason: ParamReason): readonly ParamReason[] {
  const { key, old, new: now } = reason
  if (!isJsonRecord(old) || !isJsonRecord(now)) return canonicalJson(old) === canonicalJson(now) ? [] : [reason]
  const names = [...new Set([...Object.keys(old), ...Object.keys(now)])]
  return names.flatMap(name =>
    changedValues({ ...reason, key: key === '' ? name : `${key}.${name}`, old: own(old, name), new: own(now, name) }),
  )
}

/** Characters of a value. */
const maxShown = 60

function shown(value: Json | undefined): string {
  const text = displayPath(canonicalJson(value) ?? '')
  return text.length > maxShown ? `${text.slice(0, maxShown - 1)}…` : text
}

const changes: readonly unknown[] = ['added', 'removed', 'modified', 'missing'] satisfies Change[]

const fields: Readonly<Record<StaleReason['type'], (record: Readonly<Record<string, unknown>>) => boolean>> = {
  'never-run': () => true,
  'always-changed': () => true,
  forced: () => true,
  command: ({ old, new: now }) => typeof old === 'string' && typeof now === 'string',
  dep: ({ path, change }) => typeof path === 'string' && changes.includes(change),
  param: ({ file, key }) => typeof file === 'string' && typeof key === 'string',
  env: ({ name }) => typeof name === 'string',
  out: ({ path, change }) => typeof path === 'string' && changes.includes(change),
  upstream: ({ stage }) => typeof stage === 'string',
}

/** Of parsed JSON. */
export const isStaleReason = (value: unknown): value is StaleReason =>
  isJsonRecord(value) &&
  typeof value.type === 'string' &&
  Object.hasOwn(fields, value.type) &&
  fields[value.type as StaleReason['type']](value)
