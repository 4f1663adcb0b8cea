import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t, { type Test } from 'tap'
import type { Digest } from '../../lib/core/digest.js'
import { DdvError } from '../../lib/core/errors.js'
import type { Event } from '../../lib/core/events.js'
import type { LakeFile } from '../../lib/core/lake-record.js'
import type { TreePath } from '../../lib/core/tree-path.js'
import { bytesSource, type Lake } from '../../lib/remote/lake.js'
import { openDirectoryLake } from '../../lib/remote/lake-directory.js'
import { openS3Lake } from '../../lib/remote/lake-s3.js'
import { type SyncOptions, type SyncResult, syncLake } from '../../lib/remote/lake-sync.js'
import { hashBytes } from '../../lib/sys/hash.js'
import { at, listLake, oddNames, readLake, source } from '../support/lake-contract.js'
import { findS3Server, noS3Server } from '../support/s3-server.js'

type Tree = Readonly<Record<string, string>>

const output = 'raw/set' as TreePath

/** A lake with an output in it, and what was asked of it. */
class Bench {
  readonly lake: Lake
  readonly calls: string[] = []
  readonly contents = new Map<Digest, string>()
  readonly events: Event[] = []
  readonly saved = new Set<Digest>()
  /** Called before each put. */
  before: (path: string) => void | Promise<void> = () => undefined

  constructor(inner: Lake) {
    const note = (method: string, path: string): void => void this.calls.push(`${method} ${path}`)
    this.lake = {
      ...inner,
      url: inner.url,
      stat: (path, options) => {
        note('stat', path)
        return inner.stat(path, options)
      },
      get: (path, range) => {
        note('get', path)
        return inner.get(path, range)
      },
      put: async (path, from, options) => {
        note('put', path.startsWith('.ddv-lake/') ? 'RECORD' : path)
        await this.before(path)
        return inner.put(path, from, options)
      },
      remove: (path, options) => {
        note('remove', path)
        return inner.remove(path, options)
      },
      list: (path, options) => {
        note('list', path)
        return inner.list(path, options)
      },
      close: () => inner.close(),
    }
  }

  file(text: string): LakeFile {
    const digest = hashBytes(Buffer.from(text))
    this.contents.set(digest, text)
    return { digest, size: Buffer.byteLength(text) }
  }

  /** '' for a file. */
  async sync(tree: Tree, options: Partial<SyncOptions> = {}): Promise<SyncResult> {
    this.calls.length = 0
    this.events.length = 0
    const files = new Map(Object.entries(tree).map(([path, text]) => [path as TreePath | '', this.file(text)]))
    return syncLake(
      this.lake,
      { output, files },
      {
        source: ({ digest }) => bytesSource(Buffer.from(this.contents.get(digest) ?? 'lost')),
        isSaved: async digest => this.saved.has(digest),
        force: false,
        onEvent: event => void this.events.push(event),
        ...options,
      },
    )
  }

  async tree(): Promise<Record<string, string | undefined>> {
    const tree: Record<string, string | undefined> = {}
    const itself = await readLake(this.lake, output)
    if (itself !== undefined) tree[''] = itself
    for (const { path } of await listLake(this.lake, output))
      tree[path.slice(output.length + 1)] = await readLake(this.lake, path)
    return tree
  }

  sent(): string[] {
    return this.calls
      .filter(call => call.startsWith('put ') && call !== 'put RECORD')
      .map(call => call.slice(4))
      .sort()
  }

  warnings(): string[] {
    return this.events.flatMap(event => (event.type === 'warning' ? [event.message] : []))
  }
}

const server = findS3Server()

const kinds: readonly (readonly [string, (t: Test) => Promise<Lake>, string | false])[] = [
  ['a directory', async t => openDirectoryLake(join(t.testdir(), 'lake'), { fsync: false }), false],
  [
    'a bucket',
    async () => {
      if (server === undefined) throw new Error(noS3Server)
      return openS3Lake({ url: 's3://b', bucket: await server.makeBucket(), prefix: 'p q/', endpoint: server.endpoint })
    },
    server === undefined ? noS3Server : false,
  ],
]

