// A table's schema, as YAML or JSON: what its columns may hold, what names its rows, and checks in SQL. A mistake is told
// with file, line and column, since a rule that is not understood would be a rule that never fails.

import { nearest } from './did-you-mean.js'
import {
  type BadAt,
  badAtOf,
  childAt,
  entryOf,
  type LocatedEntry,
  type LocatedMap,
  type LocatedNode,
  nodeWord,
  type Place,
  toJson,
} from './located.js'
import { checkShape } from './shape.js'
import { type ColumnType, tableShape } from './table-shape.js'
import { type SchemaValue, timeOf, valueProblem } from './table-values.js'
import { displayPath, type TreePath, treePathProblem } from './tree-path.js'
import { parseLocatedYaml } from './yaml-located.js'

export interface ColumnSchema {
  readonly name: string
  /** undefined: anything. */
  readonly type: ColumnType | undefined
  readonly nullable: boolean
  readonly unique: boolean
  readonly min: string | number | undefined
  readonly max: string | number | undefined
  readonly pattern: string | undefined
  readonly allowed: readonly SchemaValue[] | undefined
  readonly minLength: number | undefined
  readonly maxLength: number | undefined
}

export interface ForeignKey {
  readonly columns: readonly string[]
  /** undefined: the table itself. */
  readonly file: TreePath | undefined
  readonly referenced: readonly string[]
}

export interface SqlCheck {
  readonly name: string
  readonly sql: string
}

export interface TableSchema {
  /** As the schema lists them. */
  readonly columns: readonly ColumnSchema[]
  readonly rows: { readonly min: number | undefined; readonly max: number | undefined }
  /** Empty where there is none. */
  readonly primary: readonly string[]
  readonly unique: readonly (readonly string[])[]
  readonly foreign: readonly ForeignKey[]
  readonly checks: readonly SqlCheck[]
  readonly extra: 'allow' | 'refuse'
  /** Where patterns and checks stand, for what only DuckDB can tell of them. */
  readonly places: { readonly patterns: ReadonlyMap<string, Place>; readonly checks: readonly Place[] }
}

/** Throws `bad-config` naming file, line and column. */
export function decodeTableSchema(text: string, file: string): TableSchema {
  const bad = badAtOf(file)
  const top = parseLocatedYaml(text.replace(/^\ufeff/, ''), file)
  checkShape(top, tableShape, { what: 'the schema', bad, warn: () => undefined, templates: false })
  const entries = mapAt(top, 'columns').entries
  const columns = entries.map(entry => decodeColumn(entry, bad))
  const patterns = entries.flatMap(({ key, value }): [string, Place][] => {
    const pattern = value.kind === 'map' ? childAt(value, 'pattern') : undefined
    return pattern === undefined ? [] : [[key, pattern]]
  })
  const rows = mapAt(top, 'rows')
  refuseCrossed(rows, { low: 'min', high: 'max', what: "'rows'" }, bad)
  const checks = itemsAt(top, 'checks') as readonly LocatedMap[]
  return {
    columns,
    rows: { min: numberAt(rows, 'min'), max: numberAt(rows, 'max') },
    ...new KeyReader(columns, bad).read(mapAt(top, 'keys')),
    checks: checks.map(check => ({ name: textAt(check, 'name') ?? '', sql: textAt(check, 'sql') ?? '' })),
    extra: textAt(top, 'extra') === 'allow' ? 'allow' : 'refuse',
    places: { patterns: new Map(patterns), checks: checks.map(check => childAt(check, 'sql') ?? check) },
  }
}

const emptyMap: LocatedMap = { kind: 'map', entries: [], line: 1, column: 1 }

/** The shape was checked: what is no map is not there. */
function mapAt(map: LocatedMap, key: string): LocatedMap {
  const node = childAt(map, key)
  return node?.kind === 'map' ? node : emptyMap
}

function itemsAt(map: LocatedMap, key: string): readonly LocatedNode[] {
  const node = childAt(map, key)
  return node?.kind === 'list' ? node.items : []
}

function scalarAt(map: LocatedMap, key: string): SchemaValue | undefined {
  const node = childAt(map, key)
  return node?.kind === 'scalar' && node.value !== null ? node.value : undefined
}

const textAt = (map: LocatedMap, key: string): string | undefined => {
  const value = scalarAt(map, key)
  return value === undefined ? undefined : String(value)
}

const numberAt = (map: LocatedMap, key: string): number | undefined => {
  const value = scalarAt(map, key)
  return typeof value === 'number' ? value : undefined
}

/** Which rules there are for which types; the others are for all. */
const typesOf: Readonly<Record<string, readonly ColumnType[]>> = {
  min: ['integer', 'number', 'date', 'timestamp'],
  max: ['integer', 'number', 'date', 'timestamp'],
  pattern: ['string'],
  minLength: ['string'],
  maxLength: ['string'],
  allowed: ['integer', 'number', 'string', 'boolean', 'date', 'timestamp'],
}

function decodeColumn({ key: name, value }: LocatedEntry, bad: BadAt): ColumnSchema {
  const map = value.kind === 'map' ? value : emptyMap
  const what = `column '${displayPath(name)}'`
  const type = textAt(map, 'type') as ColumnType | undefined
  refuseMisplaced(map, { type, what }, bad)
  if (type !== undefined) refuseStrange(map, { type, what }, bad)
  refuseCrossed(map, { low: 'min', high: 'max', what }, bad)
  refuseCrossed(map, { low: 'minLength', high: 'maxLength', what }, bad)
  const allowed = childAt(map, 'allowed')
  return {
    ...{ name, type },
    nullable: scalarAt(map, 'nullable') !== false,
    unique: scalarAt(map, 'unique') === true,
    min: scalarAt(map, 'min') as string | number | undefined,
    max: scalarAt(map, 'max') as string | number | undefined,
    pattern: textAt(map, 'pattern'),
    allowed: allowed === undefined ? undefined : (toJson(allowed) as readonly SchemaValue[]),
    minLength: numberAt(map, 'minLength'),
    maxLength: numberAt(map, 'maxLength'),
  }
}

