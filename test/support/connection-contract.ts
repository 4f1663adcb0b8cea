// What every driver of a warehouse does alike. A driver's test says how its warehouse is opened and filled, and how things
// are written in its SQL; the answers are the same.

import type { Test } from 'tap'
import { DdvError } from '../../lib/core/errors.js'
import type { Batch, Connection, QueryOptions, Value } from '../../lib/data/connection.js'

export interface Warehouse {
  /** Holds the table `things (id, name)` with the rows of `things` below. Closed when the test ends. */
  open(t: Test): Promise<Connection>
  /** How many rows `things` has, by another way than the driver. */
  count(): Promise<number>
  readonly sql: {
    /** One row of the columns of `everything` below. */
    readonly everything: string
    /** A column `n` from 1 to so many, and a column `text` of ten and more letters. */
    readonly series: (count: number) => string
    /** A query that gives nothing for minutes. */
    readonly slow: string
    /** Each would change something; what can be refused without being run. */
    readonly writes: readonly string[]
  }
  /** Rows of the long series; a million unless told. */
  readonly many?: number
}

export const thingsSql = [
  'create table things (id bigint, name varchar(100))',
  `insert into things values (2, 'Zoë'), (1, 'it''s "x"'), (3, null), (4, ''), (5, 'a'), (6, 'B'), (7, 'ä')`,
]

export const everything: Readonly<Record<string, readonly [type: string, value: Value]>> = {
  whole: ['integer', 1],
  large: ['integer', 9_007_199_254_740_993n],
  smallest: ['integer', -9_223_372_036_854_775_808n],
  double: ['number', 0.1],
  endless: ['number', Number.POSITIVE_INFINITY],
  none: ['number', Number.NaN],
  exact: ['number', '12345678901234567.25'],
  flag: ['boolean', true],
  day: ['date', '2024-02-29'],
  first: ['date', '0001-01-01'],
  moment: ['timestamp', '2024-02-29T13:14:15.5'],
  instant: ['timestamp', '2024-02-29T11:14:15Z'],
  old: ['timestamp', '1901-01-01T00:00:00.000001'],
  text: ['string', 'it\'s "x", ü\n😀\t\\'],
  empty: ['string', ''],
  bytes: ['string', '\\x00ff'],
  missing: ['integer', null],
}

const options: QueryOptions = { source: 'q.sql' }

export async function rowsOf(connection: Connection, sql: string, more: Partial<QueryOptions> = {}) {
  const batches: Batch[] = []
  for await (const batch of connection.query(sql, { ...options, ...more })) batches.push(batch)
  const [first] = batches
  if (first === undefined) throw new Error('no batch')
  return { columns: first.columns, rows: batches.flatMap(({ rows }) => rows) }
}

/** The error that a query ends with. */
export async function failureOf(connection: Connection, sql: string, more: Partial<QueryOptions> = {}) {
  try {
    await rowsOf(connection, sql, more)
  } catch (error) {
    if (error instanceof DdvError) return error
    throw error
  }
  throw new Error(`no error: ${sql}`)
}

