import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import {
  appendFileSync,
  chmodSync,
  closeSync,
  existsSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeSync,
} from 'node:fs'
import { join, resolve } from 'node:path'
import t from 'tap'
import type { Event } from '../../lib/core/events.js'
import {
  digestOf,
  errorOf,
  makeWorkspace,
  plainNode,
  readTree,
  type TestWorkspace,
  testEnv,
  writeFiles,
} from '../support/workspace.js'

/** How many files an op read, by its events. */
function countHashed(): { readonly onEvent: (event: Event) => void; files: () => number } {
  let files = 0
  return {
    onEvent: event => {
      if (event.type === 'done' && event.phase === 'hash') files += event.files
    },
    files: () => files,
  }
}

const failureOf = async (w: TestWorkspace, target: string | string[], options = {}) => {
  const { failures } = await w.add(target, options)
  return failures[0]?.error
}

t.test('a file: its bytes in the cache, its pointer in git, itself ignored', async t => {
  const w = await makeWorkspace(t, { files: { 'data/raw/x.csv': 'a,b\n1,2\n' } })
  const { outputs, failures } = await w.add('data/raw/x.csv')
  const hash = digestOf('a,b\n1,2\n')
  t.same(failures, [])
  t.same(outputs, [
    {
      filename: 'x.csv',
      filepath: `.cache/${hash.slice(0, 2)}/${hash.slice(2)}`,
      hash,
      size: 8,
      kind: 'file',
      pointer: 'data/raw/x.csv.ddv',
      changed: true,
    },
  ])
  t.equal(
    w.read('data/raw/x.csv.ddv'),
    `{\n  "ddv": 1,\n  "kind": "file",\n  "filename": "x.csv",\n  "hash": "${hash}",\n  "size": 8\n}\n`,
  )
  t.equal(w.read(outputs[0]?.filepath as string), 'a,b\n1,2\n')
  t.equal(statSync(w.blob(hash)).mode & 0o777, 0o444)
  t.equal(w.read('data/raw/x.csv'), 'a,b\n1,2\n', 'the data stays where it was')
  t.equal(w.git('status', '--porcelain'), 'A  data/raw/.gitignore\nA  data/raw/x.csv.ddv')
  t.equal(w.git('check-ignore', 'data/raw/x.csv', '.cache'), 'data/raw/x.csv\n.cache')
  t.same(w.tree('.ddv/tmp'), { '/': '' })
  t.same(w.tree('.cache/tmp'), { '/': '' })
})

t.test('a directory: its rows in the pointer, its manifest in the cache', async t => {
  const w = await makeWorkspace(t, {
    files: { 'd/b': 'B', 'd/a/z': 'Z', 'd/a.txt': '', 'd/empty/deep/': '', 'd/run': '#!', 'd/same': 'B' },
  })
  chmodSync(w.path('d/run'), 0o755)
  const { outputs } = await w.add('d')
  const rows = [
    ['a.txt', digestOf(''), 0],
    ['a/z', digestOf('Z'), 1],
    ['b', digestOf('B'), 1],
    ['empty/deep/'],
    ['run', digestOf('#!'), 2, 'x'],
    ['same', digestOf('B'), 1],
  ]
  const manifest = `ddv-manifest 1\n${rows.map(row => `${JSON.stringify(row)}\n`).join('')}`
  t.match(outputs, [
    { kind: 'directory', filename: 'd', hash: digestOf(manifest), size: 5, files: 5, pointer: 'd.ddv' },
  ])
  t.equal(w.read(outputs[0]?.filepath as string), manifest)
  t.match(w.pointer('d'), { kind: 'directory', files: 5, size: 5, entries: rows })
  t.match(w.read('d.ddv'), `    ["a.txt","${digestOf('')}",0],\n`, 'one row a line')
  t.equal(w.git('check-ignore', 'd/b', 'd'), 'd/b\nd')
})

t.test('nothing and next to nothing', async t => {
  const w = await makeWorkspace(t, { files: { 'empty.bin': '', 'hollow/': '', 'nested/a/b/': '' } })
  const { outputs } = await w.add(['empty.bin', 'hollow', 'nested'])
  t.match(outputs, [
    { size: 0, hash: digestOf('') },
    { size: 0, files: 0, hash: digestOf('ddv-manifest 1\n') },
    { size: 0, files: 0, hash: digestOf('ddv-manifest 1\n["a/b/"]\n') },
  ])
  w.remove('empty.bin', 'hollow', 'nested')
  t.same((await w.checkout()).failures, [])
  t.match(w.tree(), { 'empty.bin': '', 'hollow/': '', 'nested/a/b/': '' })
  t.ok((await w.status()).clean)
})

