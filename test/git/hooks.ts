import { rmSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import {
  commitChanges,
  dataFileGlobs,
  dataFilesInIndex,
  dataFilesInTree,
  indexChanges,
  treeChanges,
} from '../../lib/git/changes.js'
import { hookNames, hookScript, whoseHook } from '../../lib/git/hook-script.js'
import { changesOf, leavingCommits, leavingTrees, parseRefUpdates, tipsOf } from '../../lib/git/leaving.js'
import { describeObjects } from '../../lib/git/objects.js'
import { currentOperation, findRepository, type GitRepository, repositoryOfHook } from '../../lib/git/repository.js'
import { commit, git, gitEnv, makeRepository, write } from '../support/git.js'

const open = (root: string, env: GitRepository['env'] = gitEnv): GitRepository => {
  const repository = findRepository(root, env)
  if (repository === undefined) throw new Error(`no repository: ${root}`)
  return repository
}

const zeros = '0'.repeat(40)

t.test('a script knows whether it was edited', async t => {
  for (const name of hookNames) {
    const text = hookScript({ name, node: "/it's/node", program: '/p q/ddv.js', shared: name === 'pre-push' })
    t.equal(whoseHook(text), 'ddv', name)
    t.equal(whoseHook(text.replace('exit', 'exit ')), 'edited', name)
    t.equal(whoseHook(`${text}# more\n`), 'edited', name)
    t.match(text, `'/it'\\''s/node'`)
  }
  t.equal(whoseHook('#!/bin/sh\nexec ddv hook run pre-commit\n'), 'other')
  t.equal(whoseHook(''), 'other')
  t.throws(() => hookScript({ name: 'pre-push', node: 'a\nb', program: 'x', shared: false }), { code: 'usage' })
})

t.test('what git writes to pre-push', async t => {
  const [a, b] = ['a'.repeat(40), 'b'.repeat(40)]
  t.same(
    parseRefUpdates(`refs/heads/x ${a} refs/heads/y ${zeros}\n(delete) ${zeros} refs/heads/z ${b}\n\nnonsense\n`),
    [
      { localRef: 'refs/heads/x', local: a, remoteRef: 'refs/heads/y', remote: undefined },
      { localRef: '(delete)', local: undefined, remoteRef: 'refs/heads/z', remote: b },
    ],
  )
})

t.test('what an index changes', async t => {
  const root = join(t.testdir(), 'r')
  makeRepository(root)
  rmSync(join(root, '.git/refs/heads/main'))
  write(root, { 'a b\nc': '1', 'x.ddv': '{}', 'd/y.ddv': '{}', z: '' })
  git(root, 'add', 'x.ddv', 'd/y.ddv', 'a b\nc')
  git(root, 'add', '-N', 'z')
  const repository = open(root)
  const rows = await indexChanges(repository, 'HEAD')
  t.same(
    rows.map(({ path, kind, oldKind }) => [path, kind, oldKind]),
    ['a b\nc', 'd/y.ddv', 'x.ddv'].map(path => [path, 'file', undefined]),
    'the first commit; what is only intended is not in it',
  )
  t.same(await dataFilesInIndex(repository), ['d/y.ddv', 'x.ddv'])
  t.same(
    await describeObjects(repository, [':a b\nc', ':x.ddv', ':none', ':no\nne']).then(all => all.map(one => one?.size)),
    [1, 2, undefined, undefined],
  )
})

t.test('what commits change, merges included', async t => {
  const root = makeRepository(join(t.testdir(), 'r'), { base: '1' })
  git(root, 'checkout', '-q', '-b', 'side')
  const base = git(root, 'rev-parse', 'HEAD')
  const side = commit(root, { 's.ddv': 's' })
  git(root, 'checkout', '-q', 'main')
  const main = commit(root, { [zeros]: 'm' })
  git(root, 'merge', '-q', '-s', 'ours', '--no-edit', 'side')
  const ours = git(root, 'rev-parse', 'HEAD')
  const repository = open(root)
  const pairs = [
    { commit: ours, parent: main },
    { commit: ours, parent: side },
    { commit: base, parent: undefined },
  ]
  const parts = await commitChanges(repository, pairs)
  t.same(
    parts.map(rows => rows.map(({ path }) => path)),
    [[], [zeros, 's.ddv'], ['base']],
  )
  const updates = parseRefUpdates(`refs/heads/main ${ours} refs/heads/main ${'d'.repeat(40)}\n`)
  const leaving = await leavingCommits(repository, updates, { remote: 'https://x/[a]*' })
  t.equal(leaving.length, 4, 'a commit that is not here is no reason to fail')
  t.same(tipsOf(leaving), [ours])
  const merge = (await changesOf(repository, leaving)).find(({ id }) => id === ours)
  t.same([merge?.changes.length, merge?.fresh.length], [0, 0])
  git(root, 'update-ref', 'refs/remotes/origin/side', side)
  const known = await leavingCommits(repository, updates, { remote: 'origin' })
  t.same(known.map(({ id }) => id).sort(), [ours, main].sort())
  t.same(await dataFilesInTree(repository, side), ['s.ddv'])
  t.same(
    (await treeChanges(repository, { from: main, to: side, globs: dataFileGlobs })).map(({ path }) => path),
    ['s.ddv'],
  )
  const tree = git(root, 'rev-parse', 'HEAD^{tree}')
  const tag = parseRefUpdates(`refs/tags/t ${tree} refs/tags/t ${zeros}\nrefs/tags/u ${main} refs/tags/u ${zeros}\n`)
  t.same(await leavingTrees(repository, tag), [tree])
})

t.test('the repository that a hook is for', async t => {
  const root = makeRepository(join(t.testdir(), 'r'), { a: '1' })
  const linked = join(root, '../linked')
  git(root, 'worktree', 'add', '-q', linked, '-b', 'l')
  const gitDir = join(root, '.git')
  t.match(repositoryOfHook(root, gitEnv), { root, gitDir })
  t.equal(repositoryOfHook(root, { ...gitEnv, GIT_DIR: '.git' })?.apart, undefined)
  t.equal(repositoryOfHook(linked, { ...gitEnv, GIT_DIR: join(gitDir, 'worktrees/linked') })?.apart, undefined)
  const apart = repositoryOfHook(linked, { ...gitEnv, GIT_DIR: gitDir, GIT_WORK_TREE: '.' })
  t.match(apart, { root: linked, gitDir, apart: true })
  t.same(currentOperation(open(root, { ...gitEnv, [`GITHEAD_${'a'.repeat(40)}`]: 'x' })), {
    mergeHeads: ['a'.repeat(40)],
    unfinished: true,
  })
  t.same(currentOperation(open(root)), { mergeHeads: [], unfinished: false })
})
