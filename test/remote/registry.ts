import t from 'tap'
import type { Digest } from '../../lib/core/digest.js'
import type { ModelName, ModelStage, ModelVersion } from '../../lib/core/model-name.js'
import type { ModelRecord, PromotionRecord } from '../../lib/core/model-record.js'
import type { TreePath } from '../../lib/core/tree-path.js'
import { openMemoryRemote } from '../../lib/remote/memory.js'
import {
  createModelRecord,
  createPromotion,
  listModels,
  readModelRecord,
  readPromotion,
} from '../../lib/remote/registry.js'
import { parseRegistryKey } from '../../lib/remote/registry-key.js'

const name = 'm' as ModelName
const version = 'v1.0.0' as ModelVersion

const record = (changes: Partial<ModelRecord> = {}): ModelRecord => ({
  model: name,
  version,
  path: 'models/m.bin' as TreePath,
  artifact: { kind: 'file', hash: 'a'.repeat(64) as Digest, size: 1, files: undefined, executable: false },
  metrics: undefined,
  commit: undefined,
  committed: undefined,
  origin: undefined,
  run: undefined,
  at: new Date(0),
  ...changes,
})

const promotion = (changes: Partial<PromotionRecord> = {}): PromotionRecord => ({
  ...{ model: name, stage: 'production' as ModelStage, number: 1, version, commit: undefined, at: new Date(0) },
  ...changes,
})

t.test('keys', async t => {
  t.same(parseRegistryKey('registry/m/v1.0.0.json'), { name, version })
  t.same(parseRegistryKey('registry/m/stages/12.json'), { name, number: 12 })
  for (const key of [
    'registry/m/v1.json',
    'registry/m/stages/0.json',
    'registry/m/stages/01.json',
    'registry/m/stages/v1.0.0.json',
    'registry/m/claims/00',
    'registry/m/claims/1.json',
    'registry/-m/v1.0.0.json',
    'registry/v1.0.0.json',
    'registry/m/x/v1.0.0.json',
    'registry/m/v1.0.0.json/x',
    'packs/m/v1.0.0.json',
  ])
    t.equal(parseRegistryKey(key), undefined, key)
})

t.test('records', async t => {
  const remote = openMemoryRemote()
  t.same([...(await listModels(remote))], [])
  t.equal(await readModelRecord(remote, name, { version }), undefined)
  t.equal(await readPromotion(remote, name, { number: 1 }), undefined)
  t.equal(await createModelRecord(remote, record(), {}), true)
  t.equal(await createModelRecord(remote, record({ at: new Date(1) }), {}), false)
  t.same(await readModelRecord(remote, name, { version }), record(), 'the first stays')
  for (const number of [1, 2, 10]) t.equal(await createPromotion(remote, promotion({ number }), {}), true)
  t.equal(await createPromotion(remote, promotion({ number: 2, stage: 'dev' as ModelStage }), {}), false)
  t.same(await readPromotion(remote, name, { number: 2 }), promotion({ number: 2 }))
  await createModelRecord(remote, record({ model: 'a' as ModelName }), {})
  await remote.put('registry/m/claims/1', Buffer.from('{}'))
  await remote.put('registry/readme.txt', Buffer.from('by hand'))
  t.same(
    [...(await listModels(remote))],
    [
      ['a', { versions: [version], promotions: [] }],
      [name, { versions: [version], promotions: [1, 2, 10] }],
    ],
  )
  t.same([...(await listModels(remote, { name }))].length, 1)
})

t.test('records that are of something else, or none', async t => {
  const remote = openMemoryRemote()
  await createModelRecord(remote, record(), {})
  await createPromotion(remote, promotion(), {})
  const copy = async (from: string, to: string) =>
    remote.put(to, (await remote.get(from, { maxBytes: 1e6 }))?.bytes ?? Buffer.alloc(0))
  await copy('registry/m/v1.0.0.json', 'registry/m/v2.0.0.json')
  await copy('registry/m/v1.0.0.json', 'registry/n/v1.0.0.json')
  await copy('registry/m/stages/1.json', 'registry/m/stages/2.json')
  await remote.put('registry/m/v3.0.0.json', Buffer.from('{"ddv":1'))
  const corrupt = { code: 'corrupt' }
  await t.rejects(readModelRecord(remote, name, { version: 'v2.0.0' as ModelVersion }), corrupt)
  await t.rejects(readModelRecord(remote, name, { version: 'v3.0.0' as ModelVersion }), corrupt)
  await t.rejects(readModelRecord(remote, 'n' as ModelName, { version }), corrupt)
  await t.rejects(readPromotion(remote, name, { number: 2 }), corrupt)
})
