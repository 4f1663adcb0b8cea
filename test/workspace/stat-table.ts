import fc from 'fast-check'
import t from 'tap'
import { statWidth } from '../../lib/sys/stats.js'
import {
  emptyTable,
  fingerprint,
  lastChange,
  newestChange,
  type StatTable,
  sameStat,
} from '../../lib/workspace/stat-table.js'

const row = (...columns: number[]): bigint[] => [0, 1, 2, 3, 4].map(i => BigInt(columns[i] ?? 0))
const table = (paths: string[], emptyDirectories: string[] = [], stats?: bigint[][]): StatTable => ({
  paths,
  stats: BigInt64Array.from((stats ?? paths.map((_, i) => row(i, 1, 2, 3, 4))).flat()),
  emptyDirectories,
})

t.test('equal tables, equal fingerprints; any other, another', async t => {
  const base = table(['a', 'b'], ['c'])
  t.equal(fingerprint(base), fingerprint(table(['a', 'b'], ['c'])))
  t.match(fingerprint(emptyTable), /^[0-9a-f]{64}$/)
  const others = [
    emptyTable,
    table(['a'], ['c']),
    table(['a', 'c'], ['b']),
    table(['a', 'b'], []),
    table(['a', 'b'], ['c', 'd']),
    table(['a', 'b', 'c'], []),
    ...[0, 1, 2, 3, 4].map(column => {
      const stats = base.stats.slice()
      stats[statWidth + column] = 99n
      return { ...base, stats }
    }),
  ]
  t.equal(new Set([base, ...others].map(fingerprint)).size, others.length + 1)
})

t.test('names cannot flow into each other', async t => {
  const name = fc.string({ unit: fc.constantFrom('a', '\n', ' ', 'b'), minLength: 1, maxLength: 3 })
  const names = fc.uniqueArray(name, { maxLength: 3 })
  const made = fc.tuple(names, names)
  fc.assert(
    fc.property(made, made, ([pathsA, emptyA], [pathsB, emptyB]) => {
      const same = JSON.stringify([pathsA, emptyA]) === JSON.stringify([pathsB, emptyB])
      const zero = (paths: string[], empty: string[]): StatTable =>
        table(
          paths,
          empty,
          paths.map(() => row()),
        )
      return same === (fingerprint(zero(pathsA, emptyA)) === fingerprint(zero(pathsB, emptyB)))
    }),
    { numRuns: 3000 },
  )
  t.not(fingerprint(table(['a\nb'], [], [row()])), fingerprint(table(['a'], ['b\n'], [row()])))
})

t.test('the latest change a stat tells', async t => {
  const { stats } = table(['a', 'b'], [], [row(1, 10, 20), row(1, 50, 40)])
  t.equal(lastChange(stats, 0), 20n)
  t.equal(lastChange(stats, 1), 50n)
  t.equal(newestChange(stats), 50n)
  t.equal(newestChange(emptyTable.stats), 0n)
})

t.test('rows of two tables', async t => {
  const a = table(['a', 'b'], [], [row(1, 2, 3, 4, 5), row(9)]).stats
  for (const column of [0, 1, 2, 3, 4]) {
    const b = a.slice()
    b[column] = 99n
    t.notOk(sameStat(a, 0, b, 0), `column ${column}`)
    t.ok(sameStat(a, 1, b, 1))
  }
  t.notOk(sameStat(a, 0, a, 1))
})
