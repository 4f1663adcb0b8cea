// What a hand-written file holds, with the place of every key and value: for messages that say where.

import { DdvError } from './errors.js'
import { isJsonRecord, type Json } from './json.js'
import type { Scalar } from './simple-yaml.js'
import { displayPath, type TreePath } from './tree-path.js'

/** Line and column count from 1, the column in UTF-16 units. */
export interface Place {
  readonly line: number
  readonly column: number
}

/** Where something stands in a file that people write. */
export interface Position extends Place {
  /** Relative to the workspace. */
  readonly file: TreePath
}

export type LocatedNode = LocatedScalar | LocatedList | LocatedMap

export interface LocatedScalar extends Place {
  readonly kind: 'scalar'
  readonly value: Scalar
  /** It came from a template: a number may stand where a text belongs. */
  readonly filled?: true
}

export interface LocatedList extends Place {
  readonly kind: 'list'
  readonly items: readonly LocatedNode[]
}

export interface LocatedMap extends Place {
  readonly kind: 'map'
  readonly entries: readonly LocatedEntry[]
}

/** The place is the key's. A value that is not written has it too. */
export interface LocatedEntry extends Place {
  readonly key: string
  readonly value: LocatedNode
}

export const entryOf = (map: LocatedMap, key: string): LocatedEntry | undefined =>
  map.entries.find(entry => entry.key === key)

export const childAt = (map: LocatedMap, key: string): LocatedNode | undefined => entryOf(map, key)?.value

export const positionOf = (file: TreePath, { line, column }: Place): Position => ({ file, line, column })

export function toJson(node: LocatedNode): Json {
  if (node.kind === 'scalar') return node.value
  if (node.kind === 'list') return node.items.map(toJson)
  return Object.fromEntries(node.entries.map(({ key, value }) => [key, toJson(value)]))
}

/** All of it at one place, as filled in by a template. */
export function fromJson(value: Json, place: Place): LocatedNode {
  const { line, column } = place
  if (Array.isArray(value)) return { kind: 'list', items: value.map(item => fromJson(item, place)), line, column }
  if (!isJsonRecord(value)) return { kind: 'scalar', value: value as Scalar, filled: true, line, column }
  const entries = Object.entries(value).map(([key, child]) => ({ key, value: fromJson(child, place), line, column }))
  return { kind: 'map', entries, line, column }
}

/** For messages: what it is that stands where something else belongs. */
export function nodeWord(node: LocatedNode): string {
  if (node.kind !== 'scalar') return `a ${node.kind}`
  if (node.value === null) return 'nothing'
  if (typeof node.value === 'string') return `'${shortened(node.value)}'`
  return `${node.value}`
}

/** As much of a text as a message has room for. */
export const shortened = (text: string): string =>
  displayPath(text.length > 80 ? `${Array.from(text.slice(0, 78)).slice(0, 76).join('')}…` : text)

export const atPlace = (file: string, { line, column }: Place): string => `${displayPath(file)}:${line}:${column}`

/** `bad-config`, with where it is at the end of the message. */
export const badPlace = (
  problem: string,
  file: string,
  { at, hint }: { readonly at: Place; readonly hint?: string | undefined },
): DdvError => new DdvError('bad-config', `${problem}: ${atPlace(file, at)}`, hint === undefined ? {} : { hint })

/** Makes the error of one file; what the functions that read it are handed. */
export type BadAt = (problem: string, at: Place, hint?: string) => DdvError

export const badAtOf =
  (file: string): BadAt =>
  (problem, at, hint) =>
    badPlace(problem, file, { at, hint })
