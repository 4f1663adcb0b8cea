// Memory in which a pack is put together by one thread after the other. JavaScript copies to and from shared memory byte
// by byte where the two places are not aligned alike (3 GB/s), and chunks in a pack never are; WebAssembly copies within
// its own memory at full speed. So a piece is copied in beside the pack, aligned, and its chunks from there to their places.

import { compile, instantiate, newSharedMemory, type WasmMemory, type WasmModule, wasmPage } from './wasm.js'

export type PackMemory = WasmMemory<SharedArrayBuffer>

/** A WebAssembly module must tell how large its memory may be: here 128 MiB. */
const mostPages = 2048

const pages = (bytes: number): number => Math.ceil(bytes / wasmPage)

/** Room for a pack of `packSize` bytes, and for pieces of `pieceSize` bytes beside it. */
export const newPackMemory = (packSize: number, pieceSize: number): PackMemory =>
  newSharedMemory(pages(packSize) + pages(pieceSize))

export interface PackTarget {
  /** All of the memory; the pack begins at 0. */
  readonly bytes: Buffer
  /** Copies bytes of the piece to a place in the pack. */
  copy(at: number, start: number, end: number): void
}

/** For laying chunks of this piece into the pack. */
export function openPackMemory(memory: PackMemory, piece: SharedArrayBuffer): PackTarget {
  const bytes = Buffer.from(memory.buffer)
  const pieceAt = bytes.length - pages(piece.byteLength) * wasmPage
  bytes.set(new Uint8Array(piece), pieceAt)
  copyModule ??= compile({ parameters: 3, result: false, locals: [0], body: copyBody, sharedPages: mostPages })
  const copy = instantiate(copyModule, memory) as (to: number, from: number, length: number) => void
  return { bytes, copy: (at, start, end) => copy(at, pieceAt + start, end - start) }
}

let copyModule: WasmModule | undefined

/** `memory.copy` with the three parameters. */
const copyBody = [0x20, 0, 0x20, 1, 0x20, 2, 0xfc, 10, 0, 0, 0x0b]
