import { mkdirSync, rmSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { findRepository, type GitRepository } from '../../lib/git/repository.js'
import {
  type CommittedFile,
  earlierVersions,
  findCommit,
  isPointerPath,
  listPointersAt,
  readBlobAt,
  resolveRevision,
} from '../../lib/git/revisions.js'
import { commit, git, gitEnv, makeRepository, withoutGit } from '../support/git.js'

const open = (root: string, env: GitRepository['env']): GitRepository => {
  const repository = findRepository(root, env)
  if (repository === undefined) throw new Error(`no repository: ${root}`)
  return repository
}

async function list(files: AsyncIterable<CommittedFile>): Promise<Record<string, string>> {
  const found: Record<string, string> = {}
  for await (const { path, bytes } of files) found[path] = bytes.toString()
  return found
}

const text = (versions: ReadonlyMap<string, readonly Buffer[]>) =>
  Object.fromEntries([...versions].map(([path, list]) => [path, list.map(String)]))

for (const [how, env] of [
  ['the git program', gitEnv],
  ['isomorphic-git', withoutGit],
] as const)
  t.test(`with ${how}`, async t => {
    t.test('revisions', async t => {
      const root = makeRepository(join(t.testdir(), 'r'), {})
      const repository = open(root, env)
      const first = git(root, 'rev-parse', 'HEAD')
      const second = commit(root, { a: '1' })
      git(root, 'tag', 'light', first)
      git(root, 'tag', '-m', 'x', 'heavy', first)
      git(root, 'branch', 'feature/x', first)
      git(root, 'pack-refs', '--all')
      const cases = {
        HEAD: second,
        main: second,
        'refs/heads/main': second,
        light: first,
        heavy: first,
        'feature/x': first,
        [first]: first,
        [first.slice(0, 9)]: first,
        'HEAD~1': first,
        'HEAD~': first,
        'main^': first,
        '@': second,
        'HEAD~0': second,
        'heavy^0': first,
      }
      for (const [revision, id] of Object.entries(cases))
        t.equal(await resolveRevision(repository, revision), id, revision)
      for (const revision of ['nowhere', 'HEAD~9', '', '--all', 'f'.repeat(40), 'a b', 'HEAD^2'])
        t.equal(await findCommit(repository, revision), undefined, JSON.stringify(revision))
      await t.rejects(resolveRevision(repository, 'nowhere'), { code: 'usage', message: /nowhere/ })
    })

    t.test('no commit yet', async t => {
      const root = join(t.testdir(), 'r')
      mkdirSync(root)
      git(root, 'init', '-q')
      t.equal(await findCommit(open(root, env), 'HEAD'), undefined)
      t.same(await earlierVersions(open(root, env), ['a']), new Map())
    })

    t.test('files and pointers of a revision, packed or not', async t => {
      const root = makeRepository(join(t.testdir(), 'r'), {
        'a.csv.ddv': 'A1',
        'deep/ü b.ddv': 'B1',
        'deep/plain.txt': 'x',
        'deep/new\nline/c.ddv': 'C1',
        'project/x.ddv': 'X1',
        'project/.ddv/config.yaml': 'c',
        'project/.ddv/evil.ddv': 'e',
        'projects.ddv': 'P',
      })
      symlinkSync('a.csv.ddv', join(root, 'link.ddv'))
      commit(root, { 'a.csv.ddv': 'A2' })
      git(root, 'gc', '-q')
      const repository = open(root, env)
      const now = {
        'a.csv.ddv': 'A2',
        'deep/new\nline/c.ddv': 'C1',
        'deep/ü b.ddv': 'B1',
        'project/x.ddv': 'X1',
        'projects.ddv': 'P',
      }
      t.same(await list(listPointersAt(repository, 'HEAD')), now)
      t.same(await list(listPointersAt(repository, 'HEAD~1')), { ...now, 'a.csv.ddv': 'A1' })
      t.same(await list(listPointersAt(repository, 'HEAD', { under: 'project' })), { 'project/x.ddv': 'X1' })
      t.same(await list(listPointersAt(repository, 'HEAD', { under: 'absent' })), {})
      t.equal((await readBlobAt(repository, 'HEAD~1', 'a.csv.ddv'))?.toString(), 'A1')
      t.equal((await readBlobAt(repository, 'HEAD', 'deep/plain.txt'))?.toString(), 'x')
      t.equal((await readBlobAt(repository, 'HEAD', 'deep/new\nline/c.ddv'))?.toString(), 'C1')
      for (const path of ['absent', 'deep', 'deep/absent/x'])
        t.equal(await readBlobAt(repository, 'HEAD', path), undefined, path)
    })

    t.test('more pointers than one batch', async t => {
      const names = Array.from({ length: 300 }, (_, i) => `d/${String(i).padStart(3, '0')}.ddv`)
      const root = makeRepository(join(t.testdir(), 'r'), Object.fromEntries(names.map(name => [name, name])))
      const found = await list(listPointersAt(open(root, env), 'HEAD'))
      t.same(Object.keys(found), names)
      t.ok(names.every(name => found[name] === name))
    })

    t.test('earlier versions, newest first', async t => {
      const root = makeRepository(join(t.testdir(), 'r'), { 'a.ddv': 'A1', 'b.ddv': 'B1' })
      commit(root, { 'a.ddv': 'A2' })
      git(root, 'switch', '-q', '-c', 'side')
      commit(root, { 'b.ddv': 'B-side' })
      git(root, 'switch', '-q', 'main')
      commit(root, { 'a.ddv': 'A1' })
      git(root, 'merge', '-q', '--no-ff', '-m', 'm', 'side')
      commit(root, { 'a.ddv': 'A3' })
      rmSync(join(root, 'b.ddv'))
      commit(root, {})
      const repository = open(root, env)
      const all = text(await earlierVersions(repository, ['a.ddv', 'b.ddv', 'absent.ddv']))
      t.same(all, { 'a.ddv': ['A3', 'A1', 'A2'], 'b.ddv': ['B-side', 'B1'] })
      t.same(text(await earlierVersions(repository, ['a.ddv'], { versions: 1 })), { 'a.ddv': ['A3'] })
      const near = text(await earlierVersions(repository, ['a.ddv'], { commits: 2 }))['a.ddv'] ?? []
      t.equal(near[0], 'A3')
      t.notOk(near.includes('A2'))
    })

    t.test('from a linked worktree', async t => {
      const root = makeRepository(join(t.testdir(), 'r'), { 'a.ddv': 'A1' })
      const linked = join(root, '../linked')
      git(root, 'worktree', 'add', '-q', linked, '-b', 'side')
      commit(linked, { 'a.ddv': 'A2' })
      t.same(await list(listPointersAt(open(linked, env), 'HEAD')), { 'a.ddv': 'A2' })
      t.same(await list(listPointersAt(open(linked, env), 'main')), { 'a.ddv': 'A1' })
    })
  })

t.test('what only git understands is an error without it', async t => {
  const root = makeRepository(join(t.testdir(), 'r'), {})
  await t.rejects(findCommit(open(root, withoutGit), 'HEAD@{1}'), { code: 'git' })
  const clone = join(root, '../shared')
  git(root, 'clone', '-q', '--shared', root, clone)
  await t.rejects(findCommit(open(clone, withoutGit), 'HEAD'), { code: 'git', message: /borrows/ })
  t.ok(await findCommit(open(clone, gitEnv), 'HEAD'))
})

t.test('a SHA-256 repository needs the program', async t => {
  const root = join(t.testdir(), 'r')
  mkdirSync(root)
  git(root, 'init', '-q', '--object-format=sha256')
  commit(root, { 'x.ddv': 'x' })
  t.same(await list(listPointersAt(open(root, gitEnv), 'HEAD')), { 'x.ddv': 'x' })
  await t.rejects(findCommit(open(root, withoutGit), 'HEAD'), { code: 'git', hint: /install git/ })
})

t.test('which paths are pointers', async t => {
  for (const path of ['a.ddv', 'a/b.ddv', 'a/.b.ddv']) t.ok(isPointerPath(path), path)
  for (const path of ['.ddv', 'a/.ddv', '.ddv/a.ddv', '.GIT/a.ddv', '../a.ddv', 'a.ddv/b', 'a'])
    t.notOk(isPointerPath(path), path)
})
