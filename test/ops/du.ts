import { statSync } from 'node:fs'
import t from 'tap'
import { maxInlineEntries } from '../../lib/core/pointer.js'
import { type DuResult, du } from '../../lib/ops/du.js'
import { ddv, errorOf, makeWorkspace, type TestWorkspace } from '../support/workspace.js'

const usage = async (w: TestWorkspace, ...targets: readonly string[]): Promise<DuResult> =>
  du(await w.project(), targets, { cwd: w.root })

t.test('what each output takes, and what the cache takes besides', async t => {
  const w = await makeWorkspace(t, { files: { a: '12345', 'd/x': '12345', 'd/s/y': '123' } })
  t.same((await usage(w)).outputs, [])
  await w.add(['a', 'd'])
  w.write({ a: '1234567' })
  await w.add('a')
  const { outputs, total, cache, failures } = await usage(w)
  const manifest = statSync(w.blob(w.pointer('d').hash)).size
  t.match(outputs, [
    { path: 'a', kind: 'file', size: 7, files: 1, workspace: 7, cache: 7 },
    { path: 'd', kind: 'directory', size: 8, files: 2, workspace: 8, cache: 8 + manifest },
  ])
  t.same(failures, [])
  t.same(total, { workspace: 15, cache: 15 + manifest })
  t.same(cache, { blobs: 4, bytes: 15 + manifest, elsewhere: 0, other: 0 }, 'the old a has the bytes of d/x')
  t.same(
    Object.keys(await usage(w, 'd/s')),
    ['outputs', 'total', 'failures'],
    'the whole only where all were asked for',
  )
})

t.test('other versions, and what was set aside', async t => {
  const w = await makeWorkspace(t, { files: { a: 'old' } })
  await w.add('a')
  w.write({ a: 'newer', '.cache/corrupt/x': '1234' })
  await w.add('a')
  t.match((await usage(w)).cache, { blobs: 2, bytes: 8, elsewhere: 3, other: 4 })
})

t.test('what is missing takes no room', async t => {
  // More than a pointer holds by itself.
  const many = Object.fromEntries(Array.from({ length: maxInlineEntries + 1 }, (_, i) => [`d/${i}`, '2']))
  const w = await makeWorkspace(t, { files: { a: '1', ...many, e: '3' } })
  await w.add(['a', 'd', 'e'])
  await w.close()
  w.remove('a', 'd', '.cache', '.ddv/state')
  w.write({ 'e.ddv': 'no pointer' })
  const { outputs, total, failures } = await usage(w)
  t.match(outputs, [
    { path: 'a', workspace: 0, cache: 0 },
    { path: 'd', workspace: 0, cache: undefined },
  ])
  t.same(total, { workspace: 0, cache: 0 })
  t.match(failures, [{ path: 'e', error: { code: 'bad-pointer' } }])
  t.match(await ddv(w.root, ['du']), { code: 3, stdout: /0 B {2}unknown {2}d\n/ })
  await errorOf(t, usage(w, 'nothing'), 'usage')
})
