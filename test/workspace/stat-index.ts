import { readdirSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { parseTreePath, type TreePath } from '../../lib/core/tree-path.js'
import { hashBytes } from '../../lib/sys/hash.js'
import { statFilesJob, statWidth } from '../../lib/sys/stats.js'
import { openStatIndex, type Snapshot, type StatIndex } from '../../lib/workspace/stat-index.js'
import { type StatTable, sameStat } from '../../lib/workspace/stat-table.js'

const path = parseTreePath('data')
const summary = { hash: hashBytes(Buffer.from('all')), size: 12 }

function open(t: Test, directory: string): StatIndex {
  const index = openStatIndex(directory)
  t.teardown(() => index.close())
  return index
}

const look = (directory: string, ...paths: string[]): StatTable => ({
  paths,
  stats: statFilesJob.run({ directory, names: paths.join('\0') }),
  emptyDirectories: ['e'],
})
const known = (table: StatTable): Snapshot => ({ table, digests: Buffer.alloc(table.paths.length * 32, 7) })
const nextTick = (): Promise<void> => new Promise(resolve => setTimeout(resolve, 12))

t.test('what has not changed is known, also after it was closed', async t => {
  const root = t.testdir({ data: { a: 'one', 'b\n😀': 'two' } })
  const first = openStatIndex(join(root, 'state'))
  await nextTick()
  const tick = first.tick()
  const table = look(join(root, 'data'), 'a', 'b\n😀')
  t.equal(first.findUnchanged(path, table), undefined, 'nothing is known yet')
  t.equal(first.find(path), undefined)
  first.save([{ path, snapshot: known(table), tick, summary }])
  t.same(first.findUnchanged(path, table), summary)
  await first.close()
  const index = open(t, join(root, 'state'))
  t.same(index.findUnchanged(path, look(join(root, 'data'), 'a', 'b\n😀')), summary)
  t.same(index.find(path), known(table))
  t.equal(index.findUnchanged(parseTreePath('other'), table), undefined)
})

t.test('any change of any file is seen', async t => {
  const changes: Readonly<Record<string, (directory: string) => void>> = {
    bytes: directory => writeFileSync(join(directory, 'a'), 'ONE'),
    size: directory => writeFileSync(join(directory, 'a'), 'longer'),
    'same size and mtime': directory => {
      const { atime, mtime } = statSync(join(directory, 'a'))
      writeFileSync(join(directory, 'a'), 'ONE')
      utimesSync(join(directory, 'a'), atime, mtime)
    },
    'another file in its place': directory => {
      writeFileSync(join(directory, 'new'), 'ONE')
      renameSync(join(directory, 'new'), join(directory, 'a'))
    },
    gone: directory => rmSync(join(directory, 'a')),
  }
  for (const [name, change] of Object.entries(changes)) {
    const root = t.testdir({ data: { a: 'one', b: 'two' } })
    const index = openStatIndex(join(root, 'state'))
    await nextTick()
    const table = look(join(root, 'data'), 'a', 'b')
    index.save([{ path, snapshot: known(table), tick: index.tick(), summary }])
    t.same(index.findUnchanged(path, table), summary)
    change(join(root, 'data'))
    const now = look(join(root, 'data'), 'a', 'b')
    t.equal(index.findUnchanged(path, now), undefined, name)
    const before = index.find(path) as Snapshot
    t.notOk(sameStat(before.table.stats, 0, now.stats, 0), name)
    t.ok(sameStat(before.table.stats, 1, now.stats, 1), `${name}: the other file is still known`)
    await index.close()
  }
})

t.test('other names, and other empty directories, are another output', async t => {
  const root = t.testdir({ data: { a: 'one' } })
  const index = open(t, join(root, 'state'))
  await nextTick()
  const table = look(join(root, 'data'), 'a')
  index.save([{ path, snapshot: known(table), tick: index.tick(), summary }])
  t.equal(index.findUnchanged(path, { ...table, paths: ['b'] }), undefined)
  t.equal(index.findUnchanged(path, { ...table, emptyDirectories: [] }), undefined)
  t.same(index.findUnchanged(path, table), summary)
})

// The racy rule. A file is written, read by ddv, and written again to the same size, all within one tick of the clock:
// its stat does not tell. Whatever the index says must not be that the second content is the first.
t.test('a file changed within the tick, to the same size, is not taken for unchanged', async t => {
  const root = t.testdir({ data: { old: 'old' }, state: {} })
  const index = open(t, join(root, 'state'))
  await nextTick()
  for (let round = 0; round < 100; round++) {
    const file = join(root, 'data', 'a')
    writeFileSync(file, 'one')
    const tick = index.tick()
    const table = look(join(root, 'data'), 'a', 'old') // here the content `one` would be read
    index.save([{ path, snapshot: known(table), tick, summary }])
    writeFileSync(file, 'two')
    const now = look(join(root, 'data'), 'a', 'old')
    if (index.findUnchanged(path, now) !== undefined) t.fail('taken for unchanged by its summary')
    const snapshot = index.find(path) as Snapshot
    if (sameStat(snapshot.table.stats, 0, now.stats, 0)) t.fail('taken for unchanged by its row')
    if (!sameStat(snapshot.table.stats, 1, now.stats, 1)) t.fail('an older file beside it is not known any more')
  }
})

t.test('a row counts only where its last change was before the tick', async t => {
  const index = open(t, t.testdir())
  const at = (...changes: (readonly [mtime: bigint, ctime: bigint])[]): StatTable => ({
    paths: changes.map((_, i) => `f${i}`),
    stats: BigInt64Array.from(changes.flatMap(([mtime, ctime], i) => [3n, mtime, ctime, BigInt(i + 1), 0o100644n])),
    emptyDirectories: [],
  })
  const trusted = (table: StatTable): { summary: boolean; rows: boolean[] } => {
    index.save([{ path, snapshot: known(table), tick: 1000n, summary }])
    const found = index.find(path) as Snapshot
    return {
      summary: index.findUnchanged(path, table) !== undefined,
      rows: table.paths.map((_, row) => sameStat(found.table.stats, row, table.stats, row)),
    }
  }
  t.same(trusted(at([999n, 999n], [5n, 5n])), { summary: true, rows: [true, true] })
  for (const racy of [
    [1000n, 1000n],
    [1001n, 1001n],
    [1000n, 5n],
    [5n, 1000n],
  ] as const)
    t.same(trusted(at([999n, 999n], racy)), { summary: false, rows: [true, false] }, racy.join())
})

t.test('a file from the future is never trusted', async t => {
  const root = t.testdir({ data: { a: 'one' } })
  const index = open(t, join(root, 'state'))
  utimesSync(join(root, 'data/a'), 4e9, 4e9)
  await nextTick()
  const table = look(join(root, 'data'), 'a')
  index.save([{ path, snapshot: known(table), tick: index.tick(), summary }])
  t.equal(index.findUnchanged(path, table), undefined)
})

t.test('the clock goes on', async t => {
  const root = t.testdir()
  const index = open(t, join(root, 'state'))
  const before = index.tick()
  await nextTick()
  t.ok(index.tick() > before)
  rmSync(join(root, 'state/tick'))
  writeFileSync(join(root, 'later'), '')
  t.ok(index.tick() >= before)
})

t.test('an incomplete snapshot has rows, but no summary', async t => {
  const root = t.testdir({ data: { a: 'one' } })
  const index = open(t, join(root, 'state'))
  await nextTick()
  const table = look(join(root, 'data'), 'a')
  index.save([{ path, snapshot: known(table), tick: index.tick(), summary }])
  index.save([{ path, snapshot: known(table), tick: index.tick(), summary: undefined }])
  t.equal(index.findUnchanged(path, table), undefined, 'the earlier summary is gone')
  t.same(index.find(path), known(table))
})

t.test('forgotten, and only that', async t => {
  const root = t.testdir({ data: { a: 'one' } })
  const index = open(t, join(root, 'state'))
  await nextTick()
  const table = look(join(root, 'data'), 'a')
  const tick = index.tick()
  const other = parseTreePath('other')
  index.save([path, other].map(each => ({ path: each, snapshot: known(table), tick, summary })))
  index.save([])
  index.forget(path)
  index.forget(parseTreePath('never/known'))
  t.equal(index.find(path), undefined)
  t.equal(index.findUnchanged(path, table), undefined)
  t.same(index.findUnchanged(other, table), summary)
})

t.test('tables of no rows, of one file, and paths of any length', async t => {
  const index = open(t, t.testdir())
  const stats = (rows: number): BigInt64Array =>
    BigInt64Array.from({ length: rows * statWidth }, (_, i) => BigInt(i + 1))
  const tables: readonly StatTable[] = [
    { paths: [], stats: stats(0), emptyDirectories: [] },
    { paths: [], stats: stats(0), emptyDirectories: ['a', 'b'] },
    { paths: [''], stats: stats(1), emptyDirectories: [] },
    { paths: ['a', 'é\n'], stats: stats(2), emptyDirectories: ['😀'] },
  ]
  const long = (last: string): TreePath => parseTreePath(`${'日本/'.repeat(500)}${last}`)
  for (const table of tables)
    for (const each of [path, long('a'), long('b')]) {
      const digests = Buffer.alloc(table.paths.length * 32, each.length + each.charCodeAt(each.length - 1))
      index.save([{ path: each, snapshot: { table, digests }, tick: 2n ** 62n, summary }])
      t.same(index.find(each), { table, digests })
      t.same(index.findUnchanged(each, table), summary)
    }
  index.forget(long('a'))
  t.equal(index.find(long('a')), undefined)
  t.ok(index.find(long('b')))
})

t.test('deleted or damaged, it is made anew', async t => {
  const root = t.testdir({ data: { a: 'one' } })
  const state = join(root, 'state')
  const table = look(join(root, 'data'), 'a')
  const damages: readonly ((index: string) => void)[] = [
    index => rmSync(index, { recursive: true }),
    () => rmSync(state, { recursive: true }),
    ...[Buffer.alloc(200_000, 'garbage'), Buffer.alloc(9), Buffer.alloc(0)].map(bytes => (index: string) => {
      for (const name of readdirSync(index)) writeFileSync(join(index, name), bytes)
    }),
  ]
  for (const damage of damages) {
    const before = openStatIndex(state)
    await nextTick()
    before.save([{ path, snapshot: known(table), tick: before.tick(), summary }])
    await before.close()
    damage(join(state, 'index'))
    const index = openStatIndex(state)
    const survived = index.findUnchanged(path, table)
    if (survived !== undefined) t.same(survived, summary, 'what survives is right')
    index.find(path)
    index.save([{ path, snapshot: known(table), tick: index.tick(), summary }])
    t.same(index.findUnchanged(path, table), summary, 'and works again')
    await index.close()
  }
})

t.test('notes are kept beside it', async t => {
  const index = open(t, t.testdir())
  index.notes.write(batch => batch.put('n/x', Buffer.from('note')))
  t.equal(index.notes.get('n/x')?.toString(), 'note')
})