t.test('a directory of more than 1,000 files has its rows in the manifest alone', async t => {
  const files = Object.fromEntries(Array.from({ length: 1001 }, (_, i) => [`d/${i}`, `${i % 3}`]))
  const w = await makeWorkspace(t, { files })
  await w.add('d')
  const pointer = w.pointer('d')
  t.equal(pointer.entries, undefined)
  t.equal(pointer.files, 1001)
  t.equal(readFileSync(w.blob(pointer.hash), 'utf8').split('\n').length, 1003)
  w.write({ 'd/7': 'changed' })
  w.remove('d/8')
  t.match(await w.look('d'), {
    changes: [
      { path: '7', change: 'modified' },
      { path: '8', change: 'removed' },
    ],
  })
  await w.checkout('d', { force: true })
  t.ok((await w.status()).clean)
  t.equal(w.read('d/7'), '1')
  rmSync(w.blob(pointer.hash))
  t.match(await w.look('d'), { workspace: 'unchanged', cache: 'unknown' })
  t.match(await w.add('d'), { failures: [], outputs: [{ changed: false }] })
  t.equal((await w.look('d')).cache, 'complete', 'add makes the manifest anew')
})

t.test('many targets, globs, and the same twice', async t => {
  const w = await makeWorkspace(t, {
    files: {
      'a/1.csv': '1',
      'a/2.csv': '2',
      'a/3.txt': '3',
      'b/4.csv': '4',
      'b/s/5.csv': '5',
      'c.csv': '6',
      'l[1].csv': '7',
    },
  })
  const pointers = async (...targets: string[]) => (await w.add(targets)).outputs.map(one => one.pointer).sort()
  t.same(await pointers('a/1.csv', 'c.csv', './a/../a/1.csv', w.path('c.csv')), ['a/1.csv.ddv', 'c.csv.ddv'])
  t.same(await pointers('a/*.csv'), ['a/1.csv.ddv', 'a/2.csv.ddv'], 'pointers are no data')
  t.same(await pointers('{a,b}/?.txt', 'b/**/*.csv'), ['a/3.txt.ddv', 'b/4.csv.ddv', 'b/s/5.csv.ddv'])
  t.same(await pointers('l[1].csv'), ['l[1].csv.ddv'], 'a name that is there is no glob')
  t.match(await errorOf(t, w.add('nothing/*.csv'), 'usage'), { message: 'no file or directory matches: nothing/*.csv' })
  const { outputs } = await w.add('1.csv', { cwd: w.path('a') })
  t.equal(outputs[0]?.pointer, 'a/1.csv.ddv', 'relative to where the person is')
})

t.test('a glob that matches a directory and what is in it makes one output', async t => {
  const w = await makeWorkspace(t, { files: { 'p/d/a': '1', 'p/d/b': '2', 'p/e': '3' } })
  const { outputs } = await w.add('p/**')
  t.same(outputs.map(one => [one.pointer, one.kind]).sort(), [
    ['p/d.ddv', 'directory'],
    ['p/e.ddv', 'file'],
  ])
})

t.test('what has not changed is not read again', async t => {
  const w = await makeWorkspace(t, { files: { x: 'content', 'd/a': '1', 'd/b': '2', 'd/c': '3' } })
  await w.add(['x', 'd'])
  const pointers = w.read('x.ddv') + w.read('d.ddv')
  const times = statSync(w.path('x.ddv'), { bigint: true }).mtimeNs
  w.commit()
  const again = countHashed()
  t.match((await w.add(['x', 'd'], again)).outputs, [{ changed: false }, { changed: false }])
  t.equal(again.files(), 0)
  t.equal(w.read('x.ddv') + w.read('d.ddv'), pointers)
  t.equal(statSync(w.path('x.ddv'), { bigint: true }).mtimeNs, times, 'the pointer is not written again')
  t.equal(w.git('status', '--porcelain'), '')

  await w.close()
  const next = countHashed()
  await w.add(['x', 'd'], next)
  t.equal(next.files(), 0, 'nor by the next command')

  w.write({ 'd/b': 'changed' })
  const one = countHashed()
  t.match((await w.add(['x', 'd'], one)).outputs, [{ changed: false }, { changed: true }])
  t.equal(one.files(), 1, 'of a directory only the file that changed')

  const forced = countHashed()
  await w.add(['x', 'd'], { ...forced, force: true })
  t.equal(forced.files(), 4, '--force reads all')

  await w.close()
  w.remove('.ddv/state')
  const fresh = countHashed()
  t.match((await w.add(['x', 'd'], fresh)).outputs, [{ changed: false }, { changed: false }])
  t.equal(fresh.files(), 4, 'without the index all is read, and nothing is lost')
})

