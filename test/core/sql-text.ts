import t from 'tap'
import { paramNames, parseSql, type SqlSyntax, writeParams } from '../../lib/core/sql-text.js'

const parse = (sql: string, syntax: SqlSyntax = 'standard') => parseSql(sql, syntax, 'q.sql')

t.test('one statement, whatever is around it', async t => {
  for (const sql of [
    'select 1',
    'select 1;',
    'select 1 ; ; -- done;',
    '/* a /* b; */ ; */ select 1;',
    '-- x;\nselect 1',
  ])
    t.equal(parse(sql).text.trim(), 'select 1', sql)
  for (const sql of ['', ' \n', ';', '-- nothing', '/* nothing */;'])
    t.throws(() => parse(sql), { code: 'refused', message: 'holds no SQL statement: q.sql' }, sql)
  t.throws(() => parse('select 1;\n\ndrop table t'), { message: 'has more than one SQL statement: q.sql:3' })
})

t.test('a ; in texts, names and comments ends nothing', async t => {
  for (const sql of [
    `select ';', ''';', E'\\';', ";", $$;$$, $tag$ ; $$ ; $tag$, a$b from "x"";"`,
    'select 1 -- ;\n + /* ; */ 2',
  ])
    t.equal(parse(sql).text, sql)
  for (const sql of [
    "select \";\", ';\\';', `;`, \"\"\";\";\"\"\", r'\\', '''a'b;'''",
    'select 1 # ;\n + 2',
    '/* /* ; */ select 1',
  ])
    t.equal(parse(sql, 'bigquery').text.trim(), sql.replace('/* /* ; */ ', ''))
})

t.test('what never ends is refused, with its line', async t => {
  for (const sql of [`select\n'a`, `select\n"a`, 'select\n/* a', 'select\n/* /* a */'])
    t.throws(() => parse(sql), { code: 'refused', message: /never ends: q\.sql:2$/ }, sql)
  t.throws(() => parse('select\n`a', 'bigquery'), { message: /never ends: q\.sql:2$/ })
})

t.test('values by name, and none of what only looks like one', async t => {
  const sql = parse(`-- $no\n/* $no */ select '$no', "$no", $$ $no $$, a$no, $a_1 + $b,$a_1::int from t where x=$é`)
  t.same(paramNames(sql), ['a_1', 'b', 'é'])
  t.equal(
    writeParams(sql, name => `<${name}>`),
    `\n select '$no', "$no", $$ $no $$, a$no, <a_1> + <b>,<a_1>::int from t where x=<é>`.replace('\n ', '\n'),
  )
  t.throws(() => parse('select $1'), { message: `a value by its number, '$1': q.sql:1`, hint: /\$name/ })
})

t.test('lines stay those of the file', async t => {
  const { text } = parse('-- one\n\n/* three\nfour */\nselect 5;\n')
  t.equal(text, '\n\n\n\nselect 5')
})

t.test('an order of its rows', async t => {
  for (const sql of [
    'select a from t order by a',
    'with x as (select 1) select * from x ORDER\nBY 1',
    'a union b order /* */ by 1 limit 3',
  ])
    t.equal(parse(sql).ordered, true, sql)
  for (const sql of [
    'select a from t',
    'select rank() over (order by a) from t',
    'select * from (select a from t order by a) q',
    `select 'order by' as "order by" from t`,
    'select array_agg(a order by a) from t -- order by 1',
    'select "order" by from t',
  ])
    t.equal(parse(sql).ordered, false, sql)
})
