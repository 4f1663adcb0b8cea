// Which commits the hook lets through without starting ddv: what it starts here is a program that says so.

import { execFileSync } from 'node:child_process'
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { hookScript } from '../../lib/git/hook-script.js'
import { gitEnv, makeRepository } from '../support/git.js'

interface Case {
  readonly name: string
  readonly make: string
  readonly env?: Readonly<Record<string, string>>
}

const large = (bytes: number) => `head -c ${bytes} /dev/zero > big; git add big`
const code = 'echo 2 > code.js; git add code.js'

/** As ddv writes one. */
const lock = `printf '{\n  "outs": {\n    "made/set": {}\n  }\n}\n' > ddv.lock; git add ddv.lock;`

const skipped: readonly Case[] = [
  {
    name: 'code beside what stages make',
    make: `${lock} git commit -q -m l; mkdir made; echo 1 > made/y; ${code}; git add made`,
  },
  { name: 'nothing staged', make: ':' },
  { name: 'code', make: code },
  { name: 'code in directories', make: `mkdir -p 'a b/c'; echo 1 > 'a b/c/-*?[x] $(y)'; git add 'a b'` },
  { name: 'a file just below the limit', make: large(9_999_999) },
  { name: 'a link, a mode, a rename', make: 'ln -s /nowhere l; git mv code.js c.js; chmod +x c.js; git add -A' },
  { name: 'a deleted pointer', make: 'git rm -q --cached data/x.ddv' },
  { name: 'a deleted file of ddv', make: 'git rm -q --cached .ddv/config.yaml' },
  { name: 'a neighbour of data', make: 'echo 1 > data/y; git add data/y' },
  { name: 'a file that is only intended', make: `echo 1 > x.ddv; git add -N x.ddv` },
  {
    name: 'another index',
    make: `echo 1 > y.ddv; git add y.ddv; export GIT_INDEX_FILE=.git/other; git read-tree HEAD`,
  },
  { name: 'a split index', make: `git update-index --split-index; ${code}` },
  { name: 'pathspecs as they are', make: code, env: { GIT_LITERAL_PATHSPECS: '1' } },
  { name: 'settings', make: `echo 'core: { fsync: off }' > .ddv/config.local.yaml; ${code}` },
]

