// The data: the same bytes for the same seed on every machine, made once a run and shared by the cases.

import { createCipheriv, createHash } from 'node:crypto'
import { closeSync, existsSync, linkSync, mkdirSync, openSync, readdirSync, readFileSync, writeSync } from 'node:fs'
import { dirname, join } from 'node:path'

export const KiB = 1024
export const MiB = 1024 * KiB
export const GiB = 1024 * MiB

export interface Tree {
  readonly path: string
  readonly files: number
  readonly fileSize: number
  readonly bytes: number
}

/** Bytes that do not shrink: a cipher's key stream, 1 GB/s and more. */
function randomSource(seed: string): (bytes: number) => Buffer {
  const key = createHash('sha256').update(seed).digest().subarray(0, 16)
  const cipher = createCipheriv('aes-128-ctr', key, Buffer.alloc(16))
  return bytes => cipher.update(Buffer.alloc(bytes))
}

/** One file of random bytes; made unless it is there. */
export function makeRandomFile(file: string, bytes: number): string {
  if (existsSync(file)) return file
  const next = randomSource(file.slice(file.lastIndexOf('/') + 1))
  writeParts(file, function* () {
    for (let at = 0; at < bytes; at += 8 * MiB) yield next(Math.min(8 * MiB, bytes - at))
  })
  return file
}

/** A hundred directories of random files; made unless they are there. */
export function makeTree(path: string, files: number, fileSize: number): Tree {
  const tree = { path, files, fileSize, bytes: files * fileSize }
  if (existsSync(path)) return tree
  const next = randomSource(`${files} of ${fileSize}`)
  for (let i = 0; i < files; i++) {
    const file = join(path, treeName(i))
    if (i < 100) mkdirSync(dirname(file), { recursive: true })
    const fd = openSync(file, 'wx')
    writeSync(fd, next(fileSize))
    closeSync(fd)
  }
  return tree
}

export const treeName = (i: number): string =>
  `part-${String(i % 100).padStart(2, '0')}/sample-${String(i).padStart(6, '0')}.bin`

/** The same tree elsewhere, as hard links: the same inodes in the same page cache. */
export function linkTree({ path, files }: Tree, to: string): void {
  for (let i = 0; i < files; i++) {
    const file = join(to, treeName(i))
    if (i < 100) mkdirSync(dirname(file), { recursive: true })
    linkSync(join(path, treeName(i)), file)
  }
}

/** Throws unless the directory has the tree's files, by their number, and a sample of them by their bytes. */
export function verifyTree({ path, files }: Tree, copy: string): void {
  let count = 0
  for (const directory of readdirSync(copy)) count += readdirSync(join(copy, directory)).length
  if (count !== files) throw new Error(`has ${count} files and not ${files}: ${copy}`)
  for (let i = 0; i < files; i += Math.ceil(files / 200))
    if (!readFileSync(join(copy, treeName(i))).equals(readFileSync(join(path, treeName(i)))))
      throw new Error(`has other bytes: ${join(copy, treeName(i))}`)
}

/** Sales as a shop would export them: an id, a time, words that come again, prices. Ends after the row that passes `bytes`. */
export function makeCsv(file: string, bytes: number, insertedRow?: string): string {
  writeParts(file, function* () {
    const random = pseudoRandom(20240501)
    let rows = ['id,sold_at,store,product,quantity,unit_price,customer,note']
    let made = 0
    for (let id = 1; made < bytes; id++) {
      if (id === 100 && insertedRow !== undefined) rows.push(insertedRow)
      rows.push(csvRow(id, random))
      if (rows.length < 20_000 && made + rows.length * 60 < bytes) continue
      const part = Buffer.from(`${rows.join('\n')}\n`)
      made += part.length
      rows = []
      yield part
    }
  })
  return file
}

const stores = ['Aachen', 'Basel', 'Chur', 'Dresden', 'Essen', 'Freiburg', 'Graz', 'Hamburg', 'Innsbruck', 'Jena']
const products = ['espresso', 'oat milk', 'rye bread', 'butter', 'apples', 'pears', 'salt', 'tea', 'rice', 'lentils']
const notes = ['', '', '', '', 'returned', 'voucher', 'gift', 'late delivery']
const start = Date.UTC(2021, 0, 1)

function csvRow(id: number, random: () => number): string {
  const pick = (list: readonly string[]): string => list[(random() * list.length) | 0] as string
  const time = new Date(start + id * 9_000 + ((random() * 8_000) | 0)).toISOString()
  const price = (random() * 90 + 1).toFixed(2)
  const customer = ((random() * 0xffffffff) >>> 0).toString(16).padStart(8, '0')
  return `${id},${time},${pick(stores)},${pick(products)},${1 + ((random() * 9) | 0)},${price},${customer},${pick(notes)}`
}

/** Mulberry32. */
function pseudoRandom(seed: number): () => number {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
}

function writeParts(file: string, parts: () => Iterable<Buffer>): void {
  mkdirSync(dirname(file), { recursive: true })
  const fd = openSync(file, 'w')
  try {
    for (const part of parts()) for (let at = 0; at < part.length; ) at += writeSync(fd, part, at)
  } finally {
    closeSync(fd)
  }
}
