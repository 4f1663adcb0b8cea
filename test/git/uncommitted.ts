import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { findRepository } from '../../lib/git/repository.js'
import { changedFiles, unstagedFiles } from '../../lib/git/uncommitted.js'
import { git, gitEnv, makeRepository, withoutGit, write } from '../support/git.js'

t.test('what a commit of the index would leave behind', async t => {
  const root = makeRepository(join(t.testdir(), 'r'), { a: '1', b: '1', 'd/e': '1', '.gitignore': 'ignored\n' })
  const repository = findRepository(root, gitEnv)
  if (repository === undefined) throw new Error('no repository')
  write(root, { a: '2', b: '2', 'd/e': '2', 'd/new/ü': '1', 'd/ignored': '1', other: '1', 'd/*': '1' })
  git(root, 'add', 'b')
  t.same(await unstagedFiles(repository, ['a', 'b', 'd', 'nowhere']), ['a', 'd/*', 'd/e', 'd/new/ü'])
  t.same(await unstagedFiles(repository, ['d/*']), ['d/*'], 'paths are no patterns')
  t.same(await unstagedFiles(repository, []), [], 'nothing is not all')
  const many = Array.from({ length: 1200 }, (_, i) => (i === 1100 ? 'other' : `no/${i}`))
  t.same(await unstagedFiles(repository, many), ['other'])
  write(root, { b: '3' })
  t.same(await unstagedFiles(repository, ['b']), ['b'], 'what came after it was staged')
  const bare = findRepository(root, withoutGit)
  t.equal(bare && (await unstagedFiles(bare, ['a'])), undefined)
})

for (const [name, env] of [
  ['the git program', gitEnv],
  ['no git program', withoutGit],
] as const)
  t.test(`with ${name}`, async t => {
    const root = makeRepository(join(t.testdir(), 'r'), { a: '1', b: '1', c: '1', 'd/e': '1', f: '1', 'ü x': '1' })
    const repository = findRepository(root, env)
    if (repository === undefined) throw new Error('no repository')
    write(root, { untracked: '1' })
    t.same(await changedFiles(repository), [], 'what is not tracked is no change')
    write(root, { b: '2', c: '2', new: '1', 'ü x': '3' })
    git(root, 'add', 'c', 'new')
    rmSync(join(root, 'd/e'))
    git(root, 'rm', '-q', '--cached', 'f')
    t.same(await changedFiles(repository), ['b', 'c', 'd/e', 'f', 'new', 'ü x'])
    git(root, 'commit', '-q', '-m', 'c')
    writeFileSync(join(root, 'b'), '1')
    write(root, { 'd/e': '1', 'ü x': '1' })
    rmSync(join(root, 'f'))
    t.same(await changedFiles(repository), [])
  })