t.test('an edit that restores size and time is seen', async t => {
  const w = await makeWorkspace(t, { files: { x: 'aaaa', 'd/x': 'aaaa' } })
  await w.add(['x', 'd'])
  for (const file of ['x', 'd/x']) {
    const { atime, mtime } = statSync(w.path(file))
    w.write({ [file]: 'bbbb' })
    utimesSync(w.path(file), atime, mtime)
  }
  t.match((await w.add(['x', 'd'])).outputs, [{ hash: digestOf('bbbb') }, { changed: true }])
})

t.test('edits as quick as they come are never mistaken for the state before', async t => {
  const w = await makeWorkspace(t, { files: { x: '0000' }, inMemory: true })
  for (let i = 0; i < 60; i++) {
    const content = String(i).padStart(4, '0')
    w.write({ x: content })
    const { outputs } = await w.add('x')
    if (outputs[0]?.hash !== digestOf(content)) t.fail(`edit ${i} was missed`)
    if ((await w.look('x')).workspace !== 'unchanged') t.fail(`status is wrong after edit ${i}`)
    w.write({ x: `${content.slice(1)}x` })
    if ((await w.look('x')).workspace !== 'modified') t.fail(`status missed the edit after ${i}`)
  }
})

t.test('the executable bit', async t => {
  const w = await makeWorkspace(t, { files: { run: '#!', 'd/run': '#!' } })
  await w.add(['run', 'd'])
  t.equal(w.pointer('run').executable, undefined)
  chmodSync(w.path('run'), 0o755)
  chmodSync(w.path('d/run'), 0o755)
  t.match((await w.add(['run', 'd'])).outputs, [{ changed: true }, { changed: true }])
  t.match(w.pointer('run'), { executable: true })
  t.match(w.pointer('d'), { entries: [['run', digestOf('#!'), 2, 'x']] })
  w.remove('run', 'd')
  await w.checkout()
  t.equal(statSync(w.path('run')).mode & 0o111, 0o111 & ~process.umask())
  t.equal(statSync(w.path('d/run')).mode & 0o111, 0o111 & ~process.umask())
  chmodSync(w.path('run'), 0o644)
  await w.add('run')
  t.equal(w.pointer('run').executable, undefined)
})

t.test('paths inside a tracked directory bring that directory up to date', async t => {
  const w = await makeWorkspace(t, { files: { 'd/a': '1', 'd/b': '2', 'd/s/c': '3', 'd/t/e': '4' } })
  await w.add('d', { meta: { by: 'me' } })
  const rows = (): unknown => (w.pointer('d').entries as string[][]).map(([path]) => path)
  w.write({ 'd/a': 'changed', 'd/b': 'changed too', 'd/s/new': '5' })

  const hashed = countHashed()
  t.match((await w.add('d/a', hashed)).outputs, [{ pointer: 'd.ddv', changed: true, kind: 'directory' }])
  t.match(w.pointer('d'), {
    meta: { by: 'me' },
    size: 7 + 3,
    entries: [
      ['a', digestOf('changed')],
      ['b', digestOf('2')],
    ],
  })
  t.match((await w.look('d')).changes, [
    { path: 'b', change: 'modified' },
    { path: 's/new', change: 'added' },
  ])

  await w.add('d/s')
  t.same(rows(), ['a', 'b', 's/c', 's/new', 't/e'])
  w.remove('d/t/e', 'd/s/c')
  await w.add('d/t')
  t.same(rows(), ['a', 'b', 's/c', 's/new', 't/'], 'what is deleted goes, where that was named')

  await w.add('d/s/c')
  t.same(rows(), ['a', 'b', 's/new', 't/'], 'also by its own name')
  t.match((await w.look('d')).changes, [{ path: 'b', change: 'modified' }])

  w.write({ 'd/b': '2' })
  w.remove('d/s')
  w.write({ 'd/s': 'a file now' })
  await w.add('d/s')
  t.same(rows(), ['a', 'b', 's', 't/'])
  w.remove('d/s')
  w.write({ 'd/s/again': 'a directory' })
  await w.add('d/s/again')
  t.same(rows(), ['a', 'b', 's/again', 't/'])
  t.ok((await w.status()).clean)

  const before = w.read('d.ddv')
  for (const target of ['d/nowhere', 'd/s/nowhere'])
    t.match(await errorOf(t, w.add(target), 'usage'), { message: `no such file or directory: ${target}` })
  t.equal(w.read('d.ddv'), before)
})