for (const [kind, openKind, skip] of kinds)
  t.test(kind, { skip }, async t => {
    const bench = async (t: Test): Promise<Bench> => {
      const bench = new Bench(await openKind(t))
      t.teardown(() => bench.lake.close())
      return bench
    }

    t.test('only what changed is sent, and what is gone is removed', async t => {
      const b = await bench(t)
      t.same(await b.sync({ a: '1', 'b/c': '2', 'b/d': '' }), { sent: 3, removed: 0, bytesSent: 2 })
      t.same(await b.tree(), { a: '1', 'b/c': '2', 'b/d': '' })
      t.same(await b.sync({ a: '1', 'b/c': '2', 'b/d': '' }), { sent: 0, removed: 0, bytesSent: 0 })
      t.same(
        b.calls.filter(call => /^(put|remove)/.test(call)),
        [],
        'nothing is written',
      )
      t.equal(b.calls.length, 4, 'the record, and what is there')
      t.same(await b.sync({ a: '1', 'b/c': 'two', e: '3' }), { sent: 2, removed: 1, bytesSent: 4 })
      t.same(b.sent(), ['raw/set/b/c', 'raw/set/e'])
      t.same(await b.tree(), { a: '1', 'b/c': 'two', e: '3' })
      t.same(await b.sync({}), { sent: 0, removed: 3, bytesSent: 0 })
      t.same(await b.tree(), {})
    })

    t.test('a file becomes a directory, and the other way round', async t => {
      const b = await bench(t)
      await b.sync({ '': 'file' })
      t.same(await b.tree(), { '': 'file' })
      t.same(await b.sync({ a: '1', 'b/c': '2' }), { sent: 2, removed: 1, bytesSent: 2 })
      t.same(await b.tree(), { a: '1', 'b/c': '2' })
      await b.sync({ 'a/x': '1', b: '2' })
      t.same(await b.tree(), { 'a/x': '1', b: '2' })
      await b.sync({ '': 'file' })
      t.same(await b.tree(), { '': 'file' })
    })

    t.test('odd names', async t => {
      const b = await bench(t)
      const tree = Object.fromEntries(oddNames.map(name => [name, name]))
      await b.sync(tree)
      t.same(await b.tree(), tree)
      t.same((await b.sync(tree)).sent, 0)
      t.same((await b.sync({})).removed, oddNames.length)
    })

    t.test('what somebody else wrote is seen, and not overwritten', async t => {
      const b = await bench(t)
      await b.sync({ a: '1', b: '2', gone: '3' })
      await b.lake.put(at('raw/set/a'), source('x'))
      await b.lake.put(at('raw/set/gone'), source('y'))
      await b.lake.put(at('raw/set/other'), source('not ours'))
      const tree = { a: 'x', b: '2', gone: 'y', other: 'not ours' }
      for (const wanted of [
        { a: '1', b: '2' },
        { a: 'new', b: 'new' },
      ]) {
        await t.rejects(b.sync(wanted), {
          code: 'would-lose-data',
          message: /it would be overwritten: raw\/set\/a$/,
          hint: /--force/,
        })
        t.same(b.sent(), [])
        t.same(await b.tree(), tree, 'nothing was changed')
      }
      b.saved.add(hashBytes(Buffer.from('x')))
      t.same(await b.sync({ a: '1', b: '2' }), { sent: 1, removed: 0, bytesSent: 1 }, 'its bytes are at hand')
      t.same(b.warnings(), ['stays in the lake, since somebody else has written it: raw/set/gone'])
      t.same(await b.tree(), { ...tree, a: '1' })
      await b.lake.put(at('raw/set/b'), source('other size'))
      t.same((await b.sync({ a: '1', b: '2' }, { force: true })).sent, 1)
      t.same(await b.tree(), { ...tree, a: '1', b: '2' })
      await b.lake.put(at('raw/set/b'), source('z'))
      t.same((await b.sync({ a: '1', b: '2' }, { force: true })).sent, 1)
      await b.lake.put(at('raw/set/b'), source('2'))
      t.same((await b.sync({ a: '1', b: '2' })).sent, 0, 'the same bytes by another hand are the same')
      await t.rejects(b.sync({ a: '1', b: '2', 'other/x': 'y' }), {
        code: 'refused',
        message: /in the way.*raw\/set\/other$/,
      })
      await t.rejects(b.sync({ '': 'y' }), { code: 'refused', message: /in the way/ })
    })

    t.test('without its record all is read, and taken over where it is right', async t => {
      const b = await bench(t)
      await b.sync({ a: '1', b: '2' })
      const [record] = (await listLake(b.lake, '.ddv-lake/outputs')).map(({ path }) => path)
      if (record === undefined) throw new Error('no record')
      const bytes = await readLake(b.lake, record)
      await b.lake.remove(record)
      t.same(await b.sync({ a: '1', b: '2' }), { sent: 0, removed: 0, bytesSent: 0 })
      t.ok((await readLake(b.lake, record)) !== undefined)
      for (const text of ['', 'nonsense\n', bytes?.replace('raw/set', 'raw/other') ?? '']) {
        await b.lake.put(record, source(text))
        t.same((await b.sync({ a: '1', b: '2' })).sent, 0, JSON.stringify(text.slice(0, 20)))
        t.match(b.warnings(), [/ddv's record in the lake/])
      }
      await b.lake.put(record, source('["ddv-lake",2,"raw/set"]\n'))
      await t.rejects(b.sync({ a: '1', b: '2' }), { code: 'newer-format' })
    })

    t.test('cut before each write: the next call goes on', async t => {
      const stop = new DdvError('remote', 'cut')
      for (let point = 1; ; point++) {
        const b = await bench(t)
        await b.sync({ a: '1', b: '2', gone: '3', 'd/e': '4' })
        let count = 0
        const wanted = { a: 'one', b: '2', c: '5', d: 'a file' }
        b.before = () => {
          if (++count === point) throw stop
        }
        const isCut = await b.sync(wanted).then(
          () => false,
          () => true,
        )
        b.before = () => undefined
        if (isCut) {
          t.match(await b.tree(), { b: '2' })
          // On another machine, whose cache has nothing of the old version.
          await b.sync(point % 2 === 0 ? wanted : { ...wanted, c: '6' })
        }
        t.same(await b.tree(), point % 2 === 0 || !isCut ? wanted : { ...wanted, c: '6' }, `cut at write ${point}`)
        t.same(b.warnings(), [])
        t.same((await b.sync({})).removed, 4, 'all of it is known to be its own')
        t.same(await b.tree(), {})
        if (!isCut) break
      }
    })

    t.test('bytes that come out wrong do not stay', async t => {
      const b = await bench(t)
      await b.sync({ a: '1' })
      const source = ({ size }: LakeFile) => bytesSource(Buffer.alloc(size, 'x'))
      await t.rejects(b.sync({ a: '1', b: '22' }, { source }), {
        code: 'corrupt',
        message: /gives back other bytes.*raw\/set\/b/,
      })
      t.same(await b.tree(), { a: '1' })
      t.same((await b.sync({ a: '1', b: '22' })).sent, 1)
    })

    t.test('somebody who writes at the same time', async t => {
      const b = await bench(t)
      const racing: Lake = {
        ...b.lake,
        put: async (path, from, options) => {
          const put = await b.lake.put(path, from, options)
          if (path === 'raw/set/a') await b.lake.put(path, source('theirs'), options)
          return put
        },
      }
      const files = new Map([['a' as TreePath, b.file('mine')]])
      const options = { source: () => source('mine'), isSaved: async () => false, force: false }
      await t.rejects(syncLake(racing, { output, files }, options), { code: 'changed' })
      t.same(await b.tree(), { a: 'theirs' })
      await t.rejects(b.sync({ a: 'mine' }), { code: 'would-lose-data' })
    })

    t.test('interrupted', async t => {
      const b = await bench(t)
      const controller = new AbortController()
      b.before = path => {
        if (path === 'raw/set/b') controller.abort()
      }
      const { signal } = controller
      await t.rejects(b.sync({ a: '1', b: '2', c: '3', d: '4', e: '5', f: '6' }, { signal }), { code: 'interrupted' })
      b.before = () => undefined
      await b.sync({ a: '1' })
      t.same(await b.tree(), { a: '1' })
    })
  })

t.test('edits of a directory lake that leave size and time', async t => {
  const root = join(t.testdir(), 'lake')
  const b = new Bench(openDirectoryLake(root, { fsync: false }))
  await b.sync({ a: '1', b: '2' })
  writeFileSync(join(root, 'raw/set/a'), '9')
  await t.rejects(b.sync({ a: '1', b: '2' }), { code: 'would-lose-data' })
  rmSync(join(root, 'raw/set/a'))
  t.same((await b.sync({ a: '1', b: '2' })).sent, 1, 'what is gone there is sent again')
  mkdirSync(join(root, 'raw/set/c/empty'), { recursive: true })
  t.same(await b.sync({ a: '1', b: '2' }), { sent: 0, removed: 0, bytesSent: 0 })
  t.equal(readFileSync(join(root, 'raw/set/a'), 'utf8'), '1')
  t.same(readdirSync(dirname(join(root, 'raw/set'))), ['set'])
})
