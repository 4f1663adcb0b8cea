import { chmodSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { driverState, hasDrivers, installDrivers, uninstallDrivers } from '../../lib/git/drivers.js'
import { findRepository, type GitRepository } from '../../lib/git/repository.js'
import { commit, git, gitEnv, makeRepository, withoutGit, write } from '../support/git.js'

const open = (root: string, env: GitRepository['env'] = gitEnv): GitRepository => {
  const repository = findRepository(root, env)
  if (repository === undefined) throw new Error(`no repository: ${root}`)
  return repository
}

const attributes = { '.gitattributes': '*.ddv text eol=lf diff=ddv merge=ddv\n' }

// Stands for ddv: says how it was called, takes their side, and shows files backwards.
const stand = (log: string): string => `#!/bin/sh
printf '%s\\n' "$#" "$1" "$5" >> '${log}'
case $1 in git-merge) cat "$4" > "$3";; git-textconv) echo shown; rev "$2";; esac
`

/** Two branches that changed one pointer, on `main`. */
function diverge(root: string): void {
  commit(root, { ...attributes, 'p/a b.ddv': 'base\n' })
  git(root, 'switch', '-q', '-c', 'side')
  commit(root, { 'p/a b.ddv': 'theirs\n' })
  git(root, 'switch', '-q', 'main')
  commit(root, { 'p/a b.ddv': 'ours\n' })
}

t.test('installed, git calls this node with this program', async t => {
  const top = t.testdir()
  const root = makeRepository(join(top, `it's "50%" $HOME %A; é`), {})
  const installation = { node: '/bin/sh', program: join(root, 'my %O ddv.js') }
  const log = join(top, 'log')
  write(root, { 'my %O ddv.js': stand(log) })
  const repository = open(root)
  t.equal(driverState(repository, installation), 'absent')
  t.notOk(hasDrivers(repository))
  await installDrivers(repository, installation)
  await installDrivers(repository, installation)
  t.equal(driverState(repository, installation), 'installed')
  t.equal(driverState(repository, { ...installation, node: '/other/node' }), 'other')
  t.ok(hasDrivers(repository))
  diverge(root)
  git(root, 'merge', '-q', '-m', 'm', 'side')
  t.equal(readFileSync(join(root, 'p/a b.ddv'), 'utf8'), 'theirs\n')
  t.equal(readFileSync(log, 'utf8'), '5\ngit-merge\np/a b.ddv\n')
  t.match(git(root, 'diff', 'HEAD~1'), /^-sruo$[\s\S]*^\+srieht$/m)
  git(root, 'worktree', 'add', '-q', '../linked')
  t.equal(driverState(open(join(root, '../linked')), installation), 'installed', 'shared by linked worktrees')
  git(root, 'config', 'diff.ddv.xfuncname', 'mine')
  await uninstallDrivers(repository)
  await uninstallDrivers(repository)
  t.equal(driverState(repository, installation), 'absent')
  t.equal(git(root, 'config', '--local', '--get-regexp', 'ddv'), 'diff.ddv.xfuncname mine')
})

t.test('where they are gone, the ddv on PATH; without any, no pointer is merged and all is shown', async t => {
  const top = t.testdir({ bin: {} })
  const root = makeRepository(join(top, 'r'), {})
  const log = join(top, 'log')
  write(top, { 'bin/ddv': stand(log) })
  chmodSync(join(top, 'bin/ddv'), 0o755)
  await installDrivers(open(root), { node: '/gone/node', program: '/gone/ddv.js' })
  diverge(root)
  t.throws(() => git(root, 'merge', '-q', '-m', 'm', 'side'), /ddv is not found/)
  t.equal(git(root, 'ls-files', '--unmerged').split('\n').length, 3)
  t.match(git(root, 'diff', 'main', 'side'), /^-ours$[\s\S]*^\+theirs$/m)
  git(root, 'merge', '--abort')
  const path = process.env.PATH
  t.teardown(() => {
    gitEnv.PATH = path
  })
  gitEnv.PATH = `${join(top, 'bin')}:${path}`
  git(root, 'merge', '-q', '-m', 'm', 'side')
  t.equal(readFileSync(log, 'utf8'), '5\ngit-merge\np/a b.ddv\n')
})

t.test('half of them is not installed', async t => {
  const root = makeRepository(join(t.testdir(), 'r'), {})
  const installation = { node: '/n', program: '/p' }
  await installDrivers(open(root), installation)
  git(root, 'config', '--unset', 'diff.ddv.textconv')
  t.equal(driverState(open(root), installation), 'other')
  t.notOk(hasDrivers(open(root)))
  await t.rejects(installDrivers(open(root, withoutGit), installation), { code: 'git', message: /no git program/ })
})
