import t from 'tap'
import type { Json } from '../../lib/core/json.js'
import type { StageLock } from '../../lib/core/lockfile.js'
import { describeReason, isStaleReason, type StaleReason } from '../../lib/core/stale-reason.js'
import type { TreePath } from '../../lib/core/tree-path.js'
import { commandText, currentEnv, type StageNow, stageCommand, staleReasons } from '../../lib/pipeline/staleness.js'
import { hashBytes } from '../../lib/sys/hash.js'
import { fileOf, stageOf } from '../support/stages.js'

const path = (text: string): TreePath => text as TreePath
const out = { ...fileOf('2'), meta: undefined, cache: true, push: true }

const lock: StageLock = {
  command: { cmd: 'make' },
  deps: new Map([[path('in'), fileOf('1')]]),
  params: new Map([[path('p.yaml'), { 'a.b': 1, c: { x: 1, y: [2] } }]]),
  env: { MODE: 'fast', TOKEN: null },
  outs: new Map([[path('out'), out]]),
}
const now: StageNow = { ...lock }
const plain = { frozen: false, alwaysChanged: false }

t.test('reasons, and how they read', async t => {
  const table: readonly (readonly [Partial<StageNow>, readonly StaleReason[], readonly string[]])[] = [
    [{}, [], []],
    [{ command: { cmd: 'make all' } }, [{ type: 'command', old: 'make', new: 'make all' }], ['its command changed']],
    [
      { deps: new Map([[path('in'), fileOf('3')]]) },
      [{ type: 'dep', path: 'in', change: 'modified' }],
      ['a dep changed: in'],
    ],
    [
      { deps: new Map([[path('in'), fileOf('1', true)]]) },
      [{ type: 'dep', path: 'in', change: 'modified' }],
      ['a dep changed: in'],
    ],
    [
      { deps: new Map([[path('in'), undefined]]) },
      [{ type: 'dep', path: 'in', change: 'missing' }],
      ['a dep is missing: in'],
    ],
    [
      { deps: new Map([[path('new\n'), fileOf('1')]]) },
      [
        { type: 'dep', path: 'new\n', change: 'added' },
        { type: 'dep', path: 'in', change: 'removed' },
      ],
      ['a dep was added: new\\n', 'a dep was taken away: in'],
    ],
    [
      { params: new Map([[path('p.yaml'), { 'a.b': 2, c: { y: [2], x: 1 } }]]) },
      [{ type: 'param', file: 'p.yaml', key: 'a.b', old: 1, new: 2 }],
      ['param a.b is 2 (was 1): p.yaml'],
    ],
    [
      { params: new Map([[path('q.yaml'), { '': { z: 0 } }]]) },
      [
        { type: 'param', file: 'q.yaml', key: '', old: undefined, new: { z: 0 } },
        { type: 'param', file: 'p.yaml', key: 'a.b', old: 1, new: undefined },
        { type: 'param', file: 'p.yaml', key: 'c', old: { x: 1, y: [2] }, new: undefined },
      ],
      ['params changed: q.yaml', 'param a.b is gone (was 1): p.yaml', 'param c is gone (was {"x":1,"y":[2]}): p.yaml'],
    ],
    [
      { env: { MODE: 'slow', TOKEN: null, __proto__x: '1' } },
      [
        { type: 'env', name: 'MODE' },
        { type: 'env', name: '__proto__x' },
      ],
      ["the environment's MODE changed", "the environment's __proto__x changed"],
    ],
    [{ env: { MODE: 'fast' } }, [{ type: 'env', name: 'TOKEN' }], ["the environment's TOKEN changed"]],
    [
      { outs: new Map([[path('out'), undefined]]) },
      [{ type: 'out', path: 'out', change: 'missing' }],
      ['an out is missing: out'],
    ],
    [
      {
        outs: new Map([
          [path('out'), fileOf('2')],
          [path('more'), fileOf('2')],
        ]),
      },
      [{ type: 'out', path: 'more', change: 'added' }],
      ['an out was added: more'],
    ],
    [
      { upstream: ['a', 'b'] },
      [
        { type: 'upstream', stage: 'a' },
        { type: 'upstream', stage: 'b' },
      ],
      ['a is to run before it', 'b is to run before it'],
    ],
  ]
  for (const [change, reasons, texts] of table) {
    const found = staleReasons(plain, { ...now, ...change }, lock)
    t.same(found, reasons)
    t.same(found.map(describeReason), texts)
    t.ok(found.every(isStaleReason))
    t.same(staleReasons({ frozen: true, alwaysChanged: true }, { ...now, ...change }, lock), [], 'frozen is fresh')
  }
  t.same(staleReasons(plain, { ...now, upstream: ['a'] }, undefined), [
    { type: 'never-run' },
    { type: 'upstream', stage: 'a' },
  ])
  t.same(staleReasons({ ...plain, alwaysChanged: true }, now, lock), [{ type: 'always-changed' }])
  t.same(staleReasons({ ...plain, frozen: true }, now, undefined), [])
})

