import t from 'tap'
import { type ListOptions, list } from '../../lib/ops/list.js'
import { git } from '../support/git.js'
import { errorOf, makeWorkspace, openWorkspace, type TestWorkspace } from '../support/workspace.js'

const files = { 'data/x.csv': 'one', 'data/set/a': 'a', 'data/set/s/b': 'bb', 'data/set/s/c': 'ccc', 'data/set/e/': '' }

async function told(w: TestWorkspace, path?: string, options: Partial<ListOptions> = {}): Promise<string[]> {
  const { entries, failures } = await list(await w.project(), path, { cwd: w.root, ...options })
  t.same(failures, [])
  return entries.map(one => `${one.path}${one.kind === 'file' ? '' : `/ ${one.files}`} ${one.size}`)
}

t.test('outputs, directories and files, of now and of before', async t => {
  const w = await makeWorkspace(t, { files })
  await w.add(['data/x.csv', 'data/set'])
  w.commit()
  w.write({ 'data/set/a': 'longer' })
  w.remove('data/x.csv')
  await w.add('data/set')
  t.same(await told(w), ['data/set/ 3 11', 'data/x.csv 3'])
  t.same(await told(w, 'data'), ['data/set/ 3 11', 'data/x.csv 3'])
  t.same(await told(w, 'data/set'), ['data/set/a 6', 'data/set/e/ 0 0', 'data/set/s/ 2 5'])
  t.same(await told(w, 'data/set/s', { revision: 'HEAD' }), ['data/set/s/b 2', 'data/set/s/c 3'])
  t.same(await told(w, 'data/set/a', { revision: 'HEAD' }), ['data/set/a 1'])
  t.same(await told(w, 'data/x.csv'), ['data/x.csv 3'])
  const all = ['data/set/a 1', 'data/set/e/ 0 0', 'data/set/s/b 2', 'data/set/s/c 3', 'data/x.csv 3']
  t.same(await told(w, undefined, { revision: 'HEAD', recursive: true }), all)
  for (const path of ['nope', 'data/set/nope']) {
    await errorOf(t, told(w, path), 'usage')
    await errorOf(t, told(w, path, { revision: 'HEAD' }), 'usage')
  }
  t.match((await w.ddv('list', 'data/set')).stdout, /^6 B {2}data\/set\/a\n0 B {2}data\/set\/e\/ \(0 files\)\n5 B/)
  t.match(JSON.parse((await w.ddv('list', 'HEAD', '--json')).stdout), {
    commit: /^[0-9a-f]{40}$/,
    entries: [{ kind: 'directory' }, { kind: 'file', hash: /^[0-9a-f]{64}$/ }],
  })
  w.git('branch', 'data')
  t.match(await w.ddv('list', 'data'), { code: 2, stderr: /is a commit and a path.*\n.*'\.\/data' is the path/ })
  t.match(await w.ddv('list', './data'), { code: 0 })
  t.match(await w.ddv('list', 'data', '.'), { code: 0 })
})

t.test('a listing that is not in the cache is fetched, and nothing else', async t => {
  const many = Object.fromEntries(Array.from({ length: 1100 }, (_, i) => [`big/${i}`, `${i}`.repeat(200)]))
  const w = await makeWorkspace(t, { files: many })
  await w.ddv('remote', 'add', 'origin', '../remote', '--default')
  await w.add('big')
  w.git('add', '-A')
  w.commit()
  await w.push()
  const root = w.path('../clone')
  git(w.root, 'clone', '-q', w.root, root)
  const clone = openWorkspace(t, root)
  t.equal((await told(clone, 'big')).length, 1100)
  t.notOk((await clone.status()).outputs.some(one => one.cache === 'complete'))
})
