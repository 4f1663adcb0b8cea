import t from 'tap'
import textWidth, { cutText } from '../../lib/cli/text-width.js'
import { valuesDiffMarkdown, valueText } from '../../lib/cli/values-text.js'
import type { Json } from '../../lib/core/json.js'
import type { TreePath } from '../../lib/core/tree-path.js'
import type { ValuesDiff } from '../../lib/ops/values-diff.js'

t.test('values: what could be taken for another is in quotes', async t => {
  const cases: readonly (readonly [Json | undefined, string])[] = [
    [undefined, ''],
    [null, 'null'],
    ['null', '"null"'],
    [true, 'true'],
    ['true', '"true"'],
    [1, '1'],
    ['1', '"1"'],
    ['-1.5e3', '"-1.5e3"'],
    ['1.5 x', '1.5 x'],
    ['', '""'],
    [' x', '" x"'],
    ['[1]', '"[1]"'],
    ['(none)', '"(none)"'],
    ['NaN', 'NaN'],
    [[1, 'a'], '[1,"a"]'],
    [{}, '{}'],
    ['a\nb\u001b[31m\u202e', 'a\\nb\\u001b[31m\\u202e'],
    [['\u202e'], '["\\u202e"]'],
  ]
  for (const [value, text] of cases) t.equal(valueText(value), text)
})

t.test('numbers: digits behind the point, or digits that count', async t => {
  const cases: readonly (readonly [number, number | undefined, string])[] = [
    [0.123456789, undefined, '0.123456789'],
    [0.123456789, 5, '0.12346'],
    [0.0000123456789, 5, '0.000012346'],
    [1.23456789e-9, 3, '1.23e-9'],
    [12.3456789, 2, '12.35'],
    [12.0001, 2, '12'],
    [1234567, 2, '1234567'],
    [0.5, 5, '0.5'],
    [-0.96, 0, '-1'],
    [1e21, 5, '1e+21'],
  ]
  for (const [value, precision, text] of cases) t.equal(valueText(value, precision), text)
})

t.test('two numbers that differ never look the same', async t => {
  const path = 'm.json' as TreePath
  const changes = [{ key: 'a|b', before: 1.000001, after: 1.000002, difference: 0.000001 }]
  const side = { revision: 'v1', commit: '0'.repeat(40) }
  const result: ValuesDiff = { from: side, to: side, files: [{ path, changes }], absent: [], failures: [] }
  const text = valuesDiffMarkdown(result, { what: 'metrics', differences: true, precision: 2 })
  t.match(text, '| m.json | a\\|b | 1.000001 | 1.000002 | +0.000001 |\n')
})

t.test('a text is cut by the columns that it takes', async t => {
  t.equal(cutText('abcdef', 6), 'abcdef')
  t.equal(cutText('abcdefg', 6), 'abc...')
  t.equal(cutText('日本語日本', 8), '日本...')
  t.ok(textWidth(cutText('é́é́é́é́é́é́é́', 5)) <= 5)
  t.equal(cutText('abc', Number.POSITIVE_INFINITY), 'abc')
})
