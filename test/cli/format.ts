import t from 'tap'
import { formatBytes, formatCount, formatDuration, formatTable } from '../../lib/cli/format.js'

t.test('sizes in powers of ten', async t => {
  const cases: readonly (readonly [number, string])[] = [
    [0, '0 B'],
    [999, '999 B'],
    [1000, '1.00 kB'],
    [1234, '1.23 kB'],
    [9_999, '10.0 kB'],
    [99_949, '99.9 kB'],
    [99_951, '100 kB'],
    [999_499, '999 kB'],
    [999_500, '1.00 MB'],
    [10_000_000, '10.0 MB'],
    [4_294_967_296, '4.29 GB'],
    [9_007_199_254_740_991, '9.01 PB'],
  ]
  for (const [bytes, text] of cases) t.equal(formatBytes(bytes), text)
})

t.test('counts and times', async t => {
  t.equal(formatCount(1, 'file'), '1 file')
  t.equal(formatCount(1_234_567, 'file'), '1,234,567 files')
  t.equal(formatCount(2, 'entry', 'entries'), '2 entries')
  t.equal(formatDuration(0.4), '0 s')
  t.equal(formatDuration(185), '3 min 05 s')
  t.equal(formatDuration(7_800), '2 h 10 min')
})

t.test('tables', async t => {
  t.equal(
    formatTable([
      ['a', 'bb', ''],
      ['ccc', 'd'],
    ]),
    'a    bb\nccc  d\n',
  )
  t.equal(
    formatTable(
      [
        ['a', '1'],
        ['b', '100'],
      ],
      [1],
    ),
    'a    1\nb  100\n',
  )
  t.equal(formatTable([]), '')
})
