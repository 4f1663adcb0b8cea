import { chmodSync, renameSync, symlinkSync } from 'node:fs'
import t from 'tap'
import { type DiffOptions, diff } from '../../lib/ops/diff.js'
import { git } from '../support/git.js'
import { errorOf, makeWorkspace, openWorkspace, type TestWorkspace } from '../support/workspace.js'

const many = Object.fromEntries(Array.from({ length: 1100 }, (_, i) => [`big/${i}`, `${i}`]))

async function told(w: TestWorkspace, options: Partial<DiffOptions> = {}, ...targets: string[]): Promise<string[]> {
  const result = await diff(await w.project(), targets, { cwd: w.root, ...options })
  t.same(result.failures, [])
  return result.outputs.flatMap(({ path, change, previous, files, filesUnknown, absent }) => [
    `${change} ${previous === undefined ? '' : `${previous} -> `}${path}${absent ? ' (absent)' : ''}`,
    ...files.map(file => {
      const from = file.previousOutput === undefined ? file.previous : `${file.previousOutput}/${file.previous}`
      return `  ${file.change} ${from === undefined ? '' : `${from} -> `}${file.path}`
    }),
    ...(filesUnknown === undefined ? [] : [`  ? ${filesUnknown}`]),
  ])
}

async function makeVersions(t: Parameters<typeof makeWorkspace>[0]): Promise<TestWorkspace> {
  const w = await makeWorkspace(t, {
    files: { x: 'one', y: 'why', gone: 'gone', 'd/a': 'aa', 'd/b': 'bb', 'd/s/c': 'cc', 'e/z': 'zz', none: '' },
  })
  await w.add(['x', 'y', 'gone', 'd', 'e', 'none'])
  w.commit()
  return w
}

t.test('outputs and files, against the workspace and between commits', async t => {
  const w = await makeVersions(t)
  t.same(await told(w), [])
  w.write({ x: 'two', 'd/new': 'new', 'd/b': 'longer' })
  renameSync(w.path('d/a'), w.path('d/moved'))
  renameSync(w.path('d/s/c'), w.path('e/c'))
  chmodSync(w.path('e/z'), 0o755)
  const files = [
    'modified d',
    '  modified b',
    '  renamed a -> moved',
    '  added new',
    '  added s/',
    'modified e',
    '  renamed d/s/c -> c',
    '  modified z',
  ]
  t.same(await told(w), [...files, 'modified x'])
  await w.add(['x', 'd', 'e'])
  await w.ddv('move', 'y', 'why')
  await w.ddv('remove', 'gone')
  await w.ddv('move', 'none', 'nothing')
  const all = [
    'modified d',
    '  modified b',
    '  renamed a -> moved',
    '  added new',
    '  added s/',
    'modified e',
    '  renamed d/s/c -> c',
    '  modified z',
  ]
  const rest = ['removed gone', 'removed none', 'added nothing', 'renamed y -> why', 'modified x']
  t.same(await told(w), [...all, ...rest])
  w.commit()
  t.same(await told(w, { from: 'HEAD~1', to: 'HEAD' }), [...all, ...rest])
  t.same(await told(w), [])
  t.same(await told(w, { from: 'HEAD', to: 'HEAD~1' }, 'e', 'x'), [
    'modified e',
    '  removed c',
    '  modified z',
    'modified x',
  ])
  t.same(await told(w, { from: 'HEAD~1' }, 'd/b'), ['modified d', '  modified b'])
  t.same(await told(w, { from: 'HEAD~1' }, 'd/same', 'x'), ['modified x'])
  await errorOf(t, told(w, {}, 'absent'), 'usage')
  await errorOf(t, told(w, { from: 'nowhere' }), 'usage')
})

t.test('data that is not there, and data that cannot be read', async t => {
  const w = await makeVersions(t)
  w.remove('x', 'd/a')
  symlinkSync('b', w.path('d/a'))
  symlinkSync('/etc/passwd', w.path('d/out'))
  t.same(await told(w), ['modified d', '  modified a', '  added out', 'removed x (absent)'])
  t.match(await w.ddv('diff', '--exit-code'), {
    code: 1,
    stdout: /removed +x .*\n +its pointer is here, its data is not/,
  })
})

