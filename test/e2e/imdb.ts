// The example project whole: its own tests, its warehouse, and its pipeline from the raw table to a model.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { DuckDBInstance } from '@duckdb/node-api'
import t from 'tap'
import { imdbEnv, placeImdb, type } from '../support/imdb.js'
import { temporaryDirectory } from '../support/workspace.js'

const top = temporaryDirectory(t)
const env = await imdbEnv(join(top, 'bin'))

/** Ends the test where the command does not end with 0. */
function run(cwd: string, line: string): string {
  const { code, said } = type(cwd, line, env)
  if (code !== 0) throw new Error(`ended with ${code}: ${line}\n${said}`)
  return said
}

t.test('its types hold, and so do its tests', async t => {
  const root = join(top, 'own')
  placeImdb(root)
  run(root, 'tsc -p .')
  const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { scripts: { test: string } }
  const { code, said } = type(root, scripts.test, env)
  t.equal(code, 0, said)
  t.match(said, /^# fail 0$/m)
})

t.test('the warehouse', async t => {
  const root = join(top, 'warehouse')
  placeImdb(root)
  t.equal(run(root, 'tsx warehouse/make.ts --duckdb all.duckdb'), '3201 films in all.duckdb\n')
  t.equal(run(root, 'tsx warehouse/make.ts --duckdb two.duckdb --batch 1'), '2800 films in two.duckdb\n')
  t.equal(run(root, 'tsx warehouse/make.ts --duckdb two.duckdb --batch 2'), '3201 films in two.duckdb\n')
  t.equal(run(root, 'tsx warehouse/make.ts --duckdb two.duckdb --batch 1'), '3201 films in two.duckdb\n', 'as it is')
  const [all, two] = [await rowsOf(join(root, 'all.duckdb')), await rowsOf(join(root, 'two.duckdb'))]
  t.equal(all.length, 3201)
  t.same(two, all, 'in two batches the same')
  t.match(all[0], [1, 'The Land Girls', null, null, '1998-06-12', null, 'R', null, '6.1', 1071, 1])
  t.match(all[3200]?.at(-1), 2)
})

/** As texts, where JavaScript has no such value. */
async function rowsOf(file: string): Promise<readonly (readonly unknown[])[]> {
  const instance = await DuckDBInstance.create(file)
  const connection = await instance.connect()
  const reader = await connection.runAndReadAll('select * from staging.filtered_movies_incremental order by id')
  const rows = reader.getRowsJson()
  connection.closeSync()
  instance.closeSync()
  return rows
}