t.test('a part is added though the rest of the directory is not there', async t => {
  const w = await makeWorkspace(t, { files: { 'd/a': '1', 'd/b': '2' } })
  await w.add('d')
  w.remove('d')
  w.write({ 'd/c': '3' })
  await w.add('d/c')
  t.match(w.pointer('d'), { files: 3 })
})

t.test('.ddvignore, at the top and below', async t => {
  const w = await makeWorkspace(t, {
    files: {
      '.ddvignore': '*.tmp\n/d/cache/\n',
      'd/a': '1',
      'd/a.tmp': 'x',
      'd/cache/b': 'x',
      'd/s/cache/c': '2',
      'd/s/.ddvignore': 'own\n!keep.tmp\n',
      'd/s/own': 'x',
      'd/s/keep.tmp': '3',
      'p/.ddvignore': 'scratch\n',
      'p/q/scratch': 'x',
      'p/q/data': '4',
    },
  })
  await w.add(['d', 'p/q'])
  t.same(
    (w.pointer('d').entries as string[][]).map(([path]) => path),
    ['a', 's/.ddvignore', 's/cache/c', 's/keep.tmp'],
  )
  t.same(
    (w.pointer('p/q').entries as string[][]).map(([path]) => path),
    ['data'],
    'rules of directories above an output count in it',
  )
  t.ok((await w.status()).clean)
  w.write({ 'd/more.tmp': 'x' })
  t.ok((await w.status()).clean)
  for (const target of ['d/a.tmp', 'd/s/own'])
    t.match(await errorOf(t, w.add(target), 'refused'), { message: `is ignored by .ddvignore: ${target}` })
  w.write({ 'x.tmp': 'x', 'p/scratch': 'x' })
  for (const target of ['x.tmp', 'p/scratch']) await errorOf(t, w.add(target), 'refused')
})

t.test('symbolic links', async t => {
  const w = await makeWorkspace(t, { files: { 'd/real': 'real', 'd/s/b': 'B', outside: 'o', x: 'x' } })
  symlinkSync('real', w.path('d/inside'))
  symlinkSync('s', w.path('d/sub'))
  const links = { inside: '-> real', sub: '-> s' }
  t.match(await failureOf(w, 'd'), { code: 'refused', message: /is a symbolic link.*: d\/inside/, hint: /--follow/ })
  t.notOk(w.has('d.ddv'))
  t.match(w.tree('d'), links)

  await w.add('d', { follow: true })
  t.same(
    (w.pointer('d').entries as string[][]).map(([path, digest]) => [path, digest]),
    [
      ['inside', digestOf('real')],
      ['real', digestOf('real')],
      ['s/b', digestOf('B')],
      ['sub/b', digestOf('B')],
    ],
  )
  t.match(w.tree('d'), links, 'the links stay')
  t.ok((await w.status()).clean, 'and are no change')

  for (const [name, target, problem] of [
    ['out', '../outside', 'leads out of its directory'],
    ['absolute', w.path('outside'), 'leads out of its directory'],
    ['broken', 'nowhere', 'leads nowhere'],
    ['self', 'self', 'leads nowhere'],
    ['loop', '..', 'leads out of its directory'],
    ['s/up', '.', 'leads in a circle'],
    ['s/top', '..', 'leads in a circle'],
  ] as const) {
    symlinkSync(target, w.path('d', name))
    const error = await failureOf(w, 'd', { follow: true })
    t.match(error, { code: 'refused', message: new RegExp(`${problem}.*d/${name}`), hint: /move|ddvignore/ }, name)
    w.remove(`d/${name}`)
  }
  symlinkSync('x', w.path('link'))
  for (const follow of [false, true])
    t.match(await errorOf(t, w.add('link', { follow }), 'refused'), {
      message: 'is a symbolic link: link',
      hint: /leads to/,
    })
  symlinkSync('d', w.path('through'))
  await errorOf(t, w.add('through/real'), 'bad-path')
})

