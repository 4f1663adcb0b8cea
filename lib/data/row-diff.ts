// What differs between two versions of a table: columns, and rows by a key, or as wholes where there is none.

import { DdvError } from '../core/errors.js'
import { displayPath } from '../core/tree-path.js'
import { type Database, type DatabaseOptions, quoteName, withDatabase } from './duckdb.js'
import { readTable, type TableFile } from './table-files.js'

export interface RowDiffOptions extends DatabaseOptions {
  /** Columns that together name a row; found by itself where none is given. */
  readonly key?: readonly string[] | undefined
  /** How many of the rows that differ are given, at most. */
  readonly limit: number
}

export interface Column {
  readonly name: string
  /** As DuckDB calls it; what the values of a text file suggest. */
  readonly type: string
}

/** Values as texts; null for none. Very long ones are cut. */
export type Values = Readonly<Record<string, string | null>>

export interface RowChange {
  readonly change: 'added' | 'removed' | 'changed'
  /** Of an added or removed row all columns, of a changed one the key. */
  readonly row: Values
  /** Of a changed row the columns that differ. */
  readonly before?: Values
  readonly after?: Values
}

export interface RowDiff {
  /** Empty where rows were compared as wholes: a changed row is then one removed and one added. */
  readonly key: readonly string[]
  readonly columns: {
    readonly added: readonly Column[]
    readonly removed: readonly Column[]
    readonly retyped: readonly { readonly name: string; readonly before: string; readonly after: string }[]
  }
  readonly rows: { readonly before: number; readonly after: number }
  readonly added: number
  readonly removed: number
  readonly changed: number
  /** How many rows differ in each column, for those in which any does. */
  readonly changedIn: readonly { readonly name: string; readonly rows: number }[]
  /** In order of the key: as many as were asked for. */
  readonly changes: readonly RowChange[]
}

/** Throws `usage` for a key that names no single row, `refused` for what cannot be read as a table. */
export function diffRows(before: TableFile, after: TableFile, options: RowDiffOptions): Promise<RowDiff> {
  return withDatabase(options, async database => {
    const old = await loadTable(database, 'a', before)
    const now = await loadTable(database, 'b', after)
    const shared = old.columns.map(({ name }) => name).filter(name => now.columns.some(other => other.name === name))
    const key = await chooseKey(database, shared, options.key ?? [])
    const tables = { old, now, shared, key }
    const columns = schemaChanges(old, now)
    const rows = { before: old.rows, after: now.rows }
    const found =
      key.length > 0 ? await byKey(database, tables, options.limit) : await byWhole(database, tables, options.limit)
    return { key, columns, rows, ...found }
  })
}

interface Table {
  readonly columns: readonly Column[]
  /** As the comparison sees them. */
  readonly exact: ReadonlyMap<string, string>
  readonly rows: number
}

interface Tables {
  readonly old: Table
  readonly now: Table
  readonly shared: readonly string[]
  readonly key: readonly string[]
}

type Found = Pick<RowDiff, 'added' | 'removed' | 'changed' | 'changedIn' | 'changes'>

async function loadTable(database: Database, name: 'a' | 'b', file: TableFile): Promise<Table> {
  await database.query(`create temp table ${name} as select * from ${readTable(file, { exact: true })}`)
  const exact = await describe(database, `select * from ${name}`)
  const isText = file.format === 'csv' || file.format === 'tsv'
  const typed = isText ? await describe(database, `select * from ${readTable(file, { exact: false })}`) : exact
  // A guess at types may also name columns differently where it sees no header: then it says nothing.
  const types = new Map(typed.map(({ name, type }) => [name, type]))
  const [[rows] = []] = await database.query(`select count(*)::double from ${name}`)
  return {
    columns: exact.map(({ name, type }) => ({ name, type: types.get(name) ?? type })),
    exact: new Map(exact.map(({ name, type }) => [name, type])),
    rows: Number(rows),
  }
}

async function describe(database: Database, select: string): Promise<Column[]> {
  const rows = await database.query(`select column_name, column_type from (describe ${select})`)
  return rows.map(([name, type]) => ({ name: String(name), type: String(type) }))
}

function schemaChanges({ columns: old }: Table, { columns: now }: Table): RowDiff['columns'] {
  const types = new Map(old.map(({ name, type }) => [name, type]))
  const names = new Set(now.map(({ name }) => name))
  return {
    added: now.filter(({ name }) => !types.has(name)),
    removed: old.filter(({ name }) => !names.has(name)),
    retyped: now.flatMap(({ name, type }) => {
      const before = types.get(name)
      return before === undefined || before === type ? [] : [{ name, before, after: type }]
    }),
  }
}

