import assert from 'node:assert'
import fc from 'fast-check'
import t from 'tap'
import { decodeManifest, encodeManifest, type ManifestEntry, sortEntries } from '../../lib/core/manifest.js'
import { mergeEntries } from '../../lib/core/merge-entries.js'
import type { Favour, MergeConflict } from '../../lib/core/merge3.js'
import type { TreePath } from '../../lib/core/tree-path.js'
import { entriesArbitrary } from '../support/arbitraries.js'
import { digestOf } from '../support/workspace.js'

/** `a=1` a file of this content, `a=1*` an executable one, `a/` an empty directory. */
function rows(text: string): ManifestEntry[] {
  const entries = text.split(' ').filter(word => word !== '')
  return sortEntries(
    entries.map(word => {
      const [path = '', content = ''] = word.split('=')
      if (path.endsWith('/')) return { path: path.slice(0, -1) as TreePath, digest: undefined }
      const digest = digestOf(content.replace('*', ''))
      return { path: path as TreePath, digest, size: 1, executable: content.endsWith('*') }
    }),
  )
}

const told = (conflicts: readonly MergeConflict[]): string =>
  conflicts.map(({ name, ours, theirs }) => `${name}: ${ours}, ${theirs}`).join('; ')

const clean: readonly (readonly [string, string, string, string, string])[] = [
  ['nothing', '', '', '', ''],
  ['different files', 'a=1 b=1', 'a=2 b=1', 'a=1 b=2', 'a=2 b=2'],
  ['the same change', 'a=1', 'a=2', 'a=2', 'a=2'],
  ['added on each side', 'a=1', 'a=1 b=1', 'a=1 c=1', 'a=1 b=1 c=1'],
  ['added alike', '', 'a=1', 'a=1', 'a=1'],
  ['deleted on one side', 'a=1 b=1', 'a=1', 'a=1 b=1', 'a=1'],
  ['deleted on one side, another changed', 'a=1 b=1', 'a=1', 'a=1 b=2', 'a=1|conflict b: deleted, changed'],
  ['deleted on both', 'a=1 b=1', 'a=1', 'a=1', 'a=1'],
  ['made executable, and edited', 'a=1 b=1', 'a=1* b=1', 'a=2 b=1', 'a=2* b=1'],
  ['no longer executable, and edited', 'a=1*', 'a=2*', 'a=1', 'a=2'],
  ['the same edit, executable on one side', 'a=1', 'a=2', 'a=2*', 'a=2*'],
  ['an empty directory that is filled', 'd/', 'd/x=1', 'd/', 'd/x=1'],
  ['filled on both sides', 'd/', 'd/x=1', 'd/y=1', 'd/x=1 d/y=1'],
  ['emptied on one side, filled on the other', 'd/x=1', 'd/', 'd/x=1 d/y=1', 'd/y=1'],
  ['each side takes half: the directory stays', 'd/x=1 d/y=1', 'd/x=1', 'd/y=1', 'd/'],
  ['gone with its files on one side', 'd/x=1 d/y=1 a=1', 'a=1', 'd/x=1 a=1', 'a=1'],
  ['gone on one side, filled on the other', 'd/x=1', '', 'd/x=1 d/y=1', 'd/y=1'],
  ['an empty directory inside another', 'd/e/', 'd/e/ d/f/', 'd/', 'd/f/'],
  ['a file becomes a directory', 'a=1 b=1', 'a/x=1 b=1', 'a=1 b=2', 'a/x=1 b=2'],
  ['a directory becomes a file', 'a/x=1 b=1', 'a=1 b=1', 'a/x=1 b=2', 'a=1 b=2'],
  ['an empty directory becomes a file', 'a/', 'a=1', 'a/ b=1', 'a=1 b=1'],
]

t.test('what merges', async t => {
  for (const [name, base, ours, theirs, expected] of clean) {
    const [entries = '', conflict = ''] = expected.split('|conflict ')
    for (const flipped of [false, true]) {
      const sides = flipped ? { ours: rows(theirs), theirs: rows(ours) } : { ours: rows(ours), theirs: rows(theirs) }
      const merged = mergeEntries({ base: rows(base), ...sides }, 'base')
      if (conflict === '') t.same(merged, { entries: rows(entries), conflicts: [] }, `${name}, flipped: ${flipped}`)
      else t.equal(merged.conflicts.length, 1, name)
    }
  }
})