t.test('pipes and other special files are refused, not read', { timeout: 10_000 }, async t => {
  const w = await makeWorkspace(t, { files: { 'd/a': '1' } })
  execFileSync('mkfifo', [w.path('pipe'), w.path('d/pipe')])
  for (const target of ['pipe', 'd'])
    t.match(await failureOf(w, target), { code: 'refused', message: /neither a file nor a directory: (d\/)?pipe/ })
  t.notOk(w.has('d.ddv'))
})

t.test('names that are not UTF-8 are refused by name', async t => {
  const w = await makeWorkspace(t, { files: { 'd/a': '1' } })
  const name = Buffer.concat([Buffer.from(`${w.path('d')}/caf`), Buffer.from([0xe9])])
  closeSync(openSync(name, 'w'))
  t.match(await failureOf(w, 'd'), { code: 'refused', message: /not UTF-8: d\/caf/ })
})

t.test('--meta is kept and merged', async t => {
  const w = await makeWorkspace(t, { files: { x: '1' } })
  await w.add('x', { meta: { source: 'web', rows: 12 } })
  t.same(w.pointer('x').meta, { rows: 12, source: 'web' })
  w.write({ x: '2' })
  await w.add('x')
  t.same(w.pointer('x').meta, { rows: 12, source: 'web' }, 'kept when the data changes')
  t.match(
    (await w.add('x', { meta: { rows: 13 } })).outputs,
    [{ changed: true }],
    'changed though the data is as it was',
  )
  t.same(w.pointer('x').meta, { rows: 13, source: 'web' })
  t.match(w.read('x.ddv'), /"rows": 13,\n {4}"source": "web"/)
})

t.test('the cache is made whole again', async t => {
  const w = await makeWorkspace(t, { files: { x: 'xxxx', 'd/a': 'aaaa', 'd/b': 'bbbb' } })
  await w.add(['x', 'd'])
  for (const content of ['xxxx', 'aaaa']) rmSync(w.blob(digestOf(content)))
  t.match((await w.status()).outputs, [{ cache: 'incomplete' }, { cache: 'incomplete' }])
  t.match((await w.add(['x', 'd'])).outputs, [{ changed: false }, { changed: false }])
  t.match((await w.status()).clean, true, 'what is missing is put back')

  rmSync(w.blob(w.pointer('d').hash))
  await w.add('d')
  t.ok(existsSync(w.blob(w.pointer('d').hash)), 'the manifest too')

  w.corrupt(digestOf('xxxx'))
  w.corrupt(digestOf('aaaa'))
  for (const file of ['x', 'd/a']) utimesSync(w.path(file), 5, 5)
  await w.add(['x', 'd'])
  for (const content of ['xxxx', 'aaaa'])
    t.equal(readFileSync(w.blob(digestOf(content)), 'utf8'), content, 'what rotted is replaced')
  t.equal(statSync(w.blob(digestOf('xxxx'))).mode & 0o777, 0o444)
})

t.test('a file with the bytes of a manifest is no directory', async t => {
  const w = await makeWorkspace(t, { files: { 'd/a': 'aaaa' } })
  await w.add('d')
  const pointer = w.pointer('d')
  w.write({ 'listing.txt': readFileSync(w.blob(pointer.hash)) })
  await w.add('listing.txt')
  t.equal(w.pointer('listing.txt').hash, pointer.hash)
  rmSync(w.blob(digestOf('aaaa')))
  t.equal((await w.look('listing.txt')).cache, 'complete')
  t.equal((await w.look('d')).cache, 'incomplete')
})

