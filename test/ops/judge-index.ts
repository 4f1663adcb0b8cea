// What pre-commit refuses, and that the command it names mends it.

import { join } from 'node:path'
import t from 'tap'
import { git } from '../support/git.js'
import { copyHooked, makeHooked, memory, shell } from '../support/hooked.js'
import { temporaryDirectory } from '../support/workspace.js'

interface Refusal {
  readonly name: string
  readonly make: string
  readonly says: RegExp
  /** What the hint says, or one of what it says. */
  readonly mend: string
}

const refusals: readonly Refusal[] = [
  {
    name: 'data',
    make: 'git add -f x',
    says: /is under ddv, and staged as git content: x\n.*git rm -r -q --cached x/,
    mend: 'git rm -r -q --cached x',
  },
  {
    name: 'files of a directory',
    make: 'git add -f dir',
    says: /staged as git content: dir\/a and 1 more\n.*--cached dir'/,
    mend: 'git rm -r -q --cached dir',
  },
  {
    name: 'a pointer beside its own data',
    make: `git rm -q --cached x.ddv; git add -f x; git commit -q -n -m c; git add x.ddv`,
    says: /staged as git content: x/,
    mend: 'git rm -r -q --cached x',
  },
  {
    name: 'changed data',
    make: 'echo two > x; ddv add -q x; echo three > x',
    says: /has changed since 'ddv add': x\n.*'ddv add x'/,
    mend: 'ddv add -q x',
  },
  {
    name: 'a changed mode',
    make: 'echo two > x; ddv add -q x; chmod +x x',
    says: /has changed since 'ddv add': x/,
    mend: 'ddv add -q x',
  },
  {
    name: 'a file more in a directory',
    make: 'echo two > dir/a; ddv add -q dir; echo c > dir/c',
    says: /has changed since 'ddv add': dir\n/,
    mend: 'ddv add -q dir',
  },
  {
    name: 'a missing blob',
    make: 'echo two > x; ddv add -q x; rm -rf .cache',
    says: /a blob of its pointer is not in the cache: x\n.*'ddv add x'/,
    mend: 'ddv add -q x',
  },
  {
    name: 'blobs of a directory',
    make: 'echo two > dir/a; ddv add -q dir; rm -rf .cache',
    says: /3 blobs of its pointer are not in the cache: dir\n/,
    mend: 'ddv add -q dir',
  },
  {
    name: 'no JSON',
    make: 'echo nonsense > x.ddv; git add x.ddv',
    says: /pointer is not JSON: x\.ddv/,
    mend: 'git checkout -q HEAD -- x.ddv',
  },
  {
    name: 'the future',
    make: `sed -i 's/"ddv": 1/"ddv": 2/' x.ddv; git add x.ddv`,
    says: /written by a newer ddv: x\.ddv\n.*update/,
    mend: 'git checkout -q HEAD -- x.ddv',
  },
  {
    name: 'merge markers',
    make: 'echo "<<<<<<< a" >> x.ddv; git add x.ddv',
    says: /merge markers: x\.ddv\n.*--ours/,
    mend: 'git checkout -q HEAD -- x.ddv',
  },
  {
    name: 'entries of another hash',
    make: `sed -i 's/"a",/"aa",/' dir.ddv; git add dir.ddv`,
    says: /entries that.*dir\.ddv/,
    mend: 'git checkout -q HEAD -- dir.ddv',
  },
  {
    name: 'a link',
    make: 'ln -s c.js l.ddv; git add l.ddv',
    says: /pointer is not a regular file: l\.ddv/,
    mend: 'git rm -q --cached l.ddv',
  },
  {
    name: 'a renamed pointer',
    make: 'git mv x.ddv y.ddv',
    says: /pointer is for 'x', not 'y': y\.ddv\n.*ddv move/,
    mend: 'git mv y.ddv x.ddv; ddv move -q x y',
  },
  {
    name: 'an output of a stage as content',
    make: 'echo s > s; stage s; git commit -q -m s; git add -f s',
    says: /is under ddv, and staged as git content: s\n.*git rm -r -q --cached s/,
    mend: 'git rm -r -q --cached s',
  },
  {
    name: 'an output of a stage that is not in the cache',
    make: 'echo s > s; stage s; rm -rf .cache',
    says: /a blob of what stage 'prepare' made is not in the cache: s\n.*'ddv repro prepare'.*'ddv pull s'/,
    mend: 'stage s',
  },
  {
    name: 'a lock that is no JSON',
    make: 'echo nonsense > ddv.lock; git add ddv.lock',
    says: /lock is no JSON object: ddv\.lock/,
    mend: 'git rm -q -f ddv.lock',
  },
  {
    name: 'an output that a pointer and a stage name',
    make: 'cp x.ddv y; stage x; mv y x.ddv; git add x.ddv',
    says: /named twice, by x\.ddv and by stage 'prepare' \(ddv\.lock\): x/,
    mend: 'git rm -q -f --cached x.ddv',
  },
  {
    name: 'a large file',
    make: 'head -c 10000001 /dev/zero > "a b"; git add "a b"',
    says: /has 10000001 bytes.*\(10000000\).*: a b\n.*git rm -q --cached 'a b'', then 'ddv add 'a b''/,
    mend: `git rm -q --cached 'a b'; ddv add -q 'a b'`,
  },
]

