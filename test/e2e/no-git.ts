// Beside git in all its shapes: without it, without its program, below its top, in a linked worktree.

import { existsSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t from 'tap'
import { git, gitEnv, makeRepository, withoutGit } from '../support/git.js'
import {
  ddv,
  digestOf,
  makeWorkspace,
  openWorkspace,
  temporaryDirectory,
  testEnv,
  writeFiles,
} from '../support/workspace.js'

t.test('not a git repository', async t => {
  const root = temporaryDirectory(t)
  const w = await makeWorkspace(t, { root: join(root, 'w'), noGit: true, files: { x: '1', 'd/a': '2' } })
  for (const argv of [
    ['remote', 'add', 'origin', '../remote'],
    ['add', 'x', 'd'],
    ['push'],
    ['status', '--exit-code'],
  ]) {
    const { code, stderr } = await w.ddv(...argv)
    t.equal(code, 0, `${argv.join(' ')}: ${stderr}`)
  }
  t.notOk(w.has('.gitignore'), 'no ignore lines for nobody')
  w.remove('x', 'd', '.cache')
  t.equal((await w.ddv('pull')).code, 0)
  t.match(w.tree(), { x: '1', 'd/a': '2' })
  t.equal((await w.ddv('move', 'x', 'y')).code, 0)
  t.equal((await w.ddv('remove', 'y', '--data')).code, 0)
  t.notOk(w.has('y') || w.has('y.ddv'))
})

t.test('no git program: the same index, the same files', async t => {
  const top = t.testdir()
  const trees: Record<string, string>[] = []
  const indexes: string[] = []
  for (const env of [testEnv, { ...testEnv, PATH: withoutGit.PATH }]) {
    const w = await makeWorkspace(t, {
      env,
      files: { 'p/x': '1', 'p/d/a': '2', 'p/gone': '3', 'code.py': '' },
      root: join(top, `${trees.length}`, 'w'),
    })
    w.git('add', 'code.py')
    w.commit()
    for (const argv of [
      ['add', 'p/x', 'p/d', 'p/gone'],
      ['move', 'p/x', 'q/y'],
      ['remove', 'p/gone'],
    ]) {
      const { code, stderr } = await w.ddv(...argv)
      t.equal(code, 0, `${argv.join(' ')}: ${stderr}`)
    }
    t.match((await w.ddv('add', 'code.py')).stderr, /tracked by git already/)
    t.equal(w.git('fsck', '--no-dangling'), '')
    indexes.push(w.git('ls-files', '--stage'))
    trees.push(Object.fromEntries(Object.entries(w.tree()).filter(([path]) => !/^\.(git|ddv)\//.test(path))))
  }
  t.equal(indexes[1], indexes[0])
  t.same(trees[1], trees[0])
})

t.test('a workspace below the top of the repository, and another beside it', async t => {
  const top = makeRepository(join(t.testdir(), 'r'), { 'README.md': 'read' })
  const all = []
  for (const name of ['one', 'two/deep']) {
    writeFiles(top, { [`${name}/data/x`]: `of ${name}`, [`${name}/d/a`]: name })
    t.equal((await ddv(join(top, name), ['init'])).code, 0)
    const w = openWorkspace(t, join(top, name))
    all.push(w)
    t.equal((await ddv(w.path('data'), ['add', 'x', '../d'])).code, 0)
    t.equal((await w.ddv('remote', 'add', 'origin', join(top, '../remote'))).code, 0)
  }
  t.equal(git(top, 'status', '--porcelain').match(/\?\?/), null)
  t.match(git(top, 'diff', '--cached', '--name-only'), /^one\/data\/x\.ddv$[\s\S]*^two\/deep\/d\.ddv$/m)
  git(top, 'commit', '-q', '-m', 'c')
  for (const w of all) {
    t.equal((await w.ddv('push')).code, 0)
    t.ok(existsSync(w.path('.cache')))
  }
  t.notOk(existsSync(join(top, '.cache')))
  git(top, 'clone', '-q', '.', '../clone')
  for (const [name, w] of [
    ['one', all[0]],
    ['two/deep', all[1]],
  ] as const) {
    const clone = openWorkspace(t, join(top, '../clone', name))
    t.equal((await clone.ddv('pull')).code, 0)
    t.same(clone.tree('data'), w?.tree('data'))
    t.same(clone.tree('d'), w?.tree('d'))
  }
})

t.test('a linked worktree uses the cache of the main one', async t => {
  for (const below of ['', 'sub/project']) {
    const top = join(t.testdir(), 'main')
    makeRepository(top)
    writeFiles(top, { [join(below, 'x')]: 'xxxx', [join(below, 'd/a')]: 'aaaa' })
    await ddv(join(top, below), ['init'])
    const w = openWorkspace(t, join(top, below))
    await w.add(['x', 'd'])
    git(top, 'commit', '-q', '-m', 'c')
    git(top, 'worktree', 'add', '-q', '../linked', '-b', 'side')
    const linked = openWorkspace(t, join(top, '../linked', below))
    t.equal((await linked.ddv('checkout')).code, 0, 'nothing has to be fetched')
    t.match(linked.tree(), { x: 'xxxx', 'd/a': 'aaaa' })
    linked.write({ x: 'on the side' })
    const { outputs } = await linked.add('x')
    t.notOk(linked.has('.cache'))
    t.ok(existsSync(w.blob(digestOf('on the side'))))
    t.ok(existsSync(linked.path(outputs[0]?.filepath ?? '')), 'filepath leads there')
    t.equal(linked.git('status', '--porcelain').match(/\?\?/), null)
    linked.commit()
    t.equal(git(top, 'status', '--porcelain'), '', 'the main one has its own index')
    t.ok((await w.status()).clean)
    git(top, 'merge', '-q', '--ff-only', 'side')
    t.equal((await w.ddv('checkout')).code, 0)
    t.equal(w.read('x'), 'on the side')
    await linked.close()
    await w.close()
  }
})

t.test('git’s index is held by another', async t => {
  const w = await makeWorkspace(t, { files: { x: '1' } })
  w.write({ '.git/index.lock': '' })
  setTimeout(() => rmSync(w.path('.git/index.lock')), 300)
  t.equal((await w.ddv('add', 'x')).code, 0, 'it is waited for')
  t.match(w.git('ls-files'), 'x.ddv')
})

t.test('data that is in git already, and how it comes out', async t => {
  const w = await makeWorkspace(t, { files: { 'big.csv': '1,2\n' } })
  w.git('add', '-f', 'big.csv')
  w.commit()
  const refused = await w.ddv('add', 'big.csv')
  t.equal(refused.code, 1)
  const command = /take it out of git's index first: (git .*)$/m.exec(refused.stderr)?.[1] ?? ''
  t.match(command, 'git rm -r --cached')
  w.git(...command.replaceAll("'", '').split(' ').slice(1))
  t.equal((await w.ddv('add', 'big.csv')).code, 0, 'the hint is true')
  t.match(w.git('status', '--porcelain'), /^D {2}big\.csv$/m)
  t.equal(w.read('big.csv'), '1,2\n')
})

t.test('a user’s own ignore lines and a global ignore stay out of the way', async t => {
  const w = await makeWorkspace(t, {
    files: { 'data/x': '1', 'data/.gitignore': '# mine\n*.log\n!keep.log\n', '.gitignore': 'data/\n' },
  })
  writeFileSync(w.path('../global'), '*.ddv\n')
  w.git('config', 'core.excludesFile', w.path('../global'))
  t.equal((await w.ddv('add', 'data/x')).code, 0)
  t.match(w.git('ls-files'), 'data/x.ddv', 'staged though it is ignored')
  t.equal(w.read('data/.gitignore'), '# mine\n*.log\n!keep.log\n/x\n')
  t.equal(w.read('.gitignore').includes('data/\n'), true)
})

t.test('a hook’s environment does not lead astray', async t => {
  const w = await makeWorkspace(t, { files: { x: '1' } })
  const other = makeRepository(join(dirname(w.root), 'other'))
  const env = { ...gitEnv, GIT_DIR: join(other, '.git'), GIT_WORK_TREE: other }
  t.equal((await ddv(w.root, ['add', 'x'], env)).code, 0)
  t.match(w.git('ls-files'), 'x.ddv')
  t.equal(git(other, 'ls-files'), '')
})
