// What is needed to put small WebAssembly modules together byte by byte, and the little of the API that is used of
// them. (TypeScript knows WebAssembly only as a part of the browser.)

export interface WasmMemory<B extends ArrayBufferLike = ArrayBuffer> {
  readonly buffer: B
  grow(pages: number): number
}

export type WasmModule = object

declare const WebAssembly: {
  readonly Memory: {
    new (limits: { readonly initial: number }): WasmMemory
    new (limits: {
      readonly initial: number
      readonly maximum: number
      readonly shared: true
    }): WasmMemory<SharedArrayBuffer>
  }
  readonly Module: new (bytes: Uint8Array) => WasmModule
  readonly Instance: new (
    module: WasmModule,
    imports: { readonly ddv: { readonly memory: WasmMemory<ArrayBufferLike> } },
  ) => { readonly exports: Readonly<Record<string, unknown>> }
}

export const wasmPage = 65_536

export const newMemory = (pages: number): WasmMemory => new WebAssembly.Memory({ initial: pages })

/** Of a fixed size. It can be posted to other threads. */
export const newSharedMemory = (pages: number): WasmMemory<SharedArrayBuffer> =>
  new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true })

/** The one function of a module, over this memory. */
export const instantiate = (module: WasmModule, memory: WasmMemory<ArrayBufferLike>): unknown =>
  new WebAssembly.Instance(module, { ddv: { memory } }).exports.run

export interface FunctionParts {
  readonly parameters: number
  /** Whether it gives back a number. All parameters and results are i32. */
  readonly result: boolean
  /** As they stand in the code section. */
  readonly locals: readonly number[]
  /** Up to and with the last `end`. */
  readonly body: readonly number[]
  /** Whether the memory is shared, and then its maximum, in pages, at most. */
  readonly sharedPages?: number
}

export function compile({ parameters, result, locals, body, sharedPages }: FunctionParts): WasmModule {
  const code = [...locals, ...body]
  const limits = sharedPages === undefined ? [0x00, 1] : [0x03, 1, ...leb(sharedPages)]
  const types = [...Array.from({ length: parameters }, () => i32), ...(result ? [1, i32] : [0])]
  return new WebAssembly.Module(
    Uint8Array.from([
      ...[0x00, ...ascii('asm'), 1, 0, 0, 0],
      ...section(1, [1, 0x60, parameters, ...types]),
      ...section(2, [1, ...name('ddv'), ...name('memory'), 0x02, ...limits]),
      ...section(3, [1, 0]),
      ...section(7, [1, ...name('run'), 0x00, 0]),
      ...section(10, [1, ...leb(code.length), ...code]),
    ]),
  )
}

export const i32 = 0x7f
export const i64 = 0x7e

const section = (id: number, content: readonly number[]): number[] => [id, ...leb(content.length), ...content]

const ascii = (text: string): number[] => [...Buffer.from(text, 'latin1')]

const name = (text: string): number[] => [text.length, ...ascii(text)]

function leb(value: number): number[] {
  const bytes: number[] = []
  for (let left = value; ; left >>>= 7) {
    if (left < 128) return [...bytes, left]
    bytes.push((left & 127) | 128)
  }
}
