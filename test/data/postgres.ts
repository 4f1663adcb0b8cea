import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join, resolve } from 'node:path'
import t, { type Test } from 'tap'
import type { PostgresTarget } from '../../lib/core/config-connections.js'
import { openPostgres } from '../../lib/data/postgres.js'
import { connectionContract, failureOf, rowsOf, thingsSql } from '../support/connection-contract.js'
import { findPostgres, noPostgres, type PostgresDatabase } from '../support/postgres-server.js'
import { errorOf, temporaryDirectory } from '../support/workspace.js'

const server = findPostgres()
if (server === undefined) console.error(`SKIPPED: ${noPostgres}`)
const skip = server === undefined ? { skip: noPostgres } : {}

async function open(t: Test, target: PostgresTarget) {
  const connection = await openPostgres(target, {})
  t.teardown(() => connection.close())
  return connection
}

const failure = (work: Promise<unknown>) => errorOf(t, work)

const series = (count: number): string => `select n, 'row number ' || n as text from generate_series(1, ${count}) as n`

t.test('with a server', { ...skip, timeout: 600_000 }, async t => {
  const database = (await server?.makeDatabase(t, thingsSql.join(';'))) as PostgresDatabase
  const { target } = database

  t.test('contract', t => {
    connectionContract(t, {
      open: t => open(t, target),
      count: async () => Number((await database.run('select count(*) from things'))[0]?.count),
      sql: {
        everything: `select 1::smallint as whole, 9007199254740993 as large, (-9223372036854775808)::bigint as smallest,
          0.1::float8 as double, 'inf'::float8 as endless, 'nan'::float8 as none,
          12345678901234567.25::numeric(20,2) as exact, true as flag, date '2024-02-29' as day,
          date '0001-01-01' as first, timestamp '2024-02-29 13:14:15.5' as moment,
          timestamptz '2024-02-29 13:14:15+02' as instant, timestamp '1901-01-01 00:00:00.000001' as old,
          e'it\\'s "x", ü\\n😀\\t\\\\' as text, '' as empty, '\\x00ff'::bytea as bytes, null::int as missing`,
        series,
        slow: 'select count(*) from generate_series(1, 10000000) a, generate_series(1, 10000000) b',
        writes: [
          `insert into things values (9, 'x') returning id`,
          'delete from things',
          'create table more (a int)',
          'drop table things',
          'select * into more from things',
          `with gone as (delete from things returning id) select * from gone`,
          `set work_mem = '8MB'`,
          'truncate things',
        ],
      },
    })
    t.end()
  })

  t.test('further types', async t => {
    await database.run(`create type mood as enum ('glad', 'sad')`)
    const { columns, rows } = await rowsOf(
      await open(t, target),
      `select 0.1::real, 1.50::numeric, 5::numeric(3,0), 5::numeric(3,-1), 'glad'::mood, '{1,null}'::int[],
       jsonb '{"a": 1}', time '01:02:03.5', uuid 'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11', 'infinity'::date,
       'infinity'::timestamp, date '0044-03-15 BC', timestamptz '10000-01-01 00:00:00+00', interval '3 days',
       99999999999999999999999::numeric(30,0)`,
    )
    t.same(rows, [
      [
        ...[0.1, '1.50', '5', '10', 'glad', '{1,NULL}', '{"a": 1}', '01:02:03.5'],
        ...['a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', 'infinity', 'infinity', '-000043-03-15', '+010000-01-01T00:00:00Z'],
        ...['P3D', '99999999999999999999999'],
      ],
    ])
    t.same(columns.map(({ nativeType }) => nativeType).slice(0, 4), [
      'float4',
      'numeric',
      'numeric(3,0)',
      'numeric(3,-1)',
    ])
  })

  t.test('rows of a megabyte each come a few at a time', async t => {
    const connection = await open(t, target)
    let most = 0
    for await (const { rows } of connection.query(`select repeat('x', 1000000) from generate_series(1, 100)`, {
      source: 'q',
    }))
      most = Math.max(most, rows.length)
    t.equal(most, 32, 'the first are as many as of any table')
  })

  t.test('words of the server, with the line', async t => {
    const error = await failureOf(await open(t, target), '-- one\n\nselect id, nam\nfrom things')
    t.equal(
      error.message,
      'the warehouse refuses the query (column "nam" does not exist; Perhaps you meant to reference the column "things.name".): q.sql:3',
    )
    t.match(await failureOf(await open(t, target), 'select 1/0'), { code: 'refused', message: /division by zero/ })
    t.match(await failureOf(await open(t, target), 'select 1 limit $a', { params: { a: 'x' } }), { code: 'refused' })
  })

  t.test('who is let in', async t => {
    const attempt = (change: Partial<PostgresTarget>) => open(t, { ...target, ...change })
    const wrong = await failure(attempt({ password: { type: 'given', text: 'a-wrong-one' } }))
    t.match(wrong, { code: 'remote', message: /^the password is not accepted/ })
    t.notMatch(
      JSON.stringify([wrong, wrong.message, wrong.hint, wrong.stack, (wrong.cause as Error).stack]),
      /a-wrong-one/,
    )
    t.match(await failure(attempt({ password: { type: 'none', hint: 'set it' } })), {
      code: 'remote',
      message: `connection 'shop' needs a password, and there is none: ${target.host}`,
      hint: 'set it',
    })
    t.match(await failure(attempt({ password: { type: 'withheld', hint: 'trust it' } })), {
      code: 'refused',
      message: `a password is not sent to a host that only the repository names: ${target.host}`,
      hint: 'trust it',
    })
    t.match(await failure(attempt({ database: 'none' })), { code: 'remote', message: /^there is no such database/ })
    t.match(await failure(attempt({ user: 'nobody' })), { code: 'remote' })
    const guest = await attempt({ user: 'guest', password: { type: 'withheld', hint: '' } })
    t.same((await rowsOf(guest, 'select 1 as a')).rows, [[1]], 'none is needed where none is asked for')
    t.match(await failure(attempt({ tls: 'verified' })), { code: 'remote', message: /SSL/ })
  })

  t.test('a connection that the server ends', async t => {
    const connection = await open(t, target)
    const reading = async () => {
      for await (const { rows } of connection.query(series(1_000_000), { source: 'q' })) {
        if (rows.length === 0) continue
        await database.run(
          `select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()`,
        )
      }
    }
    // Where the reset overtakes what the server says of it, that is all there is to tell.
    t.match(await failure(reading()), {
      code: 'remote',
      message: /^(?:the server was shut down .*|the connection broke: 127\.0\.0\.1):\d+$/,
    })
    t.match(await failureOf(connection, 'select 1'), { code: 'remote' })
    await connection.close()
  })

  t.test('what nobody waits for is not computed on', { timeout: 30_000 }, async t => {
    const connection = await open(t, target)
    const slow = 'select count(*) as unheard from generate_series(1, 10000000) a, generate_series(1, 10000000) b'
    t.match(await failureOf(connection, slow, { signal: AbortSignal.timeout(300) }), { code: 'interrupted' })
    const running = async () =>
      (
        await database.run(
          `select 1 from pg_stat_activity where query like '%as unheard%' and pid <> pg_backend_pid() and state = 'active'`,
        )
      ).length
    for (let tries = 0; tries < 100 && (await running()) > 0; tries++) await new Promise(done => setTimeout(done, 100))
    t.equal(await running(), 0)
  })
})