const passes: readonly (readonly [name: string, script: string])[] = [
  ['nothing of ddv', 'echo 2 > c.js; git commit -q -a -m c'],
  ['a file of just the limit', 'head -c 10000000 /dev/zero > big; git add big; git commit -q -m c'],
  [
    'a large file that was there, under another name',
    'head -c 10000001 /dev/zero > big; git add big; git commit -q -n -m c; git mv big large; git commit -q -m d',
  ],
  [
    'old sins are not judged again',
    'git add -f x; git commit -q -n -m c; git rm -q --cached x; git add c.js; head -c 10000001 /dev/zero > big; git add big; git commit -q -n -m d; echo 2 > c.js; git commit -q -a -m e',
  ],
  ['unchanged pointers of data that changed', 'echo mine > x; rm -rf .cache; echo 2 > c.js; git commit -q -a -m c'],
  ['a removed output', 'ddv remove -q x; git commit -q -m c'],
  ['an output that becomes git content', 'ddv remove -q x; git add -f x; git commit -q -m c'],
  ['git content that becomes an output', 'git rm -q --cached c.js; ddv add -q c.js; git commit -q -m c'],
  ['an output that becomes part of another', 'ddv remove -q x; mkdir d; mv x d; ddv add -q d; git commit -q -m c'],
  ['a moved output', 'ddv move -q dir other; git commit -q -m c'],
  ['an output of a stage that was changed by hand', 'echo s > s; stage s; echo t > s; git commit -q -m c'],
  [
    'a stage in a clone without the data of the others',
    'echo s > s; stage s; git commit -q -m c; rm -rf .cache s; echo t > t; stage t two; git commit -q -m d',
  ],
  ['without data in the workspace', 'rm x; mkdir s; cp x.ddv s; git add s; git commit -q -m c'],
  [
    'the first commit of a repository',
    'rm -rf .git; git init -q; ddv hooks install -q; git add -A; git commit -q -m c',
  ],
  [
    'of a workspace below the top',
    'mkdir ../top; mv * .[a-z]* ../top; rm -rf ../top/.git; mkdir top; mv ../top .; git init -q; cd top; ddv hooks install -q; git add -A; git commit -q -m c',
  ],
  [
    'a hooks directory of others, who have no ddv',
    'export GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=core.hooksPath GIT_CONFIG_VALUE_0="$PWD/../global"; ddv hooks install -q; git init -q ../elsewhere; cd ../elsewhere; mkdir .ddv; echo x > x.ddv; git add -A; git commit -q -m c',
  ],
]

const template = async (test: Parameters<typeof temporaryDirectory>[0]): Promise<string> => {
  const directory = join(temporaryDirectory(test, memory), 'template')
  await makeHooked(directory)
  return directory
}

t.test('refused, with the command that mends it', async t => {
  t.jobs = 2
  const from = await template(t)
  for (const { name, make, says, mend } of refusals)
    t.test(name, { buffered: true }, async t => {
      const directory = `${from}-${name.replaceAll(' ', '-')}`
      copyHooked(from, directory)
      const head = () => git(join(directory, 'w'), 'rev-parse', 'HEAD')
      await shell(directory, make)
      const before = head()
      const refused = await shell(directory, 'git commit -q --allow-empty -m c')
      t.equal(refused.code, 1, refused.output)
      t.match(refused.output, says)
      t.match(refused.output, /ddv: pre-commit refuses\n$/)
      t.equal(head(), before)
      const mended = await shell(directory, `set -e; ${mend}; git commit -q --allow-empty -m c`)
      t.equal(mended.code, 0, mended.output)
      t.not(head(), before)
    })
})

t.test('let through', async t => {
  t.jobs = 2
  const from = await template(t)
  for (const [name, script] of passes)
    t.test(name, { buffered: true }, async t => {
      const directory = `${from}-${name.replaceAll(/\W/g, '-')}`
      copyHooked(from, directory)
      const { code, output } = await shell(directory, `set -e; ${script}`)
      t.equal(code, 0, output)
      t.notMatch(output, /ddv: (error|this is)/)
    })
})

t.test('all problems at once', async t => {
  const directory = await template(t)
  const { output } = await shell(
    directory,
    `echo two > x; ddv add -q x; echo three > x; git add -f dir/a; echo no > n.ddv; git add n.ddv
    head -c 10000001 /dev/zero > big; git add big; git commit -q -m c`,
  )
  t.equal(output.match(/ddv: error:/g)?.length, 4, output)
})
