import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  existsSync,
  linkSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import t from 'tap'
import { encodePointer } from '../../lib/core/pointer.js'
import type { TreePath } from '../../lib/core/tree-path.js'
import { directoryPointer } from '../../lib/ops/write-pointers.js'
import { hashBytes } from '../../lib/sys/hash.js'
import {
  digestOf,
  errorOf,
  makeWorkspace,
  readTree,
  setAside,
  type TestWorkspace,
  writeFiles,
} from '../support/workspace.js'

t.setTimeout(120_000)

type Outcome =
  | 'written' // as the pointer says
  | 'same' // was so, and nothing is written
  | 'refused' // would lose data: nothing is changed
  | 'missing' // the blob is not in the cache: all but that file is as the pointer says, and that file is as it was
  | 'corrupt' // likewise; the blob is set aside

type CacheState = 'cached' | 'gone' | 'corrupt'
type Row = readonly [disk: string, plain: Record<CacheState, Outcome>, force: Record<CacheState, Outcome>]

const each = (cached: Outcome, gone: Outcome = cached, corrupt: Outcome = gone): Record<CacheState, Outcome> => ({
  cached,
  gone,
  corrupt,
})
const asCached = each('written', 'missing', 'corrupt')
const refused = each('refused')
const same = each('same')

/** What is on the disk → what checkout does, by what the cache has, without and with --force. */
const fileTable: readonly Row[] = [
  ['absent', asCached, asCached],
  ['as the pointer says', same, same],
  ['touched', same, same],
  ['modified', refused, asCached],
  ['modified, same size and time', refused, asCached],
  ['modified, and that is in the cache', asCached, asCached],
  ['a directory', refused, asCached],
  ['a directory that is in the cache', asCached, asCached],
  ['a link to other content', refused, asCached],
  ['a link to the same content', refused, asCached],
  ['a link that leads nowhere', refused, asCached],
  ['executable', each('written'), each('written')],
]

/** The same for a directory, of whose files the one named `a` is as the table says. */
const directoryTable: readonly Row[] = [
  ...fileTable,
  ['a file beside it', refused, each('written')],
  ['a file beside it that is in the cache', each('written'), each('written')],
  ['all absent', asCached, asCached],
  ['a file instead of all', refused, asCached],
  ['a link instead of all', refused, asCached],
]

/** The state of one case on the disk. `file` is what the table's state is of; `output` differs for directories. */
interface Case {
  readonly w: TestWorkspace
  readonly output: string
  readonly file: string
  readonly content: string
  readonly outside: string
}

const saved = (content: string): string => `saved before ${content}`
const unsaved = (content: string): string => `unsaved over ${content}`

function replace({ w, file }: Case, files: Record<string, string>): void {
  w.remove(file)
  w.write(files)
}

function link({ w, file }: Case, target: string): void {
  w.remove(file)
  mkdirSync(dirname(w.path(file)), { recursive: true })
  symlinkSync(target, w.path(file))
}

const arrange: Readonly<Record<string, (one: Case) => void>> = {
  absent: ({ w, file }) => w.remove(file),
  'as the pointer says': () => undefined,
  touched: ({ w, file }) => utimesSync(w.path(file), 1, 1),
  modified: one => replace(one, { [one.file]: unsaved(one.content) }),
  'modified, same size and time': ({ w, file, content }) => {
    const { atime, mtime } = statSync(w.path(file))
    writeFileSync(w.path(file), content.replace('c', 'C'))
    utimesSync(w.path(file), atime, mtime)
  },
  'modified, and that is in the cache': one => replace(one, { [one.file]: saved(one.content) }),
  'a directory': one => replace(one, { [`${one.file}/x/y`]: unsaved(one.content) }),
  'a directory that is in the cache': one => replace(one, { [`${one.file}/x/y`]: saved(one.content) }),
  'a link to other content': one => link(one, one.outside),
  'a link to the same content': one => {
    writeFiles(dirname(one.outside), { [`../same/${one.output}`]: one.content })
    link(one, join(dirname(one.outside), '../same', one.output))
  },
  'a link that leads nowhere': one => link(one, 'nowhere'),
  executable: ({ w, file }) => chmodSync(w.path(file), 0o755),
  'a file beside it': one => one.w.write({ [`${one.output}/new/z`]: unsaved(one.content) }),
  'a file beside it that is in the cache': one => one.w.write({ [`${one.output}/new/z`]: saved(one.content) }),
  'all absent': ({ w, output }) => w.remove(output),
  'a file instead of all': one => {
    one.w.remove(one.output)
    one.w.write({ [one.output]: unsaved(one.content) })
  },
  'a link instead of all': one => {
    one.w.remove(one.output)
    symlinkSync(dirname(one.outside), one.w.path(one.output))
  },
}

