// Pack, format 1: many chunks in one object of a remote. `chunk… | table | trailer`; see ../remote/FORMAT.md.
// Everything here is arithmetic on bytes. What a pack says of itself is a stranger's word: each decoder checks every
// bound before the caller allocates, reads or seeks by it. Hash functions are handed in; this folder has none.

import { type Digest, digestFromBytes } from './digest.js'
import { DdvError } from './errors.js'

/** Bytes of a chunk before it is compressed, at most; at least 1. */
export const maxChunk = 131_072
/** Stored bytes of a chunk may exceed its raw ones by this much. */
export const maxStoredExcess = 64
/** Raw length u32, stored length u32, codec u8. */
export const chunkHeaderSize = 9
/** Digest (32), offset u32, raw length u32. */
export const tableRowSize = 40
/** 16 random bytes, BLAKE3 of the table (32), rows u32, table offset u32, magic (8). */
export const trailerSize = 64
export const maxPackSize = 67_108_864
export const maxPackRows = 65_536
/** A chunk's header and at least one byte. */
export const minStoredChunk = chunkHeaderSize + 1

const magic = Buffer.from('DDVPACK1', 'latin1')

export type Codec = 'raw' | 'zstd'

export interface ChunkHeader {
  readonly raw: number
  /** Bytes that follow the header. */
  readonly stored: number
  readonly codec: Codec
}

/** Names a pack as a whole: what a recipe says of it. */
export interface PackInfo {
  readonly digest: Digest
  /** Bytes of the object. */
  readonly size: number
  /** Where the chunks end and the table begins. */
  readonly tableOffset: number
}

/** The rows as they are stored, 40 bytes each, in the order of the chunks. */
export interface PackTable {
  readonly rows: Buffer
  readonly count: number
  /** Where the last chunk ends: the table's offset in the pack. */
  readonly end: number
}

export function writeChunkHeader(target: Buffer, at: number, { raw, stored, codec }: ChunkHeader): void {
  target.writeUInt32LE(raw, at)
  target.writeUInt32LE(stored, at + 4)
  target.writeUInt8(codec === 'zstd' ? 1 : 0, at + 8)
}

/** The header at `at`, whose chunk must end by `end`. Throws `corrupt`, with `name` in the message. */
export function readChunkHeader(bytes: Buffer, at: number, { end, name }: { end: number; name: string }): ChunkHeader {
  if (at + chunkHeaderSize > end) throw badPack('has a chunk that is cut off', name)
  const raw = bytes.readUInt32LE(at)
  const stored = bytes.readUInt32LE(at + 4)
  const codec = bytes.readUInt8(at + 8)
  if (raw < 1 || raw > maxChunk) throw badPack('has a chunk of an impossible length', name)
  if (codec > 1) throw badPack(`has a chunk in the unknown codec ${codec}`, name)
  if (stored < 1 || stored > raw + maxStoredExcess || (codec === 0 && stored !== raw))
    throw badPack('has a chunk of an impossible stored length', name)
  if (at + chunkHeaderSize + stored > end) throw badPack('has a chunk that is cut off', name)
  return { raw, stored, codec: codec === 1 ? 'zstd' : 'raw' }
}

export function writeTableRow(
  target: Buffer,
  at: number,
  row: { readonly digest: Uint8Array; readonly offset: number; readonly raw: number },
): void {
  target.set(row.digest, at)
  target.writeUInt32LE(row.offset, at + 32)
  target.writeUInt32LE(row.raw, at + 36)
}

/** Where row `row` begins in the pack; for `row === count`, where the last one ends. */
export const rowOffset = (table: PackTable, row: number): number =>
  row >= table.count ? table.end : table.rows.readUInt32LE(row * tableRowSize + 32)

export const rowRaw = (table: PackTable, row: number): number => table.rows.readUInt32LE(row * tableRowSize + 36)

/** The 32 bytes of the row's digest, not copied. */
export const rowDigest = (table: PackTable, row: number): Buffer =>
  table.rows.subarray(row * tableRowSize, row * tableRowSize + 32)