/** Rows in which a column is looked at first: one that repeats there is no key. */
const sampleRows = 20_000
/** Columns that are looked at whole. */
const maxCandidates = 8

async function chooseKey(
  database: Database,
  shared: readonly string[],
  given: readonly string[],
): Promise<readonly string[]> {
  for (const name of given)
    if (!shared.includes(name)) throw new DdvError('usage', `no such column in both versions: ${displayPath(name)}`)
  if (given.length > 0) {
    if (await isKey(database, given)) return given
    throw new DdvError('usage', `does not name single rows in both versions: ${given.map(displayPath).join(', ')}`, {
      hint: `name more columns, each with '--key', or none`,
    })
  }
  const likely = await uniqueInSample(database, shared)
  for (const name of likely.slice(0, maxCandidates)) if (await isKey(database, [name])) return [name]
  return []
}

async function uniqueInSample(database: Database, names: readonly string[]): Promise<string[]> {
  if (names.length === 0) return []
  const counts = names.map(name => `count(distinct ${quoteName(name)}) = count(*)`)
  const unique = new Set(names)
  for (const table of ['a', 'b']) {
    const [row = []] = await database.query(
      `select ${counts.join(', ')} from (select * from ${table} limit ${sampleRows})`,
    )
    for (const [i, name] of names.entries()) if (row[i] !== true) unique.delete(name)
  }
  // What is called a key is one, if any column is.
  const rank = (name: string): number =>
    /^(id|key|uuid)$/i.test(name) ? 0 : /(^|[_ .-])(id|key|uuid)$|Id$/.test(name) ? 1 : 2
  return [...unique].sort((x, y) => rank(x) - rank(y))
}

/** Unique and never empty, in both tables. */
async function isKey(database: Database, names: readonly string[]): Promise<boolean> {
  const columns = names.map(quoteName)
  const filled = columns.map(column => `${column} is not null`).join(' and ')
  const value = columns.length === 1 ? columns[0] : `row(${columns.join(', ')})`
  for (const table of ['a', 'b']) {
    const [row = []] = await database.query(
      `select count(distinct ${value}) filter (${filled}) = count(*) from ${table}`,
    )
    if (row[0] !== true) return false
  }
  return true
}

const column = (side: 'a' | 'b', name: string): string => `${side}.${quoteName(name)}`

/** Values of another type on the other side are compared as texts. */
function pair({ old, now }: Tables, name: string): readonly [string, string] {
  const [a, b] = [column('a', name), column('b', name)]
  return old.exact.get(name) === now.exact.get(name) ? [a, b] : [`${a}::varchar`, `${b}::varchar`]
}

const differ = ([a, b]: readonly [string, string]): string => `${a} is distinct from ${b}`

async function byKey(database: Database, tables: Tables, limit: number): Promise<Found> {
  const { shared, key } = tables
  const others = shared.filter(name => !key.includes(name))
  const joined = key.map(name => pair(tables, name).join(' = ')).join(' and ')
  const first = quoteName(key[0] as string)
  const differs = others.map(name => differ(pair(tables, name))).map(test => ` or ${test}`)
  const kind = `case when a.${first} is null then 'added' when b.${first} is null then 'removed' else 'changed' end`
  const all = [...columnList('a', tables.old), ...columnList('b', tables.now)]
  await database.query(
    `create temp table d as select ${kind} as kind, ${all.join(', ')} from a full join b on ${joined}
     where a.${first} is null or b.${first} is null${differs.join('')}`,
  )
  const counts = new Map(
    (await database.query('select kind, count(*)::double from d group by kind')).map(([k, n]) => [k, Number(n)]),
  )
  return {
    added: counts.get('added') ?? 0,
    removed: counts.get('removed') ?? 0,
    changed: counts.get('changed') ?? 0,
    changedIn: await changedColumns(database, tables, others),
    changes: await changesByKey(database, tables, { others, limit }),
  }
}

// The columns of both in one table, under names of their own: the files' names may be anything, and the same.
const columnList = (side: 'a' | 'b', { columns }: Table): string[] =>
  columns.map(({ name }, i) => `${column(side, name)} as ${side}${i}`)

const at = (side: 'a' | 'b', { old, now }: Tables, name: string): string =>
  `${side}${(side === 'a' ? old : now).columns.findIndex(one => one.name === name)}`

