// What git does to HEAD and to pointers, and what the data is afterwards. Nothing unsaved is ever lost.

import { join } from 'node:path'
import t from 'tap'
import { copyHooked, makeHooked, memory, shell } from '../support/hooked.js'
import { readTree, temporaryDirectory } from '../support/workspace.js'

interface Way {
  readonly name: string
  readonly script: string
  /** What x is then; undefined for nothing. */
  readonly x?: string | undefined
  readonly dir?: Readonly<Record<string, string>>
  readonly says?: RegExp
}

const one = { x: 'one\n', dir: { a: 'a\n', b: 'b\n' } }

const ways: readonly Way[] = [
  { name: 'another branch', script: 'git checkout -q other', x: 'other\n', says: /checked out x/ },
  { name: 'and back', script: 'git checkout -q other; git checkout -q main' },
  {
    name: 'what a stage made goes with its lock',
    script: 'git checkout -q -b b; echo s > s; stage s; git commit -q -m s; git checkout -q main; test ! -e s',
    says: /removed s, which this commit does not have/,
  },
  {
    name: 'and comes back with it',
    script: `git checkout -q -b b; echo s > s; stage s; git commit -q -m s; git checkout -q main; git checkout -q b; grep -q s s`,
    says: /checked out s/,
  },
  {
    name: 'a stage on another branch, a pointer here',
    script: 'git checkout -q -b b; echo st > x; stage x; git commit -q -m s; git checkout -q main',
  },
  {
    name: 'and back to the stage',
    script: 'git checkout -q -b b; echo st > x; stage x; git commit -q -m s; git checkout -q main; git checkout -q b',
    x: 'st\n',
    says: /checked out x/,
  },
  {
    name: 'what was changed by hand since its stage ran',
    script:
      'git checkout -q -b b; echo s > s; stage s; git commit -q -m s; echo mine > s; git checkout -q main; grep -q mine s',
    says: /stays.*: s/,
  },
  {
    name: 'a merge brings what both sides made',
    script: `git checkout -q -b b; echo s > s; stage s; git commit -q -m s; git checkout -q main; echo t > t; stage t two; git commit -q -m t; git merge -q --no-edit b; cat s t; test "$(cat s t)" = "s
t"`,
    says: /checked out s/,
  },
  {
    name: 'files of another commit, a lock among them',
    script: `git checkout -q -b b; echo s > s; stage s; git commit -q -m s; echo t > s; stage s; git commit -q -m t; git checkout -q HEAD~1 -- ddv.lock; grep -q s s`,
    says: /checked out s/,
  },
  { name: 'switch', script: 'git switch -q other', x: 'other\n' },
  {
    name: 'unsaved data stays',
    script: 'echo mine > x; git checkout -q other',
    x: 'mine\n',
    says: /warning: .*lost.*x\n.*hint/,
  },
  {
    name: 'a commit without the pointers',
    script: 'git checkout -q main~1',
    x: undefined,
    dir: {},
    says: /removed x, which/,
  },
  {
    name: 'unsaved data whose pointer went',
    script: 'echo mine > x; git checkout -q main~1',
    x: 'mine\n',
    dir: {},
    says: /stays.*: x/,
  },
  {
    name: 'a stranger in a directory whose pointer went',
    script: 'echo s > dir/s; git checkout -q main~1',
    x: undefined,
    dir: { ...one.dir, s: 's\n' },
    says: /stays.*: dir/,
  },
  { name: 'the cache has lost it', script: 'rm -rf .cache; git checkout -q main~1', says: /stays.*: x/ },
  {
    name: 'the cache does not have the other version',
    script: 'rm -f $(grep -rl other .cache); git checkout -q other',
    says: /ddv pull x/,
  },
  {
    name: 'hooks.fetch',
    script: 'ddv config set -q --local hooks.fetch true; rm -rf .cache; git checkout -q other',
    x: 'one\n',
    says: /lost|cache/,
  },
  {
    name: 'hooks.fetch, with what is here in the cache',
    script: 'ddv config set -q --local hooks.fetch true; b=$(grep -rl other .cache); rm -f $b; git checkout -q other',
    x: 'other\n',
  },
  {
    name: 'a branch that has git content there',
    script:
      'git checkout -q -b g main~1; echo g > x; git add x; git commit -q -m g; git checkout -q main; git checkout -q g',
    x: 'g\n',
    dir: {},
  },
  { name: 'merge', script: 'git merge -q --no-edit other', x: 'other\n' },
  {
    name: 'merge with a commit',
    script: 'git commit -q --allow-empty -m e; git merge -q --no-edit other',
    x: 'other\n',
  },
  { name: 'merge --squash', script: 'git merge -q --squash other', x: 'other\n' },
  { name: 'git pull', script: 'git branch -q -f o; git push -q . other:o; git pull -q . o', x: 'other\n' },
  { name: 'rebase', script: 'git commit -q --allow-empty -m e; git rebase -q other', x: 'other\n' },
  {
    name: 'rebase of a new version',
    script: 'git checkout -q -b b; echo n > dir/n; ddv add -q dir; git commit -q -m n; git rebase -q other',
    x: 'other\n',
    dir: { ...one.dir, n: 'n\n' },
  },
  {
    name: 'rebase, unsaved data stays',
    script: 'git commit -q --allow-empty -m e; echo mine > x; git rebase -q other',
    x: 'mine\n',
    says: /x/,
  },
  { name: 'amend', script: 'echo mine > x; git commit -q --amend --no-edit', x: 'mine\n' },
  { name: 'a pointer from another commit', script: 'git checkout -q other -- x.ddv', x: 'other\n' },
  {
    name: 'a pointer from another commit, unsaved data',
    script: 'echo mine > x; git checkout -q other -- x.ddv',
    x: 'mine\n',
    says: /lost.*x/,
  },
  { name: 'a pointer from the index', script: 'git checkout -q other -- x.ddv; git checkout -q HEAD -- x.ddv' },
  {
    name: 'another file',
    script: 'echo mine > x; ddv status -q; echo 2 > c.js; git checkout -q -- c.js',
    x: 'mine\n',
    says: /^$/,
  },
  {
    name: 'another file, with older data from the cache',
    script:
      'echo two > x; ddv add -q x; git commit -q -m 2; git checkout -q HEAD; echo one > x; ddv status -q; git checkout -q -- c.js',
  },
  { name: 'stash', script: 'echo two > x; ddv add -q x; echo mine > x; git stash -q; git stash pop -q', x: 'mine\n' },
  {
    name: 'bisect',
    script:
      'for i in 1 2 3 4; do echo $i > x; ddv add -q x; git commit -q -m $i; done; git bisect start HEAD main~4 >/dev/null; git bisect run grep -q 9 x >/dev/null; git bisect reset >/dev/null',
    x: '4\n',
  },
  {
    name: 'bisect, unsaved data stays',
    script:
      'for i in 1 2 3 4; do echo $i > x; ddv add -q x; git commit -q -m $i; done; echo mine > x; git bisect start HEAD main~4 >/dev/null; git bisect reset >/dev/null',
    x: 'mine\n',
  },
  { name: 'a new worktree', script: 'git worktree add -q ../wt -b wt other; cp ../wt/x x', x: 'other\n' },
  { name: 'a new branch here', script: 'git checkout -q -b n', says: /^$/ },
  {
    name: 'a workspace that is busy with nothing of ddv',
    script: 'echo 2 > c.js; git commit -q -a -m c; git checkout -q HEAD~1',
    says: /^$/,
  },
]

t.test('data follows HEAD', async t => {
  t.jobs = 2
  const all = temporaryDirectory(t, memory)
  const template = join(all, 'template')
  await makeHooked(template)
  for (const [i, way] of ways.entries())
    t.test(way.name, { buffered: true }, async t => {
      const directory = join(all, String(i))
      copyHooked(template, directory)
      const { code, output } = await shell(directory, way.script)
      const { x, dir, says } = { ...one, ...way }
      t.equal(code, 0, output)
      t.notMatch(output, /this is a bug/)
      t.equal(readTree(join(directory, 'w/x'))[''], x, output)
      t.same(readTree(join(directory, 'w/dir')), dir, output)
      if (says !== undefined) t.match(output, says)
    })
})
