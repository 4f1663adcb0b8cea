import { execFileSync } from 'node:child_process'
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { type ManifestEntry, sortEntries } from '../../lib/core/manifest.js'
import { parseTreePath, type TreePath } from '../../lib/core/tree-path.js'
import type { Pool } from '../../lib/sys/pool.js'
import { statFilesJob } from '../../lib/sys/stats.js'
import { readIgnoreRules } from '../../lib/workspace/ignore.js'
import { type Scan, type ScanOptions, scanOutput } from '../../lib/workspace/scan.js'
import { directPool, filesPool } from '../support/pool.js'

const data = parseTreePath('data')

const noPool: Pool = directPool(() => {
  throw new Error('no thread is needed here')
})

async function scan(root: string, options: Partial<ScanOptions> = {}, path: TreePath = data): Promise<Scan> {
  const found = await scanOutput(path, { root, ignore: readIgnoreRules(root), pool: noPool, ...options })
  if (found === undefined) throw new Error('nothing is there')
  return found
}

const pathsOf = ({ table }: Scan): readonly string[] => table.paths
const problemsOf = ({ problems }: Scan): Record<string, string> =>
  Object.fromEntries(problems.map(({ path, problem }) => [path, problem]))

/** The order is that of the manifest, and the stats are those of the files. */
function checkTable(t: Test, root: string, { table }: Scan, follow = false): void {
  const entries = [
    ...table.paths.map(path => ({ path, digest: 'x', size: 0 })),
    ...table.emptyDirectories.map(path => ({ path, digest: undefined })),
  ]
  const sorted = sortEntries(entries as unknown as ManifestEntry[])
  t.same(
    table.paths,
    sorted.filter(entry => entry.digest !== undefined).map(entry => entry.path),
    'order of files',
  )
  t.same(
    table.emptyDirectories,
    sorted.filter(entry => entry.digest === undefined).map(entry => entry.path),
    'order of empty directories',
  )
  if (table.paths.length === 0) return
  const directory = join(root, 'data')
  t.same([...table.stats], [...statFilesJob.run({ directory, names: table.paths.join('\0'), follow })], 'stats')
}

t.test('nothing, a file, an empty directory', async t => {
  const root = t.testdir({ f: 'hello', data: {} })
  const options = { root, ignore: readIgnoreRules(root), pool: noPool }
  t.equal(await scanOutput(parseTreePath('none'), options), undefined)
  t.equal(await scanOutput(parseTreePath('none/x'), options), undefined)
  t.equal(await scanOutput(parseTreePath('f/x'), options), undefined, 'below a file')
  const file = await scan(root, {}, parseTreePath('f'))
  t.match(file, { kind: 'file', table: { paths: [''], emptyDirectories: [] }, problems: [] })
  t.equal(file.table.stats[0], 5n)
  t.match(await scan(root), { kind: 'directory', table: { paths: [], emptyDirectories: [] }, problems: [] })
})

t.test('every file, in manifest order, with empty directories', async t => {
  const root = t.testdir({
    data: {
      'a!': '',
      a: { z: '', b: {} },
      'a.csv': '',
      a0: '',
      B: '',
      é: '',
      '\uff5e': '',
      '😀': '',
      empty: { er: {} },
      '.hidden': '',
    },
  })
  const found = await scan(root)
  t.same(pathsOf(found), ['.hidden', 'B', 'a!', 'a.csv', 'a/z', 'a0', 'é', '\uff5e', '😀'])
  t.same(found.table.emptyDirectories, ['a/b', 'empty/er'])
  t.same(found.problems, [])
  checkTable(t, root, found)
})

