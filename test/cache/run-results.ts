import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t, { type Test } from 'tap'
import type { Cache } from '../../lib/cache/cache.js'
import { findRunResult, readResult, writeRunResult } from '../../lib/cache/run-results.js'
import { digestPath } from '../../lib/core/digest.js'
import { DdvError } from '../../lib/core/errors.js'
import type { LockedOut, StageLock } from '../../lib/core/lockfile.js'
import { decodeRunResult, encodeRunResult, isScope, resultKeyText, scopesToRead } from '../../lib/core/run-result.js'
import type { TreePath } from '../../lib/core/tree-path.js'
import { hashBytes } from '../../lib/sys/hash.js'
import { fileOf } from '../support/stages.js'

const openCache = (t: Test): Cache => ({ root: t.testdir(), fsync: 'off' })
const path = (text: string): TreePath => text as TreePath
const out = (digit: string): LockedOut => ({ ...fileOf(digit), meta: undefined, cache: true, push: true })

const stage: StageLock = {
  command: { cmd: 'make model' },
  deps: new Map([
    [path('b'), fileOf('b')],
    [path('a'), fileOf('a', true)],
  ]),
  params: new Map([[path('params.yaml'), { lr: 0.1 }]]),
  env: { SEED: '1' },
  outs: new Map([[path('model'), { ...out('c'), meta: { rows: 3 } }]]),
}
const keyOf = (one: StageLock) => hashBytes(Buffer.from(resultKeyText({ ...one, outs: one.outs.keys() })))
const place = { scope: 'main', key: keyOf(stage) }
const fileOfPlace = (cache: Cache): string => join(cache.root, 'runs', place.scope, digestPath(place.key))

t.test('the key is of all that a result came from, and of nothing else', async t => {
  const same: readonly [string, Partial<StageLock>][] = [
    ['deps in another order', { deps: new Map([...stage.deps].reverse()) }],
    ['other bytes made', { outs: new Map([[path('model'), out('d')]]) }],
  ]
  for (const [what, change] of same) t.equal(keyOf({ ...stage, ...change }), place.key, what)
  const others: readonly [string, Partial<StageLock>][] = [
    ['another command', { command: { cmd: 'make' } }],
    ['another place to run', { command: { ...stage.command, wdir: 'sub' } }],
    ['another dep', { deps: new Map([[path('a'), fileOf('a', true)]]) }],
    ['other content', { deps: new Map([...stage.deps, [path('b'), fileOf('c')]]) }],
    ['no longer executable', { deps: new Map([...stage.deps, [path('a'), fileOf('a')]]) }],
    ['another param', { params: new Map([[path('params.yaml'), { lr: 0.2 }]]) }],
    ['another environment', { env: { SEED: '2' } }],
    ['another name for its out', { outs: new Map([[path('other'), out('c')]]) }],
  ]
  for (const [what, change] of others) t.not(keyOf({ ...stage, ...change }), place.key, what)
})

t.test('what is written is found, in its scope alone', async t => {
  const cache = openCache(t)
  t.equal(findRunResult(cache, place), undefined)
  writeRunResult(cache, place, stage)
  const found = findRunResult(cache, place)
  t.same(found && encodeRunResult(found), encodeRunResult(stage))
  t.equal(findRunResult(cache, { ...place, scope: 'pr-1' }), undefined)
  writeRunResult(cache, place, { ...stage, outs: new Map([[path('model'), out('e')]]) })
  t.equal(findRunResult(cache, place)?.outs.get(path('model'))?.hash, 'e'.repeat(64), 'the last one counts')
})

t.test('an entry that is not what its name says is none', async t => {
  const cache = openCache(t)
  const file = fileOfPlace(cache)
  mkdirSync(dirname(file), { recursive: true })
  const bad: readonly [string, string][] = [
    ['nothing, as after a power failure', ''],
    ['torn', encodeRunResult(stage).slice(0, 40)],
    ['of another origin', encodeRunResult({ ...stage, env: { SEED: '2' } })],
    ['of a newer ddv', encodeRunResult(stage).replace('"ddv":1', '"ddv":2')],
    ['with a path that leads out', encodeRunResult(stage).replace('"model"', '"../model"')],
    ['with a digest that is none', encodeRunResult(stage).replaceAll('c'.repeat(64), 'C'.repeat(64))],
  ]
  for (const [what, text] of bad) {
    writeFileSync(file, text)
    t.equal(findRunResult(cache, place), undefined, what)
    t.equal(readResult(Buffer.from(text), place, 'remote'), undefined, what)
  }
  t.throws(() => decodeRunResult('[]', 'x'), new DdvError('corrupt', 'run-cache entry is no JSON object: x'))
})

t.test('an entry is never read through a link', async t => {
  const cache = openCache(t)
  writeRunResult(cache, place, stage)
  const file = fileOfPlace(cache)
  const elsewhere = join(cache.root, 'elsewhere')
  writeFileSync(elsewhere, readFileSync(file))
  const other = openCache(t)
  mkdirSync(dirname(fileOfPlace(other)), { recursive: true })
  symlinkSync(elsewhere, `${fileOfPlace(other)}x`)
  t.equal(findRunResult(other, { ...place, key: keyOf({ ...stage, env: {} }) }), undefined)
})

t.test('scopes', async t => {
  t.same(scopesToRead('main'), ['main'])
  t.same(scopesToRead('pr-12'), ['pr-12', 'main'])
  for (const name of ['main', 'pr-12', '0']) t.ok(isScope(name), name)
  for (const name of ['', '-a', 'A', 'a/b', '..', 'a.b', 'a'.repeat(64)]) t.notOk(isScope(name), name)
})
