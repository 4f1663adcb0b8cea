import { symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { encodeLock, type LockedOut, type StageLock } from '../../lib/core/lockfile.js'
import { maxLockSize } from '../../lib/core/merge-lock.js'
import type { StageName } from '../../lib/core/stage.js'
import type { TreePath } from '../../lib/core/tree-path.js'
import { LockReader, locksAbove, outsOfLock, parseOuts, readLock, settle } from '../../lib/workspace/locks.js'
import { digestOf } from '../support/workspace.js'

/** `a` for an output that ddv has, `a!` for one that git has. */
function stage(...outs: readonly string[]): StageLock {
  const out = (text: string): LockedOut => ({
    kind: 'file',
    hash: digestOf(text),
    size: text.length,
    files: undefined,
    executable: false,
    meta: undefined,
    cache: !text.endsWith('!'),
    push: true,
  })
  const named = outs.map(text => [text.replace(/!$/, '') as TreePath, out(text)] as const)
  return { command: {}, deps: new Map(), params: new Map(), env: {}, outs: new Map(named) }
}

const lockText = (stages: Readonly<Record<string, readonly string[]>>): string =>
  encodeLock(new Map(Object.entries(stages).map(([name, outs]) => [name as StageName, stage(...outs)])))

interface Row {
  readonly name: string
  readonly pointers?: readonly string[]
  /** By lock, by stage. */
  readonly locks: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>>
  readonly keeps?: readonly string[]
  readonly outs?: readonly string[]
  readonly inGit?: readonly string[]
  readonly problems?: Readonly<Record<string, RegExp>>
}

const rows: readonly Row[] = [
  { name: 'nothing', locks: {} },
  { name: 'side by side', pointers: ['a'], locks: { 'ddv.lock': { s: ['b', 'c!'] } }, outs: ['b'], inGit: ['c'] },
  {
    name: 'a pointer and a stage',
    pointers: ['a', 'b'],
    locks: { 'ddv.lock': { s: ['b', 'c'] } },
    keeps: ['a'],
    outs: ['c'],
    problems: { b: /named twice, by b\.ddv and by stage 's' \(ddv\.lock\): b$/ },
  },
  {
    name: 'two locks',
    locks: { 'ddv.lock': { s: ['d/b'] }, 'd/ddv.lock': { t: ['d/b', 'd/c'] } },
    outs: ['d/c'],
    problems: { 'd/b': /stage 's' \(ddv\.lock\) and by stage 't' \(d\/ddv\.lock\)/ },
  },
  {
    name: 'a stage in a directory with a pointer',
    pointers: ['d'],
    locks: { 'ddv.lock': { s: ['d/b'] } },
    keeps: [],
    problems: { 'd/b': /d of d\.ddv and by stage 's'/, d: /named by d\.ddv and holds d\/b of stage 's'/ },
  },
  {
    name: 'a stage in the output of another',
    locks: { 'ddv.lock': { s: ['d'], t: ['d/e/f'] } },
    problems: { 'd/e/f': /by d of stage 's'/, d: /holds d\/e\/f of stage 't'/ },
  },
  {
    name: 'git content in the output of a stage',
    locks: { 'ddv.lock': { s: ['d'], t: ['d/m.json!'] } },
    problems: { 'd/m.json': /stage 't'/, d: /holds d\/m\.json/ },
  },
  {
    name: 'pointers in an output are data',
    pointers: ['d/x', 'e'],
    locks: { 'ddv.lock': { s: ['d'] } },
    keeps: ['e'],
    outs: ['d'],
  },
  {
    name: 'an output that is called like a pointer',
    pointers: ['x'],
    locks: { 'ddv.lock': { s: ['x.ddv'] } },
    keeps: [],
    outs: ['x.ddv'],
  },
  { name: 'a lock in an output is data', locks: { 'd/ddv.lock': { t: ['z'] }, 'ddv.lock': { s: ['d'] } }, outs: ['d'] },
  { name: 'a lock in a directory with a pointer is data', pointers: ['d'], locks: { 'd/ddv.lock': { t: ['z'] } } },
]

t.test('what pointers and locks name together', async t => {
  for (const { name, pointers = [], locks, keeps = pointers, outs = [], inGit = [], problems = {} } of rows) {
    const read = Object.entries(locks).map(([file, stages]) => parseOuts(lockText(stages), file as TreePath))
    const settled = settle(pointers as TreePath[], read)
    t.same(settled.pointers, keeps, name)
    t.same([...settled.outs.keys()].sort(), outs, name)
    t.same(
      settled.inGit.map(({ path }) => path),
      inGit,
      name,
    )
    t.same([...settled.problems.keys()].sort(), Object.keys(problems).sort(), name)
    for (const [path, says] of Object.entries(problems))
      t.match(settled.problems.get(path as TreePath), { code: 'bad-pointer', message: says, hint: /one of them/ }, name)
  }
})

t.test('a lock that cannot be read is a problem of its own', async t => {
  const good = parseOuts(lockText({ s: ['a'] }), 'ddv.lock' as TreePath)
  const bad = parseOuts('<<<<<<< ours\n=======\n>>>>>>> theirs\n', 'd/ddv.lock' as TreePath)
  const { outs, problems } = settle([], [good, bad])
  t.same([...outs.keys()], ['a'])
  t.match([...problems], [['d/ddv.lock', { code: 'conflict' }]])
})

t.test('where a stage is', async t => {
  const lock = new Map([['train@a' as StageName, stage('m')]])
  t.match(outsOfLock(lock, 'sub/ddv.lock' as TreePath), [{ path: 'm', name: 'train@a', file: 'sub/ddv.yaml' }])
  t.same(locksAbove('a/b/c' as TreePath), ['ddv.lock', 'a/ddv.lock', 'a/b/ddv.lock'])
  t.same(locksAbove('node_modules/b/c' as TreePath), ['ddv.lock'], 'not where nothing is looked for')
})

t.test('only regular files of bounded size are read', async t => {
  const root = t.testdir({
    real: 'x',
    links: {},
    large: {},
    good: { 'ddv.lock': lockText({ s: ['a'] }) },
    d: { 'ddv.lock': {} },
  })
  symlinkSync('../real', join(root, 'links/ddv.lock'))
  writeFileSync(join(root, 'large/ddv.lock'), Buffer.alloc(maxLockSize + 1, 32))
  t.equal(readLock(root, 'good/ddv.lock' as TreePath).size, 1)
  t.equal(readLock(root, 'none/ddv.lock' as TreePath).size, 0)
  for (const directory of ['links', 'large'])
    t.throws(() => readLock(root, `${directory}/ddv.lock` as TreePath), { code: 'bad-pointer' }, directory)
  t.equal(new LockReader(root).find('d/ddv.lock' as TreePath), undefined)
  t.match(new LockReader(root).find('links/ddv.lock' as TreePath), { outs: [], error: { code: 'bad-pointer' } })
})

t.test('a lock is parsed once as long as it stays the same', async t => {
  const root = t.testdir({ 'ddv.lock': lockText({ s: ['a'] }) })
  const reader = new LockReader(root)
  const first = reader.find('ddv.lock' as TreePath)
  t.equal(reader.find('ddv.lock' as TreePath), first)
  writeFileSync(join(root, 'ddv.lock'), lockText({ s: ['other'] }))
  t.match(reader.find('ddv.lock' as TreePath)?.outs, [{ path: 'other' }])
  t.equal(new LockReader(join(root, 'none')).find('ddv.lock' as TreePath), undefined)
})
