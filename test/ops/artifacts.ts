import t from 'tap'
import type { TreePath } from '../../lib/core/tree-path.js'
import { Artifacts } from '../../lib/ops/artifacts.js'
import { digestOf, makeWorkspace } from '../support/workspace.js'

const path = (text: string): TreePath => text as TreePath

t.test('what is known is not looked at again, unless it is to be later than that', async t => {
  const w = await makeWorkspace(t, { files: { 'in.txt': 'one' } })
  const artifacts = new Artifacts(await w.project(), {})
  t.equal((await artifacts.read(path('in.txt')))?.hash, digestOf('one'))
  const after = performance.now()
  w.write({ 'in.txt': 'two' })
  t.equal((await artifacts.read(path('in.txt')))?.hash, digestOf('one'))
  t.equal((await artifacts.read(path('in.txt'), after))?.hash, digestOf('two'))
  w.write({ 'in.txt': 'three' })
  t.equal((await artifacts.read(path('in.txt'), after))?.hash, digestOf('two'), 'late enough')
  t.equal(await artifacts.read(path('absent')), undefined)
})

t.test('many that want a later look than the one under way share the next', async t => {
  const w = await makeWorkspace(t, { files: { 'data/a': '1', 'data/b': '2' } })
  const artifacts = new Artifacts(await w.project(), {})
  const first = artifacts.read(path('data'))
  const [second, third] = [0, 0].map(() => artifacts.read(path('data'), performance.now()))
  t.not(second, first)
  t.equal(third, second)
  w.write({ 'data/a': 'changed while the first was under way' })
  t.not((await second)?.hash, undefined)
  t.equal(artifacts.read(path('data')), second)
  t.not(artifacts.read(path('data'), performance.now()), second, 'it has begun: too early by now')
})

t.test('one that cannot be looked at fails whoever asked, and the next look is a new one', async t => {
  const w = await makeWorkspace(t, { files: { 'data/a': '1' } })
  const artifacts = new Artifacts(await w.project(), { signal: AbortSignal.abort() })
  const both = [artifacts.read(path('data')), artifacts.read(path('data'), performance.now())]
  t.same(
    (await Promise.allSettled(both)).map(({ status }) => status),
    ['rejected', 'rejected'],
  )
})

t.test('what was written: the path, what it holds and what holds it', async t => {
  const w = await makeWorkspace(t, { files: { 'data/a/x': '1', 'data/b': '2' } })
  const artifacts = new Artifacts(await w.project(), {})
  const read = () => Promise.all(['data', 'data/a', 'data/a/x', 'data/b'].map(name => artifacts.read(path(name))))
  const before = await read()
  w.write({ 'data/a/x': '3', 'data/b': '4' })
  artifacts.forget(path('data/a'))
  const after = await read()
  t.same(
    after.map((artifact, i) => artifact?.hash === before[i]?.hash),
    [false, false, false, true],
    'of what lies beside it nothing was said',
  )
  artifacts.learn(path('data/b'), before[0])
  t.equal(await artifacts.read(path('data/b')), before[0])
})
