// The rules of a schema, as what is to be asked of one table. Their order is that of the report.

import { nearest } from '../core/did-you-mean.js'
import type { RuleName, RuleReport } from '../core/table-report.js'
import type { ColumnSchema, ForeignKey, SqlCheck, TableSchema } from '../core/table-schema.js'
import type { ColumnType } from '../core/table-shape.js'
import type { SchemaValue } from '../core/table-values.js'
import { displayPath } from '../core/tree-path.js'
import { valueLiteral } from './column-values.js'
import { quoteText } from './duckdb.js'
import type { TableSource } from './table-source.js'

export type RuleHead = Pick<RuleReport, 'rule' | 'columns' | 'expected'>

/** What is asked of the table that has `w0`, `v0` and so on: what is written in the column at that place, and its value. */
export type Rule =
  /** True of rows that break it. */
  | { readonly kind: 'row'; readonly head: RuleHead; readonly places: readonly number[]; readonly broken: string }
  | { readonly kind: 'unique'; readonly head: RuleHead; readonly places: readonly number[] }
  | { readonly kind: 'foreign'; readonly head: RuleHead; readonly places: readonly number[]; readonly key: ForeignKey }
  | { readonly kind: 'rows'; readonly head: RuleHead; readonly limits: TableSchema['rows'] }
  | { readonly kind: 'check'; readonly head: RuleHead; readonly check: SqlCheck; readonly index: number }
  /** Known already. */
  | { readonly kind: 'settled'; readonly report: RuleReport }

export function planRules(source: TableSource, schema: TableSchema): readonly Rule[] {
  const planner = new Planner(source, schema)
  return [
    ...planner.extra(),
    ...schema.columns.flatMap(column => planner.column(column)),
    ...planner.rowCount(),
    ...planner.keys(),
    ...schema.checks.map((check, index): Rule => {
      const head = { rule: 'check', columns: [], expected: check.name } as const
      return { kind: 'check', head, check, index }
    }),
  ]
}

const articles: Readonly<Record<ColumnType, string>> = {
  integer: 'an integer',
  number: 'a number',
  string: 'a text',
  boolean: 'true or false',
  date: 'a date',
  timestamp: 'a time',
}

class Planner {
  readonly #source: TableSource
  readonly #schema: TableSchema
  readonly #places: ReadonlyMap<string, number>

  constructor(source: TableSource, schema: TableSchema) {
    this.#source = source
    this.#schema = schema
    this.#places = new Map(source.columns.map(({ name }, place) => [name, place]))
  }

