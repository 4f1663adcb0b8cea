// What every driver of a lake must do; the same suite for all of them.

import { randomBytes } from 'node:crypto'
import type { Test } from 'tap'
import { DdvError } from '../../lib/core/errors.js'
import type { TreePath } from '../../lib/core/tree-path.js'
import { bytesSource, type Lake, type LakeEntry, type LakeSource } from '../../lib/remote/lake.js'

export interface LakeContractOptions {
  /** A lake without objects. It is closed by the suite. */
  readonly open: (t: Test) => Promise<Lake>
  /** Bytes of the largest object put: more than two of the driver's parts. */
  readonly large?: number
}

export const at = (path: string): TreePath => path as TreePath
export const source = (text: string | Buffer): LakeSource => bytesSource(Buffer.from(text))

export async function listLake(lake: Lake, directory: string): Promise<LakeEntry[]> {
  const entries: LakeEntry[] = []
  for await (const entry of lake.list(at(directory))) entries.push(entry)
  return entries.sort((a, b) => (a.path < b.path ? -1 : 1))
}

const paths = async (lake: Lake, directory: string): Promise<string[]> =>
  (await listLake(lake, directory)).map(({ path }) => path)

export const readLake = async (lake: Lake, path: string): Promise<string | undefined> =>
  (await lake.get(at(path), { offset: 0, length: 2 ** 30 }))?.bytes.toString()

/** Names that a URL, a query, a shell, XML or a file system might take for something else. */
export const oddNames = [
  'two words.csv',
  'plus+and%percent.csv',
  '100%25.csv',
  'ünïcode/größe 日本.csv',
  '🎬.csv',
  'a&b<c>"d\'.csv',
  'question?mark#hash.csv',
  '=equals;semi,comma@at!.csv',
  '~tilde(paren)*star.csv',
  ' leading and trailing ',
  '.hidden/..two.dots..',
  'back\\slash',
  '[brackets]{braces}|pipe^caret`tick$dollar',
  'date=2026-11-25/part-0.parquet',
]

