import { chmodSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { git } from '../support/git.js'
import { noise } from '../support/transfer.js'
import {
  corruptFile,
  ddv,
  digestOf,
  makeWorkspace,
  openWorkspace,
  setAside,
  type TestWorkspace,
  temporaryDirectory,
} from '../support/workspace.js'

type Test = Parameters<typeof makeWorkspace>[0]

async function makePair(
  t: Test,
  files: Record<string, string | Buffer>,
): Promise<{ w: TestWorkspace; clone: TestWorkspace }> {
  const w = await makeWorkspace(t, { files })
  await w.ddv('remote', 'add', 'origin', '../remote', '--default')
  const outputs = [...new Set(Object.keys(files).map(path => path.split('/')[0] as string))]
  await w.add(outputs)
  w.commit()
  await w.push()
  git(w.root, 'clone', '-q', '.', '../clone')
  return { w, clone: openWorkspace(t, w.path('../clone')) }
}

const small = { x: 'xxxx', 'd/a': 'aaaa', 'd/s/b': 'bbbb', 'd/e/': '', y: 'yyyy' }

t.test('a clone gets what was put in', async t => {
  const { w, clone } = await makePair(t, { ...small, big: noise(9_000_000, 1), 'd/run': '#!', none: '', 'hollow/': '' })
  const result = await clone.pull()
  t.match(result, { failures: [], remote: '../remote' })
  t.equal(result.fetched.length, 6)
  for (const output of ['x', 'd', 'y', 'big', 'none', 'hollow'])
    t.ok(JSON.stringify(clone.tree(output)) === JSON.stringify(w.tree(output)), output)
  t.ok((await clone.status()).clean)
  t.equal(clone.git('status', '--porcelain'), '')
  t.match(await clone.pull(), { bytesReceived: 0, remote: undefined, failures: [] })
})

t.test('the next version costs what has changed', async t => {
  const big = noise(4_000_000, 2)
  const { w, clone } = await makePair(t, { big })
  await clone.pull()
  w.write({ big: Buffer.concat([big.subarray(0, 2000), Buffer.from('inserted'), big.subarray(2000)]) })
  chmodSync(w.path('big'), 0o755)
  await w.add('big')
  w.commit()
  await w.push()
  clone.git('pull', '-q')
  const { bytesReceived, failures } = await clone.pull()
  t.same(failures, [])
  t.ok(bytesReceived > 0 && bytesReceived < 400_000, `${bytesReceived} bytes of 4,000,008`)
  t.ok(JSON.stringify(clone.tree('big')) === JSON.stringify(w.tree('big')))
})

t.test('what was never added is not overwritten', async t => {
  const { clone } = await makePair(t, small)
  clone.write({ x: 'mine', 'd/new': 'mine too' })
  const { failures } = await clone.pull()
  t.match(
    failures.map(({ path, error }) => [path, error.code]),
    [
      ['d', 'would-lose-data'],
      ['x', 'would-lose-data'],
    ],
  )
  t.match(clone.tree(), { x: 'mine', 'd/new': 'mine too', y: 'yyyy' })
  t.same((await clone.pull([], { force: true })).failures, [])
  t.match(clone.tree(), { x: 'xxxx', 'd/a': 'aaaa' })
  t.notOk(clone.has('d/new'))
})

t.test('what is missing everywhere is named; all else arrives', async t => {
  const { w, clone } = await makePair(t, small)
  const digest = digestOf('xxxx')
  rmSync(w.path('../remote/recipes/file', digest.slice(0, 2), digest.slice(2)))
  const { code, stderr, stdout } = await ddv(clone.root, ['pull'])
  t.equal(code, 12)
  t.match(stderr, /^ddv: error: .*x$/m)
  t.match(stderr, /ddv push/)
  t.equal(stderr.match(/error:/g)?.length, 1, 'once')
  t.match(stdout, /d .*\n.*y /)
  t.match(clone.tree(), { 'd/a': 'aaaa', 'd/s/b': 'bbbb', y: 'yyyy' })
  t.notOk(clone.has('x'))
})

t.test('what rotted in the cache is set aside and had again', async t => {
  const { clone } = await makePair(t, small)
  await clone.fetch()
  for (const content of ['xxxx', 'aaaa']) clone.corrupt(digestOf(content))
  t.same((await clone.pull()).failures, [])
  t.match(clone.tree(), { x: 'xxxx', 'd/a': 'aaaa' })
  t.equal(setAside(clone.root).length, 2)
})

t.test('a manifest that rotted in the cache', async t => {
  const files = Object.fromEntries(Array.from({ length: 1001 }, (_, i) => [`d/${i}`, `${i % 5}`]))
  const { clone } = await makePair(t, files)
  await clone.fetch()
  clone.corrupt(clone.pointer('d').hash)
  t.equal((await ddv(clone.root, ['checkout'])).code, 13)
  t.equal(setAside(clone.root).length, 1)
  t.same((await clone.pull()).failures, [])
  t.equal(Object.keys(clone.tree('d')).length, 1001)
})

t.test('without git, the pointers are enough', async t => {
  const { clone } = await makePair(t, small)
  rmSync(clone.path('.git'), { recursive: true })
  const { code } = await ddv(clone.root, ['pull'], { ...clone.env, PATH: '/nonexistent' })
  t.equal(code, 0)
  t.match(clone.tree(), { x: 'xxxx', 'd/a': 'aaaa', 'd/s/b': 'bbbb', 'd/e/': '', y: 'yyyy' })
})

t.test('damage on the remote is named, nothing wrong is handed out, and a whole remote mends it', async t => {
  const { w, clone } = await makePair(t, { big: noise(300_000, 4), 'd/a': noise(1000, 5) })
  const packs = Object.keys(w.tree('../remote/packs'))
  for (const pack of packs) corruptFile(w.path('../remote/packs', pack))
  const { code, stderr } = await ddv(clone.root, ['pull'])
  t.equal(code, 13, stderr)
  t.match(stderr, /big|d\b/)
  t.notOk(clone.has('big') && clone.read('big') !== w.read('big'))
  for (const pack of packs) corruptFile(w.path('../remote/packs', pack)) // the same bit, flipped back
  t.same((await clone.pull()).failures, [])
  t.ok((await clone.status()).clean)
})

t.test('the data of another commit; branch and pointers stay', async t => {
  const { w, clone } = await makePair(t, small)
  const first = clone.git('rev-parse', 'HEAD')
  w.write({ x: 'newer', 'd/a': 'newer', 'later/z': 'z' })
  w.remove('d/s')
  await w.add(['x', 'd', 'later'])
  w.commit()
  await w.push()
  clone.git('pull', '-q')
  await clone.pull()
  const now = clone.tree()
  const told = await clone.ddv('pull', '--rev', 'HEAD~1', '--json')
  t.match(JSON.parse(told.stdout), {
    commit: first,
    unnamed: [],
    outputs: [{ path: 'd' }, { path: 'x' }, { path: 'y' }],
  })
  t.same(clone.tree('d'), { a: 'aaaa', 'e/': '', 's/b': 'bbbb' })
  t.equal(clone.read('x'), 'xxxx')
  t.equal(clone.read('later/z'), 'z', 'what the commit does not name is left alone')
  t.equal(clone.git('status', '--porcelain'), '')
  t.ok((await clone.status([], { revision: 'HEAD~1' })).clean)
  t.notOk((await clone.status()).clean)
  t.match((await clone.ddv('status', '--rev', 'HEAD~1')).stdout, /^3 outputs, all as in [0-9a-f]{8}\n$/)
  t.match(
    (await clone.ddv('pull', '--rev', 'HEAD~1', 'x')).stdout,
    /the data is that of HEAD~1 \([0-9a-f]{8}\).*'ddv checkout' brings back/,
  )
  await clone.checkout()
  t.same(clone.tree('d'), { a: 'newer', 'e/': '' })
  t.match(await clone.ddv('status', '--rev', 'HEAD~1', '--exit-code'), {
    code: 1,
    stdout: /modified +d\n[\s\S]*'ddv pull --rev/,
  })
  t.match(await clone.ddv('pull', '--rev', 'HEAD~1', 'd/a'), { code: 0 })
  t.same(clone.tree('d'), { a: 'aaaa', 'e/': '' }, 'a part of an output')
  await clone.checkout()
  const kept = (tree: Record<string, string>) =>
    Object.fromEntries(Object.entries(tree).filter(([path]) => !/^\.(git|ddv|cache)\//.test(path)))
  t.same(kept(clone.tree()), kept(now))
  clone.write({ x: 'unsaved' })
  const refused = await clone.pull([], { revision: 'HEAD~1' })
  t.match(refused.failures, [{ path: 'x', error: { code: 'would-lose-data' } }])
  t.equal(clone.read('x'), 'unsaved')
  for (const argv of [
    ['pull', '--rev', 'HEAD~9'],
    ['pull', '--rev', 'HEAD', '--rev', 'HEAD'],
    ['status', '--rev', 'HEAD', 'later2'],
  ])
    t.equal((await clone.ddv(...argv)).code, 2, argv.join(' '))
})

t.test('data of a commit that has no pointer here is named', async t => {
  const { w, clone } = await makePair(t, { x: 'xxxx' })
  await w.ddv('move', 'x', 'y')
  w.commit()
  clone.git('pull', '-q')
  const { code, stderr } = await clone.ddv('pull', '--rev', 'HEAD~1')
  t.equal(code, 0)
  t.match(stderr, /warning: has no pointer here, so that git may take it for a file of its own: x\n/)
  t.equal(clone.read('x'), 'xxxx')
})

t.test('without git there are no revisions', async t => {
  const w = await makeWorkspace(t, { noGit: true, root: join(temporaryDirectory(t), 'w') })
  t.match(await w.ddv('pull', '--rev', 'HEAD'), { code: 1, stderr: /no git repository, so no revisions/ })
  t.match(await w.ddv('status', '--rev', 'HEAD'), { code: 1, stderr: /no git repository, so no revisions/ })
})

/** What is the user's: everything but what ddv keeps for itself. */
const own = (w: TestWorkspace): Record<string, string> =>
  Object.fromEntries(Object.entries(w.tree()).filter(([path]) => !/^\.(git|ddv|cache)\//.test(path)))

t.test('frozen: all of it, and what is in its place is left there', async t => {
  const { w, clone } = await makePair(t, small)
  const first = await clone.pull([], { frozen: true })
  t.match(first, { failures: [], frozen: true, commit: w.git('rev-parse', 'HEAD') })
  t.same([clone.tree('x'), clone.tree('d'), clone.tree('y')], [w.tree('x'), w.tree('d'), w.tree('y')])
  t.equal(clone.git('status', '--porcelain'), '')
  clone.remove('.cache')
  rmSync(w.path('../remote'), { recursive: true })
  t.match(await clone.pull([], { frozen: true }), { failures: [], remote: undefined, bytesReceived: 0, fetched: [] })
  t.match(await clone.pull('d/a', { frozen: true }), { failures: [], outputs: [{ path: 'd', written: 0 }] })
})

t.test('frozen: where one output cannot be had, nothing changes', async t => {
  const { w, clone } = await makePair(t, small)
  await clone.pull()
  w.write({ x: 'new x', 'd/a': 'new a', y: 'new y' })
  await w.add(['x', 'd', 'y'])
  w.commit()
  await w.push(['x', 'd'])
  clone.git('pull', '-q')
  const before = own(clone)
  const result = await clone.pull([], { frozen: true })
  t.match(result, { outputs: [], failures: [{ path: 'y', error: { code: 'missing' } }] })
  t.same(own(clone), before)
  const asked = await ddv(clone.root, ['pull', '--frozen'])
  t.equal(asked.code, 12)
  t.match(asked.stderr, /y/)
  await w.push()
  t.match(await clone.pull([], { frozen: true }), { failures: [] })
  t.match(own(clone), { x: 'new x', 'd/a': 'new a', y: 'new y' })
})

t.test('frozen: what was never added is kept, and all else with it', async t => {
  const { w, clone } = await makePair(t, small)
  await clone.pull()
  w.write({ x: 'new x', y: 'new y' })
  await w.add(['x', 'y'])
  w.commit()
  await w.push()
  clone.git('pull', '-q')
  clone.write({ x: 'precious' })
  const before = own(clone)
  t.match(await clone.pull([], { frozen: true }), { outputs: [], failures: [{ error: { code: 'would-lose-data' } }] })
  t.same(own(clone), before)
  t.equal((await ddv(clone.root, ['pull'], { ...clone.env, DDV_ENV: 'production' })).code, 15)
  t.same(own(clone), before)
  t.match(await clone.pull([], { frozen: true, force: true }), { failures: [] })
  t.match(own(clone), { x: 'new x', y: 'new y' })
})

t.test('frozen: a blob that rotted in the cache comes anew, or nothing changes', async t => {
  const { w, clone } = await makePair(t, small)
  await clone.fetch()
  clone.corrupt(digestOf('yyyy'))
  t.match(await clone.pull([], { frozen: true }), { failures: [] })
  t.same(own(clone), own(openWorkspace(t, w.root)))
  clone.remove('x', 'y', 'd')
  clone.corrupt(digestOf('bbbb'))
  rmSync(w.path('../remote'), { recursive: true })
  const before = own(clone)
  const { outputs, failures } = await clone.pull([], { frozen: true })
  t.same(outputs, [])
  t.ok(failures.length > 0)
  t.same(own(clone), before)
})

t.test('frozen: an unreadable pointer, and pointers that are not the commit’s', async t => {
  const { clone } = await makePair(t, small)
  clone.write({ 'z.ddv': '{' })
  const { code, stderr } = await ddv(clone.root, ['pull', '--frozen'])
  t.equal(code, 3)
  t.match(stderr, /warning: pointers are not those of the commit: z/)
  t.notOk(clone.has('x') || clone.has('d'))
})

t.test('frozen: the data of another commit, whole', async t => {
  const { w, clone } = await makePair(t, small)
  await clone.pull()
  const first = w.git('rev-parse', 'HEAD')
  w.write({ x: 'new x', y: 'new y' })
  await w.add(['x', 'y'])
  w.commit()
  await w.push()
  clone.git('pull', '-q')
  await clone.pull()
  t.match(await clone.pull([], { revision: first, frozen: true }), { failures: [], commit: first, frozen: true })
  t.match(own(clone), { x: 'xxxx', y: 'yyyy' })
  clone.write({ x: 'precious' })
  const before = own(clone)
  const refused = await clone.pull([], { revision: 'HEAD', frozen: true })
  t.match(refused, { outputs: [], failures: [{ error: { code: 'would-lose-data' } }] })
  t.same(own(clone), before)
})
