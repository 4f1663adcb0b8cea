import { mkdirSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { pointerHistory } from '../../lib/git/history.js'
import { findRepository, type GitRepository } from '../../lib/git/repository.js'
import { commit, git, gitEnv, makeRepository, withoutGit, write } from '../support/git.js'

const open = (root: string, env: GitRepository['env']): GitRepository => {
  const repository = findRepository(root, env)
  if (repository === undefined) throw new Error(`no repository: ${root}`)
  return repository
}

let clock = 1_700_000_000

/** Commits everything a minute after the last commit, so that the order is plain. */
function at(root: string, message: string, files: Readonly<Record<string, string>> = {}): string {
  write(root, files)
  git(root, 'add', '-A', '-f')
  clock += 60
  const date = `--date=${clock} +0530`
  git(root, '-c', 'core.abbrev=40', 'commit', '-q', '--allow-empty', '-m', message, date)
  return git(root, 'rev-parse', 'HEAD')
}

for (const [how, env] of [
  ['the git program', gitEnv],
  ['isomorphic-git', withoutGit],
] as const)
  t.test(`with ${how}`, async t => {
    const told = async (root: string, options: Parameters<typeof pointerHistory>[1] = {}) =>
      (await pointerHistory(open(root, env), options)).commits.map(({ subject, changes }) => [
        subject,
        ...changes.map(
          ({ path, before, after }) => `${before === undefined ? '+' : after === undefined ? '-' : '~'}${path}`,
        ),
      ])

    t.test('commits that changed pointers, newest first', async t => {
      const root = makeRepository(join(t.testdir(), 'r'), {})
      at(root, 'one', { 'a.ddv': '1', 'd/ü\n[x].ddv': '1', 'code.ts': '1' })
      at(root, 'code alone', { 'code.ts': '2', '.ddv/x.ddv': 'no pointer' })
      const id = at(root, 'a title\nin two lines\n\nand a body', { 'a.ddv': '2' })
      renameSync(join(root, 'a.ddv'), join(root, 'b.ddv'))
      at(root, 'moved')
      rmSync(join(root, 'd'), { recursive: true })
      at(root, 'gone')
      git(root, 'gc', '-q')
      const all = [
        ['gone', '-d/ü\n[x].ddv'],
        ['moved', '-a.ddv', '+b.ddv'],
        ['a title in two lines', '~a.ddv'],
        ['one', '+a.ddv', '+d/ü\n[x].ddv'],
      ]
      t.same(await told(root), all)
      t.same(await told(root, { limit: 2 }), all.slice(0, 2))
      t.same(await told(root, { revision: 'HEAD~2' }), all.slice(2))
      t.same(await told(root, { under: 'd' }), [
        ['gone', '-d/ü\n[x].ddv'],
        ['one', '+d/ü\n[x].ddv'],
      ])
      t.same(await told(root, { under: 'absent' }), [])
      const { commits, ends } = await pointerHistory(open(root, env), { revision: id, limit: 1 })
      t.match(commits, [{ id, author: 'A', email: 'a@example.com', parents: [/^[0-9a-f]{40}$/] }])
      t.match(commits[0]?.date, /^2023-11-15T\d\d:\d\d:\d\d\+05:30$/)
      t.same(ends, [])
      await t.rejects(pointerHistory(open(root, env), { revision: 'nowhere' }), { code: 'usage' })
    })

    t.test('a merge counts once, and only for what it made itself', async t => {
      const root = makeRepository(join(t.testdir(), 'r'), {})
      at(root, 'base', { 'a.ddv': '1', 'b.ddv': '1' })
      git(root, 'switch', '-q', '-c', 'side')
      at(root, 'side', { 'a.ddv': 'side', 'b.ddv': 'side' })
      git(root, 'switch', '-q', 'main')
      at(root, 'main', { 'a.ddv': 'main' })
      git(root, 'merge', '-q', '--no-commit', '-s', 'ours', 'side')
      at(root, 'merged', { 'a.ddv': 'both', 'b.ddv': 'side' })
      git(root, 'switch', '-q', '-c', 'plain', 'main~1')
      at(root, 'apart', { 'c.ddv': '1' })
      git(root, 'merge', '-q', '--no-edit', '-m', 'brings together', 'side', '-X', 'theirs')
      const names = async (revision: string) => (await told(root, { revision })).map(row => row.join(' '))
      t.same((await names('main'))[0], 'merged ~a.ddv')
      t.same((await names('main')).sort(), ['base +a.ddv +b.ddv', 'main ~a.ddv', 'merged ~a.ddv', 'side ~a.ddv ~b.ddv'])
      t.notOk(
        (await names('plain')).some(name => name.startsWith('brings')),
        'a merge that made nothing',
      )
    })

    t.test('where a shallow clone ends', async t => {
      const root = makeRepository(join(t.testdir(), 'r'), {})
      at(root, 'one', { 'a.ddv': '1' })
      const edge = at(root, 'two', { 'a.ddv': '2' })
      at(root, 'three', { 'a.ddv': '3' })
      const shallow = join(root, '../shallow')
      git(root, 'clone', '-q', '--depth', '2', `file://${root}`, shallow)
      t.same(await told(shallow), [['three', '~a.ddv']])
      t.same((await pointerHistory(open(shallow, env))).ends, [edge])
      t.same((await pointerHistory(open(shallow, env), { limit: 1 })).ends, [], 'it was not reached')
    })
  })

t.test('a repository that needs the program', async t => {
  const root = join(t.testdir(), 'r')
  mkdirSync(root)
  git(root, 'init', '-q', '--object-format=sha256')
  commit(root, { 'x.ddv': 'x' })
  t.equal((await pointerHistory(open(root, gitEnv))).commits.length, 1)
  await t.rejects(pointerHistory(open(root, withoutGit)), { code: 'git', hint: /install git/ })
})
