import {
  appendFileSync,
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { blobPath, type Cache, corruptDirectory, hasBlob, temporaryDirectory } from '../../lib/cache/cache.js'
import { StoreBatch, storeFiles } from '../../lib/cache/store.js'
import type { Digest } from '../../lib/core/digest.js'
import type { FsyncMode } from '../../lib/sys/durable-renames.js'
import { hashBytes } from '../../lib/sys/hash.js'
import type { FileList } from '../../lib/sys/hash-files.js'
import type { Pool } from '../../lib/sys/pool.js'
import { statFilesJob } from '../../lib/sys/stats.js'
import { directPool, filesPool } from '../support/pool.js'

interface Bench {
  readonly cache: Cache
  readonly directory: string
  readonly batch: StoreBatch
}

function bench(t: Test, pool: Pool = directPool(), fsync: FsyncMode = 'off'): Bench {
  const root = t.testdir({ data: {}, cache: {} })
  const cache: Cache = { root: join(root, 'cache'), fsync }
  return { cache, directory: join(root, 'data'), batch: new StoreBatch(cache, pool) }
}

const list = (directory: string, names: string[], follow = false): FileList => ({
  directory,
  names,
  stats: statFilesJob.run({ directory, names: names.join('\0'), follow }),
  follow,
})

const temporaries = (cache: Cache): string[] => {
  const tmp = temporaryDirectory(cache)
  return existsSync(tmp) ? readdirSync(tmp) : []
}
const large = (fill: number): Buffer => Buffer.alloc(8 * 1024 * 1024 + 7, fill)

/** Every blob hashes to its name and is read-only; nothing else is there. */
function checkCache(t: Test, cache: Cache, contents: readonly Uint8Array[]): void {
  const expected = new Set(contents.map(content => hashBytes(content)))
  const found = readdirSync(cache.root)
    .filter(name => /^[0-9a-f]{2}$/.test(name))
    .flatMap(shard => readdirSync(join(cache.root, shard)).map(rest => (shard + rest) as Digest))
  t.same(found.sort(), [...expected].sort())
  for (const digest of found) {
    t.equal(hashBytes(readFileSync(blobPath(cache, digest))), digest)
    t.equal(lstatSync(blobPath(cache, digest)).mode & 0o777, 0o444)
  }
  t.same(temporaries(cache), [], 'no temporary file is left')
}

for (const [how, count] of [
  ['here', 5],
  ['on threads', 600],
] as const)
  t.test(`small files, ${how}`, async t => {
    const { cache, directory, batch } = bench(t, filesPool(t), 'batch')
    const names = Array.from({ length: count }, (_, i) => `file ${i}`)
    const content = (name: string): Buffer => Buffer.from(name.slice(0, -1)) // ten names have one content
    for (const name of names) writeFileSync(join(directory, name), content(name))
    const { digests, failures } = await storeFiles(batch, list(directory, names), {})
    t.same(failures, [])
    names.forEach((name, row) => {
      if (digests.toString('hex', row * 32, row * 32 + 32) !== hashBytes(content(name))) t.fail(name)
    })
    t.notOk(hasBlob(cache, hashBytes(content('file 0')), undefined), 'nothing has its name before the commit')
    await batch.commit()
    checkCache(t, cache, names.map(content))
  })

t.test('what is stored already is not written again', async t => {
  const { cache, directory, batch } = bench(t, filesPool(t))
  writeFileSync(join(directory, 'small'), 'small')
  writeFileSync(join(directory, 'large'), large(1))
  const files = list(directory, ['small', 'large'])
  const first = await storeFiles(batch, files, {})
  batch.addBytes(Buffer.from('bytes'))
  await batch.commit()
  const contents = [Buffer.from('small'), large(1), Buffer.from('bytes')]
  const inodes = (): number[] => contents.map(content => lstatSync(blobPath(cache, hashBytes(content))).ino)
  const before = inodes()
  const second = await storeFiles(batch, files, {})
  t.equal(batch.addBytes(Buffer.from('bytes')), hashBytes(Buffer.from('bytes')))
  t.same(second.digests, first.digests)
  t.same(temporaries(cache), [])
  await batch.commit()
  t.same(inodes(), before)
  checkCache(t, cache, contents)
})

t.test('a blob that rotted is replaced by the good bytes at hand', async t => {
  const { cache, directory, batch } = bench(t, filesPool(t))
  const contents = { small: Buffer.from('small'), large: large(2) }
  for (const [name, content] of Object.entries(contents)) writeFileSync(join(directory, name), content)
  const manifest = Buffer.from('bytes')
  const all = [...Object.values(contents), manifest]
  for (const rot of [
    (good: Buffer) => Buffer.concat([Buffer.from('X'), good.subarray(1)]),
    (good: Buffer) => good.subarray(1),
    (good: Buffer) => Buffer.concat([good, Buffer.from('X')]),
    () => Buffer.alloc(0),
  ]) {
    for (const content of all) {
      const blob = blobPath(cache, hashBytes(content))
      mkdirSync(join(blob, '..'), { recursive: true })
      writeFileSync(blob, rot(content), { flag: 'w' })
    }
    t.same((await storeFiles(batch, list(directory, Object.keys(contents)), {})).failures, [])
    batch.addBytes(manifest)
    await batch.commit()
    checkCache(t, cache, all)
    for (const content of all) chmodSync(blobPath(cache, hashBytes(content)), 0o644)
  }
})

t.test('the mode is 0444 whatever the file and the umask have', async t => {
  const umask = process.umask(0o000)
  t.teardown(() => process.umask(umask))
  const { cache, directory, batch } = bench(t, filesPool(t))
  writeFileSync(join(directory, 'small'), 'small', { mode: 0o777 })
  writeFileSync(join(directory, 'large'), large(3), { mode: 0o600 })
  await storeFiles(batch, list(directory, ['small', 'large']), {})
  batch.addBytes(Buffer.from('m'))
  await batch.commit()
  checkCache(t, cache, [Buffer.from('small'), large(3), Buffer.from('m')])
})

t.test('a large file that changes while it is read is a failure, and no blob', async t => {
  const changes: Readonly<Record<string, (path: string) => void>> = {
    append: path => appendFileSync(path, 'x'),
    'same size': path => writeFileSync(path, large(5)),
    truncate: path => writeFileSync(path, 'short'),
  }
  for (const [name, change] of Object.entries(changes)) {
    let path = ''
    const { cache, directory, batch } = bench(
      t,
      directPool(() => change(path)),
    )
    path = join(directory, 'large')
    writeFileSync(path, large(4))
    const files = list(directory, ['large'])
    await new Promise(resolve => setTimeout(resolve, 12))
    const { failures } = await storeFiles(batch, files, {})
    t.match(failures, [{ name: 'large', error: { code: 'changed', hint: /run the same/ } }], name)
    await batch.commit()
    checkCache(t, cache, [])
  }
})

t.test('a small file that grew since it was listed is stored as it is now', async t => {
  const { cache, directory, batch } = bench(t)
  writeFileSync(join(directory, 'a'), 'a')
  const files = list(directory, ['a'])
  writeFileSync(join(directory, 'a'), 'longer')
  const { stats, failures } = await storeFiles(batch, files, {})
  t.same(failures, [])
  t.equal(stats[0], 6n, 'with the stat of what was read')
  await batch.commit()
  checkCache(t, cache, [Buffer.from('longer')])
})

t.test('a small file that grew beyond what is read whole is a failure', async t => {
  const { directory, batch } = bench(t)
  writeFileSync(join(directory, 'a'), 'a')
  const files = list(directory, ['a'])
  writeFileSync(join(directory, 'a'), large(6))
  const { failures } = await storeFiles(batch, files, {})
  t.match(failures, [{ name: 'a', error: { code: 'changed', hint: /run the same/ } }])
})

t.test('what cannot be read fails alone', async t => {
  const { cache, directory, batch } = bench(t)
  writeFileSync(join(directory, 'a'), 'a')
  symlinkSync('a', join(directory, 'link'))
  mkdirSync(join(directory, 'd'))
  const { failures } = await storeFiles(batch, list(directory, ['a', 'gone', 'link', 'd']), {})
  t.same(failures.map(failure => failure.name).sort(), ['d', 'gone', 'link'])
  await batch.commit()
  checkCache(t, cache, [Buffer.from('a')])
})

t.test('a link is stored as what it leads to when told', async t => {
  const { cache, directory, batch } = bench(t)
  writeFileSync(join(directory, 'a'), 'a')
  symlinkSync('a', join(directory, 'link'))
  await storeFiles(batch, list(directory, ['link'], true), {})
  await batch.commit()
  checkCache(t, cache, [Buffer.from('a')])
})

t.test('discarded, nothing is left', async t => {
  const { cache, directory, batch } = bench(t, filesPool(t))
  const names = Array.from({ length: 30 }, (_, i) => `f${i}`)
  for (const name of names) writeFileSync(join(directory, name), name)
  writeFileSync(join(directory, 'large'), large(7))
  await storeFiles(batch, list(directory, [...names, 'large']), {})
  batch.addBytes(Buffer.from('bytes'))
  t.ok(temporaries(cache).length > 30)
  batch.discard()
  checkCache(t, cache, [])
  await batch.commit()
  checkCache(t, cache, [])
})

t.test('an aborted commit gives no name, and leaves nothing', async t => {
  const { cache, batch } = bench(t)
  batch.addBytes(Buffer.from('bytes'))
  await t.rejects(batch.commit(AbortSignal.abort()), { code: 'interrupted' })
  checkCache(t, cache, [])
})

t.test('a commit that fails leaves nothing in tmp', async t => {
  const { cache, batch } = bench(t)
  const digest = batch.addBytes(Buffer.from('bytes'))
  symlinkSync('elsewhere', join(cache.root, digest.slice(0, 2)))
  await t.rejects(batch.commit(), { code: 'refused', message: /symbolic link/ })
  t.same(temporaries(cache), [])
})

t.test('a blob that rotted is kept when a good one takes its place', async t => {
  const { cache, directory, batch } = bench(t)
  for (const [name, content] of [
    ['small', 'good'],
    ['large', large(9)],
  ] as const) {
    writeFileSync(join(directory, name), content)
    const blob = blobPath(cache, hashBytes(Buffer.from(content)))
    mkdirSync(join(blob, '..'), { recursive: true })
    writeFileSync(blob, `bad ${name}`)
    await storeFiles(batch, list(directory, [name]), {})
    await batch.commit()
    t.ok(readFileSync(blob).equals(Buffer.from(content)), name)
  }
  const kept = readdirSync(corruptDirectory(cache)).map(name =>
    readFileSync(join(corruptDirectory(cache), name), 'utf8'),
  )
  t.same(kept.sort(), ['bad large', 'bad small'])
})

t.test('a cache that may not be written is named, not the file', { skip: process.getuid?.() === 0 }, async t => {
  const { cache, directory, batch } = bench(t)
  writeFileSync(join(directory, 'a'), 'a')
  mkdirSync(temporaryDirectory(cache), { recursive: true })
  chmodSync(temporaryDirectory(cache), 0o500)
  const { failures } = await storeFiles(batch, list(directory, ['a']), {})
  t.match(failures, [{ error: { code: 'permission', message: new RegExp(`${temporaryDirectory(cache)}$`) } }])
  chmodSync(temporaryDirectory(cache), 0o700)
})

t.test('an error that ends all leaves what discard can find', async t => {
  const { cache, directory, batch } = bench(
    t,
    directPool(() => {
      throw Object.assign(new Error('x'), { code: 'ENOSPC' })
    }),
  )
  writeFileSync(join(directory, 'a'), 'a')
  writeFileSync(join(directory, 'large'), large(8))
  await t.rejects(storeFiles(batch, list(directory, ['a', 'large']), {}), { code: 'no-space' })
  batch.discard()
  checkCache(t, cache, [])
  await t.rejects(storeFiles(batch, list(directory, ['a']), { signal: AbortSignal.abort() }), { code: 'interrupted' })
})
