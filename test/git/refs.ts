import { join } from 'node:path'
import t from 'tap'
import { listRefs } from '../../lib/git/refs.js'
import { findRepository, type GitRepository } from '../../lib/git/repository.js'
import { git, gitEnv, makeRepository, withoutGit } from '../support/git.js'

t.test('branches and tags, with the git program and without', async t => {
  const root = makeRepository(join(t.testdir(), 'r'), { a: '1' })
  git(root, 'branch', 'side/b')
  git(root, 'branch', 'ünïcode')
  git(root, 'tag', 'v2')
  git(root, 'tag', '-a', '-m', 'x', 'v10')
  git(root, 'pack-refs', '--all')
  git(root, 'branch', 'loose')
  git(root, 'worktree', 'add', '-q', '../linked', 'loose')
  for (const place of [root, join(root, '../linked')])
    for (const env of [gitEnv, withoutGit]) {
      const repository = findRepository(place, env) as GitRepository
      t.same(await listRefs(repository, 'heads'), ['loose', 'main', 'side/b', 'ünïcode'])
      t.same(await listRefs(repository, 'tags'), ['v10', 'v2'])
    }
})

t.test('none', async t => {
  const root = join(t.testdir(), 'r')
  git(t.testdirName, 'init', '-q', root)
  t.same(await listRefs(findRepository(root, gitEnv) as GitRepository, 'heads'), [])
  t.same(await listRefs(findRepository(root, withoutGit) as GitRepository, 'tags'), [])
})