for (const kind of ['file', 'directory'] as const)
  for (const index of ['stale', 'fresh', 'deleted'] as const)
    t.test(`states of a ${kind}, where the stat index is ${index}`, async t => {
      const w = await makeWorkspace(t, { inMemory: true })
      const outside = join(w.root, '../outside/target')
      writeFiles(w.root, { '../outside/target': 'outside' })
      const table = kind === 'file' ? fileTable : directoryTable
      const cases = table.flatMap(([disk, plain, force]) =>
        [false, true].flatMap(forced =>
          (['cached', 'gone', 'corrupt'] as const).map(cache => ({
            disk,
            cache,
            forced,
            expected: (forced ? force : plain)[cache],
          })),
        ),
      )
      const outputOf = (i: number): string => `o${i}`
      const fileOf = (i: number): string => (kind === 'file' ? outputOf(i) : `${outputOf(i)}/a`)
      const contentOf = (i: number): string => `content ${i}`
      cases.forEach((_, i) => {
        w.write({ [`saved/${i}`]: saved(contentOf(i)), [fileOf(i)]: contentOf(i) })
        if (kind === 'directory') w.write({ [`${outputOf(i)}/sub/b`]: `beside ${i}` })
      })
      await w.add(['saved', ...cases.map((_, i) => outputOf(i))])
      // Half of them stages made: the same holds for those.
      const isMade = (i: number): boolean => i % 2 === (index === 'fresh' ? 0 : 1)
      await w.addStage(cases.flatMap((_, i) => (isMade(i) ? [outputOf(i)] : [])))
      cases.forEach(({ disk, cache }, i) => {
        arrange[disk]?.({ w, output: outputOf(i), file: fileOf(i), content: contentOf(i), outside })
        if (cache === 'gone') rmSync(w.blob(digestOf(contentOf(i))))
        if (cache === 'corrupt') w.corrupt(digestOf(contentOf(i)))
      })
      if (index === 'fresh') await w.status()
      if (index === 'deleted') {
        await w.close()
        w.remove('.ddv/state')
      }
      const outputs = cases.map((_, i) => outputOf(i))
      const before = outputs.map(output => w.tree(output))
      // All at once: an output that fails is none of the others' business.
      const results = [false, true].map(async force =>
        w.checkout(
          outputs.filter((_, i) => cases[i]?.forced === force),
          { force },
        ),
      )
      const failures = (await Promise.all(results)).flatMap(result => result.failures)
      const done = (await Promise.all(results)).flatMap(result => result.outputs)
      const again = await w.checkout(outputs.filter((_, i) => cases[i]?.expected === 'written'))
      t.same(again.failures, [], 'what was written is at peace')
      t.same([...new Set(again.outputs.map(one => one.written + one.removed))], [0], 'and not written again')
      const looks = new Map((await w.status()).outputs.map(one => [one.path as string, one]))
      for (const [i, { disk, cache, forced, expected }] of cases.entries()) {
        const name = `${disk}, ${cache}${forced ? ', --force' : ''}: ${expected}`
        const output = outputOf(i)
        const error = failures.find(({ path }) => path === output)?.error
        const [old, now] = [before[i] ?? {}, w.tree(output)]
        const goal = {
          [kind === 'file' ? '' : 'a']: contentOf(i),
          ...(kind === 'directory' && { 'sub/b': `beside ${i}` }),
        }
        if (expected === 'written' || expected === 'same') {
          t.same(now, goal, name)
          t.equal(error, undefined, name)
          t.equal(looks.get(output)?.workspace, 'unchanged', `${name}; and status agrees`)
        }
        if (expected === 'same') t.equal(done.find(({ path }) => path === output)?.written, 0, name)
        if (expected === 'refused') {
          t.equal(error?.code, 'would-lose-data', name)
          t.match(error, { message: output, hint: isMade(i) ? /copy them.*--force/ : /ddv add .*--force/ }, name)
          t.same(now, old, `${name}; nothing is changed`)
        }
        if (expected === 'missing' || expected === 'corrupt') {
          t.equal(error?.code, expected, name)
          if (kind === 'directory') t.equal(now['sub/b'], `beside ${i}`, `${name}; the others are there`)
          const key = kind === 'file' ? '' : 'a'
          if (/^modified/.test(disk)) t.equal(now[key], old[key], `${name}; the old file stays`)
        }
        if (expected === 'corrupt') {
          t.notOk(existsSync(w.blob(digestOf(contentOf(i)))), `${name}; it has no longer its name`)
          t.ok(
            setAside(w.root).some(file => file.startsWith(digestOf(contentOf(i)))),
            `${name}; and is kept`,
          )
        }
      }
      t.equal(readFileSync(outside, 'utf8'), 'outside', 'nothing is written through links')
      t.same(Object.keys(readTree(dirname(outside))), ['target'])
      t.same(w.tree('.ddv/tmp'), { '/': '' }, 'no temporary file is left')
    })