interface Conflicting {
  readonly base: string
  readonly ours: string
  readonly theirs: string
  readonly conflicts: string
  readonly result: Readonly<Record<Favour, string>>
}

const conflicting: Readonly<Record<string, Conflicting>> = {
  'changed on both sides, another on one': {
    base: 'a=1 b=1',
    ours: 'a=2 b=1',
    theirs: 'a=3 b=2',
    conflicts: 'a: changed, changed',
    result: { base: 'a=1 b=2', ours: 'a=2 b=2', theirs: 'a=3 b=2' },
  },
  'added on both sides': {
    base: 'z=1',
    ours: 'a=1 z=1',
    theirs: 'a=2 z=1',
    conflicts: 'a: added, added',
    result: { base: 'z=1', ours: 'a=1 z=1', theirs: 'a=2 z=1' },
  },
  'added on both sides, executable on one': {
    base: '',
    ours: 'a=1',
    theirs: 'a=1*',
    conflicts: 'a: added, added',
    result: { base: '', ours: 'a=1', theirs: 'a=1*' },
  },
  'deleted here, changed there': {
    base: 'd/a=1 d/b=1',
    ours: 'd/b=1',
    theirs: 'd/a=2 d/b=1',
    conflicts: 'd/a: deleted, changed',
    result: { base: 'd/a=1 d/b=1', ours: 'd/b=1', theirs: 'd/a=2 d/b=1' },
  },
  'deleted here, made executable there': {
    base: 'a=1',
    ours: '',
    theirs: 'a=1*',
    conflicts: 'a: deleted, changed',
    result: { base: 'a=1', ours: '', theirs: 'a=1*' },
  },
  'a file here, a directory there': {
    base: 'z=1',
    ours: 'a=1 z=1',
    theirs: 'a/b=1 a/c/d=1 a.txt=1 z=1',
    conflicts: 'a: a file, a directory',
    result: {
      base: 'a/b=1 a/c/d=1 a.txt=1 z=1',
      ours: 'a=1 a.txt=1 z=1',
      theirs: 'a/b=1 a/c/d=1 a.txt=1 z=1',
    },
  },
  'a directory here, edited as a file there': {
    base: 'a=1',
    ours: 'a/b=1',
    theirs: 'a=2',
    conflicts: 'a: a directory, a file',
    result: { base: 'a=1', ours: 'a/b=1', theirs: 'a=2' },
  },
  'an empty directory here, a file there': {
    base: '',
    ours: 'a/',
    theirs: 'a=1',
    conflicts: 'a: a directory, a file',
    result: { base: 'a/', ours: 'a/', theirs: 'a=1' },
  },
  'a file in place of a directory that the other side fills': {
    base: 'a/x=1',
    ours: 'a=1',
    theirs: 'a/x=1 a/y=1',
    conflicts: 'a: a file, a directory',
    result: { base: 'a/y=1', ours: 'a=1', theirs: 'a/y=1' },
  },
  'several, sorted': {
    base: 'b=1 a=1 c/=',
    ours: 'b=2 a=2 c=1',
    theirs: 'b=3 a=3 c/x=1',
    conflicts: 'a: changed, changed; b: changed, changed; c: a file, a directory',
    result: { base: 'a=1 b=1 c/x=1', ours: 'a=2 b=2 c=1', theirs: 'a=3 b=3 c/x=1' },
  },
}

t.test('what does not, and which side may decide', async t => {
  for (const [name, { base, ours, theirs, conflicts, result }] of Object.entries(conflicting))
    for (const favour of ['base', 'ours', 'theirs'] as const) {
      const merged = mergeEntries({ base: rows(base), ours: rows(ours), theirs: rows(theirs) }, favour)
      t.same(merged.entries, rows(result[favour]), `${name}: ${favour}`)
      t.equal(told(merged.conflicts), conflicts, name)
    }
})

const listings = fc.tuple(entriesArbitrary, entriesArbitrary, entriesArbitrary)

