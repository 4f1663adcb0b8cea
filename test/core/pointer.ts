import fc from 'fast-check'
import t from 'tap'
import { isDdvError } from '../../lib/core/errors.js'
import { manifestTotals } from '../../lib/core/manifest.js'
import { decodePointer, encodePointer, isFilename, maxPointerSize, type Pointer } from '../../lib/core/pointer.js'
import { digestArbitrary, entriesArbitrary, segmentArbitrary, sizeArbitrary } from '../support/arbitraries.js'
import { endingIn, plain, refusals, vectors } from '../support/fixtures.js'

const decode = (text: string): Pointer => decodePointer(text, 'x.ddv')

t.test('pinned vectors', async t => {
  const all = vectors('pointers/good')
  t.ok(all.length > 10)
  for (const { name, bytes, expected } of all) {
    t.same(plain(decode(bytes.toString())), expected, `${name} is read`)
    t.equal(encodePointer(expected as Pointer), bytes.toString(), `${name} is written`)
  }
})

t.test('what people and merges do to a pointer is forgiven, and written in order again', async t => {
  for (const { name, bytes, expected } of vectors('pointers/forgiven')) {
    const pointer = decode(bytes.toString())
    t.same(plain(pointer), expected, name)
    const written = encodePointer(pointer)
    t.not(written, bytes.toString(), `${name} is not as ddv writes it`)
    t.equal(encodePointer(decode(written)), written, name)
  }
})

t.test('pinned refusals', async t => {
  for (const { name, bytes, code, message } of refusals('pointers/bad'))
    t.throws(() => decodePointer(bytes.toString(), 'the-name'), { code, message: endingIn(message, 'the-name') }, name)
})

t.test('larger than 1 MiB', async t => {
  const written = encodePointer(decode(fileText))
  t.equal(decode(written.padEnd(maxPointerSize, ' ')).kind, 'file')
  t.throws(() => decode(written.padEnd(maxPointerSize + 1, ' ')), { code: 'bad-pointer', message: /larger/ })
})

const fileText = `{"ddv":1,"kind":"file","filename":"a","hash":"${'ab'.repeat(32)}","size":1}`

t.test('hints say what to do', async t => {
  t.throws(() => decode('<<<<<<< HEAD\n'), { code: 'conflict', hint: /--ours/ })
  t.throws(() => decode('{"ddv":2}'), { code: 'newer-format', hint: /update/ })
})

const metaArbitrary = fc.option(
  fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 3 })).filter(meta => !JSON.stringify(meta).includes('__proto__')),
  { nil: undefined },
)
const baseArbitrary = { filename: segmentArbitrary.filter(isFilename), hash: digestArbitrary, meta: metaArbitrary }
const pointerArbitrary = fc.oneof(
  fc.record({ kind: fc.constant('file' as const), ...baseArbitrary, size: sizeArbitrary, executable: fc.boolean() }),
  fc
    .tuple(fc.record({ kind: fc.constant('directory' as const), ...baseArbitrary }), entriesArbitrary, fc.boolean())
    .map(([base, entries, inline]) => {
      const { files } = manifestTotals(entries)
      return { ...base, size: 7, files, entries: inline ? entries : undefined }
    }),
)

t.test('what is written is read back the same, and written the same again', async t => {
  fc.assert(
    fc.property(pointerArbitrary, made => {
      const pointer = made as Pointer
      const text = encodePointer(pointer)
      const read = decode(text)
      t.same(plain(read), plain(pointer))
      return encodePointer(read) === text && text.endsWith('\n}\n') && !text.includes('\r\n')
    }),
    { numRuns: 300 },
  )
})

t.test('the order in which meta was made does not show', async t => {
  const pointer = (meta: object): string => encodePointer({ ...decode(fileText), meta } as Pointer)
  t.equal(pointer({ a: { x: 1, y: [{ p: 1, q: 2 }] }, b: 2 }), pointer({ b: 2, a: { y: [{ q: 2, p: 1 }], x: 1 } }))
})

t.test('nothing but a DdvError, whatever the text', async t => {
  const value = fc.oneof(fc.jsonValue(), fc.constantFrom(1, 2, 'file', 'directory', 'ab'.repeat(32), [['a/']], [[]]))
  const keys = ['ddv', 'kind', 'filename', 'hash', 'size', 'files', 'executable', 'meta', 'entries', '__proto__']
  const fields = fc.dictionary(fc.constantFrom(...keys), value)
  const text = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.json(),
    fields.map(record => JSON.stringify(record)),
    fields.map(record => JSON.stringify({ ...JSON.parse(fileText), ...record })),
  )
  fc.assert(
    fc.property(text, body => {
      try {
        const pointer = decode(body)
        return encodePointer(decode(encodePointer(pointer))) === encodePointer(pointer)
      } catch (error) {
        return isDdvError(error, 'bad-pointer', 'conflict', 'newer-format')
      }
    }),
    { numRuns: 3000 },
  )
  t.throws(() => decode('['.repeat(500_000)), { code: 'bad-pointer' }, 'deep nesting')
  t.throws(() => decode(fileText.replace('"size"', `"meta":{"a":${'['.repeat(9000)}${']'.repeat(9000)}},"size"`)), {
    code: 'bad-pointer',
    message: /deeper/,
  })
})

t.test('keys reach no prototype', async t => {
  t.throws(() => decode(fileText.replace('"size"', '"meta":{"__proto__":{"polluted":1}},"size"')), {
    code: 'bad-pointer',
  })
  t.equal(({} as { polluted?: number }).polluted, undefined)
  t.equal(decode(fileText.replace('"size"', '"meta":{"constructor":1},"size"')).meta?.constructor as unknown, 1)
})

t.test('names that may stand beside a pointer', async t => {
  for (const name of ['a', '.a', 'a b', '日本', 'x.ddv', '-']) t.ok(isFilename(name), name)
  for (const name of ['', '.', '..', 'a/b', 'a\nb', '\u001b', '\u0085', '.git', 'C:', '\ud800'])
    t.notOk(isFilename(name), name)
})
