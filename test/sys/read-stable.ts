import {
  appendFileSync,
  closeSync,
  openSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { wholeReadLimit } from '../../lib/sys/copy.js'
import {
  batchesBySize,
  isSameState,
  joinName,
  readStable,
  readStat,
  readUpTo,
  sharedReadBuffer,
} from '../../lib/sys/read-stable.js'
import { sizeColumn, statWidth } from '../../lib/sys/stats.js'

const stats = (): BigInt64Array => new BigInt64Array(2 * statWidth)

t.test('the bytes, with the stat of the state that was read', async t => {
  const path = join(t.testdir({ a: 'hello' }), 'a')
  const into = stats()
  t.equal(readStable(path, sharedReadBuffer(), { follow: false, stats: into, row: 1 }).toString(), 'hello')
  t.same([...into.subarray(statWidth)], [...readStat(path, false)])
  t.equal(into[sizeColumn], 0n, 'other rows are untouched')
})

t.test('the largest that is read whole, and one byte more', async t => {
  const path = join(t.testdir(), 'a')
  writeFileSync(path, '')
  truncateSync(path, wholeReadLimit)
  const options = { follow: false, stats: stats(), row: 0 }
  t.equal(readStable(path, sharedReadBuffer(), options).length, wholeReadLimit)
  truncateSync(path, wholeReadLimit + 2)
  t.throws(() => readStable(path, sharedReadBuffer(), options), { code: 'changed' })
})

/** A buffer whose length, when asked for, changes the file: reading asks between the first stat and the first read. */
function bufferThat(change: () => void): Buffer {
  const buffer = Buffer.alloc(100)
  let asked = 0
  Object.defineProperty(buffer, 'length', {
    get: () => {
      if (++asked === 1) change()
      return 100
    },
  })
  return buffer
}

t.test('a change between the two stats is found', async t => {
  const changes: Readonly<Record<string, (path: string) => void>> = {
    append: path => appendFileSync(path, 'x'),
    truncate: path => truncateSync(path, 2),
    'same size, other bytes': path => writeFileSync(path, 'HELLO'),
    'same size and mtime': path => {
      const { atime, mtime } = statSync(path)
      writeFileSync(path, 'HELLO')
      utimesSync(path, atime, mtime)
    },
    deleted: path => rmSync(path),
    replaced: path => {
      writeFileSync(`${path}.new`, 'HELLO')
      renameSync(`${path}.new`, path)
    },
  }
  for (const [name, change] of Object.entries(changes)) {
    const path = join(t.testdir({ a: 'hello' }), 'a')
    await new Promise(resolve => setTimeout(resolve, 12)) // past the tick in which the file was made
    const options = { follow: false, stats: stats(), row: 0 }
    const read = (): Buffer =>
      readStable(
        path,
        bufferThat(() => change(path)),
        options,
      )
    t.throws(read, { code: 'changed', message: /: .*a$/, hint: /run the same/ }, name)
  }
})

t.test('links are opened only when told', async t => {
  const directory = t.testdir({ a: 'hello' })
  const link = join(directory, 'link')
  symlinkSync('a', link)
  t.throws(() => readStable(link, sharedReadBuffer(), { follow: false, stats: stats(), row: 0 }), { code: 'ELOOP' })
  t.throws(() => readStat(link, false), { code: 'ELOOP' })
  t.equal(readStable(link, sharedReadBuffer(), { follow: true, stats: stats(), row: 0 }).toString(), 'hello')
  t.throws(() => readStat(join(directory, 'none'), true), { code: 'ENOENT' })
})

t.test('one state is one size, times and inode', async t => {
  const a = BigInt64Array.from([5n, 100n, 100n, 7n, 0o100644n])
  t.ok(isSameState(a, a.slice()))
  for (const column of [0, 1, 2, 3]) {
    const b = a.slice()
    b[column] = 99n
    t.notOk(isSameState(a, b), `column ${column}`)
  }
})

t.test('reads what is wanted, to the end, or until full', async t => {
  const path = join(t.testdir({ a: 'hello' }), 'a')
  for (const [room, size, expected] of [
    [9, 3, 3],
    [9, 5, 5],
    [9, 9, 5],
    [3, 9, 3],
    [9, 0, 0],
    [0, 9, 0],
  ] as const) {
    const fd = openSync(path, 'r')
    t.equal(readUpTo(fd, Buffer.alloc(room), size), expected)
    closeSync(fd)
  }
})

t.test('names', async t => {
  t.equal(joinName('/d', 'a/b'), '/d/a/b')
  t.equal(joinName('/d', ''), '/d')
})

t.test('batches hold every file once, and not too much', async t => {
  const mib = 1024 * 1024
  const sizes = [...Array(1200).fill(10), 9 * mib, ...Array(20).fill(7 * mib), wholeReadLimit, wholeReadLimit + 1, 0]
  const { small, large } = batchesBySize(sizes.length, row => sizes[row] as number)
  t.same(
    [...small.flat(), ...large].sort((a, b) => a - b),
    sizes.map((_, row) => row),
  )
  t.same(
    large.map(row => sizes[row]),
    [9 * mib, wholeReadLimit + 1],
  )
  for (const rows of small) {
    t.ok(rows.length <= 512)
    t.ok(rows.reduce((sum, row) => sum + (sizes[row] as number), 0) <= 32 * mib)
  }
  t.ok(small.length < 12, 'and not too little')
  t.same(
    batchesBySize(0, () => 0),
    { small: [], large: [] },
  )
})
