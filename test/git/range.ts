import { join } from 'node:path'
import t from 'tap'
import { isShallow, listCommits } from '../../lib/git/range.js'
import { findRepository, type GitRepository } from '../../lib/git/repository.js'
import { commit, git, gitEnv, makeRepository, withoutGit } from '../support/git.js'

const open = (root: string, env: object): GitRepository => {
  const found = findRepository(root, env as typeof gitEnv)
  if (found === undefined) throw new Error('no repository')
  return found
}

for (const [name, env] of [
  ['the git program', gitEnv],
  ['no git program', withoutGit],
] as const)
  t.test(`with ${name}`, async t => {
    const root = makeRepository(join(t.testdir(), 'r'))
    const one = commit(root, { a: '1' })
    git(root, 'switch', '-q', '-c', 'side')
    const [two, three] = [commit(root, { b: '1' }), commit(root, { b: '2' })]
    git(root, 'switch', '-q', 'main')
    const four = commit(root, { c: '1' })
    git(root, 'merge', '-q', '--no-edit', 'side')
    const merge = git(root, 'rev-parse', 'HEAD')
    const repository = open(root, env)
    t.same(await listCommits(repository, 'side'), [three])
    t.same(await listCommits(repository, `${one}..side`), [two, three])
    t.same(await listCommits(repository, 'side..side'), [])
    t.same(await listCommits(repository, 'main..side'), [])
    t.same((await listCommits(repository, 'side..')).toSorted(), [four, merge].toSorted())
    const all = await listCommits(repository, `${one}..main`)
    t.same(all.toSorted(), [two, three, four, merge].toSorted())
    t.equal(all.at(-1), merge)
    t.ok(all.indexOf(two) < all.indexOf(three), 'parents first')
    for (const bad of ['nowhere', 'nowhere..main', 'main..nowhere', '--all', 'main...side', '..--all'])
      await t.rejects(listCommits(repository, bad), { code: 'usage' }, bad)
    t.equal(isShallow(repository), false)
    git(root, 'clone', '-q', '--depth=1', `file://${root}`, '../shallow')
    t.equal(isShallow(open(join(root, '../shallow'), env)), true)
  })
