import { chmodSync, linkSync, lstatSync, symlinkSync, utimesSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import {
  absent,
  ctimeColumn,
  inodeColumn,
  isExecutable,
  isLink,
  isRegular,
  modeColumn,
  mtimeColumn,
  sizeColumn,
  statFilesJob,
  statWidth,
  writeStat,
} from '../../lib/sys/stats.js'
import { filesPool } from '../support/pool.js'

const column = (stats: BigInt64Array, row: number, at: number): bigint => stats[row * statWidth + at] as bigint

t.test('columns say what lstat says, to the nanosecond', async t => {
  const directory = t.testdir({ a: 'hello', 'b c\n😀': '', sub: { d: 'x' } })
  const names = ['a', 'b c\n😀', 'none', 'sub/d', 'a/below-a-file']
  const stats = statFilesJob.run({ directory, names: names.join('\0') })
  t.equal(stats.length, names.length * statWidth)
  for (const [row, name] of [...names.entries()].filter(([row]) => row !== 2 && row !== 4)) {
    const stat = lstatSync(join(directory, name), { bigint: true })
    t.equal(column(stats, row, sizeColumn), stat.size, name)
    t.equal(column(stats, row, mtimeColumn), stat.mtimeNs)
    t.equal(column(stats, row, ctimeColumn), stat.ctimeNs)
    t.equal(column(stats, row, inodeColumn), stat.ino)
    t.equal(column(stats, row, modeColumn), stat.mode)
  }
  t.equal(column(stats, 2, sizeColumn), absent)
  t.equal(column(stats, 4, sizeColumn), absent)
})

t.test('on a thread the same', async t => {
  const directory = t.testdir({ a: 'hello' })
  const args = { directory, names: 'a\0none' }
  t.same(await filesPool(t).run(statFilesJob, args), statFilesJob.run(args))
})

t.test('links are followed when told', async t => {
  const directory = t.testdir({ a: 'hello' })
  symlinkSync('a', join(directory, 'link'))
  symlinkSync('none', join(directory, 'broken'))
  const names = 'link\0broken'
  const seen = statFilesJob.run({ directory, names })
  t.ok(isLink(column(seen, 0, modeColumn)))
  t.ok(isLink(column(seen, 1, modeColumn)))
  const followed = statFilesJob.run({ directory, names, follow: true })
  t.ok(isRegular(column(followed, 0, modeColumn)))
  t.equal(column(followed, 0, sizeColumn), 5n)
  t.equal(column(followed, 1, sizeColumn), absent)
})

t.test('kinds and executable bits', async t => {
  const directory = t.testdir({ a: '', d: {} })
  const mode = (name: string): bigint => lstatSync(join(directory, name), { bigint: true }).mode
  t.ok(isRegular(mode('a')))
  t.notOk(isRegular(mode('d')))
  t.notOk(isLink(mode('a')))
  t.notOk(isExecutable(mode('a')))
  chmodSync(join(directory, 'a'), 0o744)
  t.ok(isExecutable(mode('a')))
  chmodSync(join(directory, 'a'), 0o655)
  t.notOk(isExecutable(mode('a')), "the owner's bit counts")
})

t.test('times before 1970 and a missing file beside others', async t => {
  const directory = t.testdir({ a: '' })
  utimesSync(join(directory, 'a'), new Date(-1000), new Date(-1000))
  linkSync(join(directory, 'a'), join(directory, 'b'))
  const stats = new BigInt64Array(2 * statWidth)
  writeStat(stats, 1, lstatSync(join(directory, 'b'), { bigint: true }))
  writeStat(stats, 0, undefined)
  t.equal(column(stats, 0, sizeColumn), absent)
  t.equal(column(stats, 1, mtimeColumn), -1_000_000_000n)
})
