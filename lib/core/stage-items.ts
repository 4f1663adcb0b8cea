// What a `foreach` or a `matrix` makes of one definition: a key for each stage, and what its templates get to see.

import type { Json, JsonRecord } from './json.js'
import { type BadAt, type LocatedNode, nodeWord, shortened, toJson } from './located.js'
import { isStageKey } from './stage.js'

export interface StageItem {
  /** What stands after `@`. */
  readonly key: string
  /** `item` and `key`, for templates. */
  readonly names: JsonRecord
}

/** How many stages one definition may give. */
const maxItems = 10_000

export interface ItemsOptions {
  readonly bad: BadAt
  /** The definition's name. */
  readonly name: string
}

/** Keys as DVC has them: of a map its own; of a list its scalars, or places in it where it holds anything else. */
export function foreachItems(node: LocatedNode, { bad, name }: ItemsOptions): readonly StageItem[] {
  if (node.kind === 'map')
    return keyed(
      node.entries.map(entry => ({ key: entry.key, item: toJson(entry.value), at: entry })),
      { bad, name },
    )
  if (node.kind !== 'list') throw bad(`'foreach' of stage '${name}' is ${nodeWord(node)}, not a list or a map`, node)
  const scalars = node.items.every(item => item.kind === 'scalar')
  return keyed(
    node.items.map((at, i) => ({ key: scalars ? keyOf(toJson(at)) : String(i), item: toJson(at), at })),
    { bad, name },
  )
}

interface Keyed {
  readonly key: string
  readonly item: Json
  readonly at: LocatedNode | { readonly line: number; readonly column: number }
}

function keyed(items: readonly Keyed[], { bad, name }: ItemsOptions): readonly StageItem[] {
  const first = items[0]
  if (items.length > maxItems && first !== undefined)
    throw bad(`stage '${name}' would be ${items.length} stages, more than ${maxItems}`, first.at)
  const seen = new Set<string>()
  return items.map(({ key, item, at }) => {
    const id = fitting(key)
    if (!isStageKey(id))
      throw bad(
        `'${shortened(key)}' is no key for a stage '${name}@…'`,
        at,
        'use a map: its keys are in the names of the stages',
      )
    if (seen.has(id)) throw bad(`stage '${name}@${id}' is there twice`, at)
    seen.add(id)
    return { key: id, names: { item, key: id } }
  })
}

/** Keys as DVC has them: the values joined by `-`, with a list or map as its name and place. */
export function matrixItems(node: LocatedNode, { bad, name }: ItemsOptions): readonly StageItem[] {
  if (node.kind !== 'map') throw bad(`'matrix' of stage '${name}' is ${nodeWord(node)}, not a map of lists`, node)
  const axes = node.entries.map(({ key, value }) => {
    if (value.kind !== 'list') throw bad(`'${shortened(key)}' of 'matrix' is ${nodeWord(value)}, not a list`, value)
    return { key, values: value.items }
  })
  const total = axes.reduce((product, { values }) => product * values.length, 1)
  if (total > maxItems) throw bad(`stage '${name}' would be ${total} stages, more than ${maxItems}`, node)
  let rows: readonly { readonly words: readonly string[]; readonly item: JsonRecord }[] = [{ words: [], item: {} }]
  for (const { key, values } of axes)
    rows = rows.flatMap(({ words, item }) =>
      values.map((value, i) => ({
        words: [...words, value.kind === 'scalar' ? keyOf(value.value) : `${key}${i}`],
        item: { ...item, [key]: toJson(value) },
      })),
    )
  return axes.length === 0
    ? []
    : keyed(
        rows.map(({ words, item }) => ({ key: words.join('-'), item, at: node })),
        { bad, name },
      )
}

const keyOf = (value: Json): string => String(value)

// `data/raw` is a fine value, but no part of a name.
const fitting = (key: string): string => key.replace(/[^A-Za-z0-9_.,=+:-]/gu, '_')
