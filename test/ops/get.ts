import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { git, withoutGit } from '../support/git.js'
import { ddv, makeWorkspace, readTree, type TestWorkspace, temporaryDirectory, testEnv } from '../support/workspace.js'

type Test = Parameters<typeof makeWorkspace>[0]

/** A repository with data on a remote beside it, in two versions; and an empty place elsewhere. */
async function makePlaces(t: Test): Promise<{ w: TestWorkspace; here: string }> {
  const top = temporaryDirectory(t)
  const w = await makeWorkspace(t, {
    root: join(top, 'w'),
    files: { 'data/x': 'one', 'data/set/a': 'aa', 'data/set/s/run': '#!', 'data/set/e/': '' },
  })
  chmodSync(w.path('data/set/s/run'), 0o755)
  await w.ddv('remote', 'add', 'origin', '../remote', '--default')
  await w.add(['data/x', 'data/set'])
  w.git('add', '-A')
  w.commit()
  w.git('tag', 'v1')
  w.write({ 'data/x': 'two' })
  await w.add('data/x')
  w.commit()
  await w.push([], { revisions: ['HEAD', 'HEAD~1'] })
  const here = join(top, 'here')
  mkdirSync(here)
  return { w, here }
}

t.test('from a repository on this machine', async t => {
  const { w, here } = await makePlaces(t)
  const get = (...argv: string[]) => ddv(here, ['get', ...argv], testEnv)
  const cases: readonly (readonly [readonly string[], string, Record<string, string>])[] = [
    [['../w', 'data/x'], 'x', { '': 'two' }],
    [['../w', 'data/x', '-o', 'old', '--rev', 'HEAD~1'], 'old', { '': 'one' }],
    [['../w', 'data/x', '-o', 'tagged', '--rev', 'v1'], 'tagged', { '': 'one' }],
    [['../w', 'data/set/', '-o', 'all'], 'all', { a: 'aa', 'e/': '', 's/run': '*#!' }],
    [['../w', 'data/set/s', '-o', 'part'], 'part', { run: '*#!' }],
    [[w.root, 'data/set/s/run'], 'run', { '': '*#!' }],
    [['../w/.git', 'data/x', '-o', 'git'], 'git', { '': 'two' }],
  ]
  for (const [argv, out, tree] of cases.slice(0, -1)) {
    t.match(await get(...argv), { code: 0, stderr: '' }, argv.join(' '))
    t.same(readTree(join(here, out)), tree, argv.join(' '))
  }
  const before = readdirSync(here).sort()
  writeFileSync(join(here, 'mine'), 'mine')
  for (const [argv, code] of [
    [['../w', 'data/x', '-o', 'mine'], 1],
    [['../w', 'data/x'], 1],
    [['../w', 'data/set', '-o', 'all/s'], 0],
    [['../w', 'data', '-o', 'n'], 2],
    [['../w', 'data/set/nope', '-o', 'n'], 2],
    [['../w', '../x', '-o', 'n'], 2],
    [['../w', 'data/x', '-o', 'n', '--rev', 'nowhere'], 2],
    [['../nowhere', 'data/x', '-o', 'n'], 2],
    [['-o', 'n', '--', '--upload-pack=x', 'data/x'], 2],
    [['../w', 'data/x', '-o', 'no/such/place'], 1],
  ] as const)
    t.equal((await get(...argv)).code, code, argv.join(' '))
  t.equal(readFileSync(join(here, 'mine'), 'utf8'), 'mine')
  t.same(readdirSync(here).sort(), [...before, 'mine'].sort(), 'nothing is left behind')
  t.same(readTree(join(here, 'all/s')), { run: '*#!', 'set/a': 'aa', 'set/e/': '', 'set/s/run': '*#!' })
  t.match(JSON.parse((await get('../w', 'data/x', '-o', 'json', '--json')).stdout), {
    commit: w.git('rev-parse', 'HEAD'),
    kind: 'file',
    size: 3,
  })
})

t.test('from a bare one, and by URL', async t => {
  const { w, here } = await makePlaces(t)
  const bare = join(here, '../bare.git')
  git(w.root, 'clone', '-q', '--bare', w.root, bare)
  git(bare, 'config', 'uploadpack.allowFilter', 'true')
  for (const [i, [address, rev, text]] of (
    [
      ['../bare.git', 'HEAD', 'two'],
      [`file://${bare}`, 'v1', 'one'],
      [`file://${bare}`, 'HEAD~1', 'one'],
      [`file://${bare}`, 'main~1', 'one'],
      [`file://${bare}`, w.git('rev-parse', '--short', 'v1'), 'one'],
      [`file://${w.root}`, ':/c', 'two'],
    ] as const
  ).entries()) {
    t.match(
      await ddv(here, ['get', address, 'data/x', '-o', `${i}`, '--rev', rev], testEnv),
      { code: 0 },
      `${address} ${rev}`,
    )
    t.equal(readFileSync(join(here, `${i}`), 'utf8'), text, `${address} ${rev}`)
  }
  const noGit = { ...testEnv, PATH: withoutGit.PATH }
  t.match(await ddv(here, ['get', '../bare.git', 'data/x', '-o', 'n'], noGit), { code: 1, stderr: /install git/ })
  t.match(await ddv(here, ['get', '../w', 'data/x', '-o', 'without'], noGit), { code: 0 })
  t.match(await ddv(here, ['get', `file://${bare}`, 'data/x', '-o', 'n', '--rev', 'nowhere'], testEnv), { code: 2 })
})

t.test('data that is not on the remote, or is damaged there', async t => {
  const { w, here } = await makePlaces(t)
  w.write({ 'data/x': 'never pushed' })
  await w.add('data/x')
  w.commit()
  t.match(await ddv(here, ['get', '../w', 'data/x'], testEnv), { code: 12, stderr: /not on the remote/ })
  const packs = join(here, '../remote/packs')
  for (const shard of readdirSync(packs))
    for (const name of readdirSync(join(packs, shard))) {
      const file = join(packs, shard, name)
      chmodSync(file, 0o644)
      const bytes = readFileSync(file)
      writeFileSync(
        file,
        bytes.map(byte => byte ^ 1),
      )
    }
  t.match(await ddv(here, ['get', '../w', 'data/set'], testEnv), { code: 13 })
  rmSync(join(here, '../remote'), { recursive: true })
  t.equal((await ddv(here, ['get', '../w', 'data/set'], testEnv)).code, 14)
  t.same(readdirSync(here), [])
  t.notOk(existsSync(join(here, 'set')))
})

t.test('a workspace below the top of its repository', async t => {
  const top = temporaryDirectory(t)
  const w = await makeWorkspace(t, { root: join(top, 'w') })
  mkdirSync(w.path('sub'))
  const env = testEnv
  await ddv(w.path('sub'), ['init'], env)
  writeFileSync(w.path('sub/x'), 'below')
  await ddv(w.path('sub'), ['remote', 'add', 'origin', '../../remote', '--default', '--cd', w.path('sub')], env)
  await ddv(w.path('sub'), ['add', 'x'], env)
  w.git('add', '-A')
  w.commit()
  t.match(await ddv(w.path('sub'), ['push'], env), { code: 0 })
  t.match(await ddv(top, ['get', 'w', 'sub/x'], env), { code: 0 })
  t.equal(readFileSync(join(top, 'x'), 'utf8'), 'below')
})
