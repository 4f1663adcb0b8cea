import { existsSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { stageFiles, trackedAmong, unstageFiles } from '../../lib/git/git-index.js'
import { findRepository, type GitRepository } from '../../lib/git/repository.js'
import { commit, git, gitEnv, makeRepository, withoutGit, write } from '../support/git.js'

const open = (root: string, env: GitRepository['env']): GitRepository => {
  const repository = findRepository(root, env)
  if (repository === undefined) throw new Error(`no repository: ${root}`)
  return repository
}

for (const [how, env] of [
  ['the git program', gitEnv],
  ['isomorphic-git', withoutGit],
] as const)
  t.test(`with ${how}`, async t => {
    t.test('stages new, changed, ignored and deleted files, byte for byte', async t => {
      const root = makeRepository(join(t.testdir(), 'r'), {
        'a.txt': 'old',
        'gone.txt': 'x',
        '.gitattributes': '*.ddv text eol=lf',
      })
      const odd = 'dir with space/ü *?[x] "q".ddv'
      write(root, { 'a.txt': 'new', [odd]: '{\n}\n', '.gitignore': '*.ddv\n', 'deep/er/x.ddv': 'x\n' })
      rmSync(join(root, 'gone.txt'))
      await stageFiles(open(root, env), ['a.txt', join(root, odd), 'gone.txt', '.gitignore', 'deep/er/x.ddv'])
      const staged = git(root, 'diff', '--cached', '--name-status', '-z').split('\0')
      t.same(staged, ['A', '.gitignore', 'M', 'a.txt', 'A', 'deep/er/x.ddv', 'A', odd, 'D', 'gone.txt', ''])
      t.equal(git(root, 'cat-file', 'blob', `:${odd}`), '{\n}')
      t.equal(git(root, 'status', '--porcelain').match(/^.[^ ]/gm), null, 'nothing differs from the index')
      t.equal(git(root, 'fsck', '--strict'), '')
      t.notOk(existsSync(join(root, '.git/index.lock')))
    })

    t.test('a repository without commit or index', async t => {
      const root = join(t.testdir(), 'r')
      mkdirSync(root)
      git(root, 'init', '-q')
      write(root, { 'x.ddv': 'x' })
      const repository = open(root, env)
      t.same(await trackedAmong(repository, ['']), [])
      await unstageFiles(repository, ['x.ddv'])
      await stageFiles(repository, [])
      await stageFiles(repository, ['x.ddv'])
      t.same(await trackedAmong(repository, ['x.ddv']), ['x.ddv'])
    })

    t.test('takes out of the index, leaves on disk', async t => {
      const root = makeRepository(join(t.testdir(), 'r'), { 'data/a': '1', 'data/b': '2', keep: '3' })
      await unstageFiles(open(root, env), ['data/a', 'data/b', 'absent'])
      t.equal(git(root, 'ls-files'), 'keep')
      t.ok(existsSync(join(root, 'data/a')))
    })

    t.test('which paths are tracked', async t => {
      const root = makeRepository(join(t.testdir(), 'r'), {
        'data/a': '1',
        'data/s/b': '2',
        database: '3',
        é: '4',
        '*': '5',
      })
      write(root, { 'data/new': 'x' })
      const repository = open(root, env)
      t.same(await trackedAmong(repository, ['data']), ['data/a', 'data/s/b'])
      t.same(await trackedAmong(repository, [join(root, 'data/new'), 'nowhere']), [])
      t.same(await trackedAmong(repository, ['é', 'data/a']), ['data/a', 'é'])
      t.same(await trackedAmong(repository, ['*']), ['*'], 'no patterns')
      t.equal((await trackedAmong(repository, [root])).length, 5)
      const many = Array.from({ length: 200 }, (_, i) => `x${i}`)
      t.same(await trackedAmong(repository, [...many, 'data/s']), ['data/s/b'])
      await t.rejects(trackedAmong(repository, ['../x']), { code: 'bad-path' })
    })

    t.test('a linked worktree has an index of its own', async t => {
      const root = makeRepository(join(t.testdir(), 'r'), { a: '1' })
      const linked = join(root, '../linked')
      git(root, 'worktree', 'add', '-q', linked, '-b', 'side')
      write(linked, { 'x.ddv': 'x\n' })
      await stageFiles(open(linked, env), ['x.ddv'])
      t.equal(git(linked, 'diff', '--cached', '--name-only'), 'x.ddv')
      t.equal(git(root, 'diff', '--cached', '--name-only'), '')
      t.equal(git(linked, 'fsck'), '')
    })

    t.test('waits for the lock of another program', async t => {
      const root = makeRepository(join(t.testdir(), 'r'), {})
      const lock = join(root, '.git/index.lock')
      write(root, { x: '1', y: '2', '.git/index.lock': '' })
      setTimeout(() => rmSync(lock), 300)
      await stageFiles(open(root, env), ['x'])
      t.same(await trackedAmong(open(root, env), ['x']), ['x'])
      t.notOk(existsSync(lock))
      writeFileSync(lock, '')
      const stop = new AbortController()
      setTimeout(() => stop.abort(), 200)
      await t.rejects(stageFiles(open(root, env), ['y'], { signal: stop.signal }), { code: 'interrupted' })
      t.ok(existsSync(lock), 'the lock of another stays')
    })

    t.test('many at once lose nothing', async t => {
      const root = makeRepository(join(t.testdir(), 'r'), {})
      const names = Array.from({ length: 12 }, (_, i) => `f${i}`)
      write(root, Object.fromEntries(names.map(name => [name, name])))
      await Promise.all(names.map(name => stageFiles(open(root, env), [name])))
      t.equal((await trackedAmong(open(root, env), [''])).length, names.length)
    })
  })

t.test('flags of the index outlive isomorphic-git', async t => {
  const root = makeRepository(join(t.testdir(), 'r'), { a: '1', b: '2', 'x.ddv': '1' })
  git(root, 'update-index', '--skip-worktree', 'a')
  git(root, 'update-index', '--assume-unchanged', 'b')
  write(root, { 'x.ddv': '2' })
  await stageFiles(open(root, withoutGit), ['x.ddv'])
  t.equal(git(root, 'ls-files', '-v'), 'S a\nh b\nH x.ddv')
})

t.test('indexes that isomorphic-git would misread are refused', async t => {
  const root = makeRepository(join(t.testdir(), 'r'), { a: '1', 'long/name/of/a/file': '2' })
  const repository = open(root, withoutGit)
  git(root, 'update-index', '--index-version', '4')
  await t.rejects(stageFiles(repository, ['a']), { code: 'git', message: /version 4/, hint: /install git/ })
  await t.rejects(trackedAmong(repository, ['a']), { code: 'git' })
  git(root, 'update-index', '--index-version', '2')
  git(root, 'update-index', '--split-index')
  await t.rejects(stageFiles(repository, ['a']), { code: 'git', message: /extension 'link'/ })
  t.notOk(existsSync(join(root, '.git/index.lock')))
})

t.test('SHA-256 repositories are refused without the program, and served with it', async t => {
  const root = join(t.testdir(), 'r')
  mkdirSync(root)
  git(root, 'init', '-q', '--object-format=sha256')
  write(root, { x: '1' })
  await t.rejects(stageFiles(open(root, withoutGit), ['x']), { code: 'git', message: /sha256/ })
  await stageFiles(open(root, gitEnv), ['x'])
  t.same(await trackedAmong(open(root, gitEnv), ['']), ['x'])
})

t.test('git says no: its words, and nothing staged', async t => {
  const root = makeRepository(join(t.testdir(), 'r'), {})
  write(root, { 'real/x': '1', ok: '1' })
  symlinkSync('real', join(root, 'link'))
  await t.rejects(stageFiles(open(root, gitEnv), ['ok', 'link/x']), { code: 'git', message: /symbolic link/ })
  t.equal(git(root, 'ls-files'), '')
})

t.test('inside a hook the index is the one about to be committed', async t => {
  const root = makeRepository(join(t.testdir(), 'r'), { a: '1' })
  commit(root, { b: '2' })
  const other = join(root, '.git/other-index')
  git(root, 'read-tree', `--index-output=${other}`, 'HEAD~1')
  const env = { ...gitEnv, GIT_INDEX_FILE: other, GIT_DIR: '/wrong' }
  t.same(await trackedAmong(open(root, env), ['']), ['a'])
})