t.test('large files are copied as they are', async t => {
  const big = Buffer.alloc(9_000_000, 'large ')
  const w = await makeWorkspace(t, { files: { big, 'd/big': big, 'd/bigger': Buffer.concat([big, big]) } })
  await w.add(['big', 'd'])
  t.equal(w.pointer('big').hash, digestOf(big))
  t.ok(readFileSync(w.blob(digestOf(big))).equals(big))
  const again = countHashed()
  await w.add(['big', 'd'], again)
  t.equal(again.files(), 0)
  w.corrupt(digestOf(big))
  utimesSync(w.path('big'), 5, 5)
  await w.add('big')
  t.ok(readFileSync(w.blob(digestOf(big))).equals(big), 'what rotted is replaced')
  t.same(w.tree('.cache/tmp'), { '/': '' })
})

t.test('a target that cannot be meant changes nothing at all', async t => {
  const w = await makeWorkspace(t, { files: { x: '1', y: '2' } })
  await errorOf(t, w.add('absent'), 'usage') // makes the directory of locks
  const before = [w.tree(), w.git('status', '--porcelain')]
  await errorOf(t, w.add(['x', 'absent', 'y']), 'usage')
  t.same([w.tree(), w.git('status', '--porcelain')], before)
})

t.test('data that cannot be taken is the failure of its output alone', async t => {
  const w = await makeWorkspace(t, { files: { x: '1', 'd/a': '1', y: '2' } })
  symlinkSync('nowhere', w.path('d/broken'))
  const failed: string[] = []
  const { outputs, failures } = await w.add(['x', 'd', 'y'], {
    onEvent: event => {
      if (event.type === 'failed') failed.push(event.target)
    },
  })
  t.match(failures, [{ path: 'd', error: { code: 'refused' } }])
  t.same(failed, ['d'])
  t.same(
    outputs.map(one => one.pointer),
    ['x.ddv', 'y.ddv'],
  )
  t.notOk(w.has('d.ddv'))
  t.equal(w.read('.gitignore'), '/.cache\n/x\n/y\n')
})

t.test('an interruption leaves nothing', async t => {
  const files = Object.fromEntries(Array.from({ length: 40 }, (_, i) => [`d/${i}`, `${i}`]))
  const w = await makeWorkspace(t, { files })
  const stop = new AbortController()
  const onEvent = (event: Event): void => {
    if (event.type === 'done') stop.abort()
  }
  await errorOf(t, w.add('d', { signal: stop.signal, onEvent }), 'interrupted')
  t.notOk(w.has('d.ddv'))
  t.same(w.tree('.cache'), { 'tmp/': '' })
  t.match(await w.add('d'), { failures: [], outputs: [{ files: 40 }] })
})

// The file is open in a child that changes it without end, so that every reading meets a change.
for (const [kind, size] of [
  ['small', 2_000_000],
  ['large', 12_000_000],
] as const)
  t.test(`a ${kind} file that changes while it is added`, async t => {
    const w = await makeWorkspace(t, { files: { x: Buffer.alloc(size, 'a') } })
    const child = spawn(process.execPath, [
      '-e',
      `const fs = require('node:fs'); const fd = fs.openSync(process.argv[1], 'r+'); console.log('ready')
       const end = Date.now() + 20000
       for (let i = 0; Date.now() < end; i++) fs.writeSync(fd, Buffer.alloc(64, 97 + i % 26), 0, 64, (i * 7919) % ${size - 64})`,
      w.path('x'),
    ])
    t.teardown(() => child.kill('SIGKILL'))
    await new Promise(done => child.stdout.once('data', done))
    const tries = Array.from({ length: 3 }, async () => undefined)
    for (const _ of tries) {
      const { outputs, failures } = await w.add('x')
      const hash = outputs[0]?.hash
      if (hash === undefined)
        t.match(failures[0]?.error, { code: 'changed', message: /changed while it was read.*x/, hint: /again/ })
      else t.equal(digestOf(readFileSync(w.blob(hash))), hash, 'one state, and the blob is that')
    }
    child.kill('SIGKILL')
    await new Promise(done => child.once('close', done))
    const { outputs } = await w.add('x')
    t.equal(outputs[0]?.hash, digestOf(readFileSync(w.path('x'))), 'at rest it is added')
    t.same(w.tree('.cache/tmp'), { '/': '' })
  })