const started: readonly Case[] = [
  { name: 'what a stage makes', make: `${lock} git commit -q -m l; mkdir made; echo 1 > made/set; git add made` },
  {
    name: 'in a directory that a stage makes',
    make: `${lock} git commit -q -m l; mkdir -p made/set; echo 1 > made/set/x; git add made`,
  },
  {
    name: 'what a stage of a workspace below makes',
    make: `mkdir sub; cd sub; ${lock} git commit -q -m l; mkdir made; echo 1 > made/set; git add made; cd ..`,
  },
  { name: 'a pointer', make: 'echo 1 > y.ddv; git add y.ddv' },
  { name: 'a pointer far down', make: 'mkdir -p a/b; echo 1 > a/b/y.ddv; git add a' },
  { name: 'data', make: 'echo 1 > data/x; git add data/x' },
  { name: 'a file of a directory that is data', make: 'mkdir -p data/x/a/b; echo 1 > data/x/a/b/c; git add data/x' },
  { name: 'a link as data', make: 'ln -s /nowhere data/x; git add data/x' },
  { name: 'a file of just the limit', make: large(10_000_000) },
  { name: 'a file of ddv', make: 'echo >> .ddv/config.yaml; git add .ddv' },
  { name: 'a pipeline', make: 'echo > ddv.yaml; git add ddv.yaml' },
  { name: 'a line break', make: `echo 1 > 'a\nb'; git add .` },
  { name: 'a tab', make: `echo 1 > 'a\tb'; git add .` },
  { name: 'quotes', make: `echo 1 > '"a"'; git add .` },
  { name: 'a backslash', make: `echo 1 > 'a\\b'; git add .` },
  { name: 'letters that git quotes', make: 'git config core.quotePath false; echo 1 > ä; git add .' },
  { name: 'a data file with a name of its own', make: `echo > ':(top)z.ddv'; git add .` },
  {
    name: 'data whose name is a pattern',
    make: `git update-index --add --cacheinfo 100644,$(git hash-object -w code.js),'[x].ddv'; git commit -q -m p; echo 1 > '[x]'; git add '[[]x]'`,
  },
  { name: 'many files', make: 'for i in $(seq 65); do echo $i > f$i; done; git add .' },
  { name: 'the first commit', make: 'git checkout -q --orphan o' },
  { name: 'a limit of the workspace', make: `echo 'git: { maxFileSize: 1 }' > .ddv/config.yaml; ${code}` },
  { name: 'a limit of this clone', make: `echo 'git: { maxFileSize: 1 }' > .ddv/config.local.yaml; ${code}` },
  { name: 'a limit in other words', make: `echo 'git: { "max\\x46ileSize": 1 }' > .ddv/config.yaml; ${code}` },
  {
    name: 'a limit of a workspace below',
    make: `mkdir -p s/.ddv s/t; echo 'git: { maxFileSize: 1 }' > s/.ddv/config.yaml; echo 1 > s/t/u; git add s/t`,
  },
  {
    name: 'a limit of the user',
    make: `mkdir -p home/.config/ddv; echo 'git: { maxFileSize: 1 }' > home/.config/ddv/config.yaml; export HOME=$PWD/home; ${code}`,
  },
  { name: 'a limit of the environment', make: code, env: { DDV_GIT_MAX_FILE_SIZE: '1' } },
  { name: 'settings that are no file', make: `rm .ddv/config.yaml; ln -s /dev/zero .ddv/config.yaml; ${code}` },
  { name: 'settings that cannot be had', make: `rm .ddv/config.yaml; mkdir .ddv/config.yaml; ${code}` },
  { name: 'data, with patterns', make: 'echo 1 > data/x; git add data/x', env: { GIT_GLOB_PATHSPECS: '1' } },
  { name: 'data, with paths', make: 'echo 1 > data/x; git add data/x', env: { GIT_LITERAL_PATHSPECS: '1' } },
  { name: 'a linked worktree', make: `git worktree add -q ../$$; cd ../$$; ${code}` },
  { name: 'a directory that is not the top', make: `mkdir d; cd d; echo 1 > e; git add e` },
  { name: 'a blob that git lacks', make: `git update-index --add --cacheinfo 100644,${'1'.repeat(40)},gone` },
  {
    name: 'an unmerged file',
    make: 'b=$(git hash-object -w code.js); printf "100644 $b 1\\tu\\n100644 $b 2\\tu\\n" | git update-index --index-info',
  },
]

const shells = ['/bin/sh', '/bin/bash', '/bin/dash'].filter(shell => existsSync(shell))

for (const [what, cases, says] of [
  ['skipped', skipped, ''],
  ['started', started, 'started\n'],
] as const)
  t.test(what, async t => {
    t.jobs = 2
    for (const { name, make, env } of cases)
      t.test(name, async t => {
        const root = makeRepository(join(t.testdir(), 'r'), {
          'code.js': '1',
          'data/x.ddv': '1',
          '.ddv/config.yaml': 'core:\n  remote: data\n',
        })
        const program = join(root, '../program')
        writeFileSync(program, 'exit 1')
        const hook = join(root, '../hook')
        writeFileSync(hook, hookScript({ name: 'pre-commit', node: '/bin/echo', program, shared: false }))
        const run = shells.map(shell => `${shell} "$hook" | sed s/^.*/started/`).join('\n')
        const output = execFileSync('sh', ['-c', `set -e; ${make}\n${run}`], {
          cwd: root,
          env: { ...gitEnv, ...env, hook },
          encoding: 'utf8',
        })
        t.equal(output, says.repeat(shells.length))
      })
  })
