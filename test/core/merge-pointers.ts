import assert from 'node:assert'
import fc from 'fast-check'
import t from 'tap'
import type { Json } from '../../lib/core/json.js'
import { encodeManifest, type ManifestEntry, manifestTotals } from '../../lib/core/manifest.js'
import { mergePointers, type PointerMerge } from '../../lib/core/merge-pointers.js'
import type { Favour, Sides } from '../../lib/core/merge3.js'
import type { DirectoryPointer, Meta, Pointer } from '../../lib/core/pointer.js'
import type { TreePath } from '../../lib/core/tree-path.js'
import { hashBytes } from '../../lib/sys/hash.js'
import { entriesArbitrary } from '../support/arbitraries.js'
import { digestOf } from '../support/workspace.js'

const toDirectory = (entries: readonly ManifestEntry[], meta: Meta | undefined): DirectoryPointer => ({
  kind: 'directory',
  filename: 'd',
  hash: hashBytes(encodeManifest(entries)),
  ...manifestTotals(entries),
  meta,
  entries,
})

const file = (content: string, rest: { executable?: boolean; meta?: Meta } = {}): Pointer => ({
  ...{ kind: 'file', filename: 'd', hash: digestOf(content), size: content.length },
  ...{ executable: rest.executable ?? false, meta: rest.meta },
})

const directory = (files: Readonly<Record<string, string>>, meta?: Meta): DirectoryPointer =>
  toDirectory(
    Object.entries(files).map(([path, content]) => ({
      path: path as TreePath,
      digest: digestOf(content),
      size: content.length,
      executable: false,
    })),
    meta,
  )

const merge = (sides: Sides<Pointer>, favour: Favour = 'base'): PointerMerge =>
  mergePointers(sides, { favour, filename: 'd', rowsOf: pointer => pointer.entries ?? [], toDirectory })

const told = ({ conflicts }: PointerMerge): string =>
  conflicts.map(c => `${c.part} ${c.name}: ${c.ours}, ${c.theirs}`).join('; ')

t.test('what merges', async t => {
  const cases: Readonly<Record<string, readonly [Pointer | undefined, Pointer, Pointer, Pointer]>> = {
    'a file, one side': [file('1'), file('1'), file('2'), file('2')],
    'a file, alike': [file('1'), file('2'), file('2'), file('2')],
    'added alike': [undefined, file('1'), file('1'), file('1')],
    'content here, bit there': [file('1'), file('2'), file('1', { executable: true }), file('2', { executable: true })],
    'content here, meta there': [
      file('1', { meta: { a: 1 } }),
      file('2', { meta: { a: 1 } }),
      file('1', { meta: { a: 2 } }),
      file('2', { meta: { a: 2 } }),
    ],
    'meta by key': [
      file('1', { meta: { a: 1, b: 1, c: 1 } }),
      file('1', { meta: { a: 2, b: 1, c: 1, d: 1 } }),
      file('1', { meta: { a: 1, b: { x: [2] } } }),
      file('1', { meta: { a: 2, b: { x: [2] }, d: 1 } }),
    ],
    'meta whose keys stand in another order': [
      file('1', { meta: { a: { x: 1, y: 2 } } }),
      file('1', { meta: { a: { y: 2, x: 1 } } }),
      file('1', { meta: { a: 3 } }),
      file('1', { meta: { a: 3 } }),
    ],
    'meta taken away': [file('1', { meta: { a: 1 } }), file('1'), file('2', { meta: { a: 1 } }), file('2')],
    'meta added on each side': [undefined, file('1', { meta: { a: 1 } }), file('1'), file('1', { meta: { a: 1 } })],
    'a file becomes a directory': [file('1'), directory({ a: '1' }), file('1'), directory({ a: '1' })],
    'directories by file': [
      directory({ a: '1', b: '1' }, { k: 1 }),
      directory({ a: '22', b: '1' }, { k: 1 }),
      directory({ a: '1', b: '1', c: '333' }, { k: 2 }),
      directory({ a: '22', b: '1', c: '333' }, { k: 2 }),
    ],
    'two new directories': [undefined, directory({ a: '1' }), directory({ b: '1' }), directory({ a: '1', b: '1' })],
    'two directories from a file': [
      file('1'),
      directory({ a: '1' }),
      directory({ b: '1' }),
      directory({ a: '1', b: '1' }),
    ],
  }
  for (const [name, [base, ours, theirs, expected]] of Object.entries(cases)) {
    for (const sides of [
      { ours, theirs },
      { ours: theirs, theirs: ours },
    ]) {
      const merged = merge({ base, ...sides })
      t.same(merged.pointer, expected, name)
      t.same(merged.conflicts, [], name)
    }
  }
})

