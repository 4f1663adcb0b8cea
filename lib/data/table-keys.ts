// Rules that one row cannot answer by itself: values that come twice, and those that are to be found elsewhere. Rows without
// a value are left out, as SQL has it.

import { DdvError } from '../core/errors.js'
import type { RuleReport } from '../core/table-report.js'
import type { ForeignKey, TableSchema } from '../core/table-schema.js'
import { displayPath, type TreePath } from '../core/tree-path.js'
import { columnSql } from './column-values.js'
import type { Cell, Database } from './duckdb.js'
import type { TableFile } from './table-files.js'
import { type ShownOptions, shownPlaces, shownText, shownValues } from './table-offences.js'
import type { Rule } from './table-rules.js'
import { openSource } from './table-source.js'

export interface KeyOptions extends ShownOptions {
  readonly schema: TableSchema
  readonly references: ReadonlyMap<TreePath, TableFile>
}

/** A row breaks it where an earlier one has the same values. */
export async function checkUnique(
  database: Database,
  { head, places }: Rule & { kind: 'unique' },
  options: KeyOptions,
): Promise<RuleReport> {
  const values = places.map(place => `v${place}`)
  const grouped = (columns: string, table: string): string =>
    `select ${columns} from ${table} where ${filled(places)} group by ${values.join(', ')} having count(*) > 1`
  const [[cell] = []] = await database.query(
    `select coalesce(sum(n - 1), 0)::double from (${grouped('count(*) as n', 'typed')})`,
  )
  const count = Number(cell)
  if (count === 0) return { ...head, outcome: 'passed', count, rows: [] }
  // Where so many keys have all their rows, so many rows break it: later ones need not be looked at, and of the keys that
  // come twice, which may be millions, few are left.
  const lasts = `${grouped('max(row) as last', 'numbered')} order by last limit ${options.limit}`
  const [[end] = []] = await database.query(`select max(last)::double from (${lasts})`)
  const start = `(select * from numbered where row <= ${Number(end)})`
  const keys = values.map((value, i) => `${value} as k${i}`)
  await database.query(`create temp table repeated as ${grouped([...keys, 'min(row) as first'].join(', '), start)}`)
  const same = values.map((value, i) => `${value} = k${i}`).join(' and ')
  const rest = `from ${start} join repeated on ${same} where row > first`
  const rows = await numberedRows(database, { places, options, first: 'first' }, rest)
  await database.query('drop table repeated')
  return { ...head, outcome: 'broken', count, rows }
}

const filled = (places: readonly number[]): string => places.map(place => `v${place} is not null`).join(' and ')

interface Wanted {
  readonly places: readonly number[]
  readonly options: ShownOptions
  /** An expression for the row that has the same values. */
  readonly first?: string
}

async function numberedRows(database: Database, { places, options, first }: Wanted, rest: string) {
  const { source, naming, limit } = options
  const shown = shownPlaces(places, naming)
  const columns = ['row::double', `${first ?? 'null'}::double`, ...shown.map(shownText)]
  const found = await database.query(`select ${columns.join(', ')} ${rest} order by row limit ${limit}`)
  return found.map(([row = null, same = null, ...texts]: readonly Cell[]) => ({
    row: Number(row),
    values: shownValues(source, shown, i => texts[i]),
    ...(same !== null && { as: Number(same) }),
  }))
}

/** A row breaks it where the other file has no row with the same values. */
export async function checkForeign(
  database: Database,
  { head, places, key }: Rule & { kind: 'foreign' },
  options: KeyOptions,
): Promise<RuleReport> {
  const referenced = await referencedRows(database, key, options)
  const typeOf = new Map(options.schema.columns.map(({ name, type }) => [name, type]))
  const own = places.map((place, i) => (typeOf.get(key.columns[i] ?? '') === undefined ? `s${place}` : `v${place}`))
  const same = own.map((value, i) => `${value} = k${i}`).join(' and ')
  const lost = `where ${filled(places)} and not exists (select 1 from (${referenced}) where ${same})`
  const [[cell] = []] = await database.query(`select count(*)::double from typed ${lost}`)
  const count = Number(cell)
  if (count === 0) return { ...head, outcome: 'passed', count, rows: [] }
  return {
    ...head,
    outcome: 'broken',
    count,
    rows: await numberedRows(database, { places, options }, `from numbered ${lost}`),
  }
}

/** A select of k0 and on. Its columns are read as what the schema says of those that refer to them. */
async function referencedRows(
  database: Database,
  { file, columns, referenced }: ForeignKey,
  { source: own, schema, references }: KeyOptions,
): Promise<string> {
  const other = file === undefined ? undefined : references.get(file)
  const source = other === undefined ? own : await openSource(database, other, [])
  const typeOf = new Map(schema.columns.map(({ name, type }) => [name, type]))
  const found = referenced.map((name, i) => {
    const place = source.columns.findIndex(column => column.name === name)
    if (place < 0) throw noColumn(name, file)
    const type = typeOf.get(columns[i] ?? '')
    const { parsed, shown, value } = columnSql(source, { place, type, p: `p${i}` })
    return { parsed: `${parsed} as p${i}`, value: `${type === undefined ? shown : value} as k${i}` }
  })
  const parsed = `select *, ${found.map(one => one.parsed).join(', ')} from (${source.select})`
  return `select ${found.map(({ value }) => value).join(', ')} from (${parsed})`
}

const noColumn = (name: string, file: TreePath | undefined): DdvError => {
  const what = `a foreign key names a column that is not there: '${displayPath(name)}'`
  return new DdvError('refused', file === undefined ? what : `${what}: ${displayPath(file)}`)
}