t.test('what no reason is', async t => {
  for (const value of [
    null,
    'dep',
    {},
    { type: 'toString' },
    { type: 'dep', path: 'x' },
    { type: 'dep', path: 1, change: 'added' },
    { type: 'env' },
  ])
    t.notOk(isStaleReason(value), JSON.stringify(value))
})

t.test('of a group of params what differs is told', async t => {
  const table: [string, Json | undefined, Json | undefined, string][] = [
    ['train', { lr: 1, n: [1] }, { n: [1], lr: 2 }, 'param train.lr is 2 (was 1): p.yaml'],
    ['train', { net: { depth: 1 } }, { net: { depth: 1, width: 2 } }, 'param train.net.width is new (2): p.yaml'],
    ['train', {}, { lr: 1 }, 'param train.lr is new (1): p.yaml'],
    ['train', { a: 1, b: 2, c: 3 }, { a: 2, c: 4 }, 'param train.a is 2 (was 1), and 2 more: p.yaml'],
    ['train', { lr: 1 }, 5, 'param train is 5 (was {"lr":1}): p.yaml'],
    ['', { a: { b: 1 } }, { a: { b: 2 } }, 'param a.b is 2 (was 1): p.yaml'],
    ['', undefined, { a: 1 }, 'params changed: p.yaml'],
    ['train', { constructor: 1 }, {}, 'param train.constructor is gone (was 1): p.yaml'],
  ]
  for (const [key, old, now, text] of table)
    t.equal(describeReason({ type: 'param', file: 'p.yaml', key, old, new: now }), text)
})

t.test('long values are cut for people', async t => {
  const text = describeReason({ type: 'param', file: 'p', key: 'k', old: undefined, new: 'x'.repeat(500) })
  t.match(text, /^param k is new \("x+…\): p$/)
  t.ok(text.length < 90)
})

t.test('the command of a stage', async t => {
  const table = [
    [stageOf('a', { cmd: 'x' }), { cmd: 'x' }, 'x'],
    [stageOf('a', { cmd: ['x'] }), { cmd: 'x' }, 'x'],
    [stageOf('a', { cmd: ['x', 'y'] }), { cmd: ['x', 'y'] }, 'x\ny'],
    [stageOf('a', { cmd: 'x' }, { wdir: path('sub') }), { cmd: 'x', wdir: 'sub' }, 'x (wdir sub)'],
    [
      stageOf('a', {}, { action: { kind: 'command', commands: ['x'], shell: 'bash' } }),
      { cmd: 'x', shell: 'bash' },
      'x (shell bash)',
    ],
    [
      stageOf('a', {}, { action: { kind: 'step', uses: 'load', with: { to: 'y' } } }),
      { uses: 'load', with: { to: 'y' } },
      'load {"to":"y"}',
    ],
  ] as const
  for (const [stage, command, text] of table) {
    t.same(stageCommand(stage), command)
    t.equal(commandText(stageCommand(stage)), text)
  }
})

t.test('the environment: given values as they are, others by digest', async t => {
  const stage = stageOf('a', { env: { GIVEN: 'x', SECRET: undefined, UNSET: undefined } })
  t.same(currentEnv(stage, { GIVEN: 'not this', SECRET: 's3cret', OTHER: 'x' }), {
    GIVEN: 'x',
    SECRET: { hash: hashBytes(Buffer.from('s3cret')) },
    UNSET: null,
  })
})
