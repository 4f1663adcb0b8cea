// The inputs of fixtures/formats/v1/chunks.json, which are too large to be kept.

import { noise } from './transfer.js'

export const chunkInputs: readonly { readonly name: string; readonly make: () => Buffer }[] = [
  { name: 'empty', make: () => Buffer.alloc(0) },
  { name: 'one byte', make: () => Buffer.from('x') },
  { name: '8,192 zeros', make: () => Buffer.alloc(8192) },
  { name: '400,000 zeros', make: () => Buffer.alloc(400_000) },
  { name: '1,500,000 bytes of noise, seed 1', make: () => noise(1_500_000, 1) },
  {
    name: '20,000 rows of text',
    make: () =>
      Buffer.from(Array.from({ length: 20_000 }, (_, i) => `${i},row ${i * 7919},${(i * i) % 997}\n`).join('')),
  },
]