  extra(): Rule[] {
    if (this.#schema.extra === 'allow') return []
    const known = new Set(this.#schema.columns.map(({ name }) => name))
    const extra = this.#source.columns.filter(({ name }) => !known.has(name))
    const head = {
      rule: 'extra',
      columns: extra.map(({ name }) => name),
      expected: 'no columns but those of the schema',
    } as const
    return [settled(head, extra.length)]
  }

  column(column: ColumnSchema): Rule[] {
    const { name } = column
    const place = this.#places.get(name)
    const head = (rule: RuleName, expected: string): RuleHead => ({ rule, columns: [name], expected })
    const asked = rowRules(column)
    if (place === undefined) {
      const skipped = asked.map(({ rule, expected }) => skip(head(rule, expected)))
      return [
        settled(head('present', `a column of this name${this.#guess(name)}`), 1),
        ...skipped,
        ...(column.unique ? [skip(head('unique', uniqueText))] : []),
      ]
    }
    return [
      settled(head('present', 'a column of this name'), 0),
      ...asked.map(
        ({ rule, expected, broken }): Rule => ({
          kind: 'row',
          head: head(rule, expected),
          places: [place],
          broken: broken(place),
        }),
      ),
      ...(column.unique ? [{ kind: 'unique', head: head('unique', uniqueText), places: [place] } as const] : []),
    ]
  }

  rowCount(): Rule[] {
    const { min, max } = this.#schema.rows
    if (min === undefined && max === undefined) return []
    const parts = [min === undefined ? [] : `at least ${min}`, max === undefined ? [] : `at most ${max}`].flat()
    const head = { rule: 'rows', columns: [], expected: `${parts.join(' and ')} rows` } as const
    return [{ kind: 'rows', head, limits: this.#schema.rows }]
  }

  keys(): Rule[] {
    const { primary, unique, foreign } = this.#schema
    return [
      ...(primary.length === 0 ? [] : this.#primary(primary)),
      ...unique.map(columns => this.#unique({ rule: 'unique', columns, expected: uniqueText })),
      ...foreign.map(key => this.#foreign(key)),
    ]
  }

  // Where one of its columns is empty a row has no name at all.
  #primary(columns: readonly string[]): Rule[] {
    const head = { rule: 'primary', columns, expected: 'a value in every row' } as const
    const places = this.#placesOf(columns)
    if (places === undefined) return [skip(head), skip({ ...head, expected: uniqueText })]
    const broken = places.map(place => `w${place} is null`).join(' or ')
    return [
      { kind: 'row', head, places, broken },
      { kind: 'unique', head: { ...head, expected: uniqueText }, places },
    ]
  }

  #unique(head: RuleHead): Rule {
    const places = this.#placesOf(head.columns)
    return places === undefined ? skip(head) : { kind: 'unique', head, places }
  }

  #foreign(key: ForeignKey): Rule {
    const where = key.file === undefined ? '' : ` of ${displayPath(key.file)}`
    const expected = `found in ${key.referenced.map(displayPath).join(', ')}${where}`
    const head = { rule: 'foreign', columns: key.columns, expected } as const
    const places = this.#placesOf(key.columns)
    return places === undefined ? skip(head) : { kind: 'foreign', head, places, key }
  }

  /** undefined where one of them is not there: that is told by itself. */
  #placesOf(names: readonly string[]): readonly number[] | undefined {
    const places = names.flatMap(name => this.#places.get(name) ?? [])
    return places.length === names.length ? places : undefined
  }

  #guess(name: string): string {
    const known = new Set(this.#schema.columns.map(column => column.name))
    const guess = nearest(
      name,
      [...this.#places.keys()].filter(other => !known.has(other)),
    )
    return guess === undefined ? '' : ` (there is '${displayPath(guess)}')`
  }
}

const uniqueText = 'no value twice'

const settled = (head: RuleHead, count: number): Rule => ({
  kind: 'settled',
  report: { ...head, outcome: count === 0 ? 'passed' : 'broken', count, rows: [] },
})

const skip = (head: RuleHead): Rule => ({
  kind: 'settled',
  report: { ...head, outcome: 'skipped', count: 0, rows: [] },
})

interface Asked {
  readonly rule: RuleName
  readonly expected: string
  readonly broken: (place: number) => string
}

function rowRules(column: ColumnSchema): Asked[] {
  const { type, min, max, pattern, allowed, minLength, maxLength } = column
  const rules: Asked[] = []
  const add = (rule: RuleName, expected: string, broken: Asked['broken']): void => {
    rules.push({ rule, expected, broken })
  }
  if (type !== undefined) add('type', articles[type], place => `w${place} is not null and v${place} is null`)
  if (!column.nullable) add('nullable', 'a value in every row', place => `w${place} is null`)
  if (type === undefined) return rules
  const literal = (value: SchemaValue): string => valueLiteral(value, type)
  if (min !== undefined) add('min', `at least ${min}`, place => `v${place} < ${literal(min)}`)
  if (max !== undefined) add('max', `at most ${max}`, place => `v${place} > ${literal(max)}`)
  if (minLength !== undefined)
    add('minLength', `at least ${minLength} characters`, place => `length(v${place}) < ${minLength}`)
  if (maxLength !== undefined)
    add('maxLength', `at most ${maxLength} characters`, place => `length(v${place}) > ${maxLength}`)
  if (pattern !== undefined)
    add('pattern', `like ${displayPath(pattern)}`, place => `not regexp_matches(v${place}, ${quoteText(pattern)})`)
  if (allowed !== undefined)
    add('allowed', `one of ${listed(allowed)}`, place => `v${place} not in (${allowed.map(literal).join(', ')})`)
  return rules
}

const maxListed = 8

function listed(values: readonly SchemaValue[]): string {
  const shown = values.slice(0, maxListed).map(value => displayPath(String(value)))
  return values.length > maxListed ? `${shown.join(', ')} and ${values.length - maxListed} more` : shown.join(', ')
}
