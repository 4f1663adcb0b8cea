import t from 'tap'
import type { Digest } from '../../lib/core/digest.js'
import type { ModelName, ModelStage, ModelVersion } from '../../lib/core/model-name.js'
import {
  decodeModelRecord,
  decodePromotion,
  encodeModelRecord,
  encodePromotion,
  type ModelRecord,
} from '../../lib/core/model-record.js'
import type { RunId } from '../../lib/core/run-record.js'
import type { TreePath } from '../../lib/core/tree-path.js'

const hash = (digit: string) => digit.repeat(64) as Digest
const file = { kind: 'file', hash: hash('a'), size: 12, files: undefined, executable: false } as const

const small: ModelRecord = {
  model: 'm' as ModelName,
  version: 'v1.2.0' as ModelVersion,
  path: 'models/model.json' as TreePath,
  artifact: file,
  metrics: undefined,
  commit: undefined,
  committed: undefined,
  origin: undefined,
  run: undefined,
  at: new Date('2026-03-02T10:00:00.000Z'),
}

const full: ModelRecord = {
  ...small,
  artifact: { kind: 'directory', hash: hash('b'), size: 30, files: 3, executable: false },
  metrics: { rmse: 0.8, by: { genre: [1, 2] } },
  commit: 'c'.repeat(40),
  committed: true,
  origin: {
    address: 'train@0.1',
    command: { cmd: 'python train.py' },
    deps: new Map([['data/x' as TreePath, { ...file, of: hash('d') }]]),
    params: new Map([['params.yaml' as TreePath, { alpha: 0.1 }]]),
  },
  run: '20261125T011500Z-3f9c2a' as RunId,
}

const promotion = {
  model: 'm' as ModelName,
  stage: 'production' as ModelStage,
  number: 3,
  version: 'v1.2.0' as ModelVersion,
  commit: 'c'.repeat(40),
  at: small.at,
}

t.test('there and back', async t => {
  for (const record of [small, full, { ...small, artifact: { ...file, executable: true }, metrics: 0.5 }])
    t.same(decodeModelRecord(encodeModelRecord(record), 'x'), record)
  t.same(decodePromotion(encodePromotion(promotion), 'x'), promotion)
  t.same(decodePromotion(encodePromotion({ ...promotion, commit: undefined }), 'x'), {
    ...promotion,
    commit: undefined,
  })
  t.equal(
    encodeModelRecord(small),
    `{
  "ddv": 1,
  "model": "m",
  "version": "v1.2.0",
  "path": "models/model.json",
  "kind": "file",
  "hash": "${hash('a')}",
  "size": 12,
  "at": "2026-03-02T10:00:00.000Z"
}
`,
  )
})

t.test('what strangers write', async t => {
  const change = (changes: object): string =>
    JSON.stringify({ ...(JSON.parse(encodeModelRecord(full)) as object), ...changes })
  const bad: readonly (readonly [object, RegExp])[] = [
    [{ ddv: undefined }, /no "ddv": 1/],
    [{ ddv: '1' }, /no "ddv": 1/],
    [{ model: 'M' }, /"model"/],
    [{ version: 'v1' }, /"version"/],
    [{ path: '../x' }, /"path"/],
    [{ path: 'a/.git/x' }, /"path"/],
    [{ path: '' }, /"path"/],
    [{ path: 'a/\u0007' }, /"path"/],
    [{ kind: 'link' }, /"kind"/],
    [{ hash: 'x' }, /"hash"/],
    [{ size: -1 }, /"size"/],
    [{ files: undefined }, /"files"/],
    [{ commit: '--upload-pack=x' }, /"commit"/],
    [{ commit: 5 }, /"commit"/],
    [{ committed: 'yes' }, /"committed"/],
    [{ stage: 'train' }, /"stage" that is no object/],
    [{ stage: { command: {} } }, /without an address/],
    [{ stage: { address: 'x', deps: { '../y': {} } } }, /path/],
    [{ stage: { address: 'x', more: 1 } }, /unknown key/],
    [{ run: '../x' }, /"run"/],
    [{ at: 'yesterday' }, /"at"/],
    [{ more: 1 }, /unknown key "more"/],
  ]
  for (const [changes, message] of bad)
    t.throws(() => decodeModelRecord(change(changes), 'the/key'), { code: 'corrupt', message }, JSON.stringify(changes))
  t.throws(() => decodeModelRecord(change({ ddv: 2 }), 'x'), { code: 'newer-format' })
  for (const text of [
    '',
    '[]',
    'null',
    '{',
    '{"__proto__":{"ddv":1}}',
    `{"ddv":1,"metrics":${'['.repeat(50)}${']'.repeat(50)}}`,
  ])
    t.throws(() => decodeModelRecord(text, 'x'), { code: 'corrupt' }, text.slice(0, 30))
  const changed = (changes: object): string =>
    JSON.stringify({ ...(JSON.parse(encodePromotion(promotion)) as object), ...changes })
  for (const changes of [
    { number: 0 },
    { number: 1.5 },
    { stage: 'a b' },
    { version: 'x' },
    { model: '' },
    { at: 1 },
    { commit: '' },
    { more: 1 },
  ])
    t.throws(() => decodePromotion(changed(changes), 'x'), { code: 'corrupt' }, JSON.stringify(changes))
})