t.test('manifests that are not in the cache are fetched, or said to be unknown', async t => {
  const w = await makeWorkspace(t, { files: many })
  await w.ddv('remote', 'add', 'origin', '../remote', '--default')
  await w.add('big')
  w.git('add', '-A')
  w.commit()
  w.write({ 'big/new': 'new' })
  await w.add('big')
  w.commit()
  const root = w.path('../clone')
  git(w.root, 'clone', '-q', w.root, root)
  const clone = openWorkspace(t, root)
  t.match(await told(clone, { from: 'HEAD~1', to: 'HEAD' }), [
    'modified big',
    /^ {2}\? remote directory does not exist/,
  ])
  await w.push([], { revisions: ['HEAD', 'HEAD~1'] })
  t.same(await told(clone, { from: 'HEAD~1', to: 'HEAD' }), ['modified big', '  added new'])
  t.notOk(clone.has('big'), 'the data is not fetched')
  const other = w.path('../other')
  git(w.root, 'clone', '-q', w.root, other)
  const alone = openWorkspace(t, other)
  await alone.ddv('remote', 'remove', 'origin')
  t.same(await told(alone, { from: 'HEAD~1', to: 'HEAD' }), ['modified big', '  ? manifest is not in the cache'])
})

t.test('a sparse checkout removes nothing', async t => {
  const w = await makeVersions(t)
  w.git('sparse-checkout', 'set', '--no-cone', '/*', '!/x.ddv')
  t.notOk(w.has('x.ddv'))
  t.same(await told(w), [])
  t.match(await w.ddv('diff', '--json'), { stdout: /"sparse":\["x"\]/ })
})

t.test('for people, for reviews and for programs', async t => {
  const w = await makeVersions(t)
  w.write({ x: 'one two', 'd/pipe|`b`': '1' })
  const plain = await w.ddv('diff')
  t.equal(plain.code, 0)
  t.match(
    plain.stdout,
    /^HEAD \([0-9a-f]{8}\) -> the workspace\nmodified {2}d \(6 B -> 7 B, 3 -> 4 files\)\n {4}added {5}pipe\|`b` \(1 B\)\nmodified {2}x \(3 B -> 7 B\)\n2 outputs: 2 modified, \+5 B\n$/,
  )
  t.ok(plain.stdout.split('\n').every(line => line.length <= 80))
  t.match(
    (await w.ddv('diff', '--markdown')).stdout,
    /\| modified \| d \| 6 B, 3 files \| 7 B, 4 files \|\n\| added \| d\/pipe\\\|\\`b\\` \| {2}\| 1 B \|\n/,
  )
  t.match(JSON.parse((await w.ddv('diff', 'HEAD', '--json', '-t', 'x', '-t', 'y')).stdout), {
    same: false,
    outputs: [{ path: 'x', before: { size: 3 }, after: { size: 7 } }],
  })
  t.match((await w.ddv('diff', 'HEAD', 'HEAD')).stdout, /^no difference between/)
  t.match(await w.ddv('diff', '--key', 'id'), { code: 2 })
  t.match((await w.ddv('diff', '--help')).stdout, /--target.*may be given again/s)
})

t.test('rows of tables', async t => {
  const w = await makeWorkspace(t, {
    files: { 'd/t.csv': 'id,v\n1,a\n2,b\n', 't.csv': 'id,v\n1,a\n', 'text.txt': 'a' },
  })
  await w.add(['d', 't.csv', 'text.txt'])
  w.commit()
  w.write({ 'd/t.csv': 'id,v\n1,a\n2,c\n', 't.csv': 'id,v\n1,a\n2,"<b>|=1+1"\n', 'text.txt': 'b' })
  const text = (await w.ddv('diff', '--rows')).stdout
  t.match(
    text,
    /d\/t.csv: 2 rows, 0 added, 0 removed, 1 changed \(by id\)\n {4}changed in v \(1\)\n {4}~ id=2: v b -> c\n/,
  )
  t.match((await w.ddv('diff', '--rows', '--markdown')).stdout, /\| added \| {2}\| id=2 v=\\<b\\>\\\|=1\+1 \|\n/)
  const json = JSON.parse((await w.ddv('diff', '--rows', '--json')).stdout)
  t.match(json.tables, [
    { path: 'd/t.csv', key: ['id'], changed: 1 },
    { path: 't.csv', added: 1 },
  ])
  t.match(await w.ddv('diff', '--rows', '--key', 'nope'), { code: 2, stderr: /no such column.*nope/ })
  await w.add(['d', 't.csv', 'text.txt'])
  w.commit()
  w.write({ 't.csv': 'x' })
  w.corrupt(w.pointer('t.csv').hash)
  t.match(await w.ddv('diff', 'HEAD~1', 'HEAD', '--rows', '-t', 't.csv'), {
    code: 13,
    stderr: /does not hash to its name/,
  })
})
