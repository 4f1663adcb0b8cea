import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DuckDBInstance } from '@duckdb/node-api'
import t, { type Test } from 'tap'
import type { DuckDbTarget } from '../../lib/core/config-connections.js'
import { openDuckDb } from '../../lib/data/duckdb-connection.js'
import { connectionContract, failureOf, rowsOf, thingsSql } from '../support/connection-contract.js'
import { temporaryDirectory } from '../support/workspace.js'

const root = temporaryDirectory(t)
const options = { root, temporary: join(root, 'tmp'), threads: 2 }
const target = (path?: string): DuckDbTarget => ({ type: 'duckdb', name: 'shop', path, memory: 200_000_000 })

async function open(t: Test, path?: string) {
  const connection = await openDuckDb(target(path), options)
  t.teardown(() => connection.close())
  return connection
}

async function makeDatabase(file: string, ...statements: readonly string[]): Promise<void> {
  const instance = await DuckDBInstance.create(file)
  const connection = await instance.connect()
  for (const sql of statements) await connection.run(sql)
  connection.closeSync()
  instance.closeSync()
}

await makeDatabase(join(root, 'things.duckdb'), ...thingsSql)

t.test('contract', t => {
  connectionContract(t, {
    open: t => open(t, 'things.duckdb'),
    count: async () => {
      const instance = await DuckDBInstance.create(join(root, 'things.duckdb'), { access_mode: 'READ_ONLY' })
      const connection = await instance.connect()
      const [[found] = []] = (await connection.runAndReadAll('select count(*)::int from things')).getRows()
      connection.closeSync()
      instance.closeSync()
      return Number(found)
    },
    sql: {
      everything: `select 1::smallint as whole, 9007199254740993 as large, (-9223372036854775808)::bigint as smallest,
        0.1::double as double, 'inf'::double as endless, 'nan'::double as none,
        12345678901234567.25::decimal(20,2) as exact, true as flag, date '2024-02-29' as day, date '0001-01-01' as first,
        timestamp '2024-02-29 13:14:15.5' as moment, timestamptz '2024-02-29 13:14:15+02' as instant,
        timestamp '1901-01-01 00:00:00.000001' as old, e'it\\'s "x", ü\\n😀\\t\\\\' as text, '' as empty,
        '\\x00\\xFF'::blob as bytes, null::int as missing`,
      series: count => `select n, 'row number ' || n as text from range(1, ${count} + 1) r(n)`,
      slow: 'select count(*) from range(10000000) a(i), range(10000000) b(j) where (i * j) % 7 = 3',
      writes: [
        `insert into things values (9, 'x') returning id`,
        'delete from things',
        'create table more (a int)',
        'create temp table more (a int)',
        'drop table things',
        `copy things to '${join(root, 'out.csv')}'`,
        `attach '${join(root, 'new.duckdb')}'`,
        'set threads = 1',
        'install httpfs',
        'checkpoint',
      ],
    },
  })
  t.test('no file was made', async t => {
    t.notOk(existsSync(join(root, 'out.csv')) || existsSync(join(root, 'new.duckdb')))
  })
  t.end()
})

t.test('files of the workspace', async t => {
  mkdirSync(join(root, 'data'), { recursive: true })
  writeFileSync(join(root, 'data/x.csv'), 'id,name\n1,a\n2,b\n')
  writeFileSync(join(root, 'data/x.jsonl'), '{"id":3}\n')
  await makeDatabase(':memory:', `copy (select 4 as id) to '${join(root, 'data/x.parquet')}'`)
  const connection = await open(t)
  const ids = async (from: string) => (await rowsOf(connection, `select id from ${from} order by id`)).rows.flat()
  t.same(await ids(`read_csv('data/x.csv')`), [1, 2])
  t.same(await ids(`'data/*.jsonl'`), [3])
  t.same(await ids(`'data/x.parquet'`), [4])
  t.match(await failureOf(connection, `select * from 'data/none.csv'`), { code: 'refused', message: /none\.csv/ })
  t.match(await failureOf(connection, `select * from 'https://127.0.0.1:9/x.csv'`), { code: 'refused' })
  for (const write of [`copy (select 1) to '${join(root, 'o.csv')}'`, 'create table t (a int)'])
    t.match(await failureOf(connection, write), { code: 'refused', message: /only reads/ })
  t.notOk(existsSync(join(root, 'o.csv')))
})