interface Typed<T> {
  readonly type: T
  readonly what: string
}

function refuseMisplaced(map: LocatedMap, { type, what }: Typed<ColumnType | undefined>, bad: BadAt): void {
  for (const entry of map.entries) {
    const types = typesOf[entry.key]
    if (types === undefined || (type !== undefined && types.includes(type))) continue
    if (type === undefined) throw bad(`'${entry.key}' of ${what} needs 'type'`, entry)
    throw bad(`'${entry.key}' of ${what} is for no ${type}`, entry, `it is for types ${types.join(', ')}`)
  }
}

function refuseStrange(map: LocatedMap, { type, what }: Typed<ColumnType>, bad: BadAt): void {
  const check = (node: LocatedNode | undefined, key: string): void => {
    if (node?.kind !== 'scalar' || node.value === null) return
    const problem = valueProblem(node.value, type)
    const quotes = typeof node.value !== 'string' && ['string', 'date', 'timestamp'].includes(type)
    if (problem !== undefined)
      throw bad(
        `'${key}' of ${what} is ${nodeWord(node)}, not ${problem}`,
        node,
        quotes ? `put it in quotes: '${node.value}'` : undefined,
      )
  }
  for (const key of ['min', 'max']) check(childAt(map, key), key)
  const allowed = entryOf(map, 'allowed')
  if (allowed === undefined) return
  const items = itemsAt(map, 'allowed')
  if (items.length === 0) throw bad(`'allowed' of ${what} is empty`, allowed)
  for (const item of items) check(item, 'allowed')
}

interface Limits {
  readonly low: string
  readonly high: string
  readonly what: string
}

function refuseCrossed(map: LocatedMap, { low, high, what }: Limits, bad: BadAt): void {
  const [least, most] = [orderOf(scalarAt(map, low)), orderOf(scalarAt(map, high))]
  if (least !== undefined && most !== undefined && least > most)
    throw bad(`'${low}' of ${what} is above its '${high}'`, childAt(map, low) ?? map)
}

const orderOf = (value: SchemaValue | undefined): number | undefined =>
  typeof value === 'number' ? value : typeof value === 'string' ? timeOf(value) : undefined

type Keys = Pick<TableSchema, 'primary' | 'unique' | 'foreign'>

class KeyReader {
  readonly #known: ReadonlySet<string>
  readonly #bad: BadAt

  constructor(columns: readonly ColumnSchema[], bad: BadAt) {
    this.#known = new Set(columns.map(({ name }) => name))
    this.#bad = bad
  }

  read(keys: LocatedMap): Keys {
    const primary = childAt(keys, 'primary')
    return {
      primary: primary === undefined ? [] : this.#own(primary, "'primary'"),
      unique: itemsAt(keys, 'unique').map(node => this.#own(node, "'unique'")),
      foreign: itemsAt(keys, 'foreign').map(node => this.#foreign(node as LocatedMap)),
    }
  }

  #foreign(map: LocatedMap): ForeignKey {
    const columns = childAt(map, 'columns') ?? map
    const references = mapAt(map, 'references')
    const referenced = childAt(references, 'columns') ?? references
    const names = this.#own(columns, "'foreign'")
    const theirs = this.#names(referenced, "'references' of 'foreign'")
    if (names.length !== theirs.length)
      throw this.#bad(`'foreign' has ${names.length} columns and ${theirs.length} to find them in`, referenced)
    const file = childAt(references, 'file')
    return { columns: names, file: file === undefined ? undefined : this.#path(file), referenced: theirs }
  }

  #path(node: LocatedNode): TreePath {
    const text = node.kind === 'scalar' ? String(node.value) : ''
    const problem = treePathProblem(text)
    if (problem === undefined) return text as TreePath
    throw this.#bad(`'file' of 'references' ${problem}: '${displayPath(text)}'`, node, 'it begins at the workspace')
  }

  /** Columns of the table itself: those that the schema names. */
  #own(node: LocatedNode, what: string): readonly string[] {
    const names = this.#names(node, what)
    for (const [i, name] of names.entries()) {
      if (this.#known.has(name)) continue
      const guess = nearest(name, this.#known)
      const hint = guess === undefined ? "name it under 'columns' first" : `did you mean '${displayPath(guess)}'?`
      throw this.#bad(`${what} names a column that is not there: '${displayPath(name)}'`, itemOf(node, i), hint)
    }
    return names
  }

  #names(node: LocatedNode, what: string): readonly string[] {
    const names = node.kind === 'list' ? node.items.map(item => String(toJson(item))) : []
    if (names.length === 0) throw this.#bad(`${what} names no columns`, node)
    const twice = names.findIndex((name, i) => names.indexOf(name) < i)
    if (twice >= 0)
      throw this.#bad(`${what} names a column twice: '${displayPath(names[twice] ?? '')}'`, itemOf(node, twice))
    return names
  }
}

const itemOf = (node: LocatedNode, i: number): LocatedNode => (node.kind === 'list' ? (node.items[i] ?? node) : node)