t.test('a server that is killed', { ...skip, timeout: 120_000 }, async t => {
  const directory = temporaryDirectory(t)
  chmodSync(directory, 0o711)
  const place = join(directory, 'pg')
  const script = (name: string, ...args: readonly string[]) =>
    spawnSync(resolve(import.meta.dirname, '../../../test/support', name), [place, ...args], { encoding: 'utf8' })
  const port = await freePort()
  const up = script('postgres-up.sh', String(port))
  t.teardown(() => script('postgres-down.sh'))
  t.equal(up.status, 0, up.stderr)
  const database = (await findPostgres(`postgres://ddv:testing@127.0.0.1:${port}/ddv`)?.makeDatabase(
    t,
  )) as PostgresDatabase
  const connection = await open(t, database.target)
  let seen = 0
  const reading = async () => {
    for await (const { rows } of connection.query(series(1_000_000), { source: 'q' })) {
      if (rows.length > 0 && seen === 0)
        process.kill(Number(readFileSync(join(place, 'data/postmaster.pid'), 'utf8').split('\n')[0]), 'SIGKILL')
      seen += rows.length
      await new Promise(done => setTimeout(done, 20))
    }
  }
  const error = await failure(reading())
  t.match(error, { code: 'remote', message: /^(the connection broke|the server)/ })
  t.ok(seen > 0 && seen < 1_000_000)
  t.match(await failure(open(t, database.target)), { code: 'remote', message: `connection refused: 127.0.0.1:${port}` })
})

t.test('no server', async t => {
  const target: PostgresTarget = {
    ...{ type: 'postgres', name: 'shop', host: '127.0.0.1', port: await freePort(), user: 'u', database: 'd' },
    ...{ tls: 'off', password: { type: 'none', hint: '' } },
  }
  t.match(await failure(open(t, target)), { code: 'remote', message: `connection refused: 127.0.0.1:${target.port}` })
  t.match(await failure(open(t, { ...target, host: '/nowhere' })), {
    code: 'remote',
    message: 'no server at this socket: /nowhere',
  })
  t.match(await failure(open(t, { ...target, host: 'no-such-host.invalid' })), {
    code: 'remote',
    message: /^host not found/,
  })
  t.match(await failure(openPostgres(target, { signal: AbortSignal.abort() })), { code: 'interrupted' })
  const silent = createServer().listen(0, '127.0.0.1')
  await once(silent, 'listening')
  t.teardown(() => silent.close())
  const { port } = silent.address() as { port: number }
  t.match(await failure(openPostgres({ ...target, port }, { signal: AbortSignal.timeout(200) })), {
    code: 'interrupted',
  })
})

t.test('without the packages', async t => {
  const load = async () => {
    throw Object.assign(new Error('no'), { code: 'MODULE_NOT_FOUND' })
  }
  const target = { type: 'postgres', name: 'shop' } as PostgresTarget
  t.match(await failure(openPostgres(target, { load })), { code: 'refused', hint: 'npm install pg pg-cursor' })
})

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const { port } = probe.address() as { port: number }
  await new Promise(done => probe.close(done))
  return port
}