t.test('further types', async t => {
  const connection = await open(t)
  const { columns, rows } = await rowsOf(
    connection,
    `select 0.1::float, 16777217::float, 170141183460469231731687303715884105727::hugeint, 5::decimal(3,0),
     timestamp_s '2024-01-01 00:00:01', timestamp_ms '2024-01-01 00:00:01.250', timestamp_ns '1969-12-31 23:59:59.999999999',
     time '01:02:03.5', uuid 'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11', [1, null, 3], {'a': 'x', 'b': 1.5}, 'infinity'::date,
     timestamp 'infinity', date '-0043-03-15', interval 3 days, 'b'::enum('a', 'b')`,
  )
  t.same(rows, [
    [
      ...[0.1, 16_777_216, 170141183460469231731687303715884105727n, 5],
      ...['2024-01-01T00:00:01', '2024-01-01T00:00:01.25', '1969-12-31T23:59:59.999999999'],
      ...['01:02:03.5', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', '[1,null,3]', '{"a":"x","b":"1.5"}', 'infinity'],
      ...['infinity', '-000043-03-15', '3 days', 'b'],
    ],
  ])
  t.same(columns[3]?.type, 'integer')
  t.equal(columns[2]?.nativeType, 'HUGEINT')
})

t.test('columns may have any names, and the same', async t => {
  const { columns, rows } = await rowsOf(await open(t), `select 1 as a, 2 as a, 3 as "x ""y""", 4 as __proto__`)
  t.same(
    columns.map(({ name }) => name),
    ['a', 'a', 'x "y"', '__proto__'],
  )
  t.same(rows, [[1, 2, 3, 4]])
})

t.test('databases that cannot be opened', async t => {
  writeFileSync(join(root, 'no.duckdb'), 'this is no database'.repeat(1000))
  await t.rejects(open(t, 'none.duckdb'), { code: 'remote', message: /is not there: .*none\.duckdb$/ })
  await t.rejects(open(t, 'no.duckdb'), { code: 'remote', message: /cannot be opened \(.*\): .*no\.duckdb$/ })
  t.notOk(existsSync(join(root, 'none.duckdb')), 'and none is made')
})

t.test('held by another process', async t => {
  await makeDatabase(join(root, 'held.duckdb'), ...thingsSql)
  const script = `const { DuckDBInstance } = require('@duckdb/node-api')
    DuckDBInstance.create(${JSON.stringify(join(root, 'held.duckdb'))}).then(() => console.log('open'))
    setInterval(() => undefined, 1000)`
  const holder = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] })
  try {
    await once(holder.stdout, 'data')
    await t.rejects(open(t, 'held.duckdb'), { code: 'remote', message: /lock/i, hint: /another process/ })
  } finally {
    holder.kill('SIGKILL')
    await once(holder, 'exit')
  }
  t.equal((await rowsOf(await open(t, 'held.duckdb'), 'select id from things')).rows.length, 7)
})

t.test('without the package', async t => {
  const load = async () => {
    throw Object.assign(new Error('no'), { code: 'ERR_MODULE_NOT_FOUND' })
  }
  await t.rejects(openDuckDb(target(), { ...options, load }), {
    code: 'refused',
    message: /needs a package that is not installed/,
    hint: 'npm install @duckdb/node-api',
  })
})

t.test('in the time zone of any machine', async t => {
  const script = `import { openDuckDb } from ${JSON.stringify(new URL('../../lib/data/duckdb-connection.js', import.meta.url).href)}
    const c = await openDuckDb({ type: 'duckdb', name: 'x', path: undefined, memory: 1e8 }, ${JSON.stringify(options)})
    for await (const { rows } of c.query("select timestamptz '2024-06-01 12:00:00+00' as a, '2024-06-01 12:00:00'::timestamptz as b, timestamp '2024-06-01 12:00:00' as c", { source: 'q' }))
      if (rows.length > 0) console.log(JSON.stringify(rows))`
  const say = (zone: string) =>
    execFileSync(process.execPath, ['--input-type=module', '-e', script], {
      env: { ...process.env, TZ: zone, NODE_OPTIONS: '' },
      encoding: 'utf8',
    }).trim()
  const expected = '[["2024-06-01T12:00:00Z","2024-06-01T12:00:00Z","2024-06-01T12:00:00"]]'
  t.equal(say('Asia/Tokyo'), expected)
  t.equal(say('America/New_York'), expected)
})