t.test('odd names', async t => {
  const names = [
    ' ',
    ' a ',
    '-rf',
    '"q"',
    "'q'",
    'new\nline',
    'tab\t',
    '$HOME',
    '*',
    '\\',
    '\u001b[31m',
    '😀',
    'nfd-e\u0301',
    'nfc-é',
    '..a',
    '#x',
    '!x',
    'a'.repeat(255),
  ]
  const root = t.testdir({ data: { d: {} } })
  for (const name of names) {
    writeFileSync(join(root, 'data', name), name)
    writeFileSync(join(root, 'data/d', name), '')
  }
  const found = await scan(root)
  t.same([...pathsOf(found)].sort(), [...names, ...names.map(name => `d/${name}`)].sort())
  t.same(found.problems, [])
  checkTable(t, root, found)
})

t.test('a name that is not UTF-8 is a problem, and the rest is found', async t => {
  const root = t.testdir({ data: { good: '' } })
  const at = (name: number[]): Buffer => Buffer.concat([Buffer.from(join(root, 'data/')), Buffer.from(name)])
  writeFileSync(at([0x62, 0xff]), 'x')
  mkdirSync(at([0xc3, 0x28]))
  writeFileSync(Buffer.concat([at([0xc3, 0x28]), Buffer.from('/x')]), 'x')
  const found = await scan(root)
  t.same(pathsOf(found), ['good'])
  t.equal(found.problems.length, 2)
  for (const { path, problem } of found.problems) t.match([path, problem], [/^data\//, /not UTF-8/])
})

t.test('what cannot be versioned is a problem', async t => {
  const root = t.testdir({ data: { '.git': { x: '' }, '.DDV': {}, 'c:x': '', ok: '', sub: { '.git': 'gitdir: x' } } })
  execFileSync('mkfifo', [join(root, 'data/fifo')])
  const found = await scan(root)
  t.same(pathsOf(found), ['ok'])
  t.match(problemsOf(found), {
    'data/fifo': /neither a file nor a directory/,
    'data/.git': /not for data/,
    'data/.DDV': /not for data/,
    'data/sub/.git': /not for data/,
    'data/c:x': /drive letter/,
  })
  const fifo = await scan(root, {}, parseTreePath('data/fifo'))
  t.match(fifo.problems, [{ path: 'data/fifo', problem: /neither a file nor a directory/ }])
})

function withLinks(t: Test): string {
  const root = t.testdir({ data: { a: { x: '1' }, 'a-b': '', file: 'hello', loops: {} }, outside: { secret: '' } })
  const link = (target: string, name: string): void => symlinkSync(target, join(root, 'data', name))
  link('file', 'to-file')
  link('a', 'c')
  writeFileSync(join(root, 'data/c-d'), '')
  link('../outside/secret', 'out-file')
  link('../outside', 'out-directory')
  link('/etc/hostname', 'absolute')
  link('none', 'broken')
  link('itself', 'itself')
  link('.', 'loops/here')
  link('..', 'loops/above')
  link('../outside-not-there', 'gone')
  return root
}

t.test('links are problems', async t => {
  const found = await scan(withLinks(t))
  t.same(pathsOf(found), ['a-b', 'a/x', 'c-d', 'file'])
  const names = [
    'to-file',
    'c',
    'out-file',
    'out-directory',
    'absolute',
    'broken',
    'itself',
    'loops/here',
    'loops/above',
    'gone',
  ]
  t.same(problemsOf(found), Object.fromEntries(names.map(name => [`data/${name}`, 'is a symbolic link'])))
})

t.test('links that stay inside are followed when told, others are problems', async t => {
  const root = withLinks(t)
  const found = await scan(root, { follow: true })
  t.same(pathsOf(found), ['a-b', 'a/x', 'c-d', 'c/x', 'file', 'to-file'])
  checkTable(t, root, found, true)
  t.match(problemsOf(found), {
    'data/out-file': /leads out/,
    'data/out-directory': /leads out/,
    'data/absolute': /leads out/,
    'data/broken': /leads nowhere/,
    'data/itself': /leads nowhere/,
    'data/gone': /leads nowhere/,
    'data/loops/here': /circle/,
    'data/loops/above': /circle/,
  })
  t.equal(found.problems.length, 8)
})

t.test('directories that link to each other are a circle', async t => {
  const root = t.testdir({ data: { a: { f: '' }, b: { g: '' }, x: { y: { z: {} } } } })
  symlinkSync('../b', join(root, 'data/a/to-b'))
  symlinkSync('../a', join(root, 'data/b/to-a'))
  symlinkSync('../../../x', join(root, 'data/x/y/z/up'))
  const found = await scan(root, { follow: true })
  t.same(pathsOf(found), ['a/f', 'a/to-b/g', 'b/g', 'b/to-a/f'])
  t.match(problemsOf(found), { 'data/a/to-b/to-a': /circle/, 'data/b/to-a/to-b': /circle/, 'data/x/y/z/up': /circle/ })
  checkTable(t, root, found, true)
})

t.test('a link at the output itself is never followed', async t => {
  const root = t.testdir({ real: { x: '' }, file: '' })
  symlinkSync('real', join(root, 'data'))
  symlinkSync('file', join(root, 'link'))
  for (const follow of [false, true])
    for (const path of ['data', 'link']) {
      const found = await scan(root, { follow }, parseTreePath(path))
      t.match(found.problems, [{ path, problem: /symbolic link/ }])
    }
})

t.test('an output that is reached through a link to the workspace', async t => {
  const base = t.testdir({ real: { data: { a: 'x' } } })
  symlinkSync('real', join(base, 'root'))
  symlinkSync('a', join(base, 'real/data/link'))
  t.same(pathsOf(await scan(join(base, 'root'), { follow: true })), ['a', 'link'])
})

t.test('.ddvignore, nested and negated, above the output and in it', async t => {
  const root = t.testdir({
    '.ddvignore': '*.tmp\n/data/raw/top\n',
    data: {
      '.ddvignore': '*.log\n',
      raw: {
        'a.tmp': '',
        'a.log': '',
        'a.csv': '',
        top: '',
        sub: { '.ddvignore': '!*.tmp\nskipped/\n', 'b.tmp': '', 'b.log': '', skipped: { x: '' }, top: '' },
        only: { 'c.tmp': '' },
      },
    },
  })
  const found = await scan(root, {}, parseTreePath('data/raw'))
  t.same(pathsOf(found), ['a.csv', 'sub/.ddvignore', 'sub/b.tmp', 'sub/top'])
  t.same(found.table.emptyDirectories, ['only'], 'what is left of a directory is kept')
})

t.test('ignored names are no problem', async t => {
  const root = t.testdir({ '.ddvignore': 'link\n', data: { a: '' } })
  symlinkSync('/etc/passwd', join(root, 'data/link'))
  t.same((await scan(root)).problems, [])
})

t.test('more files than are worth a thread', async t => {
  const root = t.testdir({ data: {} })
  for (let d = 0; d < 9; d++) {
    mkdirSync(join(root, `data/d${d}`))
    for (let i = 0; i < 1000; i++) writeFileSync(join(root, `data/d${d}/f${i}`), 'x'.repeat(i % 3))
  }
  const threads = filesPool(t)
  let jobs = 0
  const counting: Pool = {
    ...threads,
    size: 2,
    run: (job, args, transfer) => {
      jobs++
      return threads.run(job, args, transfer)
    },
  }
  const found = await scan(root, { pool: counting })
  t.ok(jobs > 0, 'threads were used')
  t.equal(found.table.paths.length, 9000)
  checkTable(t, root, found)
  const aborted = new AbortController()
  const scanning = scan(root, { pool: counting, signal: aborted.signal })
  aborted.abort()
  await t.rejects(scanning, { code: 'interrupted' })
})

t.test('an abort before the start', async t => {
  const root = t.testdir({ data: { a: '' } })
  await t.rejects(scan(root, { signal: AbortSignal.abort() }), { code: 'interrupted' })
})
