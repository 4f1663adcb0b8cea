import fc from 'fast-check'
import t from 'tap'
import { digestFromBytes, digestPath, digestToBytes, isDigest, parseDigest } from '../../lib/core/digest.js'

const hex = '0123456789abcdef'.repeat(4)

t.test('is 64 lower-case hex digits', async t => {
  t.equal(parseDigest(hex), hex)
  const others = [
    '',
    hex.slice(1),
    `${hex}0`,
    hex.toUpperCase(),
    `${hex.slice(1)}g`,
    `${hex}\n`,
    ` ${hex}`,
    `０${hex.slice(1)}`,
  ]
  for (const text of others) {
    t.notOk(isDigest(text), JSON.stringify(text))
    t.throws(() => parseDigest(text), { code: 'usage' }, JSON.stringify(text))
  }
  for (const value of [undefined, null, 1, [hex], { toString: () => hex }]) t.notOk(isDigest(value))
})

t.test('a long wrong text does not fill the screen', async t => {
  try {
    parseDigest('x'.repeat(100_000))
    t.fail('was accepted')
  } catch (error) {
    t.ok((error as Error).message.length < 200)
  }
})

t.test('to bytes and back', async t => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), bytes => {
      const digest = digestFromBytes(bytes)
      return isDigest(digest) && digestToBytes(digest).equals(bytes)
    }),
  )
  const within = new Uint8Array(64).fill(0xab, 16, 48)
  t.equal(digestFromBytes(within.subarray(16, 48)), 'ab'.repeat(32), 'a part of a larger buffer')
  for (const length of [0, 31, 33]) t.throws(() => digestFromBytes(new Uint8Array(length)), RangeError)
})

t.test('its place: two digits, then the other 62', async t => {
  const digest = parseDigest(`48${'3b93'.repeat(15)}0f`)
  t.equal(digestPath(digest), `48/${'3b93'.repeat(15)}0f`)
})
