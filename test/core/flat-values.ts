import t from 'tap'
import { diffValues, flatten } from '../../lib/core/flat-values.js'

t.test('nested objects become dotted keys; lists and empty objects are values', async t => {
  t.same(
    [...flatten({ a: { b: 1, c: [1, 2] }, d: null, e: {} })],
    [
      ['a.b', 1],
      ['a.c', [1, 2]],
      ['d', null],
      ['e', {}],
    ],
  )
  t.same([...flatten(3)], [['', 3]], 'a file that is one number')
  t.same([...flatten(JSON.parse('{"constructor": 1}'))], [['constructor', 1]])
})

t.test('what differs', async t => {
  const before = flatten({ loss: 0.3, same: 1, gone: 'x', list: [1] })
  const after = flatten({ loss: 0.1, same: 1, fresh: true, list: [1] })
  t.same(diffValues(before, after, { all: false }), [
    { key: 'fresh', before: undefined, after: true, difference: undefined },
    { key: 'gone', before: 'x', after: undefined, difference: undefined },
    { key: 'loss', before: 0.3, after: 0.1, difference: -0.2 },
  ])
  t.equal(diffValues(before, after, { all: true }).length, 5)
})
