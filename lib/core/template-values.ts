// What templates are filled from: `params.yaml`, `vars` and the files that they name, merged as DVC merges them.

import { canonicalJson, isJsonRecord, type JsonRecord } from './json.js'
import { type BadAt, type LocatedNode, type Place, shortened, toJson } from './located.js'
import { own } from './merge-records.js'
import { stagePath } from './stage-paths.js'
import type { TreePath } from './tree-path.js'

/** What one item of `vars` gives. */
export type Values = (ValuesHere | ValuesFile) & { readonly at: Place }
interface ValuesHere {
  readonly kind: 'here'
  readonly values: JsonRecord
}
interface ValuesFile {
  readonly kind: 'file'
  readonly path: TreePath
  /** undefined: all that it holds. */
  readonly keys: readonly string[] | undefined
  /** Nothing where there is none. */
  readonly optional: boolean
}

export const defaultParamsFile = 'params.yaml'

export interface ValuesOptions {
  /** Where files are named from. */
  readonly base: TreePath | ''
  readonly bad: BadAt
}

/** Reads a checked `vars`. */
export function decodeValues(vars: LocatedNode | undefined, { base, bad }: ValuesOptions): readonly Values[] {
  if (vars?.kind !== 'list') return []
  return vars.items.map((item): Values => {
    if (item.kind === 'map') return { kind: 'here', values: valuesOf(item, bad), at: item }
    const text = item.kind === 'scalar' ? String(item.value) : ''
    if (text.includes('${')) throw bad(`'vars' cannot have templates ('${shortened(text)}')`, item)
    const [, name = '', keys] = /^(.*?)(?::(?!\/\/)([^/\\]*))?$/s.exec(text) ?? []
    const named = keys?.split(',').filter(key => key !== '')
    return {
      kind: 'file',
      path: stagePath(name, { base, what: "file of 'vars'", at: item, bad }),
      keys: named === undefined || named.length === 0 ? undefined : named,
      optional: false,
      at: item,
    }
  })
}

function valuesOf(item: LocatedNode, bad: BadAt): JsonRecord {
  const visit = (node: LocatedNode): void => {
    if (node.kind === 'list') for (const child of node.items) visit(child)
    else if (node.kind === 'map') for (const { value } of node.entries) visit(value)
    else if (typeof node.value === 'string' && node.value.includes('${'))
      throw bad(`'vars' cannot have templates ('${shortened(node.value)}')`, node)
  }
  visit(item)
  return toJson(item) as JsonRecord
}

export interface MergeOptions {
  readonly files: ReadonlyMap<TreePath, JsonRecord>
  readonly bad: BadAt
}

/** The base with all of them in it. Throws where a file or a key is missing, or a name has two values. */
export function mergeValues(base: JsonRecord, values: readonly Values[], { files, bad }: MergeOptions): JsonRecord {
  let merged = base
  for (const item of values) {
    const record = item.kind === 'here' ? item.values : chosen(item, { files, bad })
    merged = merge(merged, record, { prefix: '', bad, at: item.at })
  }
  return merged
}

function chosen(
  { path, keys, optional, at }: ValuesFile & { readonly at: Place },
  { files, bad }: MergeOptions,
): JsonRecord {
  const record = files.get(path)
  if (record === undefined) {
    if (optional) return {}
    throw bad(`there is no file '${shortened(path)}' for templates`, at)
  }
  if (keys === undefined) return record
  return Object.fromEntries(
    keys.map(key => {
      const value = own(record, key)
      if (value === undefined) throw bad(`file '${shortened(path)}' has no key '${shortened(key)}'`, at)
      return [key, value]
    }),
  )
}

interface Where {
  readonly prefix: string
  readonly bad: BadAt
  readonly at: Place
}

function merge(base: JsonRecord, added: JsonRecord, { prefix, bad, at }: Where): JsonRecord {
  const merged = new Map(Object.entries(base))
  for (const [key, value] of Object.entries(added)) {
    const before = merged.get(key)
    const name = `${prefix}${key}`
    if (before === undefined) merged.set(key, value)
    else if (isJsonRecord(before) && isJsonRecord(value))
      merged.set(key, merge(before, value, { prefix: `${name}.`, bad, at }))
    else if (canonicalJson(before) !== canonicalJson(value))
      throw bad(`'${shortened(name)}' has another value already`, at, 'give each name once, in params.yaml or in vars')
  }
  return Object.fromEntries(merged)
}
