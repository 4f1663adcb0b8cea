import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import t, { type Test } from 'tap'
import { quoteName, quoteText, withDatabase } from '../../lib/data/duckdb.js'
import { diffRows, type RowDiffOptions } from '../../lib/data/row-diff.js'
import { tableFormat } from '../../lib/data/table-files.js'

type Content = string | Buffer

async function compare(
  t: Test,
  name: string,
  [before, after]: readonly [Content, Content],
  options: Partial<RowDiffOptions> = {},
) {
  const format = tableFormat(name)
  if (format === undefined) throw new Error(`no table: ${name}`)
  // A name that is a pattern and ends a string, in a directory that does too.
  const files = ['a', 'b'].map(side => {
    const directory = join(t.testdirName, `${side} [x]*'"?`)
    mkdirSync(directory, { recursive: true })
    return join(directory, `it's "${side}" [1]*?; drop table a`)
  }) as [string, string]
  writeFileSync(files[0], before)
  writeFileSync(files[1], after)
  const all = { temporary: join(t.testdirName, 'tmp'), threads: 2, limit: 10, ...options }
  return diffRows({ path: files[0], ...format }, { path: files[1], ...format }, all)
}

t.test('rows by a key that is found', async t => {
  t.testdir({})
  const result = await compare(t, 'x.csv', [
    'name,id,v\na,1,x\nb,2,x\nc,10,x\n',
    'name,id,v,w\na,1,x,\nb,2,y,\nd,9,z,new\n',
  ])
  t.same(result, {
    key: ['id'],
    columns: { added: [{ name: 'w', type: 'VARCHAR' }], removed: [], retyped: [] },
    rows: { before: 3, after: 3 },
    added: 1,
    removed: 1,
    changed: 1,
    changedIn: [{ name: 'v', rows: 1 }],
    changes: [
      { change: 'changed', row: { id: '2' }, before: { v: 'x' }, after: { v: 'y' } },
      { change: 'added', row: { name: 'd', id: '9', v: 'z', w: 'new' } },
      { change: 'removed', row: { name: 'c', id: '10', v: 'x' } },
    ],
  })
})

t.test('a key that is given', async t => {
  t.testdir({})
  const both = ['g,k,v\na,1,x\na,2,x\nb,1,x\n', 'g,k,v\nb,1,x\na,1,x\na,2,y\n'] as const
  const result = await compare(t, 'x.csv', both, { key: ['g', 'k'] })
  t.match(result, { added: 0, removed: 0, changed: 1, changes: [{ row: { g: 'a', k: '2' }, after: { v: 'y' } }] })
  await t.rejects(compare(t, 'x.csv', both, { key: ['g'] }), { code: 'usage', message: /single rows/ })
  await t.rejects(compare(t, 'x.csv', both, { key: ['nope'] }), { code: 'usage', message: /no such column.*nope/ })
})

t.test('without a key whole rows are compared, wherever they stand', async t => {
  t.testdir({})
  const result = await compare(t, 'x.csv', ['a,b\n1,x\n1,x\n1,x\n2,y\n', 'a,b\n2,y\n1,x\n3,z\n3,z\n'])
  t.match(result, { key: [], added: 2, removed: 2, changed: 0 })
  t.same(
    result.changes.map(({ change, row }) => `${change} ${row.a} ${row.b}`),
    ['removed 1 x', 'removed 1 x', 'added 3 z', 'added 3 z'],
  )
})

t.test('what stands in the file counts, not what it may mean', async t => {
  t.testdir({})
  const result = await compare(t, 'x.csv', ['id,v\n1,007\n2,1.0\n3,x\n', 'id,v\n1,7\n2,1.0\n3,x\n'])
  t.match(result, { changed: 1, changes: [{ row: { id: '1' }, before: { v: '007' }, after: { v: '7' } }] })
  const typed = await compare(t, 'x.csv', ['id,v\n1,1\n2,2\n', 'id,v\n1,1\n2,many\n'])
  t.match(typed, { columns: { retyped: [{ name: 'v', before: 'BIGINT', after: 'VARCHAR' }] } })
})

t.test('hostile content and column names stay content and names', async t => {
  t.testdir({})
  const head = '"i""d","a; drop table b","__proto__","=1+1|x"'
  const result = await compare(t, 'x.csv', [
    `${head}\n1,"line\none","=cmd|' /C calc'!A0",""\n2,"a,""b""",'; select 1 --,y\n`,
    `${head}\n1,"line\ntwo","=cmd|' /C calc'!A0",""\n2,"a,""b""",'; select 1 --,z\n`,
  ])
  t.same(result.key, ['i"d'])
  t.equal(result.changed, 2)
  t.same(result.changes[0]?.before, { 'a; drop table b': 'line\none' })
  t.same(result.changes[1]?.after, { '=1+1|x': 'z' })
  t.equal(quoteText("a'b"), "'a''b'")
  t.equal(quoteName('a"b'), '"a""b"')
})

