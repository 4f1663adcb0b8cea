// git in the shapes in which isomorphic-git would go wrong: each is served by the program, and without it either served
// or refused by name.

import { spawnSync } from 'node:child_process'
import { existsSync, linkSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t, { type Test } from 'tap'
import { stageFiles, trackedAmong, unstageFiles } from '../../lib/git/git-index.js'
import { findRepository, type GitRepository } from '../../lib/git/repository.js'
import { earlierVersions, findCommit, listPointersAt, readBlobAt, versionsEverywhere } from '../../lib/git/revisions.js'
import { readUnmerged } from '../../lib/git/unmerged.js'
import { newHolderName } from '../../lib/sys/lock.js'
import { commit, git, gitEnv, makeRepository, withoutGit, write } from '../support/git.js'

const open = (root: string, env: GitRepository['env']): GitRepository => {
  const repository = findRepository(root, env)
  if (repository === undefined) throw new Error(`no repository: ${root}`)
  return repository
}

const ways = [
  ['with the program', gitEnv],
  ['without', withoutGit],
] as const

const places = (t: Test): string[] => ways.map(([how]) => join(t.testdir(), how))

/** Stages a new version of `x.ddv`, and looks whether git and ddv agree on the index then. */
async function stages(t: Test, root: string, env: GitRepository['env']): Promise<void> {
  const before = git(root, 'ls-files').split('\n')
  write(root, { 'x.ddv': 'new\n', 'sub dir/y.ddv': 'new\n' })
  const repository = open(root, env)
  await stageFiles(repository, ['x.ddv', 'sub dir/y.ddv'])
  t.equal(git(root, 'cat-file', 'blob', ':x.ddv'), 'new')
  t.same(git(root, 'ls-files').split('\n').sort(), [...new Set([...before, 'x.ddv', 'sub dir/y.ddv'])].sort())
  t.same([...(await trackedAmong(repository, ['']))].sort(), git(root, 'ls-files').split('\n').sort())
  t.equal(git(root, 'fsck', '--no-dangling'), '')
  const tree = git(root, 'write-tree')
  t.match(git(root, 'ls-tree', '-r', '--name-only', tree), 'x.ddv')
  // Whatever git keeps beside the entries must not make it blind.
  write(root, { 'a.txt': 'edited\n', 'new.txt': 'untracked\n' })
  t.match(git(root, 'status', '--porcelain'), /^ M a\.txt$/m)
  t.match(git(root, 'status', '--porcelain'), /^\?\? new\.txt$/m)
  t.notMatch(git(root, 'status', '--porcelain'), /^.M x\.ddv$/m)
}

const files = { 'a.txt': 'a\n', 'x.ddv': 'old\n', 'deep/b.txt': 'b\n' }

interface Shape {
  readonly make: (root: string) => void
  /** What is said without the program; undefined where it is served. */
  readonly refused?: RegExp
}

const shapes: Readonly<Record<string, Shape>> = {
  'index version 2': { make: root => void git(root, 'update-index', '--index-version', '2') },
  'index version 3': {
    make: root => {
      write(root, { later: '' })
      git(root, 'add', '--intent-to-add', 'later')
      git(root, 'update-index', '--skip-worktree', 'deep/b.txt')
    },
  },
  'index version 4': { make: root => void git(root, 'update-index', '--index-version', '4'), refused: /version 4/ },
  'a split index': { make: root => void git(root, 'update-index', '--split-index'), refused: /extension 'link'/ },
  'a sparse index': {
    make: root => void git(root, 'sparse-checkout', 'set', '--cone', '--sparse-index', 'sub dir'),
    refused: /extension 'sdir'/,
  },
  'the untracked cache': {
    make: root => {
      git(root, 'update-index', '--force-untracked-cache')
      git(root, 'status')
    },
  },
  'a file system monitor': {
    make: root => {
      write(root, { '.git/monitor': '#!/bin/sh\nprintf "token\\0"; printf "/\\0"\n' })
      git(root, 'config', 'core.fsmonitor', `sh ${join(root, '.git/monitor').replaceAll(' ', '\\ ')}`)
      git(root, 'update-index', '--fsmonitor')
      git(root, 'status')
    },
  },
  'a tree cache, ends and offsets of entries': {
    make: root => {
      git(root, 'config', 'index.threads', '2')
      git(root, 'read-tree', 'HEAD')
      git(root, 'update-index', '--refresh')
    },
  },
  'links and submodules': {
    make: root => {
      symlinkSync('a.txt', join(root, 'link'))
      const other = join(dirname(root), 'other')
      if (!existsSync(other)) makeRepository(other, { in: '1' })
      git(root, '-c', 'protocol.file.allow=always', 'submodule', '--quiet', 'add', other, 'module')
      git(root, 'add', 'link')
    },
  },
  'packed refs and objects': { make: root => void git(root, 'gc', '-q') },
  'an index whose checksum was left out': {
    make: root => {
      const index = readFileSync(join(root, '.git/index'))
      index.fill(0, index.length - 20)
      writeFileSync(join(root, '.git/index'), index)
      git(root, 'config', 'index.skipHash', 'true')
    },
    refused: /checksum/i,
  },
  'an index that is torn': {
    make: root => writeFileSync(join(root, '.git/index'), readFileSync(join(root, '.git/index')).subarray(0, 20)),
    refused: /damaged/,
  },
}

for (const [name, { make, refused }] of Object.entries(shapes))
  t.test(name, async t => {
    const roots = places(t)
    for (const [i, [how, env]] of ways.entries()) {
      const root = makeRepository(roots[i] as string, files)
      make(root)
      if (name.startsWith('an index')) {
        // Not every git reads these either; then its own words count.
        if (env === gitEnv) continue
        const before = readFileSync(join(root, '.git/index'))
        await t.rejects(stageFiles(open(root, env), ['a.txt']), { code: 'git', message: refused as RegExp }, how)
        t.ok(readFileSync(join(root, '.git/index')).equals(before), 'and left alone')
        continue
      }
      if (refused === undefined || env === gitEnv) {
        await stages(t, root, env)
        continue
      }
      const before = readFileSync(join(root, '.git/index'))
      const expected = { code: 'git', message: refused, hint: /install git/ }
      await t.rejects(stageFiles(open(root, env), ['x.ddv']), expected, how)
      await t.rejects(unstageFiles(open(root, env), ['x.ddv']), expected)
      await t.rejects(trackedAmong(open(root, env), ['']), expected)
      t.ok(readFileSync(join(root, '.git/index')).equals(before), 'and left alone')
      t.same(
        readdirSync(join(root, '.git')).filter(file => /lock|^ddv-/.test(file)),
        [],
      )
    }
    const [one, other] = roots
    if (refused === undefined)
      t.equal(git(other as string, 'ls-files', '--stage', '-v'), git(one as string, 'ls-files', '--stage', '-v'))
  })

t.test('a conflict: the entry that is staged is settled, the others stay', async t => {
  const roots = places(t)
  for (const [i, [how, env]] of ways.entries()) {
    const root = makeRepository(roots[i] as string, { 'x.ddv': '1\n', 'y.ddv': '1\n', 'z.ddv': '1\n' })
    git(root, 'switch', '-q', '-c', 'side')
    rmSync(join(root, 'z.ddv'))
    commit(root, { 'x.ddv': '2\n', 'y.ddv': '2\n' })
    git(root, 'switch', '-q', 'main')
    commit(root, { 'x.ddv': '3\n', 'y.ddv': '3\n', 'z.ddv': '3\n' })
    t.throws(() => git(root, 'merge', 'side'))
    const repository = open(root, env)
    write(root, { 'x.ddv': 'settled\n' })
    await stageFiles(repository, ['x.ddv'])
    t.equal(git(root, 'cat-file', 'blob', ':x.ddv'), 'settled', how)
    const left = git(root, 'ls-files', '--unmerged')
    t.same(left.match(/\d\t.*/g), ['1\ty.ddv', '2\ty.ddv', '3\ty.ddv', '1\tz.ddv', '2\tz.ddv'])
    if (env === withoutGit) {
      await t.rejects(readUnmerged(repository, ['']), { code: 'git', hint: /install git/ })
      continue
    }
    const unmerged = await readUnmerged(repository, [''])
    t.same(
      [...unmerged].map(([path, { base, ours, theirs }]) => [path, ...[base, ours, theirs].map(b => b?.toString())]),
      [
        ['y.ddv', '1\n', '3\n', '2\n'],
        ['z.ddv', '1\n', '3\n', undefined],
      ],
    )
    t.same([...(await readUnmerged(repository, ['z.ddv', 'x.ddv'])).keys()], ['z.ddv'])
  }
})

t.test('repositories of other kinds', async t => {
  const made: Readonly<Record<string, readonly [(root: string) => void, RegExp]>> = {
    sha256: [root => void git(root, 'init', '-q', '--object-format=sha256'), /sha256/],
    reftable: [
      root => {
        makeRepository(root, files)
        git(root, 'config', 'core.repositoryFormatVersion', '1')
        git(root, 'config', 'extensions.refStorage', 'reftable')
      },
      /refs as reftable/,
    ],
    'an extension of tomorrow': [
      root => {
        makeRepository(root, files)
        git(root, 'config', 'core.repositoryFormatVersion', '1')
        git(root, 'config', 'extensions.tomorrow', 'true')
      },
      /extension tomorrow/,
    ],
    'a format of tomorrow': [
      root => {
        makeRepository(root, files)
        writeFileSync(join(root, '.git/config'), '[core]\n\trepositoryformatversion = 2\n')
      },
      /format 2/,
    ],
  }
  const top = t.testdir()
  for (const [name, [make, says]] of Object.entries(made)) {
    const root = join(top, name)
    mkdirSync(root, { recursive: true })
    make(root)
    write(root, { 'x.ddv': 'x' })
    const refused = { code: 'git', message: says, hint: /install git/ }
    await t.rejects(stageFiles(open(root, withoutGit), ['x.ddv']), refused, name)
    await t.rejects(findCommit(open(root, withoutGit), 'HEAD'), refused, name)
    // A git that does not know it either says so itself; nothing is guessed from the files.
    if (name === 'sha256') await stageFiles(open(root, gitEnv), ['x.ddv'])
    else if (spawnSync('git', ['status'], { cwd: root, env: gitEnv }).status !== 0)
      await t.rejects(stageFiles(open(root, gitEnv), ['x.ddv']), { code: 'git' }, name)
  }
})

t.test('extensions that change nothing here', async t => {
  const roots = places(t)
  for (const [i, [, env]] of ways.entries()) {
    const root = makeRepository(roots[i] as string, files)
    git(root, 'config', 'core.repositoryFormatVersion', '1')
    git(root, 'config', 'extensions.worktreeConfig', 'true')
    git(root, 'config', 'extensions.noop', 'true')
    await stages(t, root, env)
  }
})

t.test('shallow clones', async t => {
  const top = t.testdir()
  const root = makeRepository(join(top, 'r'), { 'x.ddv': '1' })
  for (const text of ['2', '3', '4']) commit(root, { 'x.ddv': text })
  const clone = join(top, 'clone')
  git(top, 'clone', '-q', '--depth', '2', `file://${root}`, clone)
  for (const [how, env] of ways) {
    const repository = open(clone, env)
    t.equal((await readBlobAt(repository, 'HEAD~1', 'x.ddv'))?.toString(), '3', how)
    t.equal(await findCommit(repository, 'HEAD~2'), undefined, how)
    t.same((await earlierVersions(repository, ['x.ddv'])).get('x.ddv')?.map(String), ['4', '3'], how)
    t.same((await versionsEverywhere(repository, 'x.ddv')).map(String), ['4', '3'], how)
  }
})

t.test('partial clones: a blob that is not here is fetched by git, or missed by name', async t => {
  const top = t.testdir()
  const root = makeRepository(join(top, 'r'), { 'x.ddv': '1' })
  commit(root, { 'x.ddv': '2' })
  git(root, 'config', 'uploadpack.allowFilter', 'true')
  git(root, 'config', 'uploadpack.allowAnySHA1InWant', 'true')
  const clone = join(top, 'clone')
  git(top, 'clone', '-q', '--filter=blob:none', `file://${root}`, clone)
  t.equal((await readBlobAt(open(clone, withoutGit), 'HEAD', 'x.ddv'))?.toString(), '2', 'checked out, so it is here')
  await t.rejects(readBlobAt(open(clone, withoutGit), 'HEAD~1', 'x.ddv'), { code: 'git', message: /no blob/ })
  t.equal((await readBlobAt(open(clone, gitEnv), 'HEAD~1', 'x.ddv'))?.toString(), '1')
  const another = join(top, 'another')
  git(top, 'clone', '-q', '--filter=blob:none', `file://${root}`, another)
  rmSync(root, { recursive: true })
  await t.rejects(readBlobAt(open(another, gitEnv), 'HEAD~1', 'x.ddv'), { code: 'git' }, 'not where nobody has it')
})

t.test('a submodule is a repository of its own', async t => {
  const top = t.testdir()
  const inner = makeRepository(join(top, 'inner'), files)
  for (const [how, env] of ways) {
    const outer = makeRepository(join(top, how), {})
    git(outer, '-c', 'protocol.file.allow=always', 'submodule', '--quiet', 'add', inner, 'sub')
    git(outer, 'commit', '-q', '-m', 'sub')
    await stages(t, join(outer, 'sub'), env)
    t.equal(git(outer, 'diff', '--cached', '--name-only'), '', 'the outer index is not touched')
    const found: string[] = []
    for await (const { path } of listPointersAt(open(outer, env), 'HEAD')) found.push(path)
    t.same(found, [], 'and its pointers are not the outer one’s')
  }
})

t.test('objects of another repository', async t => {
  const top = t.testdir()
  const root = makeRepository(join(top, 'r'), files)
  git(top, 'clone', '-q', '--shared', 'r', 'clone')
  const clone = join(top, 'clone')
  const refused = { code: 'git', message: /borrows objects/ }
  await t.rejects(stageFiles(open(clone, withoutGit), ['a.txt']), refused)
  await t.rejects(readBlobAt(open(clone, withoutGit), 'HEAD', 'x.ddv'), refused)
  await stages(t, clone, gitEnv)
  t.equal((await readBlobAt(open(clone, gitEnv), 'HEAD', 'x.ddv'))?.toString(), 'old\n')
  t.equal(git(root, 'status', '--porcelain'), '')
})

t.test('another index by GIT_INDEX_FILE', async t => {
  const roots = places(t)
  for (const [i, [how, env]] of ways.entries()) {
    const root = makeRepository(roots[i] as string, files)
    git(root, 'read-tree', `--index-output=${join(root, '.git/next')}`, 'HEAD')
    for (const name of ['.git/next', join(root, '.git/next')]) {
      const repository = open(root, { ...env, GIT_INDEX_FILE: name })
      const file = `${name.length}.ddv`
      write(root, { [file]: 'new' })
      await stageFiles(repository, [file])
      t.same(await trackedAmong(repository, [file]), [file], how)
      t.same(await trackedAmong(open(root, env), [file]), [], 'the usual one is not touched')
      await unstageFiles(repository, ['a.txt'])
      t.match(git(root, 'status', '--porcelain'), `?? ${file}`)
    }
    t.equal(git(root, 'ls-files'), 'a.txt\ndeep/b.txt\nx.ddv')
    t.same(
      readdirSync(join(root, '.git')).filter(file => /lock|^ddv-/.test(file)),
      [],
    )
  }
})

t.test('what a killed ddv left: its lock falls, whoever comes next', async t => {
  const roots = places(t)
  const dead = spawnSync('true').pid
  for (const [i, [how, env]] of ways.entries()) {
    const root = makeRepository(roots[i] as string, files)
    const holder = join(root, '.git', `ddv-index-${newHolderName().replace(/^\d+/, String(dead))}`)
    mkdirSync(holder)
    writeFileSync(join(holder, 'token'), '')
    linkSync(join(holder, 'token'), join(root, '.git/index.lock'))
    const start = performance.now()
    await stages(t, root, env)
    t.ok(performance.now() - start < 9000, how)
    t.notOk(existsSync(holder))
  }
})
