import t from 'tap'
import { openProjectRemote, repositoryIdentity } from '../../lib/ops/open-remote.js'
import { git } from '../support/git.js'
import { errorOf, makeWorkspace, openWorkspace, readTree } from '../support/workspace.js'

t.test('which remote is meant', async t => {
  const w = await makeWorkspace(t)
  await errorOf(t, openProjectRemote(await w.project(), {}), 'remote')
  await w.ddv('remote', 'add', 'a', '../a')
  await w.close()
  const only = await openProjectRemote(await w.project(), {})
  t.equal(only.url, '../a', 'the only one there is')
  await only.close()
  await w.ddv('remote', 'add', 'b', 'file:///nowhere/b', '--default')
  await w.close()
  for (const [name, url] of [
    [undefined, 'file:///nowhere/b'],
    ['a', '../a'],
  ] as const) {
    const remote = await openProjectRemote(await w.project(), { name })
    t.equal(remote.url, url)
    await remote.close()
  }
  await errorOf(t, openProjectRemote(await w.project(), { name: 'c' }), 'usage')
})

t.test('URLs that are none', async t => {
  for (const url of ['ftp://host/x', 's3://', 's3://key:secret@bucket/x', 's3://bucket/a?b=c', 'file://host/x']) {
    const w = await makeWorkspace(t)
    w.write({ '.ddv/config.yaml': `remotes:\n  origin:\n    url: ${JSON.stringify(url)}\n` })
    const error = await errorOf(t, (async () => openProjectRemote(await w.project(), {}))(), 'bad-config')
    t.notMatch(error.message, 'secret')
  }
})

t.test('a repository is known by its URL, or by an id of its own', async t => {
  const w = await makeWorkspace(t)
  const own = repositoryIdentity(await w.project())
  t.match(own, { id: /^[0-9a-f]{32}$/, url: /^host:/ })
  t.same(repositoryIdentity(await w.project()), own, 'the same each time')
  t.equal(w.git('status', '--porcelain'), '', 'and it does not enter git')
  git(w.root, 'clone', '-q', '.', '../a')
  git(w.root, 'clone', '-q', '.', '../b')
  const clones = ['../a', '../b'].map(path => openWorkspace(t, w.path(path)))
  const [a, b] = await Promise.all(clones.map(async clone => repositoryIdentity(await clone.project())))
  t.same(a, b, 'clones of one are one')
  t.not(a?.id, own.id)
  w.git('remote', 'add', 'origin', 'https://me:token@example.com/x.git')
  t.match(repositoryIdentity(await w.project()), { url: 'https://example.com/x.git' })
})

t.test("a secret in the repository's own URL reaches neither a person nor the remote", async t => {
  for (const url of [
    'https://u:SECRET@h/x?private_token=SECRET',
    'HTTPS://SECRET@h/a@b',
    'u:SECRET@h:x',
    'ext::sh -c SECRET',
    'git+https://u:SECRET/SECRET@h/x',
  ]) {
    const w = await makeWorkspace(t, { inMemory: true, files: { x: url } })
    w.git('remote', 'add', 'origin', url)
    await w.ddv('remote', 'add', 'r', '../r', '--default')
    for (const argv of [['add', 'x'], ['push'], ['push', '--json'], ['status']]) {
      const { code, stdout, stderr } = await w.ddv(...argv)
      t.equal(code, 0, stderr)
      t.notMatch(stdout + stderr, /SECRET/, url)
    }
    for (const [path, content] of Object.entries(readTree(w.path('../r/repositories'))))
      t.notMatch(path + content, /SECRET/)
    t.equal(Object.keys(readTree(w.path('../r/repositories'))).length, 1)
  }
})
