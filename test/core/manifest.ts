import fc from 'fast-check'
import t from 'tap'
import type { Digest } from '../../lib/core/digest.js'
import { isDdvError } from '../../lib/core/errors.js'
import {
  decodeManifest,
  encodeManifest,
  isFileEntry,
  type ManifestEntry,
  manifestTotals,
  sortEntries,
} from '../../lib/core/manifest.js'
import { compareUtf8, type TreePath } from '../../lib/core/tree-path.js'
import { entriesArbitrary } from '../support/arbitraries.js'
import { endingIn, plain, refusals, vectors } from '../support/fixtures.js'

const decode = (bytes: Uint8Array): ManifestEntry[] => decodeManifest(bytes, 'm')

t.test('pinned vectors', async t => {
  const all = vectors('manifests/good')
  t.ok(all.length > 5)
  for (const { name, bytes, expected } of all) {
    t.same(plain(decode(bytes)), expected, `${name} is read`)
    t.equal(encodeManifest(expected as ManifestEntry[]).toString(), bytes.toString(), `${name} is written`)
  }
})

t.test('pinned refusals', async t => {
  for (const { name, bytes, code, message } of refusals('manifests/bad'))
    t.throws(() => decodeManifest(bytes, 'the-name'), { code, message: endingIn(message, 'the-name') }, name)
})

t.test('what is written is read back the same', async t => {
  fc.assert(
    fc.property(entriesArbitrary, entries => {
      t.same(decode(encodeManifest(entries)), entries)
    }),
    { numRuns: 200 },
  )
})

t.test('the order of what is found does not matter', async () => {
  fc.assert(
    fc.property(
      entriesArbitrary.chain(entries =>
        fc.tuple(fc.constant(entries), fc.shuffledSubarray(entries, { minLength: entries.length })),
      ),
      ([entries, shuffled]) => encodeManifest(sortEntries(shuffled)).equals(encodeManifest(entries)),
    ),
    { numRuns: 100 },
  )
})

t.test('a change of one byte is refused, or is another manifest that encodes to just these bytes', async () => {
  const mutation = fc.tuple(
    entriesArbitrary,
    fc.nat(),
    fc.integer({ min: 0, max: 255 }),
    fc.constantFrom('set', 'insert', 'remove'),
  )
  fc.assert(
    fc.property(mutation, ([entries, where, value, how]) => {
      const bytes = encodeManifest(entries)
      const at = where % bytes.length
      const put = how === 'remove' ? [] : [value]
      const mutated = Buffer.concat([
        bytes.subarray(0, at),
        Buffer.from(put),
        bytes.subarray(how === 'insert' ? at : at + 1),
      ])
      try {
        return encodeManifest(decode(mutated)).equals(mutated)
      } catch (error) {
        return isDdvError(error, 'bad-manifest', 'newer-format')
      }
    }),
    { numRuns: 3000 },
  )
})

t.test('nothing but a DdvError, whatever the text', async t => {
  const row = fc.oneof(
    fc.json(),
    fc.string(),
    fc.constantFrom('["a"', '[]', '["a/"]', '[["a/"]]', '["__proto__"]', '{"length":1}'),
  )
  const text = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.array(row).map(rows => `ddv-manifest 1\n${rows.join('\n')}\n`),
  )
  fc.assert(
    fc.property(text, body => {
      const bytes = Buffer.from(body)
      try {
        return encodeManifest(decode(bytes)).equals(bytes)
      } catch (error) {
        return isDdvError(error, 'bad-manifest', 'newer-format')
      }
    }),
    { numRuns: 2000 },
  )
  const deep = `ddv-manifest 1\n${'['.repeat(200_000)}${']'.repeat(200_000)}\n`
  t.throws(() => decode(Buffer.from(deep)), { code: 'bad-manifest' }, 'deep nesting')
})

t.test('a part of a larger buffer', async t => {
  const bytes = encodeManifest([
    { path: 'a' as TreePath, digest: 'ab'.repeat(32) as Digest, size: 1, executable: false },
  ])
  const larger = Buffer.concat([Buffer.from('xx'), bytes, Buffer.from('yy')])
  t.equal(decode(larger.subarray(2, 2 + bytes.length)).length, 1)
})

t.test('a flaw is found wherever in a long listing it stands', async t => {
  const digest = 'ab'.repeat(32) as Digest
  const path = (i: number): TreePath => `directory/file-${String(i).padStart(6, '0')}` as TreePath
  const entries = Array.from({ length: 8000 }, (_, i) => ({ path: path(i), digest, size: i, executable: i % 3 === 0 }))
  const bytes = encodeManifest(entries)
  t.ok(bytes.length > 700_000)
  t.same(decodeManifest(bytes, 'm'), entries)
  const text = bytes.toString()
  for (const [i, flaw] of [2, 2700, 5400, 7998].flatMap(i => ['  ', '\n', 'x'].map(flaw => [i, flaw] as const))) {
    const at = text.indexOf(`["${path(i)}"`)
    const bad = Buffer.from(text.slice(0, at) + flaw + text.slice(at))
    t.throws(() => decodeManifest(bad, 'm'), { code: 'bad-manifest' }, `${JSON.stringify(flaw)} before row ${i}`)
  }
  const swapped = encodeManifest([...entries.slice(0, 100), ...entries.slice(5000), ...entries.slice(100, 5000)])
  t.throws(() => decodeManifest(swapped, 'm'), { message: 'manifest is not sorted: m' })
  t.throws(() =>
    decodeManifest(encodeManifest([...entries, { ...entries[7], path: path(7) } as (typeof entries)[0]]), 'm'),
  )
})

t.test('totals count files and their bytes alone', async t => {
  const digest = 'ab'.repeat(32) as Digest
  const entries: ManifestEntry[] = [
    { path: 'a' as TreePath, digest, size: 5, executable: false },
    { path: 'b' as TreePath, digest: undefined },
    { path: 'c' as TreePath, digest, size: 7, executable: true },
  ]
  t.same(manifestTotals(entries), { files: 2, size: 12 })
  t.same(manifestTotals([]), { files: 0, size: 0 })
  t.same(
    entries.filter(isFileEntry).map(entry => entry.path),
    ['a', 'c'],
  )
})

t.test('100,000 rows are written and read within a second', async t => {
  const digest = 'cd'.repeat(32) as Digest
  const entries = Array.from({ length: 100_000 }, (_, i) => ({
    path: `d${i % 100}/file-${i}` as TreePath,
    digest,
    size: i,
    executable: i % 7 === 0,
  })).sort((a, b) => compareUtf8(a.path, b.path))
  const started = performance.now()
  const read = decode(encodeManifest(entries))
  t.equal(read.length, 100_000)
  t.ok(performance.now() - started < 3000, 'with much to spare for a slow machine')
})