export interface Trailer {
  readonly random: Uint8Array
  readonly tableHash: Uint8Array
  readonly rows: number
  readonly tableOffset: number
}

export function writeTrailer(target: Buffer, at: number, trailer: Trailer): void {
  target.set(trailer.random.subarray(0, 16), at)
  target.set(trailer.tableHash.subarray(0, 32), at + 16)
  target.writeUInt32LE(trailer.rows, at + 48)
  target.writeUInt32LE(trailer.tableOffset, at + 52)
  target.set(magic, at + 56)
}

/** Reads the last 64 bytes of a pack of `size` bytes. Throws `corrupt` (or `newer-format`). */
export function readTrailer(bytes: Buffer, size: number, name: string): Trailer {
  if (bytes.length !== trailerSize) throw badPack('has no trailer', name)
  if (!bytes.subarray(56).equals(magic)) {
    if (bytes.toString('latin1', 56, 63) === 'DDVPACK')
      throw new DdvError('newer-format', `pack was written by a newer ddv: ${name}`, { hint: 'update ddv' })
    throw badPack('does not end as one', name)
  }
  const rows = bytes.readUInt32LE(48)
  const tableOffset = bytes.readUInt32LE(52)
  if (rows < 1 || rows > maxPackRows || size > maxPackSize || tableOffset + rows * tableRowSize + trailerSize !== size)
    throw badPack('has a table that does not fit it', name)
  return { random: bytes.subarray(0, 16), tableHash: bytes.subarray(16, 48), rows, tableOffset }
}

/** How many rows a pack of this size and table offset has, or undefined where no pack can have both. */
export function rowsOf({ size, tableOffset }: Pick<PackInfo, 'size' | 'tableOffset'>): number | undefined {
  const rows = (size - trailerSize - tableOffset) / tableRowSize
  const fits = Number.isInteger(rows) && rows >= 1 && rows <= maxPackRows && size <= maxPackSize
  return fits && tableOffset >= rows * minStoredChunk ? rows : undefined
}

/**
 * The table of a pack of `size` bytes from its last bytes, from the table's begin or before it on: checked against the
 * hash in the trailer, every row within the pack and in order. Throws `corrupt`.
 */
export function readTable(
  tail: Buffer,
  size: number,
  { hash, name }: { readonly hash: (bytes: Uint8Array) => Uint8Array; readonly name: string },
): PackTable {
  if (tail.length < trailerSize) throw badPack('has no trailer', name)
  const trailer = readTrailer(tail.subarray(tail.length - trailerSize), size, name)
  const start = tail.length - trailerSize - trailer.rows * tableRowSize
  if (start < 0) throw badPack('has a table longer than it said', name)
  const rows = tail.subarray(start, tail.length - trailerSize)
  if (!Buffer.from(hash(rows)).equals(trailer.tableHash))
    throw badPack('has a table that does not match its hash', name)
  return checkTable({ rows, count: trailer.rows, end: trailer.tableOffset }, name)
}

/** Gives the table back if its rows follow each other without gaps from 0 to its end. Throws `corrupt`. */
export function checkTable(table: PackTable, name: string): PackTable {
  if (rowOffset(table, 0) !== 0) throw badPack('has a table that does not begin at 0', name)
  for (let row = 0; row < table.count; row++) {
    const raw = rowRaw(table, row)
    const stored = rowOffset(table, row + 1) - rowOffset(table, row) - chunkHeaderSize
    if (raw < 1 || raw > maxChunk || stored < 1 || stored > raw + maxStoredExcess)
      throw badPack('has a table with an impossible row', name)
  }
  return table
}

/** Sum of raw bytes of `count` rows from `first` on, which must be in the table. */
export function rawBytes(table: PackTable, first: number, count: number): number {
  let sum = 0
  for (let row = first; row < first + count; row++) sum += rowRaw(table, row)
  return sum
}

export const rowDigestText = (table: PackTable, row: number): Digest => digestFromBytes(rowDigest(table, row))

const badPack = (problem: string, name: string): DdvError => new DdvError('corrupt', `pack ${problem}: ${name}`)
