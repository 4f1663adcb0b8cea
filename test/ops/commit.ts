import { chmodSync, existsSync, rmSync } from 'node:fs'
import t from 'tap'
import { git, withoutGit } from '../support/git.js'
import {
  ddv,
  makeWorkspace,
  openWorkspace,
  type TestWorkspace,
  temporaryDirectory,
  testEnv,
} from '../support/workspace.js'

type Test = Parameters<typeof makeWorkspace>[0]

/** With an upstream and a remote for data; x, d and code.py committed. */
async function makeShared(t: Test): Promise<TestWorkspace> {
  const w = await makeWorkspace(t, { files: { x: '1', 'd/a': '1', 'code.py': '1' } })
  git(w.path('..'), 'init', '-q', '--bare', '-b', 'main', 'up.git')
  w.git('remote', 'add', 'origin', w.path('../up.git'))
  await w.ddv('remote', 'add', 'storage', '../remote', '--default')
  w.git('add', 'code.py')
  await w.add(['x', 'd'])
  w.commit()
  w.git('push', '-q', '-u', 'origin', 'main')
  await w.push()
  await w.close()
  return w
}

function hook(w: TestWorkspace, name: string, script: string): void {
  w.write({ [`.git/hooks/${name}`]: `#!/bin/sh\n${script}\n` })
  chmodSync(w.path('.git/hooks', name), 0o755)
}