t.test('no pointer, no checkout', async t => {
  const w = await makeWorkspace(t, { files: { 'x.csv': 'mine', 'd/y': 'mine' } })
  for (const target of ['x.csv', 'd', 'absent']) {
    const error = await errorOf(t, w.checkout(target), 'usage')
    t.match(error, {
      message: `not under ddv: ${target}`,
      hint: target === 'absent' ? 'ddv status' : `ddv add ${target}`,
    })
  }
  t.match(w.tree(), { 'x.csv': 'mine', 'd/y': 'mine' })
  t.same(await w.checkout(), { outputs: [], failures: [] })
})

t.test('only the part that is named', async t => {
  const w = await makeWorkspace(t, { files: { 'd/a': '1', 'd/s/b': '2', 'd/s/c': '3' } })
  await w.add('d')
  w.remove('d/a', 'd/s')
  t.match(await w.checkout('d/s/b'), { outputs: [{ path: 'd', written: 1 }], failures: [] })
  t.same(w.tree('d'), { 's/b': '2' })
  await w.checkout('d/s')
  t.same(w.tree('d'), { 's/b': '2', 's/c': '3' })
  await w.checkout('d')
  t.same(w.tree('d'), { a: '1', 's/b': '2', 's/c': '3' })
})

t.test('between versions, there and back', async t => {
  const versions = [
    { 'd/a': '1', 'd/s/b': '2', 'd/e/': '', 'd/x/y': 'deep', 'd/z': 'file', f: 'one' },
    { 'd/a': '1', 'd/s/b': '22', 'd/e/f': 'now full', 'd/x': 'now a file', 'd/z/now/a': 'directory', f: 'two' },
    { 'd/new': '', 'd/e/': '', 'f/now/a': 'directory' },
  ]
  const w = await makeWorkspace(t)
  const commits: string[] = []
  const trees: Record<string, string>[] = []
  for (const version of versions) {
    w.remove('d', 'f')
    w.write(version)
    chmodSync(w.path('d', commits.length < 2 ? 'a' : 'new'), commits.length === 1 ? 0o755 : 0o644)
    await w.add(['d', 'f'])
    commits.push(w.commit())
    trees.push({ ...w.tree('d'), ...w.tree('f') })
  }
  for (const i of [0, 2, 1, 0, 1, 2, 0]) {
    w.git('checkout', '-q', commits[i] as string)
    t.same((await w.checkout()).failures, [], `to version ${i}`)
    t.same({ ...w.tree('d'), ...w.tree('f') }, trees[i])
    t.ok((await w.status()).clean)
    t.equal(w.git('status', '--porcelain'), '')
  }
})

t.test('a directory that becomes a file goes with its empty directories', async t => {
  const w = await makeWorkspace(t, { files: { x: 'file' } })
  await w.add('x')
  const first = w.commit()
  w.remove('x')
  w.write({ 'x/a': 'in a directory', 'x/empty/deep/': '' })
  await w.add('x')
  w.commit()
  w.git('checkout', '-q', first)
  t.same((await w.checkout()).failures, [])
  t.same(w.tree('x'), { '': 'file' })
})