t.test('rows are asked for only where both sides changed them', async t => {
  const large = (files: Readonly<Record<string, string>>): Pointer => ({ ...directory(files), entries: undefined })
  const rowsOf = (): never => {
    throw new Error('asked')
  }
  const options = { favour: 'base', filename: 'd', rowsOf, toDirectory } as const
  const [a, b, c] = [large({ a: '1' }), large({ a: '2' }), large({ a: '3' })]
  t.same(mergePointers({ base: a, ours: b, theirs: a }, options).pointer, b)
  t.equal(mergePointers({ base: a, ours: b, theirs: a }, options).entries, undefined)
  t.throws(() => mergePointers({ base: a, ours: b, theirs: c }, options), /asked/)
  t.same(merge({ base: directory({}), ours: directory({ a: '' }), theirs: directory({ b: '' }) }).entries?.length, 2)
})

t.test('what does not, and who may decide', async t => {
  const cases: Readonly<Record<string, readonly [Pointer | undefined, Pointer, Pointer, string]>> = {
    'a file on both sides': [file('1'), file('2'), file('3'), 'output : changed, changed'],
    'added on both sides': [undefined, file('2'), file('3'), 'output : added, added'],
    'added on both sides, executable on one': [
      undefined,
      file('2'),
      file('2', { executable: true }),
      'output : added, added',
    ],
    'a directory that became a file on both sides, executable on one': [
      directory({ a: '1' }),
      file('2'),
      file('2', { executable: true }),
      'output : changed, changed',
    ],
    'another kind on each side': [file('1'), file('2'), directory({ a: '1' }), 'output : a file, a directory'],
    'a key of meta': [
      file('1', { meta: { a: 1 } }),
      file('1', { meta: { a: 2 } }),
      file('1', { meta: {} }),
      'meta a: changed, deleted',
    ],
  }
  for (const [name, [base, ours, theirs, conflict]] of Object.entries(cases)) {
    t.equal(told(merge({ base, ours, theirs })), conflict, name)
    t.same(merge({ base, ours, theirs }, 'ours').pointer, ours, name)
    t.same(merge({ base, ours, theirs }, 'theirs').pointer, theirs, name)
    t.same(merge({ base, ours, theirs }, 'base').pointer, base ?? ours, name)
  }
  const both = merge(
    {
      base: directory({ a: '1', b: '1' }, { k: 1 }),
      ours: directory({ a: '2', b: '2' }, { k: 2 }),
      theirs: directory({ a: '3', b: '1', c: '1' }, { k: 3 }),
    },
    'theirs',
  )
  t.equal(told(both), 'file a: changed, changed; meta k: changed, changed')
  t.same(both.pointer, directory({ a: '3', b: '2', c: '1' }, { k: 3 }))
})

t.test('the name is the path’s', async t => {
  const renamed = { ...file('1'), filename: 'e' }
  const options = { favour: 'base', filename: 'e', rowsOf: () => [], toDirectory } as const
  t.same(mergePointers({ base: file('1'), ours: renamed, theirs: file('2') }, options).pointer, {
    ...file('2'),
    filename: 'e',
  })
})

const metaArbitrary: fc.Arbitrary<Meta | undefined> = fc.option(
  fc.dictionary(fc.constantFrom('a', 'b', 'constructor'), fc.constantFrom<Json>(1, 'x', [1], { y: 1 })),
  { nil: undefined },
)
const pointerArbitrary: fc.Arbitrary<Pointer> = fc.oneof(
  fc
    .tuple(fc.constantFrom('1', '2', '3'), fc.boolean(), metaArbitrary)
    .map(([content, executable, meta]) => file(content, { executable, ...(meta && { meta }) })),
  fc.tuple(entriesArbitrary, metaArbitrary).map(([entries, meta]) => toDirectory(entries, meta)),
)

t.test('one side alone is its version; both orders agree', async t => {
  t.doesNotThrow(() =>
    fc.assert(
      fc.property(pointerArbitrary, pointerArbitrary, pointerArbitrary, (base, x, y) => {
        for (const sides of [
          { ours: x, theirs: base },
          { ours: base, theirs: x },
          { ours: x, theirs: x },
        ]) {
          const merged = merge({ base, ...sides })
          assert.deepEqual(merged.pointer, x)
          assert.deepEqual(merged.conflicts, [])
        }
        const [one, other] = [merge({ base, ours: x, theirs: y }), merge({ base, ours: y, theirs: x })]
        assert.deepEqual(one.pointer, other.pointer)
        assert.deepEqual(
          other.conflicts.map(c => ({ ...c, ours: c.theirs, theirs: c.ours })),
          one.conflicts,
        )
      }),
      { numRuns: 500 },
    ),
  )
})
