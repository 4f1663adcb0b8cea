import t from 'tap'
import { type FileEntry, type ManifestEntry, sameEntry } from '../../lib/core/manifest.js'
import type { TreePath } from '../../lib/core/tree-path.js'
import { diffEntries } from '../../lib/ops/compare.js'
import { digestOf } from '../support/workspace.js'

const file = (path: string, content = path, executable = false): FileEntry => ({
  path: path as TreePath,
  digest: digestOf(content),
  size: content.length,
  executable,
})
const directory = (path: string): ManifestEntry => ({ path: path as TreePath, digest: undefined })
const told = (before: readonly ManifestEntry[], after: readonly ManifestEntry[]): string[] =>
  diffEntries(before, after).map(
    ({ path, before, after }) => `${before === undefined ? '+' : after === undefined ? '-' : '~'}${path}`,
  )

t.test('the rows in which two listings differ', async t => {
  const cases: readonly [readonly ManifestEntry[], readonly ManifestEntry[], readonly string[]][] = [
    [[], [], []],
    [[file('a')], [file('a')], []],
    [[], [file('a'), file('b')], ['+a', '+b']],
    [[file('a'), file('b')], [], ['-a', '-b']],
    [
      [file('a'), file('c')],
      [file('b'), file('c')],
      ['-a', '+b'],
    ],
    [[file('a', '1')], [file('a', '2')], ['~a']],
    [[file('a', '1')], [file('a', '1', true)], ['~a']],
    [[directory('a')], [directory('a')], []],
    [[file('a')], [directory('a')], ['-a', '+a']],
    [[directory('a')], [file('a/b')], ['-a', '+a/b']],
    [[file('\ue000'), file('\u{10000}')], [file('\u{10000}')], ['-\ue000']],
  ]
  for (const [before, after, expected] of cases) t.same(told(before, after), expected)
})

t.test('sameEntry', async t => {
  t.ok(sameEntry(directory('a'), directory('a')))
  t.ok(sameEntry(file('a', '1'), file('b', '1')), 'paths are the caller’s')
  t.notOk(sameEntry(file('a', '1'), file('a', '1', true)))
  t.notOk(sameEntry(file('a'), directory('a')))
})