t.test('what .ddvignore hides is never deleted, and stands in the way of its output alone', async t => {
  const w = await makeWorkspace(t, { files: { '.ddvignore': '*.tmp\n', x: 'file', y: '1', 'd/a': 'file' } })
  await w.add(['x', 'y', 'd'])
  const first = w.commit()
  w.remove('x', 'd')
  w.write({ 'x/a': 'in a directory', y: '2', 'd/a/b': 'in a directory' })
  await w.add(['x', 'y', 'd'])
  w.commit()
  w.write({ 'x/my.tmp': 'mine', 'd/a/my.tmp': 'mine', 'd/beside.tmp': 'mine' })
  w.git('checkout', '-q', first)
  for (const force of [false, true]) {
    const { failures } = await w.checkout([], { force })
    t.match(failures, [
      { path: 'd', error: { code: 'would-lose-data', message: 'd/a/my.tmp', hint: /move/ } },
      { path: 'x', error: { code: 'would-lose-data', message: 'x/my.tmp', hint: /move/ } },
    ])
    t.same(w.tree('x'), { a: 'in a directory', 'my.tmp': 'mine' })
    t.same(w.tree('d'), { 'a/b': 'in a directory', 'a/my.tmp': 'mine', 'beside.tmp': 'mine' })
    t.equal(w.read('y'), '1', 'the others arrive')
  }
})

t.test('never through a link that stands for a directory', async t => {
  const w = await makeWorkspace(t, { files: { 'data/x': 'x', 'data/d/s/a': 'a', 'data/d/b': 'b', y: 'y' } })
  const outside = join(w.root, '../outside')
  writeFiles(outside, { 's/keep': 'keep', keep: 'keep' })
  await w.add(['data/x', 'data/d', 'y'])

  t.test('inside the output', async t => {
    w.remove('data/d/s', 'y')
    symlinkSync(join(outside, 's'), w.path('data/d/s'))
    t.match(await w.checkout(), {
      outputs: [{ path: 'data/x' }, { path: 'y', written: 1 }],
      failures: [{ path: 'data/d', error: { code: 'would-lose-data', message: 'data/d/s' } }],
    })
    t.match(w.tree(), { y: 'y', 'data/d/b': 'b', 'data/d/s': `-> ${outside}/s` })
    t.same((await w.checkout('data/d', { force: true })).failures, [], 'told to, the link gives way')
    t.same(w.tree('data/d'), { 's/a': 'a', b: 'b' })
  })

  t.test('above it', async t => {
    writeFiles(outside, { 'x.ddv': w.read('data/x.ddv'), 'd.ddv': w.read('data/d.ddv') })
    w.remove('data', 'y')
    symlinkSync(outside, w.path('data'))
    for (const force of [false, true]) {
      const error = await errorOf(
        t,
        w.checkout(['data/x', 'data/d'], { force }).then(({ failures }) => Promise.reject(failures[0]?.error)),
        'bad-path',
      )
      t.match(error.message, /symbolic link.*data/)
    }
    await w.checkout()
    t.equal(w.read('y'), 'y', 'and the others arrive')
  })
  t.match(readTree(outside), { 's/keep': 'keep', keep: 'keep' })
  t.notMatch(Object.keys(readTree(outside)), ['x'])
})

t.test('a special file in the way is refused, and not waited for', { timeout: 10_000 }, async t => {
  const w = await makeWorkspace(t, { files: { x: 'x', 'd/a': 'a' } })
  await w.add(['x', 'd'])
  w.remove('x', 'd/a')
  execFileSync('mkfifo', [w.path('x'), w.path('d/a')])
  t.match((await w.checkout()).failures, [
    { path: 'd', error: { code: 'would-lose-data', message: 'd/a' } },
    { path: 'x', error: { code: 'would-lose-data', message: 'x' } },
  ])
  t.match((await w.status()).outputs, [{ workspace: 'modified' }, { workspace: 'modified' }])
  t.same((await w.checkout([], { force: true })).failures, [])
  t.match(w.tree(), { x: 'x', 'd/a': 'a' })
})

