import { rmSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { stageFiles } from '../../lib/git/git-index.js'
import { restoreIndex, saveIndex } from '../../lib/git/index-rows.js'
import { findRepository } from '../../lib/git/repository.js'
import { git, gitEnv, makeRepository, withoutGit, write } from '../support/git.js'

for (const [name, env] of [
  ['the git program', gitEnv],
  ['no git program', withoutGit],
] as const)
  t.test(`with ${name}`, async t => {
    const root = makeRepository(join(t.testdir(), 'r'), { a: '1', b: '1', 'ü/c': '1' })
    const repository = findRepository(root, env)
    if (repository === undefined) throw new Error('no repository')
    write(root, { b: 'staged' })
    git(root, 'add', 'b')
    const before = git(root, 'ls-files', '--stage')
    const saved = await saveIndex(repository, ['a', 'b', 'new', 'ü/c'])
    write(root, { a: '2', b: '2', new: '1' })
    rmSync(join(root, 'ü/c'))
    await stageFiles(repository, ['a', 'b', 'new', 'ü/c'])
    t.not(git(root, 'ls-files', '--stage'), before)
    await restoreIndex(repository, saved)
    t.equal(git(root, 'ls-files', '--stage'), before)
    t.equal(git(root, 'fsck', '--no-dangling'), '')
    await restoreIndex(repository, await saveIndex(repository, []))
    t.equal(git(root, 'ls-files', '--stage'), before)
  })

t.test('rows of a conflict, and others that were staged meanwhile', async t => {
  const root = makeRepository(join(t.testdir(), 'r'), { a: '1' })
  git(root, 'switch', '-q', '-c', 'side')
  write(root, { a: '2' })
  git(root, 'commit', '-qam', 'c')
  git(root, 'switch', '-q', 'main')
  write(root, { a: '3' })
  git(root, 'commit', '-qam', 'c')
  t.throws(() => git(root, 'merge', '-q', 'side'))
  const repository = findRepository(root, gitEnv)
  if (repository === undefined) throw new Error('no repository')
  const before = git(root, 'ls-files', '--stage')
  const saved = await saveIndex(repository, ['a'])
  await stageFiles(repository, ['a'])
  write(root, { theirs: '' })
  git(root, 'add', 'theirs')
  await restoreIndex(repository, saved)
  t.equal(git(root, 'ls-files', '--stage', 'a'), before)
  t.equal(git(root, 'ls-files', 'theirs'), 'theirs')
})
