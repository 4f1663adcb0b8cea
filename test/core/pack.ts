import fc from 'fast-check'
import t from 'tap'
import {
  checkTable,
  chunkHeaderSize,
  maxChunk,
  type PackTable,
  readChunkHeader,
  readTable,
  readTrailer,
  rowDigestText,
  rowOffset,
  rowRaw,
  rowsOf,
  tableRowSize,
  trailerSize,
  writeChunkHeader,
  writeTableRow,
  writeTrailer,
} from '../../lib/core/pack.js'

// A hash is handed in; for what is tested here a bad one does.
const sum = (bytes: Uint8Array): Uint8Array => {
  const out = new Uint8Array(32)
  bytes.forEach((byte, i) => {
    out[i % 32] = ((out[i % 32] ?? 0) * 31 + byte + i) & 0xff
  })
  return out
}
const name = 'packs/ab/cd'

interface Row {
  readonly raw: number
  readonly stored: number
}

/** A pack's tail, and the size that the whole has. */
function tailOf(rows: readonly Row[]): { tail: Buffer; size: number } {
  const tail = Buffer.alloc(rows.length * tableRowSize + trailerSize)
  let offset = 0
  rows.forEach(({ raw, stored }, i) => {
    writeTableRow(tail, i * tableRowSize, { digest: Buffer.alloc(32, i), offset, raw })
    offset += chunkHeaderSize + stored
  })
  const table = tail.subarray(0, rows.length * tableRowSize)
  const random = Buffer.alloc(16, 7)
  writeTrailer(tail, table.length, { random, tableHash: sum(table), rows: rows.length, tableOffset: offset })
  return { tail, size: offset + tail.length }
}

const rowArbitrary = fc
  .integer({ min: 1, max: maxChunk })
  .chain(raw => fc.record({ raw: fc.constant(raw), stored: fc.integer({ min: 1, max: raw + 64 }) }))

t.test('tables read back', async t => {
  fc.assert(
    fc.property(fc.array(rowArbitrary, { minLength: 1, maxLength: 50 }), fc.nat(100), (rows, before) => {
      const { tail, size } = tailOf(rows)
      const table = readTable(Buffer.concat([Buffer.alloc(before), tail]), size, { hash: sum, name })
      t.equal(table.count, rows.length)
      t.equal(rowsOf({ size, tableOffset: table.end }), rows.length)
      let offset = 0
      rows.forEach(({ raw, stored }, i) => {
        if (rowOffset(table, i) !== offset || rowRaw(table, i) !== raw) t.fail('row')
        if (rowDigestText(table, i) !== Buffer.alloc(32, i).toString('hex')) t.fail('digest')
        offset += chunkHeaderSize + stored
      })
      t.equal(rowOffset(table, rows.length), offset)
    }),
    { numRuns: 50 },
  )
})

t.test('a flipped bit in table or trailer is found, or changes only the random bytes', async t => {
  const { tail, size } = tailOf([
    { raw: 10, stored: 10 },
    { raw: 9000, stored: 400 },
  ])
  for (let bit = 0; bit < tail.length * 8; bit++) {
    const at = bit >> 3
    if (at >= tail.length - trailerSize && at < tail.length - trailerSize + 16) continue
    const bad = Buffer.from(tail)
    bad.writeUInt8(bad.readUInt8(at) ^ (1 << (bit & 7)), at)
    t.throws(() => readTable(bad, size, { hash: sum, name }), { name: 'DdvError' }, `bit ${bit}`)
  }
  t.throws(() => readTable(tail, size + 1, { hash: sum, name }), { code: 'corrupt' })
  t.throws(() => readTable(tail.subarray(1), size, { hash: sum, name }), { code: 'corrupt' })
  t.throws(() => readTable(tail.subarray(-10), size, { hash: sum, name }), { code: 'corrupt' })
})

t.test('a newer pack', async t => {
  const { tail, size } = tailOf([{ raw: 10, stored: 10 }])
  tail.write('DDVPACK2', tail.length - 8, 'latin1')
  t.throws(() => readTrailer(tail.subarray(-trailerSize), size, name), { code: 'newer-format' })
})

t.test('impossible rows', async t => {
  const cases: readonly (readonly [string, number, number, number])[] = [
    // what, first offset, raw, end
    ['begins late', 1, 10, 20],
    ['empty', 0, 0, 10],
    ['too long', 0, maxChunk + 1, maxChunk + 10],
    ['stored longer than raw and 64', 0, 10, 10 + 64 + 1 + chunkHeaderSize],
    ['no stored bytes', 0, 10, chunkHeaderSize],
  ]
  for (const [what, offset, raw, end] of cases) {
    const rows = Buffer.alloc(tableRowSize)
    writeTableRow(rows, 0, { digest: Buffer.alloc(32), offset, raw })
    const table: PackTable = { rows, count: 1, end }
    t.throws(() => checkTable(table, name), { code: 'corrupt' }, what)
  }
})

t.test('chunk headers', async t => {
  const bytes = Buffer.alloc(100)
  const options = { end: 100, name }
  writeChunkHeader(bytes, 1, { raw: 50, stored: 20, codec: 'zstd' })
  t.same(readChunkHeader(bytes, 1, options), { raw: 50, stored: 20, codec: 'zstd' })
  const cases: readonly (readonly [string, number, number, number, number])[] = [
    ['no bytes', 0, 0, 0, 100],
    ['too many bytes', maxChunk + 1, 10, 1, 100],
    ['raw of another length', 10, 9, 0, 100],
    ['stored too long', 10, 75, 1, 100],
    ['nothing stored', 10, 0, 1, 100],
    ['behind the end', 10, 10, 0, 18],
    ['header behind the end', 10, 10, 0, 8],
    ['unknown codec', 10, 10, 2, 100],
  ]
  for (const [what, raw, stored, codec, end] of cases) {
    bytes.writeUInt32LE(raw, 0)
    bytes.writeUInt32LE(stored, 4)
    bytes.writeUInt8(codec, 8)
    t.throws(() => readChunkHeader(bytes, 0, { end, name }), { code: 'corrupt' }, what)
  }
})

t.test('sizes that no pack can have', async t => {
  t.equal(rowsOf({ size: 10 + 40 + 64, tableOffset: 10 }), 1)
  t.equal(rowsOf({ size: 9 + 40 + 64, tableOffset: 9 }), undefined, 'no room for a chunk')
  t.equal(rowsOf({ size: 10 + 41 + 64, tableOffset: 10 }), undefined, 'half a row')
  t.equal(rowsOf({ size: 10 + 64, tableOffset: 10 }), undefined, 'no row')
  t.equal(rowsOf({ size: 67_108_864 + 40, tableOffset: 67_108_864 - 64 }), undefined, 'too large')
})
