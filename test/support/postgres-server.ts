// The PostgreSQL server that the tests run against: a real one, named by DDV_TEST_POSTGRES (see postgres-up.sh), such as
// postgres://ddv:testing@127.0.0.1:5432/ddv. Without it such tests are skipped, and say so.

import { randomBytes } from 'node:crypto'
import pg from 'pg'
import type { Test } from 'tap'
import type { PostgresTarget } from '../../lib/core/config-connections.js'

export interface PostgresServer {
  readonly url: URL
  /** Makes an empty database, with what the SQL puts into it; gone when the test ends. */
  makeDatabase(t: Test, sql?: string): Promise<PostgresDatabase>
}

export interface PostgresDatabase {
  readonly target: PostgresTarget
  /** With its password. */
  readonly url: string
  /** Without it. */
  readonly publicUrl: string
  readonly password: string
  /** As its owner, over a connection of its own. */
  run(sql: string): Promise<readonly Record<string, unknown>[]>
}

/** undefined where there is none. */
export function findPostgres(variable = process.env.DDV_TEST_POSTGRES): PostgresServer | undefined {
  if (variable === undefined || variable === '') return undefined
  const url = new URL(variable)
  return {
    url,
    async makeDatabase(t, sql = '') {
      const name = `ddv_${randomBytes(8).toString('hex')}`
      await run(url, `create database ${name}`)
      t.teardown(() => run(url, `drop database ${name} with (force)`).catch(() => undefined))
      const own = new URL(url)
      own.pathname = `/${name}`
      if (sql !== '') await run(own, sql)
      const publicUrl = new URL(own)
      publicUrl.password = ''
      const { hostname: host, username: user, password } = own
      return {
        url: own.href,
        publicUrl: publicUrl.href,
        password,
        target: {
          ...{ type: 'postgres', name: 'shop', host, port: Number(own.port), user, database: name, tls: 'off' },
          password: { type: 'given', text: password },
        },
        run: sql => run(own, sql),
      }
    },
  }
}

async function run(url: URL, sql: string): Promise<readonly Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url.href })
  client.on('error', () => undefined)
  await client.connect()
  try {
    const result = await client.query(sql)
    return ([result].flat().at(-1) as pg.QueryResult).rows
  } finally {
    await client.end()
  }
}

export const noPostgres = 'DDV_TEST_POSTGRES names no PostgreSQL server: start one with test/support/postgres-up.sh'
