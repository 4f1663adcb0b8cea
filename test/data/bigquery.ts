// Against a server of the tests' own: see support/bigquery-server.ts for what it is not.

import t, { type Test } from 'tap'
import type { BigQueryTarget } from '../../lib/core/config-connections.js'
import { openBigQuery } from '../../lib/data/bigquery.js'
import { startBigQuery } from '../support/bigquery-server.js'
import { connectionContract, failureOf, rowsOf, thingsSql } from '../support/connection-contract.js'
import { errorOf } from '../support/workspace.js'

// No credentials are looked for beyond this machine.
process.env.METADATA_SERVER_DETECTION = 'none'
delete process.env.GOOGLE_APPLICATION_CREDENTIALS

const server = await startBigQuery(t, ...thingsSql)

const target: BigQueryTarget = {
  ...{ type: 'bigquery', name: 'big', project: 'films', dataset: undefined, location: undefined },
  ...{ endpoint: server.endpoint, keyFile: undefined },
}

async function open(t: Test, change: Partial<BigQueryTarget> = {}) {
  const connection = await openBigQuery({ ...target, ...change })
  t.teardown(() => connection.close())
  return connection
}

t.test('contract', { timeout: 600_000 }, t => {
  connectionContract(t, {
    open: t => open(t),
    count: async () => Number((await server.run('select count(*) from things'))[0]?.[0]),
    many: 300_000,
    sql: {
      everything: `select cast(1 as int64) as whole, 9007199254740993 as large,
        cast(-9223372036854775808 as int64) as smallest, cast(0.1 as float8) as double, cast('inf' as float8) as endless,
        cast('nan' as float8) as none, cast(12345678901234567.25 as numeric(20,2)) as exact, true as flag,
        date '2024-02-29' as day, date '0001-01-01' as first, timestamp '2024-02-29 13:14:15.5' as moment,
        timestamptz '2024-02-29 13:14:15+02' as instant, timestamp '1901-01-01 00:00:00.000001' as old,
        concat('it', chr(39), 's "x", ü', chr(10), '😀', chr(9), chr(92)) as text, '' as empty,
        unhex('00ff') as bytes, cast(null as int64) as missing`,
      series: count => `select n, concat('row number ', n) as text from unnest(generate_array(1, ${count})) as n`,
      slow: 'select count(*) from range(10000000) a(i), range(10000000) b(j) where (i * j) % 7 = 3',
      writes: [
        `insert into things values (9, 'x')`,
        'delete from things where true',
        'create table more (a int64)',
        'drop table things',
      ],
    },
  })
  t.end()
})

t.test('lists and records', async t => {
  const { columns, rows } = await rowsOf(
    await open(t),
    `select [1, 9007199254740993] as a, {'x': 1, 'y': null::varchar} as b, cast([] as int64[]) as c`,
  )
  t.same(
    columns.map(({ nativeType, type }) => [nativeType, type]),
    [
      ['ARRAY<INTEGER>', 'string'],
      ['RECORD', 'string'],
      ['ARRAY<INTEGER>', 'string'],
    ],
  )
  t.same(rows, [['[1,"9007199254740993"]', '{"x":1,"y":null}', '[]']])
})

t.test('a dry run first, then pages', async t => {
  const connection = await open(t)
  const before = server.requests.length
  t.equal((await rowsOf(connection, 'select n from unnest(generate_array(1, 25000)) as n')).rows.length, 25_000)
  const requests = server.requests.slice(before)
  t.same(
    requests.map(line => line.replace(/(queries)\/.*/, '$1/JOB')),
    [
      ...['POST /bigquery/v2/projects/films/jobs', 'POST /bigquery/v2/projects/films/jobs'],
      ...Array.from({ length: 3 }, () => 'GET /bigquery/v2/projects/films/queries/JOB'),
    ],
  )
  const asked = server.requests.length
  await connection.describe('select 1 as a', { source: 'q' })
  t.equal(server.requests.length, asked + 1, 'columns cost no query')
})

t.test('what the service says', async t => {
  const fails = async (status: number, reason: string, message = 'because') => {
    const own = await startBigQuery(t)
    own.failNext(/^POST/, { status, reason, message }, 100)
    return failureOf(await open(t, { endpoint: own.endpoint }), 'select 1 as a')
  }
  const login = { code: 'remote', message: /does not let the user in \(because\)/, hint: /CREDENTIALS/ }
  t.match(await fails(403, 'accessDenied'), login)
  t.match(await fails(401, 'authError'), { code: 'remote', hint: /CREDENTIALS/ })
  t.match(await fails(404, 'notFound', 'Not found: Table films:a.b'), {
    code: 'refused',
    message: /Table films:a\.b\): q\.sql$/,
  })
  t.match(await fails(400, 'invalidQuery', 'Unrecognized name: x at [3:7]'), { code: 'refused', message: /q\.sql:3$/ })
  t.match(await fails(400, 'backendError', 'ouch, key=abc password=secret'), { code: 'remote', message: /ouch/ })
  t.notMatch((await fails(400, 'backendError', 'ouch, password=secret')).message, /secret/)
})

t.test('a service that goes away', async t => {
  const away = await startBigQuery(t)
  const connection = await openBigQuery({ ...target, endpoint: away.endpoint })
  away.failNext(/\/queries\//, 'cut', 100)
  const error = await errorOf(t, rowsOf(connection, 'select n from unnest(generate_array(1, 3)) as n'))
  t.match(error, { code: 'remote' }, error.message)
  const nobody = await openBigQuery({ ...target, endpoint: 'http://127.0.0.1:1' })
  t.match(await failureOf(nobody, 'select 1'), { code: 'remote' })
})

t.test('no key file, no package', async t => {
  const error = await failureOf(await open(t, { keyFile: '/no/such/key.json' }), 'select 1 as a')
  t.match(error, { code: 'remote', message: /key\.json/, hint: /GOOGLE_APPLICATION_CREDENTIALS/ })
  const load = async () => {
    throw Object.assign(new Error('no'), { code: 'MODULE_NOT_FOUND' })
  }
  const missing = await errorOf(t, openBigQuery(target, load))
  t.match(missing, { code: 'refused', hint: 'npm install @google-cloud/bigquery@8' })
})
