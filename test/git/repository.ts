import { symlinkSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { decodeGitConfig } from '../../lib/git/git-config.js'
import { findRepository, mainWorktree, originUrl, withoutCredentials } from '../../lib/git/repository.js'
import { git, gitEnv, makeRepository, write } from '../support/git.js'

t.test('finds the repository from anywhere below its root', async t => {
  const root = makeRepository(join(t.testdir(), 'r'), { 'a/b/c': '1' })
  const repository = findRepository(join(root, 'a/b'), gitEnv)
  t.match(repository, { root, gitDir: join(root, '.git'), commonDir: join(root, '.git') })
  t.equal(repository && mainWorktree(repository), root)
})

t.test('what is only called .git is passed over', async t => {
  const root = makeRepository(join(t.testdir(), 'r'), {})
  write(root, { 'a/.git': 'not a link\n', 'b/.git/HEAD': 'x', 'c/.git': 'gitdir: nowhere\n' })
  for (const directory of ['a', 'b', 'c']) t.equal(findRepository(join(root, directory), gitEnv)?.root, root, directory)
})

t.test('linked worktrees, also of the worktree of a submodule', async t => {
  const top = t.testdir()
  const root = makeRepository(join(top, 'r'), { a: '1' })
  git(root, 'worktree', 'add', '-q', join(top, 'linked'))
  const linked = findRepository(join(top, 'linked'), gitEnv)
  t.match(linked, {
    root: join(top, 'linked'),
    gitDir: join(root, '.git/worktrees/linked'),
    commonDir: join(root, '.git'),
  })
  t.equal(linked && mainWorktree(linked), root)

  const outer = makeRepository(join(top, 'outer'), {})
  git(outer, '-c', 'protocol.file.allow=always', 'submodule', '--quiet', 'add', root, 'sub')
  const sub = findRepository(join(outer, 'sub'), gitEnv)
  t.match(sub, { root: join(outer, 'sub'), gitDir: join(outer, '.git/modules/sub') })
  t.equal(sub && mainWorktree(sub), join(outer, 'sub'))
  git(join(outer, 'sub'), 'worktree', 'add', '-q', join(top, 'sublinked'))
  const sublinked = findRepository(join(top, 'sublinked'), gitEnv)
  t.equal(sublinked && mainWorktree(sublinked), join(outer, 'sub'))
})

t.test('the worktree of a bare repository has no main one', async t => {
  const top = t.testdir()
  const root = makeRepository(join(top, 'r'), { a: '1' })
  git(top, 'clone', '-q', '--bare', root, 'bare.git')
  git(join(top, 'bare.git'), 'worktree', 'add', '-q', join(top, 'w'))
  const repository = findRepository(join(top, 'w'), gitEnv)
  t.ok(repository)
  t.equal(repository && mainWorktree(repository), undefined)
})

t.test('through a symbolic link the root is as the caller spelled it', async t => {
  const top = t.testdir()
  makeRepository(join(top, 'r'), { 'a/b': '1' })
  symlinkSync('r', join(top, 'link'))
  t.equal(findRepository(join(top, 'link/a'), gitEnv)?.root, join(top, 'link'))
})

t.test('the URL of origin, without what is secret', async t => {
  const root = makeRepository(join(t.testdir(), 'r'), {})
  const repository = findRepository(root, gitEnv)
  if (repository === undefined) throw new Error('no repository')
  t.equal(originUrl(repository), undefined)
  git(root, 'remote', 'add', 'other', 'x')
  git(root, 'remote', 'add', 'origin', 'https://user:secret@example.com/a.git')
  t.equal(originUrl(repository), 'https://example.com/a.git')
  const cases = {
    'https://token@h/x': 'https://h/x',
    'https://u:p@ss@h/x': 'https://h/x',
    'https://h/x?access_token=1#y': 'https://h/x',
    'ssh://git:pw@h:22/x': 'ssh://git@h:22/x',
    'ssh://git@h/x': 'ssh://git@h/x',
    'git@h:a/b.git': 'git@h:a/b.git',
    '/srv/git/a@b.git': '/srv/git/a@b.git',
    'file:///srv/x': 'file:///srv/x',
    'https://h/a@b': 'https://h/a@b',
    'https://h:8080/a@b': 'https://h:8080/a@b',
    'https://[::1]:8080/a@b': 'https://[::1]:8080/a@b',
    'https://user:p%40SECRET@h/x': 'https://h/x',
    'https://SECRET@h:8443/x@y': 'https://h:8443/x@y',
    'https://u:SECRET@SECRET:SECRET@h/x': 'https://h/x',
    'https://u:SECRET/SECRET@h/x': 'https://h/x',
    'https://u:SECRET?SECRET#@h/x': 'https://h/x',
    'https://u:@h/x': 'https://h/x',
    'https://:SECRET@h/x': 'https://h/x',
    'HTTPS://u:SECRET@H/x': 'HTTPS://H/x',
    'Ssh://git:SECRET@h/x': 'Ssh://git@h/x',
    'git+https://u:SECRET@h/x': 'git+https://h/x',
    'git+ssh://git:SECRET@h/x': 'git+ssh://git@h/x',
    'git://u:SECRET@h/x': 'git://h/x',
    'https://h/x?private_token=SECRET': 'https://h/x',
    'https://h/x.git?a=b&private_token=SECRET': 'https://h/x.git',
    'https://h/x#SECRET': 'https://h/x',
    'https:/u:SECRET@h/x': 'https://h/x',
    'https:\\\\u:SECRET@h/x': 'https://h/x',
    ' https://u:SECRET@h/x': 'https://h/x',
    'foo::https://u:SECRET@h/x': 'foo::https://h/x',
    'user:SECRET@h:path': 'user@h:path',
    'u:SECRET@h:x': 'u@h:x',
    'C:\\x@y': 'C:\\x@y',
    'user:SECRET@SECRET@h:path': 'user@h:path',
    'user:SECRET/SECRET@h:path': 'user@h:path',
    'user:SECRET@h/path': 'user@h/path',
    'git@h:x?private_token=SECRET': 'git@h:x',
    'h:/srv/a@b.git': 'h:/srv/a@b.git',
    '../a:b@c': '../a:b@c',
    'C:/x/a@b': 'C:/x/a@b',
  }
  for (const [url, expected] of Object.entries(cases)) {
    t.equal(withoutCredentials(url), expected, url)
    t.equal(withoutCredentials(expected), expected, 'nothing more goes a second time')
  }
  git(root, 'remote', 'set-url', 'origin', 'ext::sh -c "SECRET"')
  t.equal(originUrl(repository), undefined)
})

t.test('reads git configuration as git does', async t => {
  const root = makeRepository(join(t.testdir(), 'r'), {})
  const text = `# c
[core]
	Bare = false ; comment
	worktree = "../a b#c"  # comment
[Remote "Or\\"igin"]
url = one
	url = two\\\\\\"\\tx \\
  continued
[a.b] key = inline
[empty]
	flag
	none =
[remote "origin"] # c
	url = "a;b" c   
`
  write(root, { 'own.config': text })
  const listed = git(root, 'config', '--file', 'own.config', '--list', '-z')
    .split('\0')
    .filter(row => row !== '')
  const expected = new Map(
    listed.map(row => {
      const at = row.indexOf('\n')
      return at < 0 ? [row, 'true'] : [row.slice(0, at), row.slice(at + 1)]
    }),
  )
  t.same(Object.fromEntries(decodeGitConfig(text)), Object.fromEntries(expected))
  t.equal(expected.get('remote.Or"igin.url'), 'two\\"\tx   continued')
})

t.test('outside of any repository', async t => {
  const top = '/'
  t.equal(findRepository(top, gitEnv), undefined)
})
