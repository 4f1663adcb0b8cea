import { mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { git } from '../support/git.js'
import { noise } from '../support/transfer.js'
import {
  corruptFile,
  digestOf,
  errorOf,
  makeWorkspace,
  openWorkspace,
  setAside,
  type TestWorkspace,
  temporaryDirectory,
  type WorkspaceOptions,
} from '../support/workspace.js'

type Test = Parameters<typeof makeWorkspace>[0]

/** With a directory remote beside it. */
async function makeWithRemote(t: Test, options: WorkspaceOptions = {}): Promise<TestWorkspace> {
  const w = await makeWorkspace(t, options)
  await w.ddv('remote', 'add', 'origin', '../remote', '--default')
  return w
}

const keys = (w: TestWorkspace, below: string): string[] => {
  const directory = w.path('../remote', below)
  const names = readdirSync(directory, { recursive: true, withFileTypes: true })
  return names
    .filter(entry => entry.isFile())
    .map(entry => join(entry.parentPath, entry.name).slice(directory.length + 1))
}

t.test('what the pointers name arrives, once', async t => {
  const w = await makeWithRemote(t, {
    files: { x: noise(200_000, 1), 'd/a': 'a', 'd/s/b': 'b', 'd/e/': '', empty: '', 'hollow/': '' },
  })
  await w.add(['x', 'd', 'empty', 'hollow'])
  const result = await w.push()
  t.same(result.failures, [])
  t.same(
    result.outputs.map(({ path, outcome }) => [path, outcome]).sort(),
    ['d', 'empty', 'hollow', 'x'].map(path => [path, 'pushed']),
  )
  t.ok(result.bytesSent >= 200_000 && result.bytesSent < 202_000, `${result.bytesSent} bytes for 200,002`)
  t.equal(result.packs, 1)
  t.equal(keys(w, 'packs').length, 1)
  t.equal(keys(w, 'recipes/file').length, 2)
  t.equal(keys(w, 'recipes/directory').length, 2)
  t.same(keys(w, 'claims'), [], 'the claim is taken back')

  const again = await w.push()
  t.match(again, { bytesSent: 0, packs: 0 })
  t.same(new Set(again.outputs.map(one => one.outcome)), new Set(['present']))
  await w.close()
  w.remove('.ddv/state', '.ddv/recipes')
  t.match(await w.push(), { bytesSent: 0, packs: 0, failures: [] }, 'nor without what this clone remembers')
})

t.test('only targets, and what they share with the version before is not sent again', async t => {
  const big = noise(3_000_000, 2)
  const w = await makeWithRemote(t, { files: { x: big, y: 'y' } })
  await w.add(['x', 'y'])
  w.commit()
  t.match(await w.push('x'), { outputs: [{ path: 'x' }] })
  t.equal(keys(w, 'recipes/file').length, 1)
  w.write({ x: Buffer.concat([big.subarray(0, 1000), Buffer.from('inserted'), big.subarray(1000)]) })
  await w.add('x')
  const { bytesSent } = await w.push('x')
  t.ok(bytesSent > 0 && bytesSent < 300_000, `${bytesSent} bytes of 3,000,008`)

  git(w.root, 'commit', '-q', '-m', 'c')
  git(w.root, 'clone', '-q', '.', '../clone')
  const clone = openWorkspace(t, w.path('../clone'))
  t.match(await clone.pull('x'), { failures: [] })
  clone.write({ x: Buffer.concat([big, Buffer.from('at the end')]) })
  await clone.add('x')
  const sent = (await clone.push('x')).bytesSent
  t.ok(sent > 0 && sent < 400_000, `${sent} bytes from a fresh clone`)
})

t.test('a blob that is missing on both sides is no success', async t => {
  const w = await makeWithRemote(t, { files: { x: 'xxxx', 'd/a': 'aaaa', 'd/b': 'bbbb', y: 'yyyy' } })
  await w.add(['x', 'd', 'y'])
  rmSync(w.blob(digestOf('xxxx')))
  rmSync(w.blob(digestOf('aaaa')))
  const result = await w.push()
  t.match(result.failures.map(({ path, error }) => [path, error.code]).sort(), [
    ['d', 'missing'],
    ['x', 'missing'],
  ])
  for (const { path, error } of result.failures) {
    t.match(error.message, new RegExp(`neither in the cache nor on the remote: ${path}$`))
    t.match(error.hint, `ddv add ${path}`)
  }
  t.match(result.outputs, [{ path: 'y', outcome: 'pushed' }], 'the others are pushed')
  await w.add(['x', 'd'])
  t.match(await w.push(), { failures: [] })
})

t.test('what the remote has need not be in the cache', async t => {
  const w = await makeWithRemote(t, { files: { x: 'xxxx', y: 'yyyy' } })
  await w.add(['x', 'y'])
  await w.push()
  rmSync(w.blob(digestOf('xxxx')))
  t.match(await w.push(), { failures: [], bytesSent: 0 })
})

t.test('what was lost on the remote is sent anew', async t => {
  const w = await makeWithRemote(t, { files: { x: 'xxxx' } })
  await w.add('x')
  await w.push()
  rmSync(w.path('../remote/packs'), { recursive: true })
  w.remove('.ddv/state')
  await w.close()
  t.match(await w.push(), { failures: [], outputs: [{ outcome: 'pushed' }] })
  w.remove('.cache', 'x')
  t.match(await w.pull(), { failures: [] })
  t.equal(w.read('x'), 'xxxx')
})

t.test('push --repair: whoever pulls then gets all of it', async t => {
  const w = await makeWithRemote(t, { files: { x: noise(100_000, 3), 'd/a': 'small' } })
  await w.add(['x', 'd'])
  w.commit()
  await w.push()
  for (const key of keys(w, 'packs')) corruptFile(w.path('../remote/packs', key))
  t.match(await w.push(), { bytesSent: 0 }, 'names and sizes are as they were')
  const { code, stdout } = await w.ddv('push', '--repair')
  t.equal(code, 0)
  t.match(stdout, /pushed {2}d .*\npushed {2}x /)
  w.git('clone', '-q', '.', '../clone')
  const clone = openWorkspace(t, w.path('../clone'))
  t.match(await clone.pull(), { failures: [] })
  for (const key of keys(w, 'packs')) corruptFile(w.path('../remote/packs', key))
  w.remove('.cache')
  await w.close()
  const { failures } = await w.push([], { repair: true })
  t.same(
    failures.map(({ path, error }) => [path, error.code]),
    [
      ['d', 'missing'],
      ['x', 'missing'],
    ],
  )
})

t.test('a blob that rotted is never pushed', async t => {
  const w = await makeWithRemote(t, { files: { x: 'xxxx', 'd/a': 'aaaa', y: 'yyyy' } })
  await w.add(['x', 'd', 'y'])
  for (const content of ['xxxx', 'aaaa']) w.corrupt(digestOf(content))
  const { failures, outputs } = await w.push()
  t.match(failures.map(({ path, error }) => [path, error.code]).sort(), [
    ['d', 'corrupt'],
    ['x', 'corrupt'],
  ])
  t.match(outputs, [{ path: 'y' }])
  t.equal(setAside(w.root).length, 2, 'set aside, not deleted')
  t.equal(keys(w, 'recipes/file').length, 1)
  await w.add(['x', 'd'])
  t.match(await w.push(), { failures: [] }, 'add repairs')
})

t.test('a broken pointer is a failure, and the others are pushed', async t => {
  const w = await makeWithRemote(t, { files: { x: '1', y: '2' } })
  await w.add(['x', 'y'])
  w.write({ 'x.ddv': '{' })
  t.match(await w.push(), { failures: [{ path: 'x', error: { code: 'bad-pointer' } }], outputs: [{ path: 'y' }] })
})

t.test('where to', async t => {
  const w = await makeWorkspace(t, { files: { x: '1' } })
  await w.add('x')
  t.match(await errorOf(t, w.push(), 'remote'), { message: 'no remote is configured', hint: /ddv remote add/ })
  await w.ddv('remote', 'add', 'one', '../nowhere/remote')
  await w.ddv('remote', 'add', 'two', '../two')
  await w.close()
  t.match(await errorOf(t, w.push(), 'remote'), { message: /no default among the remotes one, two/, hint: /-r NAME/ })
  t.match(await errorOf(t, w.push([], { remote: 'tow' }), 'usage'), { message: 'no such remote: tow', hint: /two/ })
  const { failures } = await w.push([], { remote: 'one' }).catch(error => ({ failures: [{ path: 'x', error }] }))
  t.match(failures, [{ error: { code: 'remote', message: /nowhere/ } }])
  t.match(await w.push([], { remote: 'two' }), { failures: [], outputs: [{ path: 'x' }], remote: '../two' })

  const full = temporaryDirectory(t)
  mkdirSync(join(full, 'photos'))
  await w.ddv('remote', 'add', 'full', full)
  await w.close()
  const refused = await w.push([], { remote: 'full' }).catch(error => ({ failures: [{ path: 'x', error }] }))
  t.match(refused.failures, [{ error: { code: 'remote', message: full } }], 'a directory of other things is no remote')
  t.same(readdirSync(full), ['photos'])
})

t.test('the remote knows who uses it, without credentials', async t => {
  const w = await makeWithRemote(t, { files: { x: '1' } })
  w.git('remote', 'add', 'origin', 'https://user:secret@example.com/team/data.git')
  await w.add('x')
  await w.push()
  const all = keys(w, '')
    .map(key => readFileSync(w.path('../remote', key), 'latin1'))
    .join('\n')
  t.match(all, 'https://example.com/team/data.git')
  t.notMatch(all, 'secret')
})

t.test('a pack that is damaged on the remote is found by whoever pulls', async t => {
  const w = await makeWithRemote(t, { files: { x: noise(100_000, 3), 'd/a': 'small' } })
  await w.add(['x', 'd'])
  w.commit()
  await w.push()
  for (const key of keys(w, 'packs')) corruptFile(w.path('../remote/packs', key))
  w.remove('.cache', 'x', 'd', '.ddv/recipes')
  const { failures } = await w.pull()
  t.ok(
    failures.some(({ error }) => error.code === 'corrupt'),
    failures.map(({ error }) => error.message).join(),
  )
  t.notOk(w.has('x'), 'wrong bytes are not handed out')
})