const state = (w: TestWorkspace): unknown => [
  Object.fromEntries(Object.entries(w.tree()).filter(([path]) => !/^\.(git|ddv|cache)\//.test(path))),
  w.git('ls-files', '--stage'),
  w.git('rev-parse', 'HEAD'),
]

const head = (w: TestWorkspace): string => w.git('rev-parse', 'HEAD')
const shown = (w: TestWorkspace): string[] => w.git('show', '--format=', '--name-only', 'HEAD').split('\n')

t.test('what changed under ddv, and what was staged; nothing else', async t => {
  const w = await makeShared(t)
  w.write({ x: '2', 'd/b': '2', 'code.py': '2', 'other.py': '', 'untracked.csv': '' })
  w.git('add', 'code.py')
  const before = head(w)
  const { code, stdout, stderr } = await w.ddv('commit', '-m', 'a message', '--json')
  t.equal(code, 0, stderr)
  const result = JSON.parse(stdout)
  t.match(result, { commit: head(w), created: true, outputs: [{ pointer: 'd.ddv' }, { pointer: 'x.ddv' }] })
  t.equal(w.git('rev-parse', 'HEAD~'), before)
  t.equal(w.git('log', '-1', '--format=%B'), 'a message')
  t.same(shown(w), ['code.py', 'd.ddv', 'x.ddv'])
  t.ok((await w.status()).clean)
  t.equal(w.git('status', '--porcelain', '-uno'), '')
})

t.test('targets alone, and a part of a directory', async t => {
  const w = await makeShared(t)
  w.write({ x: '2', 'd/a': '2', 'd/b': '2' })
  t.equal((await w.ddv('commit', '-m', 'm', 'd/a')).code, 0)
  t.same(shown(w), ['d.ddv'])
  t.match(await w.look('d'), { changes: [{ path: 'b', change: 'added' }] })
  t.match(await w.look('x'), { workspace: 'modified' })
  t.match(await w.ddv('commit', '-m', 'm', 'nowhere'), { code: 2, stderr: /not under ddv/ })
})

t.test('nothing to commit', async t => {
  const w = await makeShared(t)
  w.write({ 'code.py': 'not staged', 'untracked.csv': '' })
  const before = state(w)
  t.match(await w.ddv('commit', '-m', 'm'), { code: 1, stderr: /error: nothing to commit/ })
  t.match(await w.ddv('commit', '-m', 'm', '--push'), { code: 1, stderr: /error: nothing to commit/ })
  t.match(await w.ddv('commit', '-m', ' '), { code: 2, stderr: /message is empty/ })
  t.match(await w.ddv('commit'), { code: 2 })
  t.same(state(w), before)
})

t.test('data that is not here is no change', async t => {
  const w = await makeShared(t)
  w.remove('d')
  w.write({ x: '2' })
  t.equal((await w.ddv('commit', '-m', 'm')).code, 0)
  t.same(shown(w), ['x.ddv'])
})

t.test('git.autostage off, and ddv.lock: staged all the same', async t => {
  const w = await makeShared(t)
  await w.ddv('config', 'set', '--local', 'git.autostage', 'false')
  w.write({ x: '2', y: '1', 'ddv.lock': '{"ddv": 1}' })
  t.equal((await w.ddv('add', 'y')).code, 0)
  t.equal((await w.ddv('commit', '-m', 'm')).code, 0)
  t.same(shown(w), ['.gitignore', 'ddv.lock', 'x.ddv', 'y.ddv'])
})

t.test('refused while somebody else commits: their commit is not taken back', async t => {
  const w = await makeShared(t)
  w.write({ x: '2' })
  // As another process does meanwhile; with the pointer that is staged by now.
  hook(w, 'pre-commit', 'unset GIT_INDEX_FILE; git commit -q --no-verify -m between; exit 1')
  t.equal((await w.ddv('commit', '-m', 'm')).code, 1)
  t.same(shown(w), ['x.ddv'], 'in the other commit')
  t.equal(w.git('status', '--porcelain'), '', 'neither index nor workspace goes back')
})

for (const [name, refuse] of [
  ['pre-commit', 'echo "this is not good" >&2; exit 1'],
  ['commit-msg', 'exit 3'],
] as const)
  t.test(`refused by ${name}: all is as it was`, async t => {
    const w = await makeShared(t)
    w.write({ x: '2', 'd/b': '2', 'code.py': '2', y: '1' })
    w.git('add', 'code.py')
    await w.ddv('config', 'set', '--local', 'git.autostage', 'false')
    await w.ddv('add', 'y')
    hook(w, name, refuse)
    const before = state(w)
    const { code, stdout, stderr } = await w.ddv('commit', '-m', 'm', '--push')
    t.equal(code, 1)
    t.equal(stdout, '')
    t.match(stderr, /git did not make the commit/)
    if (name === 'pre-commit')
      t.match(stderr, /^this is not good\nddv: error: git did not make the commit: this is not good$/m)
    t.same(state(w), before)
    rmSync(w.path('.git/hooks', name))
    t.equal((await w.ddv('commit', '-m', 'm')).code, 0)
    t.same(shown(w), ['.gitignore', 'code.py', 'd.ddv', 'x.ddv', 'y.ddv'])
  })

t.test('what cannot be added: all is as it was', async t => {
  const w = await makeShared(t)
  w.write({ x: '2', 'd/b': '2' })
  rmSync(w.path('d/a'))
  w.git('init', '-q', 'd/a') // a repository inside: no data
  const before = state(w)
  const { code } = await w.ddv('commit', '-m', 'm')
  t.not(code, 0)
  t.same(state(w), before)
  w.write({ 'bad.ddv': '{' })
  t.match(await w.ddv('commit', '-m', 'm'), { code: 3, stderr: /bad\.ddv/ })
})

t.test('--push: data first, then the branch', async t => {
  const w = await makeShared(t)
  w.write({ x: '2' })
  await w.ddv('commit', '-m', 'not pushed yet')
  w.write({ x: '3' })
  const { code, stdout, stderr } = await w.ddv('commit', '-m', 'm', '--push', '--json')
  t.equal(code, 0, stderr)
  t.match(JSON.parse(stdout), { created: true, branch: 'origin/main', pushed: { outputs: [{}, {}] } })
  t.equal(git(w.path('../up.git'), 'rev-parse', 'main'), head(w))
  git(w.root, 'clone', '-q', '../up.git', '../clone')
  const clone = openWorkspace(t, w.path('../clone'))
  for (const [revision, bytes] of [
    ['HEAD', '3'],
    ['HEAD~', '2'],
  ] as const) {
    clone.git('checkout', '-q', revision)
    t.equal((await clone.ddv('pull', 'x')).code, 0)
    t.equal(clone.read('x'), bytes, 'the data of every commit that left is there')
  }
})

t.test('--push again after only the commit was made', async t => {
  const w = await makeShared(t)
  w.write({ x: '2' })
  await w.ddv('commit', '-m', 'm')
  const { code, stdout } = await w.ddv('commit', '-m', 'm', '--push', '--json')
  t.equal(code, 0)
  t.match(JSON.parse(stdout), { created: false, commit: head(w), branch: 'origin/main' })
  t.equal(git(w.path('../up.git'), 'rev-parse', 'main'), head(w))
})

t.test('--push without an upstream, or on no branch: nothing is begun', async t => {
  const w = await makeShared(t)
  w.git('switch', '-q', '-c', 'side')
  w.write({ x: '2' })
  const before = state(w)
  const refused = await w.ddv('commit', '-m', 'm', '--push')
  t.match(refused, { code: 1, stderr: /hint: set it once: git push --set-upstream origin side/ })
  w.git('checkout', '-q', '--detach')
  t.match(await w.ddv('commit', '-m', 'm', '--push'), { code: 1, stderr: /detached/ })
  t.same(state(w), before)
})

t.test('--push where the data cannot leave: the branch stays, and the result has the commit', async t => {
  const w = await makeShared(t)
  const there = git(w.path('../up.git'), 'rev-parse', 'main')
  w.write({ x: '2' })
  await w.ddv('remote', 'modify', 'storage', '--url', '../up.git', '--local')
  const { code, stdout, stderr } = await w.ddv('commit', '-m', 'm', '--push', '--json')
  t.equal(code, 14, stderr)
  t.match(JSON.parse(stdout), { commit: head(w), created: true })
  t.equal(JSON.parse(stdout).branch, undefined)
  t.equal(git(w.path('../up.git'), 'rev-parse', 'main'), there)
  t.match(stderr, /its branch was not pushed/)
})

t.test('--push where git refuses: the commit and its data are there', async t => {
  const w = await makeShared(t)
  hook(w, 'pre-push', 'echo "not on a Friday" >&2; exit 1')
  w.write({ x: '2' })
  const { code, stderr } = await w.ddv('commit', '-m', 'm', '--push')
  t.equal(code, 1)
  t.match(stderr, /not on a Friday/)
  t.equal(w.git('log', '-1', '--format=%s'), 'm')
})

t.test('a commit that holds data as git content does not leave', async t => {
  const w = await makeShared(t)
  w.git('add', '-f', 'd/a')
  w.git('commit', '-q', '-m', 'without hooks')
  w.git('rm', '-q', '--cached', 'd/a')
  w.write({ x: '2' })
  const { code, stderr } = await w.ddv('commit', '-m', 'm', '--push')
  t.equal(code, 1)
  t.match(stderr, /in git as content: d\/a/)
  t.not(git(w.path('../up.git'), 'rev-parse', 'main'), head(w))
})

t.test('without the git program: by itself, but past no hook', async t => {
  const w = await makeShared(t)
  const env = { ...testEnv, PATH: withoutGit.PATH }
  const run = (...argv: string[]) => ddv(w.root, argv, env)
  w.write({ x: '2', 'code.py': '2' })
  w.git('add', 'code.py')
  const before = head(w)
  t.match(await run('commit', '-m', 'm'), { code: 0 })
  t.same(shown(w), ['code.py', 'x.ddv'])
  t.equal(w.git('rev-parse', 'HEAD~'), before)
  t.equal(w.git('log', '-1', '--format=%an %ae %s'), 'A a@example.com m')
  t.equal(w.git('fsck', '--no-dangling'), '')
  t.equal(w.git('status', '--porcelain'), '')
  t.match(await run('commit', '-m', 'm'), { code: 1, stderr: /nothing to commit/ })
  w.write({ x: '3' })
  t.match(await run('commit', '-m', 'm', '--push'), { code: 1, stderr: /needs the git program/ })
  hook(w, 'pre-commit', 'exit 0')
  const kept = state(w)
  t.match(await run('commit', '-m', 'm'), { code: 1, stderr: /has the hook 'pre-commit'/ })
  t.same(state(w), kept)
  t.notOk(existsSync(w.path('.git/index.lock')))
})

t.test('the first commit of a repository', async t => {
  const w = await makeWorkspace(t, { files: { x: '1' } })
  w.git('update-ref', '-d', 'HEAD')
  await w.add('x')
  t.equal((await w.ddv('commit', '-m', 'first')).code, 0)
  t.equal(w.git('rev-list', '--count', 'HEAD'), '1')
})

t.test('no git', async t => {
  const w = await makeWorkspace(t, { root: `${temporaryDirectory(t)}/w`, noGit: true, files: { x: '1' } })
  await w.add('x')
  t.match(await w.ddv('commit', '-m', 'm'), { code: 1, stderr: /no git repository/ })
})

t.test('--push that others were faster than: what git said, and which line of it counts', async t => {
  const w = await makeShared(t)
  git(w.root, 'clone', '-q', '../up.git', '../other')
  git(w.path('../other'), 'commit', '-q', '--allow-empty', '-m', 'theirs')
  git(w.path('../other'), 'push', '-q')
  w.write({ x: '2' })
  const { code, stderr } = await w.ddv('commit', '-m', 'm', '--push')
  t.not(code, 0)
  t.match(stderr, /^ ! \[rejected\] /m)
  t.match(stderr, /^ddv: error: git did not push the branch: ! \[rejected\] .*\(fetch first\)/m)
  t.match(stderr, /^ddv: hint: .*'git pull'/m)
  t.equal(stderr.match(/^ddv: warning:/gm)?.length, 1, stderr)
  t.notMatch((await w.ddv('-q', 'commit', '--push', '-m', 'm')).stderr, /^ ! /m)
})

t.test('git does not know who commits', async t => {
  const w = await makeShared(t)
  w.write({ x: '2' })
  const { GIT_AUTHOR_NAME, GIT_AUTHOR_EMAIL, GIT_COMMITTER_NAME, GIT_COMMITTER_EMAIL, ...env } = testEnv
  w.git('config', 'user.useConfigOnly', 'true')
  const before = state(w)
  const { code, stderr } = await ddv(w.root, ['commit', '-m', 'm'], env)
  t.equal(code, 1, stderr)
  t.match(stderr, /^ddv: hint: tell git who you are: git config --global user\.name /m)
  t.same(state(w), before)
})