export function testLakeContract(t: Test, { open, large = 20 * 1024 * 1024 + 1 }: LakeContractOptions): void {
  const test = (name: string, run: (t: Test, lake: Lake) => Promise<void>): void => {
    t.test(name, async t => {
      const lake = await open(t)
      try {
        await run(t, lake)
      } finally {
        await lake.close()
      }
    })
  }

  test('an empty lake has nothing', async (t, lake) => {
    t.equal(await lake.stat(at('raw/x.csv')), undefined)
    t.equal(await lake.get(at('raw/x.csv'), { offset: 0, length: 10 }), undefined)
    t.same(await paths(lake, 'raw'), [])
    await lake.remove(at('raw/x.csv'))
  })

  test('what was put is got, and replaced, and removed', async (t, lake) => {
    const first = await lake.put(at('raw/x.csv'), source('one'))
    t.match(first, { size: 3, version: /./ })
    t.equal(await readLake(lake, 'raw/x.csv'), 'one')
    t.same(await lake.stat(at('raw/x.csv')), first)
    t.same(await listLake(lake, 'raw'), [{ path: 'raw/x.csv', ...first }])
    const got = await lake.get(at('raw/x.csv'), { offset: 1, length: 1 })
    t.match(got, { ...first, bytes: Buffer.from('n') })
    const second = await lake.put(at('raw/x.csv'), source('two'))
    t.not(second.version, first.version, 'other bytes of the same size have another version')
    t.equal(await readLake(lake, 'raw/x.csv'), 'two')
    t.same(await lake.stat(at('raw/x.csv')), second)
    await lake.remove(at('raw/x.csv'), { top: at('raw') })
    await lake.remove(at('raw/x.csv'), { top: at('raw') })
    t.equal(await lake.stat(at('raw/x.csv')), undefined)
    t.equal(await readLake(lake, 'raw/x.csv'), undefined)
    t.same(await paths(lake, 'raw'), [])
  })

  test('ranges', async (t, lake) => {
    await lake.put(at('x'), source('0123456789'))
    const range = async (offset: number, length: number) =>
      (await lake.get(at('x'), { offset, length }))?.bytes.toString()
    t.equal(await range(0, 4), '0123')
    t.equal(await range(3, 4), '3456')
    t.equal(await range(7, 100), '789')
    t.equal(await range(10, 5), '')
    t.equal(await range(1000, 5), '')
    t.equal((await lake.get(at('x'), { offset: 10, length: 5 }))?.size, 10)
  })

  test('an empty object, and a large one', async (t, lake) => {
    t.match(await lake.put(at('empty'), source('')), { size: 0, version: /./ })
    t.equal(await readLake(lake, 'empty'), '')
    const bytes = randomBytes(large)
    const put = await lake.put(at('deep/er/large.bin'), source(bytes))
    t.equal(put.size, large)
    t.same(await lake.stat(at('deep/er/large.bin')), put)
    t.same(await listLake(lake, 'deep'), [{ path: 'deep/er/large.bin', ...put }])
    const got = await lake.get(at('deep/er/large.bin'), { offset: 0, length: large })
    t.ok(got?.bytes.equals(bytes), 'the same bytes')
    const middle = await lake.get(at('deep/er/large.bin'), { offset: large - 60_000, length: 50_000 })
    t.ok(middle?.bytes.equals(bytes.subarray(large - 60_000, large - 10_000)), 'the same part')
  })

  test('a source that fails is not published, and leaves what was there', async (t, lake) => {
    const failing = (size: number): LakeSource => ({
      size,
      async *pieces(of) {
        for (let left = size; left > 0; left -= of) yield Buffer.alloc(Math.min(left, of))
        throw new DdvError('corrupt', 'not what it should be')
      },
    })
    await lake.put(at('raw/x.csv'), source('one'))
    for (const size of [0, 10, large]) {
      await t.rejects(lake.put(at('raw/x.csv'), failing(size)), { code: 'corrupt' }, `${size}`)
      await t.rejects(lake.put(at('raw/y.csv'), failing(size)), { code: 'corrupt' }, `${size}`)
    }
    t.equal(await readLake(lake, 'raw/x.csv'), 'one')
    t.same(await paths(lake, 'raw'), ['raw/x.csv'])
  })

  test('odd names', async (t, lake) => {
    for (const name of oddNames) {
      await lake.put(at(`raw/${name}`), source(name))
      t.equal(await readLake(lake, `raw/${name}`), name, name)
    }
    t.same(await paths(lake, 'raw'), oddNames.map(name => `raw/${name}`).sort())
    for (const { path, ...object } of await listLake(lake, 'raw')) t.same(await lake.stat(path), object, path)
    for (const name of oddNames) await lake.remove(at(`raw/${name}`), { top: at('raw') })
    t.same(await paths(lake, 'raw'), [])
  })

  test('listings are of a directory, and of no name that only begins so', async (t, lake) => {
    for (const path of ['raw/a', 'raw/b/c', 'raw/b/d/e', 'raw2/f', 'raw.csv', 'g'])
      await lake.put(at(path), source(path))
    t.same(await paths(lake, 'raw'), ['raw/a', 'raw/b/c', 'raw/b/d/e'])
    t.same(await paths(lake, 'raw/b'), ['raw/b/c', 'raw/b/d/e'])
    t.same(await paths(lake, 'raw/b/c'), [])
    t.same(await paths(lake, 'nothing'), [])
    t.equal(await lake.stat(at('raw/b')), undefined, 'a directory is no object')
    t.equal(await readLake(lake, 'raw/b'), undefined)
    await lake.remove(at('raw/b'))
    t.same((await paths(lake, 'raw')).length, 3)
  })

  test('an aborted signal ends a call', async (t, lake) => {
    await lake.put(at('x'), source('x'))
    const signal = AbortSignal.abort()
    const interrupted = { code: 'interrupted' }
    await t.rejects(lake.stat(at('x'), { signal }), interrupted)
    await t.rejects(lake.get(at('x'), { offset: 0, length: 1, signal }), interrupted)
    await t.rejects(lake.put(at('y'), source('y'), { signal }), interrupted)
    await t.rejects(lake.remove(at('x'), { signal }), interrupted)
    await t.rejects(lake.list(at('raw'), { signal })[Symbol.asyncIterator]().next(), interrupted)
    t.equal(await readLake(lake, 'x'), 'x')
    t.equal(await lake.stat(at('y')), undefined)
  })

  test('interrupted while it is sent', async (t, lake) => {
    await lake.put(at('x'), source('old'))
    const controller = new AbortController()
    const { signal } = controller
    const slow: LakeSource = {
      size: large,
      async *pieces(size) {
        for (let left = large; left > 0; left -= size) {
          if (left < large) controller.abort()
          yield Buffer.alloc(Math.min(left, size))
        }
      },
    }
    await t.rejects(lake.put(at('x'), slow, { signal }), { code: 'interrupted' })
    t.equal(await readLake(lake, 'x'), 'old')
  })

  test('many at once', async (t, lake) => {
    const many = Array.from({ length: 60 }, (_, i) => `many/${i % 7}/${i}`)
    await Promise.all(many.map(path => lake.put(at(path), source(path))))
    t.same(await paths(lake, 'many'), [...many].sort())
    t.same(await Promise.all(many.map(path => readLake(lake, path))), many)
    await Promise.all(many.map(path => lake.remove(at(path), { top: at('many') })))
    t.same(await paths(lake, 'many'), [])
  })
}