t.test('other formats', async t => {
  t.testdir({})
  const tsv = await compare(t, 'x.tsv', ['id\tv\n1\ta,b\n', 'id\tv\n1\ta,c\n'])
  t.match(tsv, { changed: 1, changes: [{ before: { v: 'a,b' } }] })
  const semicolons = await compare(t, 'x.csv', ['id;v\n1;a,b\n', 'id;v\n1;a,c\n'])
  t.match(semicolons, { changed: 1, changes: [{ before: { v: 'a,b' } }] })
  const zipped = await compare(t, 'x.csv.gz', [gzipSync('id,v\n1,a\n2,b\n'), gzipSync('id,v\n1,a\n2,c\n')])
  t.match(zipped, { changed: 1, changes: [{ row: { id: '2' } }] })
  const lines = await compare(t, 'x.jsonl', [
    '{"id":1,"v":{"a":[1,2]}}\n{"id":2,"v":1}\n',
    '{"id":1,"v":{"a":[1,3]}}\n{"id":2,"v":1,"new":"x"}\n',
  ])
  t.match(lines, {
    key: ['id'],
    columns: { added: [{ name: 'new' }] },
    changed: 1,
    changes: [{ after: { v: '{"a":[1,3]}' } }],
  })
  const [parquet, second] = [join(t.testdirName, 'p.parquet'), join(t.testdirName, 'q.parquet')]
  await withDatabase({ temporary: join(t.testdirName, 'tmp'), threads: 1 }, async database => {
    await database.query(`copy (select i as id, i * 2 as v from range(100) r(i)) to ${quoteText(parquet)}`)
    await database.query(
      `copy (select i as id, case when i = 7 then 0 else i * 2 end as v from range(101) r(i)) to ${quoteText(second)}`,
    )
  })
  const file = { format: 'parquet', gzip: false } as const
  const options = { temporary: join(t.testdirName, 'tmp'), threads: 2, limit: 10 }
  const typed = await diffRows({ path: parquet, ...file }, { path: second, ...file }, options)
  t.match(typed, {
    key: ['id'],
    added: 1,
    changed: 1,
    changes: [{ row: { id: '7' }, before: { v: '14' }, after: { v: '0' } }, {}],
  })
})

t.test('what is no table is an error in plain words', async t => {
  t.testdir({})
  await t.rejects(compare(t, 'x.parquet', ['no', 'no']), { code: 'refused', message: /cannot be read as a table/ })
  await t.rejects(compare(t, 'x.jsonl', ['{"a":1}\n', '{"a":\n']), { code: 'refused' })
})

t.test('no line is left out unsaid', async t => {
  t.testdir({})
  const comment = ['id,v\n1,10\n#2,20\n', 'id,v\n1,10\n#2,99\n'] as const
  t.match(await compare(t, 'x.csv', comment), { rows: { before: 2, after: 2 }, changed: 1 })
  t.match(await compare(t, 'x.csv', comment, { key: ['id'] }), { changed: 1, changes: [{ row: { id: '#2' } }] })
  const above = ['Report of A\na,b\n1,2\n', 'Report of B\na,b\n1,2\n'] as const
  await t.rejects(compare(t, 'x.csv', above), { code: 'refused', message: /cannot be read as a table/ })
  const ragged = ['a,b\n1,2\n3\n4,5,6\n7,8,9\n', 'a,b\n1,99\n3\n4,5,6\n7,8,9\n'] as const
  await t.rejects(compare(t, 'x.csv', ragged), { code: 'refused', message: /cannot be read as a table/ })
})

t.test('empty tables, and those that have only a head', async t => {
  t.testdir({})
  t.match(await compare(t, 'x.csv', ['a,b\n', 'a,b\n1,2\n']), { rows: { before: 0, after: 1 }, added: 1 })
  t.match(await compare(t, 'x.csv', ['a,b\n1,2\n', 'c,d\n1,2\n']), {
    added: 1,
    removed: 1,
    columns: { added: [{}, {}] },
  })
})

t.test('without the package the error says what to install', async t => {
  t.testdir({})
  const load = () => import('no-such-package-anywhere' as string)
  await t.rejects(compare(t, 'x.csv', ['a\n1\n', 'a\n2\n'], { load }), {
    code: 'refused',
    hint: 'npm install @duckdb/node-api',
  })
})

t.test('which names are tables', async t => {
  for (const name of ['a.csv', 'A.CSV', 'x.tsv.gz', 'x.ndjson', 'x.jsonl', 'x.parquet']) t.ok(tableFormat(name), name)
  for (const name of ['csv', 'a.json', 'a.csv.zip', 'x.parquet.gz', 'a.csv/b']) t.notOk(tableFormat(name), name)
})
