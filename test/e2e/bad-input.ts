// What a person may get wrong, and what a stranger may put into a repository or on a remote: each is refused with the
// right exit code, names the path, says what to do, and changes nothing.

import { existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t from 'tap'
import { git } from '../support/git.js'
import {
  ddv,
  digestOf,
  makeWorkspace,
  readTree,
  setAside,
  type TestWorkspace,
  temporaryDirectory,
  testEnv,
  writeFiles,
} from '../support/workspace.js'

/** All that counts: not what may be deleted without loss. */
const state = (root: string): Record<string, string> =>
  Object.fromEntries(
    Object.entries(readTree(root)).filter(([path]) => !/^(\.git\/|\.ddv\/(state|lock|tmp|recipes|id))/.test(path)),
  )

const hash = digestOf('content')
const filePointer = (fields: Record<string, unknown> = {}): string =>
  JSON.stringify({ ddv: 1, kind: 'file', filename: 'x', hash, size: 7, ...fields })
const rows = [['a', digestOf('a'), 1]]
const directoryPointer = (fields: Record<string, unknown> = {}): string =>
  JSON.stringify({
    ddv: 1,
    kind: 'directory',
    filename: 'x',
    hash: digestOf(`ddv-manifest 1\n${JSON.stringify(rows[0])}\n`),
    size: 1,
    files: 1,
    entries: rows,
    ...fields,
  })

/** Pointer text → exit code, what the message says. */
const pointers: readonly [name: string, text: string | Buffer, code: number, says: RegExp][] = [
  ['empty', '', 3, /not JSON: x\.ddv/],
  ['not JSON', '{"ddv": 1,', 3, /not JSON: x\.ddv/],
  ['binary', Buffer.from([0, 255, 1, 254]), 3, /x\.ddv/],
  ['a list', '[]', 3, /no JSON object: x\.ddv/],
  ['of no version', '{}', 3, /"ddv": 1: x\.ddv/],
  ['from the future', '{"ddv": 2, "whatever": true}', 3, /written by a newer ddv: x\.ddv/],
  ['of a version that is none', '{"ddv": "1"}', 3, /x\.ddv/],
  [
    'with merge markers',
    `<<<<<<< HEAD\n${filePointer()}\n=======\n${filePointer({ size: 8 })}\n>>>>>>> side\n`,
    3,
    /merge markers: x\.ddv/,
  ],
  ['larger than 1 MiB', filePointer({ meta: { text: 'x'.repeat(1_048_576) } }), 3, /larger than 1048576 bytes: x\.ddv/],
  ['of another kind', filePointer({ kind: 'link' }), 3, /kind.*: x\.ddv/],
  ['with a key that nobody knows', filePointer({ path: '/etc/passwd' }), 3, /unknown key "path": x\.ddv/],
  ['with a path for a name', filePointer({ filename: '../x' }), 3, /filename.*: x\.ddv/],
  ['with an absolute path', filePointer({ filename: '/etc/passwd' }), 3, /filename.*: x\.ddv/],
  ['with a path in it', filePointer({ filename: 'a/x' }), 3, /filename.*: x\.ddv/],
  ['for .git', filePointer({ filename: '.git' }), 3, /filename.*: x\.ddv/],
  ['for another file', filePointer({ filename: 'y' }), 3, /for 'y', not 'x': x\.ddv/],
  ['with a digest too short', filePointer({ hash: hash.slice(1) }), 3, /hash.*: x\.ddv/],
  ['with a path for a digest', filePointer({ hash: `../../${hash.slice(6)}` }), 3, /hash.*: x\.ddv/],
  ['with a digest in capitals', filePointer({ hash: hash.toUpperCase() }), 3, /hash.*: x\.ddv/],
  ['with a size below zero', filePointer({ size: -1 }), 3, /size.*: x\.ddv/],
  ['with a size beyond numbers', filePointer({ size: 1e300 }), 3, /size.*: x\.ddv/],
  ['with a prototype', `${filePointer().slice(0, -1)},"meta":{"__proto__":{"x":1}}}`, 3, /__proto__.*: x\.ddv/],
  [
    'with rows that are not of its digest',
    directoryPointer({ entries: [['b', digestOf('a'), 1]] }),
    3,
    /entries.*: x\.ddv/,
  ],
  ['with other totals', directoryPointer({ size: 2 }), 3, /entries.*: x\.ddv/],
  ['with a row that leads out', directoryPointer({ entries: [['../a', digestOf('a'), 1]] }), 3, /entries.*: x\.ddv/],
  [
    'with a row into .git',
    directoryPointer({ entries: [['.git/hooks/pre-commit', digestOf('a'), 1, 'x']] }),
    3,
    /entries.*: x\.ddv/,
  ],
]

t.test('pointers', async t => {
  const w = await makeWorkspace(t, { files: { y: 'fine' }, inMemory: true })
  await w.ddv('remote', 'add', 'origin', '../remote')
  mkdirSync(w.path('../remote'))
  await w.add('y')
  await w.close()
  for (const [name, text, code, says] of pointers) {
    w.remove('y', 'x.ddv')
    w.write({ 'x.ddv': text })
    const before = state(w.root)
    for (const verb of ['status', 'checkout', 'fetch', 'pull', 'push']) {
      const ran = await w.ddv(verb)
      t.equal(ran.code, code, `${name}, ${verb}: ${ran.stderr}`)
      t.match(ran.stderr, says, `${name}, ${verb}`)
      t.match(ran.stderr, /^ddv: error: /m, `${name}, ${verb}`)
    }
    t.equal(w.read('y'), 'fine', `${name}: the others are served`)
    t.same(state(w.root), { ...before, y: 'fine' }, `${name}: nothing else is changed`)
  }
})

// As a stranger could push it: a true digest of a false manifest, in the pointer alone (so that the cache is asked) with
// a blob that hashes to it.
const manifests: readonly [string, readonly unknown[]][] = [
  ['out of the directory', [['../x', hash, 7]]],
  ['absolute', [['/tmp/ddv-bad-input', hash, 7]]],
  ['into .git', [['.git/hooks/pre-commit', hash, 7, 'x']]],
  ['into .git in disguise', [['.G\u200cIT/config', hash, 7]]],
  ['into .ddv', [['.ddv/config.yaml', hash, 7]]],
  ['with an empty part', [['a//b', hash, 7]]],
  ['with a dot', [['a/./b', hash, 7]]],
  [
    'twice the same',
    [
      ['a', hash, 7],
      ['a', hash, 7],
    ],
  ],
  [
    'not sorted',
    [
      ['b', hash, 7],
      ['a', hash, 7],
    ],
  ],
  [
    'a file as a directory',
    [
      ['a', hash, 7],
      ['a/b', hash, 7],
    ],
  ],
  ['a NUL', [['a\0b', hash, 7]]],
  ['a digest that is a path', [['a', `../../${hash.slice(6)}`, 7]]],
  [
    'more than it says',
    [
      ['a', hash, 7],
      ['b', hash, 7],
    ],
  ],
]

t.test('manifests that lead astray', async t => {
  for (const [name, entries] of manifests) {
    const root = temporaryDirectory(t, existsSync('/dev/shm') ? '/dev/shm' : undefined)
    const w = await makeWorkspace(t, { root: join(root, 'w') })
    const manifest = `ddv-manifest 1\n${entries.map(row => `${JSON.stringify(row)}\n`).join('')}`
    const blobs = { [digestOf(manifest)]: manifest, [hash]: 'content' }
    for (const [digest, text] of Object.entries(blobs)) writeFiles(dirname(w.blob(digest)), { [digest.slice(2)]: text })
    w.write({
      'd.ddv': JSON.stringify({
        ddv: 1,
        kind: 'directory',
        filename: 'd',
        hash: digestOf(manifest),
        size: 7,
        files: 1,
      }),
    })
    const before = [state(w.root), readTree(w.path('.git/hooks'))]
    for (const argv of [['checkout'], ['checkout', '--force'], ['status']]) {
      const { code, stderr } = await w.ddv(...argv)
      t.equal(code, 3, `${name}: ${stderr}`)
      t.match(stderr, /^ddv: error: (manifest|pointer) .*(d\.ddv|[0-9a-f]{64})/m, name)
      t.match(stderr, 'd', name)
    }
    t.same([state(w.root), readTree(w.path('.git/hooks'))], before, `${name}: nothing is written`)
    t.same(
      Object.keys(readTree(root)).filter(path => !path.startsWith('w/')),
      [],
      `${name}: nor outside`,
    )
    await w.close()
  }
})

interface BadCall {
  readonly name: string
  readonly argv: readonly string[]
  readonly code: number
  readonly says: RegExp
  readonly hint?: RegExp
  readonly arrange?: (w: TestWorkspace) => void
}

const calls: readonly BadCall[] = [
  { name: 'unknown command', argv: ['chekout'], code: 2, says: /chekout/, hint: /ddv checkout/ },
  { name: 'add nothing', argv: ['add'], code: 2, says: /argument/ },
  { name: 'add what is not there', argv: ['add', 'absent.csv'], code: 2, says: /absent\.csv$/m },
  {
    name: 'add what is outside',
    argv: ['add', '../beside'],
    code: 2,
    says: /outside the workspace: \.\.\/beside/,
    hint: /workspace is/,
  },
  { name: 'add .git', argv: ['add', '.git'], code: 2, says: /\.git/ },
  { name: 'add what is in .ddv', argv: ['add', '.ddv/config.yaml'], code: 2, says: /\.ddv\/config\.yaml/ },
  { name: 'add the cache', argv: ['add', '.cache'], code: 1, says: /\.cache/ },
  { name: 'add all', argv: ['add', '.'], code: 2, says: /workspace as a whole/, hint: /name/ },
  {
    name: 'add what git tracks',
    argv: ['add', 'code.ts'],
    code: 1,
    says: /tracked by git.*: code\.ts/,
    hint: /git rm -r --cached 'code\.ts'/,
  },
  {
    name: 'add what holds an output',
    argv: ['add', 'p'],
    code: 1,
    says: /other outputs \(p\/x\): p/,
    hint: /ddv add /,
  },
  {
    name: 'status of what is not tracked',
    argv: ['status', 'code.ts'],
    code: 2,
    says: /not under ddv: code\.ts/,
    hint: /ddv add code\.ts/,
  },
  { name: 'checkout of what is not there', argv: ['checkout', 'absent'], code: 2, says: /absent/, hint: /ddv status/ },
  { name: 'remove a part', argv: ['remove', 'd/a'], code: 2, says: /part of d/, hint: /ddv add d/ },
  { name: 'move onto another', argv: ['move', 'p/x', 'd'], code: 15, says: /already: d/ },
  { name: 'no remote', argv: ['push'], code: 14, says: /no remote is configured/, hint: /ddv remote add/ },
  { name: 'unknown remote', argv: ['push', '-r', 'nobody'], code: 2, says: /no such remote: nobody/ },
  {
    name: 'a remote of no known kind',
    argv: ['remote', 'add', 'x', 'ftp://host/x'],
    code: 2,
    says: /ftp:/,
    hint: /s3:/,
  },
  { name: 'a remote with a secret', argv: ['remote', 'add', 'x', 's3://key:SECRET@bucket'], code: 2, says: /bucket/ },
  { name: 'jobs that are none', argv: ['status', '--jobs', '0'], code: 2, says: /--jobs/ },
  { name: 'a directory that is not there', argv: ['status', '--cd', 'nowhere'], code: 2, says: /--cd.*nowhere/ },
  { name: 'meta that is none', argv: ['add', 'new', '--meta', 'x'], code: 2, says: /--meta.*x/ },
  {
    name: 'a configuration that cannot be read',
    argv: ['status'],
    code: 3,
    says: /config\.yaml:\d/,
    arrange: w => w.write({ '.ddv/config.yaml': 'core:\n  jobs: many\n' }),
  },
  {
    name: 'a name with a newline',
    argv: ['add', 'new\nline'],
    code: 2,
    says: /new\\nline/,
    hint: /directory/,
    arrange: w => w.write({ 'new\nline': '1' }),
  },
  {
    name: 'a pipe',
    argv: ['add', 'link'],
    code: 1,
    says: /symbolic link: link/,
    arrange: w => symlinkSync('code.ts', w.path('link')),
  },
]

t.test('wrong calls', async t => {
  const w = await makeWorkspace(t, {
    files: { 'code.ts': '1', 'p/x': '2', 'd/a': '3', 'd/b': '4', new: '5' },
    inMemory: true,
  })
  w.git('add', '-f', 'code.ts')
  await w.add(['p/x', 'd'])
  w.commit()
  await w.close()
  for (const { name, argv, code, says, hint, arrange } of calls) {
    arrange?.(w)
    const before = [state(w.root), w.git('status', '--porcelain')]
    const ran = await w.ddv(...argv)
    t.equal(ran.code, code, `${name}: ${ran.stderr}`)
    t.match(ran.stderr, /^ddv: error: [^A-Z]/m, name)
    t.match(ran.stderr, says, name)
    if (hint !== undefined) t.match(ran.stderr, new RegExp(`^ddv: hint: .*${hint.source}`, 'm'), name)
    t.notMatch(ran.stderr, /SECRET|\n {4}at |bug/, name)
    t.equal(ran.stdout, '', name)
    t.same([state(w.root), w.git('status', '--porcelain')], before, `${name}: nothing is changed`)

    const json = await w.ddv(...argv, '--json')
    t.equal(json.code, code, name)
    t.match(JSON.parse(json.stderr), { error: { code: String, message: String } }, name)
    if (arrange !== undefined && argv[0] === 'status') w.git('checkout', '-q', '.ddv/config.yaml')
  }
})

t.test('no workspace', async t => {
  const root = temporaryDirectory(t)
  for (const argv of [
    ['add', 'x'],
    ['status'],
    ['checkout'],
    ['push'],
    ['fetch'],
    ['pull'],
    ['remove', 'x'],
    ['move', 'x', 'y'],
    ['root'],
  ]) {
    const { code, stderr } = await ddv(root, argv)
    t.equal(code, 10, `${argv.join(' ')}: ${stderr}`)
    t.match(stderr, /^ddv: error: no ddv workspace here.*\nddv: hint: .*ddv init/, argv.join(' '))
  }
  const { code, stderr } = await ddv(root, ['init'])
  t.equal(code, 1)
  t.match(stderr, /not in a git repository: .*\nddv: hint: .*git init.*--no-git/)
  t.same(readTree(root), { '/': '' })
})

t.test('blobs that are missing or rotten, by exit code', async t => {
  const w = await makeWorkspace(t, { files: { gone: 'gone', rotten: 'rotten', fine: 'fine' } })
  await w.ddv('remote', 'add', 'origin', '../remote')
  await w.add(['gone', 'rotten', 'fine'])
  w.remove('gone', 'rotten', 'fine')
  rmSync(w.blob(digestOf('gone')))
  const lost = await w.ddv('checkout')
  t.equal(lost.code, 12)
  t.match(lost.stderr, /not in the cache: gone\nddv: hint: .*ddv pull gone/)
  t.match(w.tree(), { fine: 'fine', rotten: 'rotten' }, 'the others arrive')
  w.remove('rotten')
  w.corrupt(digestOf('rotten'))
  const both = await w.ddv('checkout')
  t.equal(both.code, 13, 'the most telling one decides')
  t.match(both.stderr, /gone/)
  t.match(both.stderr, /rotten/)
  t.match(both.stderr, /\.cache\/corrupt/)
  t.equal(setAside(w.root).length, 1)
  t.notOk(w.has('rotten'))
})

t.test('a directory remote that is something else, or is not there', async t => {
  const w = await makeWorkspace(t, { files: { x: '1' } })
  await w.add('x')
  writeFiles(w.root, { '../photos/cat.jpg': 'cat' })
  await w.ddv('remote', 'add', 'photos', '../photos')
  await w.ddv('remote', 'add', 'deep', '../not/there')
  for (const [name, says] of [
    ['photos', /\.\.\/photos|photos/],
    ['deep', /not\/there/],
  ] as const) {
    const { code, stderr } = await w.ddv('push', '-r', name)
    t.equal(code, 14, stderr)
    t.match(stderr, says)
  }
  t.same(readTree(w.path('../photos')), { 'cat.jpg': 'cat' })
  t.notOk(existsSync(w.path('../not')))
  rmSync(w.blob(digestOf('1')))
  t.equal((await w.ddv('pull', '-r', 'deep')).code, 14)
})

t.test('a repository that lies about its remote', async t => {
  const w = await makeWorkspace(t)
  for (const text of [
    'cache:\n  dir: /etc\n',
    'trustedHosts: [evil.example]\n',
    'remotes:\n  x:\n    allowHttp: true\n',
  ]) {
    w.write({ '.ddv/config.yaml': text })
    const { code, stderr } = await w.ddv('status')
    t.equal(code, 3, stderr)
    t.match(stderr, /config\.yaml/)
  }
  w.git('checkout', '-q', '.ddv/config.yaml')
})

t.test('a pointer that is a link', async t => {
  const w = await makeWorkspace(t, { files: { y: 'content' } })
  writeFileSync(w.path('../x.ddv'), filePointer())
  symlinkSync('../x.ddv', w.path('x.ddv'))
  await w.ddv('status')
  await w.ddv('checkout')
  t.notOk(w.has('x'), 'links are no pointers')
  t.equal(readFileSync(w.path('../x.ddv'), 'utf8'), filePointer())
})

t.test('a clone by somebody hostile to terminals', async t => {
  const w = await makeWorkspace(t, { files: { 'd/\u001b[31mred\u0007\n': '1' } })
  await w.add('d')
  w.remove('d')
  for (const argv of [['status'], ['checkout', '-v'], ['status', '--json']]) {
    const { stdout, stderr } = await w.ddv(...argv)
    t.notMatch(stdout + stderr, /\u001b\[31m|\u0007/, argv.join(' '))
  }
  w.write({ 'd/\u001b[31mred\u0007\n': 'changed' })
  const { stdout, stderr } = await w.ddv('checkout')
  t.notMatch(stdout + stderr, /\u001b\[31m|\u0007/)
  t.match((await w.ddv('status')).stdout, /\\u001b/)
})

t.test('git’s own hooks and files are out of reach for a target through a link', async t => {
  const w = await makeWorkspace(t, { files: { x: '1' } })
  symlinkSync('.git', w.path('data'))
  const before = readTree(w.path('.git/hooks'))
  t.equal((await ddv(w.root, ['add', 'data/config'], testEnv)).code, 2)
  writeFileSync(w.path('.git/evil.ddv'), filePointer({ filename: 'evil' }))
  await ddv(w.root, ['checkout', 'data/evil'])
  t.notOk(existsSync(w.path('.git/evil')))
  t.same(readTree(w.path('.git/hooks')), before)
  t.equal(git(w.root, 'fsck'), '')
})
