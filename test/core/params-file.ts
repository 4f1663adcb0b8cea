import t from 'tap'
import { isDdvError } from '../../lib/core/errors.js'
import { decodeMetrics, decodeParams, paramAt } from '../../lib/core/params-file.js'
import type { TreePath } from '../../lib/core/tree-path.js'

const decode = (file: string, text: string) => decodeParams(text, file as TreePath)

t.test('the same by YAML, JSON and TOML', async t => {
  const expected = { lr: 0.1, train: { layers: [{ n: 1 }, { n: 2 }], name: "it's" }, on: true }
  t.same(decode('p.yaml', 'lr: 0.1\ntrain:\n  layers: [{n: 1}, {n: 2}]\n  name: "it\'s"\non: true\n'), expected)
  t.same(decode('p.YML', '\ufefflr: 0.1\ntrain: {layers: [{n: 1}, {n: 2}], name: "it\'s"}\non: true\n'), expected)
  t.same(decode('p.json', JSON.stringify(expected)), expected)
  t.same(decode('p.toml', 'lr = 0.1\non = true\n[train]\nlayers = [{n = 1}, {n = 2}]\nname = "it\'s"\n'), expected)
  t.same(decode('p.toml', 'day = 2024-01-31\n'), { day: '2024-01-31' })
  t.same(decode('p.yaml', ''), {})
})

t.test('dotted keys', async t => {
  const params = { a: { b: [{ c: 1 }], 'd.e': 2 }, 'x.y': 3, none: null }
  const cases: readonly (readonly [string, unknown])[] = [
    ['a.b', [{ c: 1 }]],
    ['a.b.0.c', 1],
    ['a.b[0].c', 1],
    ['x.y', 3],
    ['none', null],
    ['a.x', undefined],
    ['a.b.1', undefined],
    ['a.b.c', undefined],
    ['none.x', undefined],
    ['constructor', undefined],
    ['a.b.length', undefined],
    ['', undefined],
  ]
  for (const [key, value] of cases) t.same(paramAt(params, key), value, key)
})

const bad: readonly (readonly [string, string, string])[] = [
  ['p.py', 'lr = 1', "params are read from YAML, JSON and TOML alone: 'p.py' is none"],
  ['p', 'lr = 1', "params are read from YAML, JSON and TOML alone: 'p' is none"],
  ['p.constructor', '', "params are read from YAML, JSON and TOML alone: 'p.constructor' is none"],
  ['p.json', '{', 'no JSON: p.json'],
  ['p.json', '[]', 'file is no map of keys: p.json'],
  ['p.json', '{"a": {"__proto__": 1}}', 'file has the key "__proto__" in a value: p.json'],
  ['p.toml', 'a = 1\nb = \n', ': p.toml:2:'],
  ['p.toml', 'a = nan\n', 'file has a number that JSON has not: p.toml'],
  ['p.toml', `a = ${'['.repeat(20_000)}`, 'p.toml'],
  ['p.yaml', 'a: *x\n', 'p.yaml:1:4'],
  ['p.toml', `a = "${'x'.repeat(1_048_576)}"`, 'file is larger than 1048576 bytes: p.toml'],
]

for (const [file, text, message] of bad)
  t.test(`refused: ${message}`, async t => {
    try {
      decode(file, text)
      t.fail('was read')
    } catch (error) {
      t.ok(isDdvError(error, 'bad-config'), String(error))
      t.ok((error as Error).message.includes(message), (error as Error).message)
    }
  })

t.test('metrics: any value at the top, and numbers that JSON has not as texts', async t => {
  const metrics = (file: string, text: string) => decodeMetrics(text, file as TreePath)
  const cases: readonly (readonly [string, string, unknown])[] = [
    ['m.json', '0.5', 0.5],
    ['m.json', '\ufeff[1, {"a": null}]', [1, { a: null }]],
    ['m.json', '"best"', 'best'],
    ['m.json', '{"a": NaN, "b": [-Infinity, Infinity]}', { a: 'NaN', b: ['-Infinity', 'Infinity'] }],
    ['m.json', '{"a \\" NaN": "is NaN", "b": NaN}', { 'a " NaN': 'is NaN', b: 'NaN' }],
    ['m.json', '{"a": -1e999}', { a: '-Infinity' }],
    ['m.yaml', '0.5', 0.5],
    ['m.yml', '- 1\n- .inf\n- -.inf\n', [1, 'Infinity', '-Infinity']],
    ['m.yaml', 'a: .nan\n', { a: 'NaN' }],
    ['m.yaml', '', null],
    ['m.toml', 'a = nan\nb = [-inf]\n', { a: 'NaN', b: ['-Infinity'] }],
    ['auc.metric', '0.93\n', 0.93],
    ['auc', '.nan\n', 'NaN'],
    ['auc.constructor', 'a: 1', { a: 1 }],
  ]
  for (const [file, text, value] of cases) t.same(metrics(file, text), value, `${file}: ${text}`)
  const refused: readonly (readonly [string, string])[] = [
    ['m.json', '{"a": NaNa}'],
    ['m.json', '{"__proto__": 1}'],
    ['m.yaml', 'a: &x 1\nb: *x\n'],
    ['m.yaml', `a: ${'['.repeat(50)}${']'.repeat(50)}`],
    ['m.toml', 'a = \n'],
    ['table.csv', 'a,b\n1,2\n'],
    ['m.txt', 'well done'],
    ['m.json', ' '.repeat(1_048_577)],
    ['m', ' '.repeat(1_048_577)],
  ]
  for (const [file, text] of refused)
    t.throws(
      () => metrics(file, text),
      { code: 'bad-config', message: /: (?:m|table).*$/ },
      `${file}: ${text.slice(0, 20)}`,
    )
})
