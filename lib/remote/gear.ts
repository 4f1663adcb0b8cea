// The inner loop of the chunker, as a WebAssembly module put together here byte by byte: 64-bit arithmetic without
// BigInt, over bytes that lie in the module's own memory, so that what was read there is cut without a copy.
//
// One byte at a time the hash is a chain of two operations a byte. Two bytes at a time it is one,
// h'' = (h << 2) + ((T[a] << 1) + T[b]), with h' = (h << 1) + T[a] beside the chain, for the test alone.

import { GEAR_TABLE } from 'gearhash-jit'
import { compile, i64, instantiate, newMemory, type WasmMemory, wasmPage } from './wasm.js'

/** Hashes `from` up to `test` from zero on, then tests behind each byte up to `end`: where the first match ends, or 0. */
type Scan = (from: number, test: number, end: number) => number

interface Gear {
  readonly memory: WasmMemory
  readonly scan: Scan
}

/** Behind the table; a multiple of 64, since copies between buffers of threads are slow where alignments differ. */
const inputAt = wasmPage
/** A hash below this has its top 16 bits zero. */
const matchBelow = 1n << 48n

let gear: Gear | undefined

/** This thread's memory for bytes to be cut, valid until the next call. What is read into it is cut in place. */
export function gearInput(length: number): Uint8Array {
  const { memory } = loaded()
  const needed = Math.ceil((inputAt + length - memory.buffer.byteLength) / wasmPage)
  if (needed > 0) memory.grow(needed)
  return new Uint8Array(memory.buffer, inputAt, length)
}

/** The same bytes as a part of `gearInput`; copied where they are not one yet. */
export function asGearInput(bytes: Uint8Array): Uint8Array {
  if (bytes.buffer === loaded().memory.buffer) return bytes
  const input = gearInput(bytes.length)
  input.set(bytes)
  return input
}

/**
 * Hashes `input` (a part of `gearInput`) from `from` on and tests behind each byte from `test` up to `end`. Gives back
 * where in `input` the first match ends, or undefined.
 */
export function findMatch(
  input: Uint8Array,
  { from, test, end }: { readonly from: number; readonly test: number; readonly end: number },
): number | undefined {
  const base = input.byteOffset
  const match = loaded().scan(base + from, base + test, base + end)
  return match === 0 ? undefined : match - base
}

function loaded(): Gear {
  gear ??= load()
  return gear
}

function load(): Gear {
  const memory = newMemory(2)
  new BigUint64Array(memory.buffer).set(GEAR_TABLE)
  const module = compile({ parameters: 3, result: true, locals: [1, 4, i64], body: scanBody() })
  return { memory, scan: instantiate(module, memory) as Scan }
}

// Locals of the function: the parameters, then these.
const [pointer, test, end, hash, limit, first, second] = [0, 1, 2, 3, 4, 5, 6] as const
/** Bytes tested in a turn of the loop. */
const unrolled = 8

const op = {
  block: 0x02,
  loop: 0x03,
  if: 0x04,
  end: 0x0b,
  br: 0x0c,
  brIf: 0x0d,
  return: 0x0f,
  get: 0x20,
  set: 0x21,
  tee: 0x22,
  load64: 0x29,
  load8: 0x2d,
  const32: 0x41,
  const64: 0x42,
  greater32: 0x4b,
  atLeast32: 0x4f,
  less64: 0x54,
  add32: 0x6a,
  shl32: 0x74,
  add64: 0x7c,
  shl64: 0x86,
} as const
const none = 0x40

/** T[the byte `offset` behind the pointer]. */
const tableEntry = (offset: number): number[] => [
  op.get,
  pointer,
  op.load8,
  0,
  offset,
  op.const32,
  3,
  op.shl32,
  op.load64,
  3,
  0,
]

const shifted = (local: number, bits: number): number[] => [op.get, local, op.const64, bits, op.shl64]

const advance = (bytes: number): number[] => [op.get, pointer, op.const32, bytes, op.add32, op.set, pointer]

/** With a hash on the stack: where it matches, the function ends. */
const testFor = (offset: number): number[] => [
  ...[op.get, limit, op.less64, op.if, none],
  ...[op.get, pointer, op.const32, offset + 1, op.add32, op.return, op.end],
]

const step = (offset: number): number[] => [...shifted(hash, 1), ...tableEntry(offset), op.add64, op.tee, hash]

const stepTwo = (offset: number): number[] => [
  ...[...tableEntry(offset), op.set, first, ...tableEntry(offset + 1), op.set, second],
  ...[...shifted(hash, 1), op.get, first, op.add64, ...testFor(offset)],
  ...[...shifted(hash, 2), ...shifted(first, 1), op.get, second, op.add64, op.add64, op.tee, hash],
  ...testFor(offset + 1),
]

const loopWhile = (leave: readonly number[], body: readonly number[]): number[] => [
  op.block,
  none,
  op.loop,
  none,
  ...leave,
  op.brIf,
  1,
  ...body,
  op.br,
  0,
  op.end,
  op.end,
]

function scanBody(): number[] {
  const pairs = Array.from({ length: unrolled / 2 }, (_, i) => stepTwo(i * 2)).flat()
  return [
    ...[op.const64, ...signedLeb(matchBelow), op.set, limit],
    ...loopWhile([op.get, pointer, op.get, test, op.atLeast32], [...step(0), op.set, first, ...advance(1)]),
    ...loopWhile(
      [op.get, pointer, op.const32, unrolled, op.add32, op.get, end, op.greater32],
      [...pairs, ...advance(unrolled)],
    ),
    ...loopWhile([op.get, pointer, op.get, end, op.atLeast32], [...step(0), ...testFor(0), ...advance(1)]),
    ...[op.const32, 0, op.end],
  ]
}

/** Of a number that is not negative. */
function signedLeb(value: bigint): number[] {
  const bytes: number[] = []
  for (let left = value; ; left >>= 7n) {
    const low = Number(left & 127n)
    if (left < 64n) return [...bytes, low]
    bytes.push(low | 128)
  }
}