t.test('the last good copy of a blob that rotted in the cache is not thrown away', async t => {
  const w = await makeWorkspace(t, { files: { x: 'version one', 'd/a': 'version one of a', 'd/b': 'b' } })
  await w.add(['x', 'd'])
  w.commit()
  w.write({ x: 'version two', 'd/a': 'version two of a' })
  await w.add(['x', 'd'])
  w.git('stash', '-q')
  w.corrupt(digestOf('version two'))
  w.corrupt(digestOf('version two of a'))
  const { failures } = await w.checkout()
  t.match(failures, [
    { path: 'd', error: { code: 'would-lose-data', message: 'd/a', hint: /ddv add/ } },
    { path: 'x', error: { code: 'would-lose-data', message: 'x' } },
  ])
  t.match(w.tree(), { x: 'version two', 'd/a': 'version two of a' })
  t.equal(setAside(w.root).length, 2)
})

t.test('many files come the same way, by worker threads', async t => {
  const files = Object.fromEntries(Array.from({ length: 60 }, (_, i) => [`d/${i % 7}/${i}`, `content ${i}`]))
  const big = Buffer.alloc(9 * 1024 * 1024, 'large')
  const w = await makeWorkspace(t, { files: { ...files, 'd/big': big, big } })
  chmodSync(w.path('d/big'), 0o755)
  await w.add(['d', 'big'])
  const before = w.tree('d')
  w.remove('d', 'big')
  t.match(await w.checkout(), { outputs: [{ written: 1 }, { written: 61 }], failures: [] })
  t.ok(JSON.stringify(w.tree('d')) === JSON.stringify(before), 'all of it')
  t.ok(readFileSync(w.path('big')).equals(big))
  t.ok((await w.status()).clean)
  w.remove('d', 'big')
  for (const content of ['content 3', 'content 33']) w.corrupt(digestOf(content))
  w.corrupt(digestOf(big))
  t.match((await w.checkout()).failures, [{ error: { code: 'corrupt' } }, { error: { code: 'corrupt' } }])
  t.equal(Object.keys(w.tree('d')).length, 58, 'all but three')
  t.equal(setAside(w.root).length, 3)
})

t.test('directories that are new come with all that is in them, others get their files one by one', async t => {
  const names = ['', 'a/', 'a/b/', 'a/b/c/d/', 'old/', 'old/new/'].flatMap(directory =>
    Array.from({ length: 5 }, (_, i) => `${directory}f${i}`),
  )
  const files = Object.fromEntries(names.map(name => [`x/${name}`, `content of ${name}`]))
  const w = await makeWorkspace(t, { files: { ...files, 'x/a/empty/': '' } })
  chmodSync(w.path('x/a/f3'), 0o755)
  await w.add('x')
  const before = w.tree('x')
  w.remove('x')
  mkdirSync(w.path('x/old'), { recursive: true })
  w.write({ 'x/old/f1': 'content of old/f1' })
  const old = statSync(w.path('x/old')).ino
  t.match(await w.checkout(), { outputs: [{ written: 29 }], failures: [] })
  t.same(w.tree('x'), before)
  t.equal(statSync(w.path('x/old')).ino, old, 'what was there stays the same directory')
  t.equal(statSync(w.path('x/a/f3')).mode & 0o777, 0o777 & ~process.umask())
  t.same(w.tree('.ddv/tmp'), { '/': '' })
  t.ok((await w.status()).clean)
})

t.test('an edit in the very moment of the checkout is not lost', async t => {
  const w = await makeWorkspace(t, { files: { x: '1', 'd/a': '1', 'd/gone': '1' } })
  await w.add(['x', 'd'])
  w.remove('d/gone')
  await w.add('d')
  const older = w.commit()
  w.write({ x: '2', 'd/a': '2', 'd/gone': '2' })
  await w.add(['x', 'd'])
  w.commit()
  w.git('checkout', '-q', older)
  // Contents are staged by then, and no file was touched yet.
  for (const file of ['x', 'd/a', 'd/gone']) {
    const old = w.read(file)
    const edit = (): void => w.write({ [file]: 'edited just now' })
    const done = w.checkout(file.startsWith('d/') ? 'd' : file, { onEvent: event => event.type === 'done' && edit() })
    await errorOf(
      t,
      done.then(({ failures }) => Promise.reject(failures[0]?.error)),
      'would-lose-data',
    )
    t.equal(w.read(file), 'edited just now', file)
    w.write({ [file]: old })
  }
  t.same((await w.checkout()).failures, [])
  t.match(w.tree(), { x: '1', 'd/a': '1' })
})

