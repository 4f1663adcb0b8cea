import { existsSync, readdirSync, rmSync } from 'node:fs'
import t from 'tap'
import { digestPath } from '../../lib/core/digest.js'
import { git, withoutGit } from '../support/git.js'
import {
  corruptFile,
  ddv,
  digestOf,
  makeWorkspace,
  openWorkspace,
  type TestWorkspace,
  testEnv,
} from '../support/workspace.js'

type Test = Parameters<typeof makeWorkspace>[0]

/** Three commits, all pushed, and a clone without data. */
async function history(t: Test): Promise<{ w: TestWorkspace; clone: TestWorkspace; commits: string[] }> {
  const w = await makeWorkspace(t, { files: { x: 'x1', 'd/a': 'a1', same: 'x1' } })
  await w.ddv('remote', 'add', 'origin', w.path('../remote'), '--default')
  await w.add(['x', 'd', 'same'])
  const commits = [w.commit()]
  for (const version of ['x2', 'x3']) {
    w.write({ x: version })
    await w.add('x')
    commits.push(w.commit())
  }
  await w.push([], { revisions: commits })
  await w.close()
  git(w.root, 'clone', '-q', '.', '../clone')
  return { w, clone: openWorkspace(t, w.path('../clone')), commits }
}

const recipe = (w: TestWorkspace, content: string): string =>
  w.path('../remote/recipes/file', digestPath(digestOf(content)))

t.test('a clone without data and cache: every version once', async t => {
  const { clone, commits } = await history(t)
  const range = `${commits[0]}~..HEAD`
  const { code, stdout, stderr } = await clone.ddv('verify', '--rev', range, '--json')
  t.equal(code, 0, stderr)
  const result = JSON.parse(stdout)
  t.same(result.commits, commits)
  t.same(
    result.outputs.map((one: { path: string; hash: string; state: string }) => [one.path, one.hash, one.state]),
    [
      ['d', clone.pointer('d').hash, 'present'],
      ['same', digestOf('x1'), 'present'],
      ['x', digestOf('x1'), 'present'],
      ['x', digestOf('x2'), 'present'],
      ['x', digestOf('x3'), 'present'],
    ],
  )
  t.match(await clone.ddv('verify', '--rev', 'HEAD', '--rev', 'HEAD~', '--deep'), {
    code: 0,
    stdout: /^verified {2}4 versions of 2 commits on /,
  })
  t.match(await clone.ddv('verify', '--remote'), { code: 0, stdout: /^verified {2}3 versions on / })
  t.match(await clone.ddv('verify', '--remote', 'x'), { stdout: /^verified {2}1 version on / })
  t.match(await clone.ddv('verify', '--rev', 'HEAD..HEAD'), { code: 0, stdout: /^verified {2}0 versions\n/ })
  t.notOk(clone.has('.cache'), 'nothing was fetched')
  t.notOk(clone.has('x'))
  const there = await ddv(clone.root, ['verify', '--rev', range], { ...testEnv, PATH: withoutGit.PATH })
  t.match(there, { code: 0, stdout: /5 versions of 3 commits/ }, 'without the git program')
  t.match(await ddv(clone.root, ['verify', '--rev', range], { ...testEnv, DDV_ENV: 'production' }), { code: 0 })
})

t.test('a version that nobody pushed: named with its commit', async t => {
  const { w, clone, commits } = await history(t)
  rmSync(recipe(w, 'x2'))
  const { code, stdout, stderr } = await clone.ddv('verify', '--rev', `${commits[0]}..HEAD`, '--json')
  t.equal(code, 12)
  t.match(JSON.parse(stdout), { problems: [{ path: 'x', commit: commits[1], code: 'missing' }] })
  t.match(JSON.parse(stderr), { error: { code: 'missing' } })
  const text = await clone.ddv('verify', '--rev', `${commits[0]}..HEAD`)
  t.match(text.stderr, `error: commit ${commits[1]?.slice(0, 12)}: not on the remote`)
  t.match(text.stderr, `hint: send it from where it is: ddv push --rev ${commits[1]}`)
  t.match(await clone.ddv('verify', '--rev', 'HEAD'), { code: 0 })
  t.equal((await w.ddv('push', '--rev', commits[1] ?? '')).code, 0, 'the hint is true')
  t.match(await clone.ddv('verify', '--rev', `${commits[0]}..HEAD`), { code: 0 })
})

t.test('packs: gone, and rotten', async t => {
  const { w, clone } = await history(t)
  const packs = readdirSync(w.path('../remote/packs'), { recursive: true, encoding: 'utf8' })
    .filter(name => name.includes('/'))
    .map(name => w.path('../remote/packs', name))
  for (const pack of packs) corruptFile(pack)
  t.match(await clone.ddv('verify', '--rev', 'HEAD~2..HEAD'), { code: 0 })
  t.match(await clone.ddv('verify', '--rev', 'HEAD~2..HEAD', '--deep'), { code: 13 })
  t.same(readdirSync(clone.path('.ddv/tmp')), [])
  for (const pack of packs) rmSync(pack)
  t.match(await clone.ddv('verify', '--rev', 'HEAD'), { code: 12, stderr: /a pack is not on the remote/ })
})

t.test('a commit that no hook saw: data as content, a pointer that cannot be read', async t => {
  const { w, clone } = await history(t)
  const good = w.git('rev-parse', 'HEAD')
  w.git('add', '-f', 'd/a')
  w.write({ 'bad.ddv': '{' })
  w.git('add', '-f', 'bad.ddv')
  const bad = w.commit('without hooks')
  w.git('rm', '-q', '--cached', 'd/a', 'bad.ddv')
  w.commit('taken back')
  clone.git('pull', '-q')
  const { code, stdout, stderr } = await clone.ddv('verify', '--rev', `${good}..HEAD`, '--json')
  t.equal(code, 3, stderr)
  t.same(
    JSON.parse(stdout)
      .problems.map(({ path, commit, code }: Record<string, string>) => [path, commit, code])
      .sort(),
    [
      ['bad', bad, 'bad-pointer'],
      ['d/a', bad, 'refused'],
    ],
  )
  t.match(await clone.ddv('verify', '--rev', `${good}..HEAD`, 'd'), { code: 1, stderr: /in git as content: d\/a/ })
  t.match(await clone.ddv('verify', '--rev', 'HEAD'), { code: 0 })
})

t.test('what cannot be begun', async t => {
  const { w, clone } = await history(t)
  t.match(await clone.ddv('verify', '--rev', 'nowhere..HEAD'), { code: 2, stderr: /no such revision: nowhere/ })
  t.match(await clone.ddv('verify', '--rev', 'HEAD', '-r', 'other'), { code: 2, stderr: /no such remote/ })
  git(w.root, 'clone', '-q', '--depth=1', `file://${w.root}`, '../shallow')
  const shallow = openWorkspace(t, w.path('../shallow'))
  t.match(await shallow.ddv('verify', '--rev', 'HEAD'), {
    code: 0,
    stderr: /not all of its history[\s\S]*fetch-depth: 0/,
  })
  await w.ddv('remote', 'remove', 'origin')
  w.git('rm', '-q', '--cached', 'x.ddv', 'd.ddv', 'same.ddv')
  w.commit('no data')
  t.match(await w.ddv('verify', '--rev', 'HEAD'), { code: 0 }, 'commits without data need no remote')
  t.match(await w.ddv('verify', '--rev', 'HEAD~'), { code: 14, stderr: /no remote is configured/ })
  t.ok(existsSync(w.path('x')))
})