function pairIn(tables: Tables, name: string): readonly [string, string] {
  const [a, b] = [at('a', tables, name), at('b', tables, name)]
  return tables.old.exact.get(name) === tables.now.exact.get(name) ? [a, b] : [`${a}::varchar`, `${b}::varchar`]
}

async function changedColumns(
  database: Database,
  tables: Tables,
  names: readonly string[],
): Promise<RowDiff['changedIn']> {
  if (names.length === 0) return []
  const sums = names.map(name => `count(*) filter (${differ(pairIn(tables, name))})::double`)
  const [row = []] = await database.query(`select ${sums.join(', ')} from d where kind = 'changed'`)
  return names.map((name, i) => ({ name, rows: Number(row[i]) })).filter(({ rows }) => rows > 0)
}

const maxCell = 1000
const text = (expression: string): string => `left(${expression}::varchar, ${maxCell})`

async function changesByKey(
  database: Database,
  tables: Tables,
  { others, limit }: { readonly others: readonly string[]; readonly limit: number },
): Promise<RowChange[]> {
  const { old, now, key } = tables
  // Numbers by their value, also where they are texts.
  const keys = key.map(name => `coalesce(${at('a', tables, name)}::varchar, ${at('b', tables, name)}::varchar)`)
  const order = keys.flatMap(one => [`try_cast(${one} as double) nulls last`, one])
  const olds = old.columns.map((_, i) => text(`a${i}`))
  const news = now.columns.map((_, i) => text(`b${i}`))
  const tests = others.map(name => differ(pairIn(tables, name)))
  const rows = await database.query(
    `select ${['kind', ...olds, ...news, ...tests].join(', ')} from d order by ${order.join(', ')}, kind limit ${limit}`,
  )
  return rows.map(([kind, ...cells]) => {
    const before = toValues(old, cells.slice(0, olds.length))
    const after = toValues(now, cells.slice(olds.length))
    if (kind !== 'changed')
      return kind === 'added' ? { change: 'added', row: after } : { change: 'removed', row: before }
    const changed = others.filter((_, i) => cells[olds.length + news.length + i] === true)
    return { change: 'changed', row: pick(after, key), before: pick(before, changed), after: pick(after, changed) }
  })
}

const toValues = ({ columns }: Table, cells: readonly unknown[]): Values =>
  fromPairs(columns.map(({ name }, i) => [name, toText(cells[i])]))

const toText = (cell: unknown): string | null => (cell === null || cell === undefined ? null : String(cell))

const pick = (values: Values, names: readonly string[]): Values =>
  fromPairs(names.map(name => [name, values[name] ?? null]))

// `fromEntries` defines properties, so that a column called `__proto__` is one like the others.
const fromPairs = (pairs: readonly (readonly [string, string | null])[]): Values => Object.fromEntries(pairs)

/** Without a key: how many times a whole row is there, before and after. Only the columns that both have are compared. */
async function byWhole(database: Database, { old, now, shared }: Tables, limit: number): Promise<Found> {
  const none = { changed: 0, changedIn: [] }
  if (shared.length === 0) return { added: now.rows, removed: old.rows, ...none, changes: [] }
  const list = (table: Table): string =>
    shared.map((name, i) => `${quoteName(name)}${isSameType(old, now, name) ? '' : '::varchar'} as c${i}`).join(', ') +
    (table === old ? ', -1 as side from a' : ', 1 as side from b')
  const names = shared.map((_, i) => `c${i}`)
  await database.query(
    `create temp table d as select ${names.join(', ')}, sum(side) as side from
     (select ${list(old)} union all select ${list(now)}) group by ${names.join(', ')} having sum(side) <> 0`,
  )
  const [[added, removed] = []] = await database.query(
    'select coalesce(sum(side) filter (side > 0), 0)::double, coalesce(-sum(side) filter (side < 0), 0)::double from d',
  )
  const cells = names.map(text)
  const rows = await database.query(
    `select side::double, ${cells.join(', ')} from d order by ${names.map((_, i) => `try_cast(${cells[i]} as double) nulls last, ${cells[i]}`).join(', ')} limit ${limit}`,
  )
  const changes = rows.flatMap(([side, ...values]) => {
    const row = fromPairs(shared.map((name, i) => [name, toText(values[i])]))
    const change = Number(side) > 0 ? ('added' as const) : ('removed' as const)
    return Array.from({ length: Math.min(limit, Math.abs(Number(side))) }, () => ({ change, row }))
  })
  return { added: Number(added), removed: Number(removed), ...none, changes: changes.slice(0, limit) }
}

const isSameType = (old: Table, now: Table, name: string): boolean => old.exact.get(name) === now.exact.get(name)