t.test('an interruption leaves the old data', async t => {
  const w = await makeWorkspace(t, { files: { x: '1', 'd/a': '1' } })
  await w.add(['x', 'd'])
  const first = w.commit()
  w.write({ x: '2', 'd/a': '2' })
  await w.add(['x', 'd'])
  w.commit()
  w.git('checkout', '-q', first)
  const stop = new AbortController()
  await errorOf(
    t,
    w.checkout([], { signal: stop.signal, onEvent: event => event.type === 'done' && stop.abort() }),
    'interrupted',
  )
  t.match(w.tree(), { x: '2', 'd/a': '2' })
  t.same(w.tree('.ddv/tmp'), { '/': '' })
  await w.checkout()
  t.match(w.tree(), { x: '1', 'd/a': '1' })
})

t.test('files written anew are nobody else’s: a file of many names is cut off', async t => {
  const w = await makeWorkspace(t, { files: { x: 'one' } })
  await w.add('x')
  const first = w.commit()
  w.write({ x: 'two' })
  await w.add('x')
  linkSync(w.path('x'), w.path('other'))
  w.git('checkout', '-q', first, '--', 'x.ddv')
  await w.checkout('x')
  t.match(w.tree(), { x: 'one', other: 'two' })
})

t.test('a file that comes while a checkout is under way is not overwritten', async t => {
  const w = await makeWorkspace(t, { files: { 'd/a': 'a', 'd/b': 'b' } })
  await w.add('d')
  w.remove('d')
  const come = (): void => w.write({ 'd/a': 'mine' })
  const done = w.checkout('d', { onEvent: event => event.type === 'done' && come() })
  await errorOf(
    t,
    done.then(({ failures }) => Promise.reject(failures[0]?.error)),
    'would-lose-data',
  )
  t.equal(w.read('d/a'), 'mine')
})

t.test('a pointer over the cache is refused, and no blob goes', async t => {
  const w = await makeWorkspace(t, { files: { 'data/1': '1' } })
  await w.add('data')
  const empty = hashBytes(Buffer.from('ddv-manifest 1\n'))
  const pointer = { ddv: 1, kind: 'directory', filename: '.cache', hash: empty, size: 0, files: 0, entries: [] }
  w.write({ '.cache.ddv': JSON.stringify(pointer) })
  const { failures } = await w.checkout()
  t.match(failures, [{ path: '.cache', error: { code: 'refused' } }])
  w.remove('data')
  t.same((await w.checkout('data')).failures, [])
  t.equal(w.read('data/1'), '1')
})

t.test('rules of a directory above an output hold for it', async t => {
  const w = await makeWorkspace(t, { files: { 'a/.ddvignore': '*.log\n', 'a/b/data/x': 'x', 'a/b/data/y.log': 'y' } })
  await w.add('a/b/data')
  t.equal(w.pointer('a/b/data').files, 1)
  w.write({ 'a/b/data/x': 'edited', 'a/b/data/z.log': 'z' })
  t.same((await w.look('a/b/data')).changes, [{ path: 'x', change: 'modified' }])
  t.same((await w.checkout([], { force: true })).failures, [])
  t.same(w.tree('a/b/data'), { x: 'x', 'y.log': 'y', 'z.log': 'z' })
  t.equal((await w.ddv('remove', 'a/b/data', '--data')).code, 0)
  t.same(w.tree('a/b/data'), { 'y.log': 'y', 'z.log': 'z' })
})

t.test('a manifest that gives a blob another size costs neither the blob nor the data', async t => {
  const w = await makeWorkspace(t, { files: { d: 'whole' } })
  await w.add('d')
  for (const size of [0, 4, 6, 9_000_000, Number.MAX_SAFE_INTEGER]) {
    const entries = [{ path: 'x' as TreePath, digest: digestOf('whole'), size, executable: false }]
    w.write({ 'e.ddv': encodePointer(directoryPointer('e' as TreePath, entries, undefined)) })
    t.not((await w.look('e')).cache, 'complete', `${size}`)
    const { failures } = await w.checkout('e')
    t.match(failures, [{ path: 'e', error: { code: 'bad-pointer' } }], `${size}`)
    t.same(w.tree('e'), {}, `${size}`)
    t.equal(readFileSync(w.blob(digestOf('whole')), 'utf8'), 'whole', `${size}`)
    t.same(setAside(w.root), [])
  }
})
