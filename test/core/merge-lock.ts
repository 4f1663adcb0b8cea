import t from 'tap'
import type { JsonRecord } from '../../lib/core/json.js'
import { encodeLock, mergeLocks, parseLock } from '../../lib/core/merge-lock.js'

const lock = (stages: Readonly<Record<string, unknown>>, rest: object = {}): JsonRecord =>
  parseLock(JSON.stringify({ ddv: 1, stages, ...rest }), 'ddv.lock')

t.test('stages merge by themselves, in order, with two spaces', async t => {
  const base = lock({ b: { cmd: 'b', outs: { x: 1 } }, a: { cmd: 'a' } }, { made: 'x' })
  const ours = lock({ b: { outs: { x: 2 }, cmd: 'b' }, a: { cmd: 'a' }, z: {} }, { made: 'x' })
  const theirs = lock({ b: { cmd: 'b', outs: { x: 1 } }, c: { cmd: 'c' } }, { made: 'y' })
  const { lock: merged, conflicts } = mergeLocks({ base, ours, theirs }, 'base')
  t.same(conflicts, [])
  t.equal(
    encodeLock(merged),
    `${JSON.stringify({ ddv: 1, made: 'y', stages: { b: { cmd: 'b', outs: { x: 2 } }, c: { cmd: 'c' }, z: {} } }, null, 2)}\n`,
  )
  t.equal(encodeLock(mergeLocks({ base, ours: theirs, theirs: ours }, 'base').lock), encodeLock(merged))
})

t.test('a stage is of one side, and a conflict names each', async t => {
  const base = lock({ a: { cmd: 1, out: 1 }, b: 1, c: 1, constructor: 1 })
  const ours = lock({ a: { cmd: 2, out: 1 }, b: 2, c: 1 })
  const theirs = lock({ a: { cmd: 1, out: 2 }, c: 1, constructor: 2 })
  const both = mergeLocks({ base, ours, theirs }, 'theirs')
  t.same(both.conflicts, [
    { part: 'stage', name: 'a', ours: 'changed', theirs: 'changed' },
    { part: 'stage', name: 'b', ours: 'changed', theirs: 'deleted' },
    { part: 'stage', name: 'constructor', ours: 'deleted', theirs: 'changed' },
  ])
  t.same(both.lock, theirs)
  t.same(mergeLocks({ base, ours, theirs }, 'ours').lock, ours)
  t.same(mergeLocks({ base, ours, theirs }, 'base').lock, base)
})

t.test('one side alone, and new ones', async t => {
  const plain = parseLock('{"ddv":1}', 'ddv.lock')
  const full = lock({ a: 1 })
  for (const [base, x] of [
    [plain, full],
    [full, plain],
    [full, lock({})],
    [plain, lock({})],
  ] as const) {
    t.same(mergeLocks({ base, ours: x, theirs: base }, 'base').lock, x)
    t.same(mergeLocks({ base, ours: base, theirs: x }, 'base').lock, x)
  }
  t.same(mergeLocks({ base: undefined, ours: full, theirs: lock({ b: 1 }) }, 'base').lock, lock({ a: 1, b: 1 }))
})

t.test('refusals', async t => {
  const deep = `{"ddv":1,"stages":${'['.repeat(60)}${']'.repeat(60)}}`
  for (const [text, code, message] of [
    ['', 'bad-pointer', /no JSON object: ddv\.lock/],
    ['[]', 'bad-pointer', /no JSON object/],
    ['{"stages":{}}', 'bad-pointer', /no "ddv": 1/],
    ['{"ddv":2}', 'newer-format', /newer ddv/],
    ['{"ddv":1,"stages":[]}', 'bad-pointer', /no object/],
    ['{"ddv":1,"stages":{"__proto__":{}}}', 'bad-pointer', /__proto__/],
    [deep, 'bad-pointer', /deeper/],
    ['<<<<<<< ours\n', 'conflict', /merge markers/],
  ] as const)
    t.throws(() => parseLock(text, 'ddv.lock'), { code, message })
  t.throws(() => parseLock('<<<<<<< ours\n', 'sub/ddv.lock'), {
    code: 'conflict',
    message: 'lock holds merge markers: sub/ddv.lock',
    hint: /^take one side with 'git checkout --ours sub\/ddv\.lock'/,
  })
})