t.test('one side alone: its version', async t => {
  t.doesNotThrow(() =>
    fc.assert(
      fc.property(entriesArbitrary, entriesArbitrary, (base, x) => {
        for (const sides of [
          { ours: x, theirs: base },
          { ours: base, theirs: x },
          { ours: x, theirs: x },
        ])
          assert.deepEqual(mergeEntries({ base, ...sides }, 'base'), { entries: x, conflicts: [] })
      }),
      { numRuns: 60 },
    ),
  )
})

// Listings drawn at random share no path; these are edits of one another.
const path = fc.constantFrom('a', 'b', 'a/a', 'a/b', 'b/a', 'c', 'c/d/e', 'c/d')
const word = fc.tuple(path, fc.constantFrom('=1', '=2', '=3', '=1*', '/')).map(([p, rest]) => `${p}${rest}`)
const small = fc.array(word, { maxLength: 5 }).map(words => {
  const kept: string[] = []
  const top = (text: string): string => `${text.replace(/[=/][^a-e]*$/, '')}/`
  for (const one of words)
    if (!kept.some(other => top(other).startsWith(top(one)) || top(one).startsWith(top(other)))) kept.push(one)
  return rows(kept.join(' '))
})

t.test('symmetric up to the conflicts’ sides, always a manifest, and decided by whom it says', async t => {
  const both = fc.oneof(listings, fc.tuple(small, small, small))
  t.doesNotThrow(() =>
    fc.assert(
      fc.property(both, ([base, ours, theirs]) => {
        const [one, other] = [
          mergeEntries({ base, ours, theirs }, 'base'),
          mergeEntries({ base, ours: theirs, theirs: ours }, 'base'),
        ]
        assert.deepEqual(other.entries, one.entries)
        assert.deepEqual(
          other.conflicts.map(c => ({ ...c, ours: c.theirs, theirs: c.ours })),
          one.conflicts,
        )
        for (const favour of ['base', 'ours', 'theirs'] as const) {
          const { entries, conflicts } = mergeEntries({ base, ours, theirs }, favour)
          assert.deepEqual(decodeManifest(encodeManifest(entries), 'm'), entries)
          assert.deepEqual(conflicts, one.conflicts)
          if (conflicts.length === 0) assert.deepEqual(entries, one.entries)
        }
      }),
      { numRuns: 300 },
    ),
  )
})

t.test('edits of different files are all there', async t => {
  const edits = fc.array(fc.constantFrom('keep', 'change', 'delete'), { minLength: 8, maxLength: 8 })
  t.doesNotThrow(() =>
    fc.assert(
      fc.property(edits, edits, (one, two) => {
        const name = (side: string, i: number): string => `${'abcd'.charAt(i % 4)}/${side}${i}`
        const base = [...one, ...two].map((_, i) => `${name(i < 8 ? 'x' : 'y', i)}=1`)
        const edit = (all: readonly string[], from: number, how: readonly string[]): string[] =>
          all.flatMap((row, i) => {
            const what = how[i - from] ?? 'keep'
            return what === 'delete' ? [] : [what === 'change' ? row.replace('=1', '=2') : row]
          })
        const [ours, theirs] = [edit(base, 0, one), edit(base, 8, two)]
        const both = edit(base, 0, [...one, ...two])
        const merged = mergeEntries(
          { base: rows(base.join(' ')), ours: rows(ours.join(' ')), theirs: rows(theirs.join(' ')) },
          'base',
        )
        assert.deepEqual(merged.conflicts, [])
        assert.deepEqual(
          merged.entries.filter(entry => entry.digest !== undefined),
          rows(both.join(' ')),
        )
      }),
      { numRuns: 100 },
    ),
  )
})

t.test('100,000 files', async t => {
  const many = (change: number): ManifestEntry[] =>
    sortEntries(
      Array.from({ length: 100_000 }, (_, i) => ({
        path: `d${i % 100}/f${i}` as TreePath,
        digest: digestOf(i === change ? 'new' : 'old'),
        size: 3,
        executable: false,
      })),
    )
  const [base, ours, theirs] = [many(-1), many(1), many(2)]
  const start = performance.now()
  const merged = mergeEntries({ base, ours, theirs }, 'base')
  const time = performance.now() - start
  t.comment(`${time.toFixed(0)} ms`)
  t.equal(merged.entries.length, 100_000)
  t.ok(time < 20_000)
})
