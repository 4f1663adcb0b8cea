// What is in the columns of a table: the least and greatest values, how they are spread, and which are frequent. Counts and
// extremes alone, which come out the same however the rows were dealt out to threads: a mean of floating numbers would not.

import type { ColumnReport, Histogram } from '../core/table-report.js'
import type { ColumnType } from '../core/table-shape.js'
import type { Aggregates } from './aggregates.js'
import type { Cell } from './duckdb.js'

export interface ProfiledColumn {
  readonly name: string
  readonly place: number
  /** What `v0` is, and so on. */
  readonly type: ColumnType
}

const bins = 20
const topValues = 10
/** Of more different values no table is kept. */
const maxDistinct = 1000
const maxText = 100

interface Measured extends ProfiledColumn {
  readonly nulls: () => number
  readonly min: () => Cell
  readonly max: () => Cell
  /** From and to, as numbers. */
  readonly from: () => Cell
  readonly to: () => Cell
  readonly distinct: () => Cell
}

/** The first pass: what it asks for. `second` is to be called when it is through. */
export function profileColumns(columns: readonly ProfiledColumn[], first: Aggregates): readonly Measured[] {
  return columns.map(column => {
    const { place, type } = column
    const value = `v${place}`
    const number = numberOf(value, type)
    const measure = type === 'string' ? `length(${textOf(place)})` : value
    const of = (extreme: 'min' | 'max'): string => `${extreme}(${measure})::${type === 'number' ? 'double' : 'varchar'}`
    return {
      ...column,
      nulls: first.addCount(`w${place} is null`),
      min: first.add(type === 'boolean' ? 'null' : of('min')),
      max: first.add(type === 'boolean' ? 'null' : of('max')),
      from: first.add(number === undefined ? 'null' : `min(${number})`),
      to: first.add(number === undefined ? 'null' : `max(${number})`),
      distinct: first.add(type === 'string' ? `approx_count_distinct(${textOf(place)})::double` : 'null'),
    }
  })
}

/** What the second pass asks: `typed` with x0, and so on, the values as numbers. */
export function spreadTable(columns: readonly ProfiledColumn[]): string {
  const numbers = columns.flatMap(({ place, type }) => {
    const number = numberOf(`v${place}`, type)
    return number === undefined ? [] : [`${number} as x${place}`]
  })
  return `(select ${['*', ...numbers].join(', ')} from typed)`
}

/** The second pass, and how its answers are read. */
export function spreadColumns(columns: readonly Measured[], second: Aggregates): () => readonly ColumnReport[] {
  const reports = columns.map(column => {
    const spread = spreadOf(column, second)
    return (): ColumnReport => {
      const { name, type } = column
      const [min, max] = [extreme(column.min(), type), extreme(column.max(), type)]
      return {
        ...{ name, type, nulls: column.nulls() },
        ...(min !== undefined && { min }),
        ...(max !== undefined && { max }),
        ...spread(),
      }
    }
  })
  return () => reports.map(report => report())
}

// A list or a record has no length in characters, nor has what is none of the type.
const textOf = (place: number): string => `case when v${place} is not null then s${place} end`

/** Dates and times as seconds, so that they lie on a line as numbers do. */
function numberOf(value: string, type: ColumnType): string | undefined {
  if (type === 'integer' || type === 'number') return `${value}::double`
  return type === 'date' || type === 'timestamp' ? `epoch(${value})::double` : undefined
}

type Spread = Pick<ColumnReport, 'histogram' | 'top' | 'distinct'>

function spreadOf({ place, type, from, to, distinct }: Measured, second: Aggregates): () => Spread {
  if (numberOf(`v${place}`, type) !== undefined) {
    const [low, high] = [from(), to()]
    if (typeof low !== 'number' || typeof high !== 'number' || !Number.isFinite(high - low)) return () => ({})
    return histogramOf(`x${place}`, { low, high }, second)
  }
  const different = distinct()
  if (type !== 'boolean' && (typeof different !== 'number' || different === 0 || different > maxDistinct))
    return () => ({})
  const text = type === 'boolean' ? `v${place}::varchar` : textOf(place)
  const counts = second.add(`to_json(map_entries(histogram(left(${text}, ${maxText}))))::varchar`)
  return () => topOf(counts())
}

function histogramOf(
  number: string,
  { low, high }: { readonly low: number; readonly high: number },
  second: Aggregates,
): () => Spread {
  const width = (high - low) / bins
  // Of one value alone, and where the steps are too small to be told apart.
  const bin = low + width === low ? '0' : `least(${bins - 1}, floor((${number} - ${real(low)}) / ${real(width)}))`
  const counts = second.add(`to_json(histogram(case when ${number} is not null then (${bin})::int end))::varchar`)
  return () => {
    const found = JSON.parse(String(counts() ?? '{}')) as Record<string, number>
    const histogram: Histogram = {
      ...{ from: low, to: high },
      counts: Array.from({ length: bin === '0' ? 1 : bins }, (_, i) => found[i] ?? 0),
    }
    return { histogram }
  }
}

const real = (value: number): string => `'${value}'::double`

function topOf(counts: Cell): Spread {
  const all = JSON.parse(String(counts ?? '[]')) as { key: string; value: number }[]
  // By the text where two are equally frequent: order of code units, the same everywhere.
  const sorted = all.sort((a, b) => b.value - a.value || (a.key < b.key ? -1 : 1))
  const top = sorted.slice(0, topValues).map(({ key, value }) => ({ value: key, count: value }))
  return top.length === 0 ? {} : { distinct: all.length, top }
}

/** Whole numbers beyond those that are exact in JSON stay texts. */
function extreme(cell: Cell, type: ColumnType): number | string | undefined {
  if (cell === null) return undefined
  if (type !== 'integer' && type !== 'string') return typeof cell === 'number' ? cell : String(cell)
  const number = Number(cell)
  return Number.isSafeInteger(number) ? number : String(cell)
}