t.test('a file replaced, truncated, appended to or deleted as it is read', async t => {
  const w = await makeWorkspace(t, { files: { 'd/a': 'aaaa', 'd/b': 'bbbb' } })
  const acts: Record<string, () => void> = {
    append: () => appendFileSync(w.path('d/b'), 'more'),
    truncate: () => w.write({ 'd/b': '' }),
    delete: () => w.remove('d/b'),
    replace: () => {
      w.remove('d/b')
      symlinkSync('/etc/passwd', w.path('d/b'))
    },
  }
  for (const [name, act] of Object.entries(acts)) {
    w.remove('d/b')
    w.write({ 'd/b': 'bbbb' })
    // 'total' comes after the listing and before the reading.
    const result = await w.add('d', {
      force: true,
      onEvent: event => {
        if (event.type === 'total') act()
      },
    })
    const entries = (result.outputs.length > 0 ? w.pointer('d').entries : []) as [string, string, number][]
    for (const [path, digest, size] of entries) {
      const blob = readFileSync(w.blob(digest))
      t.same([digestOf(blob), blob.length], [digest, size], `${name}: the pointer says what is in the cache of ${path}`)
      t.notMatch(blob.toString(), 'root:', `${name}: nothing through a link`)
    }
    if (result.outputs.length === 0) t.ok(['changed', 'io'].includes(result.failures[0]?.error.code ?? ''), name)
  }
})

const program = resolve(import.meta.dirname, '../../bundle/ddv.js')

const ended = (child: ChildProcess): Promise<{ code: number | null; said: string }> =>
  new Promise(done => {
    let said = ''
    for (const stream of [child.stdout, child.stderr]) stream?.on('data', bytes => (said += bytes))
    child.on('close', code => done({ code, said }))
  })

t.test('several at once in one workspace', async t => {
  const names = ['a', 'b', 'c', 'd']
  const w = await makeWorkspace(t, { files: Object.fromEntries(names.map(name => [`data/${name}`, name])) })
  const all = names.map(name =>
    ended(spawn('env', [...plainNode, program, 'add', `data/${name}`], { cwd: w.root, env: { ...testEnv, ...w.env } })),
  )
  for (const { code, said } of await Promise.all(all)) t.equal(code, 0, said)
  t.equal(w.read('data/.gitignore'), '/a\n/b\n/c\n/d\n')
  t.equal(w.git('ls-files', 'data').split('\n').length, 5, 'all are staged')
  t.ok((await w.status()).clean)
  t.same(w.tree('.ddv/lock'), { '/': '' })
})

t.test('without autostage', async t => {
  const w = await makeWorkspace(t, { files: { x: '1' }, env: { DDV_GIT_AUTOSTAGE: 'false' } })
  await w.add('x')
  t.equal(w.git('diff', '--cached', '--name-only'), '')
  t.equal(w.git('check-ignore', 'x'), 'x', 'the data is ignored all the same')
})

t.test('the same data gives the same pointer on every machine', async t => {
  const files = { 'd/b': '2', 'd/a/c': '1', 'd/é': '3', 'd/e\u0301': '4', 'd/\ue000': '5', 'd/😀': '6', 'd/A': '7' }
  const one = await makeWorkspace(t, { files })
  await one.add('d')
  const reversed = Object.fromEntries(Object.entries(files).reverse())
  const other = await makeWorkspace(t, { files: reversed, root: join(one.root, '../other') })
  await other.add('d')
  t.equal(one.read('d.ddv'), other.read('d.ddv'))
})

t.test('a directory where the pointer is to be', async t => {
  const w = await makeWorkspace(t, { files: { x: '1', y: '2', 'x.ddv/in/the/way': 'mine' } })
  const { outputs, failures } = await w.add(['x', 'y'])
  t.match(failures, [{ path: 'x', error: { code: 'bad-pointer', message: 'pointer is not a regular file: x.ddv' } }])
  t.match(outputs, [{ pointer: 'y.ddv' }])
  t.equal(w.read('x.ddv/in/the/way'), 'mine')
})

t.test('nothing outside is touched', async t => {
  const w = await makeWorkspace(t, { files: { x: '1' } })
  writeFiles(join(w.root, '..'), { 'beside/keep': 'keep' })
  const fd = openSync(w.path('untouched'), 'w')
  writeSync(fd, 'u')
  closeSync(fd)
  await w.add('x')
  t.same(readTree(join(w.root, '../beside')), { keep: 'keep' })
  t.equal(w.git('status', '--porcelain', 'untouched'), '?? untouched')
})