export function connectionContract(t: Test, { open, count, sql, many = 1_000_000 }: Warehouse): void {
  t.test('types and values', async t => {
    const { columns, rows } = await rowsOf(await open(t), sql.everything)
    t.same(
      columns.map(({ name, type }) => [name, type]),
      Object.entries(everything).map(([name, [type]]) => [name, type]),
    )
    t.equal(rows.length, 1)
    for (const [i, [name, [, value]]] of Object.entries(everything).entries()) t.same(rows[0]?.[i], value, name)
    t.ok(columns.every(({ nativeType }) => nativeType !== ''))
  })

  t.test('columns without running', async t => {
    const connection = await open(t)
    const { columns } = await rowsOf(connection, sql.everything)
    t.same(await connection.describe(`${sql.everything} -- done`, options), columns)
    t.same(
      (await connection.describe(connection.select('things'), options)).map(({ name, type }) => [name, type]),
      [
        ['id', 'integer'],
        ['name', 'string'],
      ],
    )
  })

  t.test('no rows, and nothing but nulls', async t => {
    const connection = await open(t)
    const { columns, rows } = await rowsOf(connection, 'select id, name from things where id < 0;')
    t.same([columns.map(({ name }) => name), rows], [['id', 'name'], []])
    t.same((await rowsOf(connection, 'select name from things where id = 3')).rows, [[null]])
  })

  t.test('a whole table, ordered by all of it', async t => {
    const connection = await open(t)
    const columns = await connection.describe(connection.select('things'), options)
    const [id, name] = columns.map(column => connection.order(column))
    const ids = async (order: string) =>
      (await rowsOf(connection, `select id from things order by ${order}`)).rows.flat()
    t.same(await ids(`${id}, ${name}`), [1, 2, 3, 4, 5, 6, 7])
    t.same(await ids(`${name}, ${id}`), [4, 6, 2, 5, 1, 7, 3], 'texts by their bytes, nulls at the end')
  })

  t.test('values for names', async t => {
    const connection = await open(t)
    const ids = async (where: string, params: NonNullable<QueryOptions['params']>) =>
      (await rowsOf(connection, `select id from things where ${where} order by id`, { params })).rows.flat()
    t.same(await ids('id > $low and id < $high and id <> $low', { low: 1, high: 4 }), [2, 3])
    t.same(await ids('name = $name', { name: 'it\'s "x"' }), [1])
    t.same(await ids('name = $name', { name: `'; drop table things; --` }), [])
    t.same(await ids(`name = $name -- $no\n or name = '$no'`, { name: 'a' }), [5])
    t.same(await ids('$all', { all: true }), [1, 2, 3, 4, 5, 6, 7])
    t.same(await ids('id = 1 or name = $name', { name: null }), [1])
    t.match(await failureOf(connection, 'select $a', {}), { code: 'usage', message: 'no value for $a: q.sql' })
    t.match(await failureOf(connection, 'select 1', { params: { a: 1 } }), {
      code: 'usage',
      message: 'has no $a: q.sql',
    })
  })

  t.test('queries that are wrong', async t => {
    const refused = async (text: string, message: RegExp) => {
      const connection = await open(t)
      t.match(await failureOf(connection, text), { code: 'refused', message }, text)
    }
    await refused('select * from no_such_table', /no_such_table/i)
    await refused('select no_such_column from things', /no_such_column.*: q\.sql/i)
    await refused('-- about\n\nselect id\nfrm things wher', /: q\.sql(:4)?$/)
    await refused('select 1; select 2', /more than one SQL statement/)
    await refused('  ', /holds no SQL statement/)
    await refused(`select 'a`, /never ends/)
  })

  t.test('nothing is written', async t => {
    const before = await count()
    for (const text of sql.writes) {
      const connection = await open(t)
      t.match(
        await failureOf(connection, text),
        { code: 'refused', message: 'is no query that only reads: q.sql' },
        text,
      )
    }
    t.equal(await count(), before)
  })

  t.test('stopped', async t => {
    const connection = await open(t)
    const gone = AbortSignal.abort()
    t.match(await failureOf(connection, 'select 1', { signal: gone }), { code: 'interrupted' })
    const start = performance.now()
    const late = await failureOf(await open(t), sql.slow, { signal: AbortSignal.timeout(200) })
    t.match(late, { code: 'interrupted' })
    t.ok(performance.now() - start < 3000, `after ${(performance.now() - start).toFixed(0)} ms`)
    const controller = new AbortController()
    let seen = 0
    const reading = async () => {
      for await (const { rows } of (await open(t)).query(sql.series(many), { ...options, signal: controller.signal })) {
        seen += rows.length
        if (seen > 0) controller.abort()
      }
    }
    await t.rejects(reading(), { code: 'interrupted' }, 'between rows')
    t.ok(seen < many)
  })

  t.test('left early, and used again', async t => {
    const connection = await open(t)
    for await (const { rows } of connection.query(sql.series(many), options)) if (rows.length > 0) break
    t.same((await rowsOf(connection, 'select id from things where id = 1')).rows, [[1]])
  })

  t.test(`${many} rows in constant memory`, { timeout: 300_000 }, async t => {
    const connection = await open(t)
    let [rows, sum, peak] = [0, 0, 0]
    const before = process.memoryUsage().rss
    for await (const batch of connection.query(sql.series(many), options)) {
      rows += batch.rows.length
      for (const [n] of batch.rows) sum += Number(n)
      peak = Math.max(peak, process.memoryUsage().rss)
    }
    t.same([rows, sum], [many, (many * (many + 1)) / 2])
    const grown = (peak - before) / 1e6
    t.ok(grown < 200, `grown by ${grown.toFixed(0)} MB`)
  })
}
