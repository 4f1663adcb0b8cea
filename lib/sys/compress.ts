// zstd: Node's own where it has it (22.15 and later), else the optional `@mongodb-js/zstd` binding. Both work on
// libuv's threads, so several frames at once use several cores.
// The bindings trust what a frame says of its length, so a frame is walked block by block before it is decoded: a
// stranger's 100 bytes must not become gigabytes.

import { createRequire } from 'node:module'
import { promisify } from 'node:util'
import * as zlib from 'node:zlib'
import { DdvError } from '../core/errors.js'

interface Backend {
  readonly name: 'node' | 'binding'
  compress(bytes: Buffer): Promise<Buffer>
  /** `limit`: more bytes than this need not be given back. */
  decompress(bytes: Buffer, limit: number): Promise<Buffer>
}

const require = createRequire(import.meta.url)
let backend: Backend | undefined | null = null

/** Which implementation is at work, or undefined where there is none: then nothing can be compressed or unpacked. */
export const zstdName = (): 'node' | 'binding' | undefined => loaded()?.name

/** One zstd frame at the default level. */
export const zstdCompress = (bytes: Uint8Array): Promise<Buffer> => needed().compress(asBuffer(bytes))

/** What the one frame holds, which must be exactly `length` bytes. Throws `corrupt`, with `name` in the message. */
export async function zstdDecompress(bytes: Uint8Array, length: number, name: string): Promise<Buffer> {
  const zstd = needed()
  const problem = frameProblem(bytes, length)
  if (problem !== undefined) throw corrupt(problem, name)
  const raw = await decode(zstd, bytes, length, name)
  if (raw.length !== length) throw corrupt('has another length than it says', name)
  return raw
}

async function decode(zstd: Backend, bytes: Uint8Array, length: number, name: string): Promise<Buffer> {
  try {
    return await zstd.decompress(asBuffer(bytes), length)
  } catch (cause) {
    throw new DdvError('corrupt', `compressed data does not unpack: ${name}`, { cause })
  }
}

const corrupt = (problem: string, name: string): DdvError =>
  new DdvError('corrupt', `compressed data ${problem}: ${name}`)

const magic = 0xfd2fb528
/** Decoders allocate the window; RFC 8878 asks readers to take up to 8 MiB. */
const maxWindow = 8_388_608
/** A compressed block gives at most 128 KiB, so a hostile frame costs at most 32 MiB for the blink of its decoding. */
const maxBlocks = 256

/** Why these bytes are no single frame of `length` bytes at most, or undefined. Frame format: RFC 8878, 3.1.1. */
export function frameProblem(bytes: Uint8Array, length: number): string | undefined {
  const view = asBuffer(bytes)
  if (view.length < 9 || view.readUInt32LE(0) !== magic) return 'does not begin as a zstd frame'
  const head = readFrameHead(view)
  if (typeof head === 'string') return head
  if (head.content !== undefined && head.content !== length) return 'has another length than it says'
  return walkBlocks(view, head, length)
}

interface FrameHead {
  readonly content: number | undefined
  readonly blocksAt: number
  readonly checksum: boolean
}

function readFrameHead(view: Buffer): FrameHead | string {
  const descriptor = view.readUInt8(4)
  if ((descriptor & 0x08) !== 0) return 'has a reserved bit set'
  if ((descriptor & 0x03) !== 0) return 'needs a dictionary'
  const single = (descriptor & 0x20) !== 0
  const flag = descriptor >> 6
  const contentBytes = flag === 0 ? (single ? 1 : 0) : 1 << flag
  let at = 5
  if (!single) {
    const window = view.readUInt8(at++)
    const base = 2 ** (10 + (window >> 3))
    if (base + (base / 8) * (window & 7) > maxWindow) return 'needs too much memory'
  }
  if (at + contentBytes > view.length) return 'is cut off'
  if (contentBytes === 0) return { content: undefined, blocksAt: at, checksum: (descriptor & 0x04) !== 0 }
  // Eight bytes hold more than 2^48 only in a lie; the low six then still differ from an honest length.
  if (contentBytes === 8 && view.readUInt16LE(at + 6) !== 0) return 'has another length than it says'
  const content = view.readUIntLE(at, Math.min(contentBytes, 6)) + (contentBytes === 2 ? 256 : 0)
  return { content, blocksAt: at + contentBytes, checksum: (descriptor & 0x04) !== 0 }
}

function walkBlocks(view: Buffer, head: FrameHead, length: number): string | undefined {
  let at = head.blocksAt
  let plain = 0
  for (let blocks = 0; blocks < maxBlocks; blocks++) {
    if (at + 3 > view.length) return 'is cut off'
    const block = view.readUIntLE(at, 3)
    const type = (block >> 1) & 3
    const size = block >> 3
    if (type === 3) return 'has a block of an unknown type'
    if (type !== 2) plain += size
    if (plain > length) return 'is longer than it says'
    at += 3 + (type === 1 ? 1 : size)
    if ((block & 1) === 0) continue
    if (at + (head.checksum ? 4 : 0) !== view.length) return 'does not end where its frame ends'
    return undefined
  }
  return 'has too many blocks'
}

function needed(): Backend {
  const found = loaded()
  if (found !== undefined) return found
  throw new DdvError('bad-config', 'no zstd on this machine: neither in this Node nor as @mongodb-js/zstd', {
    hint: 'use Node 22.15 or later, or install ddv with its optional packages, or set remote compression to off',
  })
}

function loaded(): Backend | undefined {
  if (backend === null) backend = nodeBackend() ?? bindingBackend()
  return backend
}

type NodeZstd = (bytes: Buffer, options: { maxOutputLength?: number }) => Promise<Buffer>

// By name, since the types of the oldest Node that serves do not know them.
function nodeBackend(): Backend | undefined {
  const known: Readonly<Record<string, unknown>> = { ...zlib }
  const { zstdCompress: pack, zstdDecompress: unpack } = known
  if (typeof pack !== 'function' || typeof unpack !== 'function') return undefined
  const compress = promisify(pack) as NodeZstd
  const decompress = promisify(unpack) as NodeZstd
  return {
    name: 'node',
    compress: bytes => compress(bytes, {}),
    decompress: (bytes, limit) => decompress(bytes, { maxOutputLength: Math.max(1, limit) }),
  }
}

function bindingBackend(): Backend | undefined {
  try {
    const zstd = require('@mongodb-js/zstd') as typeof import('@mongodb-js/zstd')
    return { name: 'binding', compress: bytes => zstd.compress(bytes), decompress: bytes => zstd.decompress(bytes) }
  } catch {
    return undefined // an optional package: absent, or without a binary for this platform
  }
}

const asBuffer = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
