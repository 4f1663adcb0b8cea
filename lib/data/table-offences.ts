// The first rows that break a rule, as texts.

import { DdvError } from '../core/errors.js'
import { badPlace, type Place } from '../core/located.js'
import type { OffendingRow, RuleReport } from '../core/table-report.js'
import { displayPath } from '../core/tree-path.js'
import { Aggregates } from './aggregates.js'
import type { Database, Explain } from './duckdb.js'
import type { Rule } from './table-rules.js'
import type { TableSource } from './table-source.js'

export type Broken = Rule & { readonly kind: 'row' }

export interface ShownOptions {
  readonly source: TableSource
  /** Places of columns that are shown with every row. */
  readonly naming: readonly number[]
  /** How many rows, at most. */
  readonly limit: number
}

const maxText = 200

/** A value at this place, for people. */
export const shownText = (place: number): string => `left(s${place}, ${maxText})`

/** The rule's own columns first. */
export const shownPlaces = (places: readonly number[], naming: readonly number[]): readonly number[] => [
  ...new Set([...places, ...naming]),
]

// `fromEntries` defines properties, so that a column called `__proto__` is one like the others.
export const shownValues = (
  { columns }: TableSource,
  places: readonly number[],
  textAt: (i: number) => unknown,
): OffendingRow['values'] =>
  Object.fromEntries(
    places.map((place, i) => {
      const text = textAt(i)
      return [columns[place]?.name ?? '', text === null || text === undefined ? null : String(text)]
    }),
  )

/** For all these rules in one pass, which knows the number of each row. */
export async function firstRows(
  database: Database,
  rules: readonly Broken[],
  { source, naming, limit }: ShownOptions,
): Promise<ReadonlyMap<Rule, readonly OffendingRow[]>> {
  const questions = new Aggregates()
  const asked = rules.map(rule => {
    const places = shownPlaces(rule.places, naming)
    const fields = places.map((place, i) => `x${i}: ${shownText(place)}`)
    const first = `arg_min({row: row, ${fields.join(', ')}}, row, ${limit}) filter (where ${rule.broken})`
    return { rule, places, answer: questions.add(`to_json(${first})::varchar`) }
  })
  await questions.ask(database, 'numbered')
  return new Map(
    asked.map(({ rule, places, answer }) => {
      const found = JSON.parse(String(answer() ?? '[]')) as Record<string, unknown>[]
      const rows = found.map(row => ({
        row: Number(row.row),
        values: shownValues(source, places, i => row[`x${i}`]),
      }))
      return [rule, rows]
    }),
  )
}

export interface SqlOptions {
  readonly file: string
  readonly at: Place
  readonly limit: number
}

/**
 * A check in SQL against the view `data`. Its rows come sorted, since what it gives first may differ from run to run.
 * Throws `bad-config` for SQL that is none, or does more than read, and `refused` where it cannot be run.
 */
export async function runCheck(
  database: Database,
  { head, check: { name, sql } }: Rule & { kind: 'check' },
  { file, at, limit }: SqlOptions,
): Promise<RuleReport> {
  const what = `check '${displayPath(name)}'`
  const statement = sql.replace(/[\s;]+$/, '')
  const problem = await database.selectProblem(statement)
  if (problem !== undefined)
    throw badPlace(`${what} ${problem}`, file, { at, hint: 'it is one SELECT of what is wrong' })
  const explain: Explain = ({ kind, words }, cause) =>
    kind === 'sql'
      ? badPlace(`${what} cannot be understood (${words})`, file, { at })
      : new DdvError('refused', `${what} cannot be run: ${words}`, { cause })
  const [[cell] = []] = await database.query(`select count(*)::double from (\n${statement}\n)`, explain)
  const count = Number(cell)
  if (count === 0) return { ...head, outcome: 'passed', count, rows: [] }
  const first = `select * from (\n${statement}\n) order by all limit ${limit}`
  const texts = `select left(columns(*)::varchar, ${maxText}) from (${first})`
  const found = await database.query(`select to_json(one)::varchar from (${texts}) as one`, explain)
  const rows = found.map(([row]) => ({ values: JSON.parse(String(row)) as OffendingRow['values'] }))
  return { ...head, outcome: 'broken', count, rows }
}
