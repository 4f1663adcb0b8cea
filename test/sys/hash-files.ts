import { appendFileSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import type { Event } from '../../lib/core/events.js'
import { hashBytes } from '../../lib/sys/hash.js'
import { type FileDigests, type FileList, hashFiles, sizeOfRow } from '../../lib/sys/hash-files.js'
import { statFilesJob, statWidth } from '../../lib/sys/stats.js'
import { directPool, filesPool } from '../support/pool.js'

const list = (directory: string, names: string[], follow = false): FileList => ({
  directory,
  names,
  stats: statFilesJob.run({ directory, names: names.join('\0'), follow }),
  follow,
})
const digestOf = ({ digests }: FileDigests, row: number): string => digests.toString('hex', row * 32, row * 32 + 32)

t.test('few files here, many on threads, large ones by themselves', async t => {
  const directory = t.testdir()
  const pool = filesPool(t)
  const names = ['large', ...Array.from({ length: 700 }, (_, i) => `file ${i}`)]
  const content = (name: string): Buffer => Buffer.alloc(name === 'large' ? 9_000_000 : name.length % 7, name)
  for (const name of names) writeFileSync(join(directory, name), content(name))
  for (const some of [names.slice(0, 3), names]) {
    const events: Event[] = []
    const result = await hashFiles(list(directory, some), pool, { onEvent: event => events.push(event) })
    t.same(result.failures, [])
    some.forEach((name, row) => {
      if (digestOf(result, row) !== hashBytes(content(name))) t.fail(name)
    })
    const done = events.filter(event => event.type === 'done' && event.phase === 'hash') as {
      files: number
      bytes: number
    }[]
    t.equal(
      done.reduce((sum, event) => sum + event.files, 0),
      some.length,
      'files told',
    )
    t.equal(
      done.reduce((sum, event) => sum + event.bytes, 0),
      some.reduce((sum, name) => sum + content(name).length, 0),
      'bytes told',
    )
  }
})

t.test('a file output has no name of its own', async t => {
  const path = join(t.testdir({ x: 'hello' }), 'x')
  const stats = statFilesJob.run({ directory: join(path, '..'), names: 'x' })
  const result = await hashFiles({ directory: path, names: [''], stats, follow: false }, directPool(), {})
  t.equal(digestOf(result, 0), hashBytes(Buffer.from('hello')))
})

t.test('a file that fails fails alone, with its path', async t => {
  const directory = t.testdir({ a: 'a', b: 'b', 'odd\nname': 'x' })
  symlinkSync('a', join(directory, 'link'))
  mkdirSync(join(directory, 'd'))
  const names = ['a', 'none', 'odd\ngone', 'link', 'd', 'b']
  const result = await hashFiles(list(directory, names), directPool(), {})
  t.same(result.failures.map(failure => failure.name).sort(), ['d', 'link', 'none', 'odd\ngone'])
  for (const { name, error } of result.failures)
    t.ok(error.message.endsWith(`: ${join(directory, name).replace('\n', '\\n')}`), error.message)
  t.equal(digestOf(result, 1), '0'.repeat(64), 'no digest where it failed')
  t.equal(digestOf(result, 5), hashBytes(Buffer.from('b')))
})

t.test('a large file that cannot be read, or vanishes on the way, fails alone', async t => {
  const directory = t.testdir({ a: 'a' })
  const files = list(directory, ['gone', 'a'])
  files.stats[0] = 9_000_000n
  const result = await hashFiles(files, filesPool(t), {})
  t.same(
    result.failures.map(({ name, error }) => [name, error.code]),
    [['gone', 'io']],
  )
})

t.test('a large file that grows while it is read is changed', async t => {
  const directory = t.testdir()
  writeFileSync(join(directory, 'large'), Buffer.alloc(9_000_000))
  const growing = directPool(() => appendFileSync(join(directory, 'large'), 'x'))
  const result = await hashFiles(list(directory, ['large']), growing, {})
  t.same(
    result.failures.map(({ name, error }) => [name, error.code]),
    [['large', 'changed']],
  )
})

t.test('the stats are those of the reading, not of the listing', async t => {
  const directory = t.testdir({ a: 'a' })
  const files = list(directory, ['a'])
  writeFileSync(join(directory, 'a'), 'longer')
  const result = await hashFiles(files, directPool(), {})
  t.equal(sizeOfRow(result.stats, 0), 6)
  t.equal(digestOf(result, 0), hashBytes(Buffer.from('longer')))
  t.same([...result.stats], [...statFilesJob.run({ directory, names: 'a' })].slice(0, statWidth))
})

t.test('follows links when told', async t => {
  const directory = t.testdir({ a: 'hello' })
  symlinkSync('a', join(directory, 'link'))
  const result = await hashFiles(list(directory, ['link'], true), directPool(), {})
  t.equal(digestOf(result, 0), hashBytes(Buffer.from('hello')))
})

t.test('an abort ends it', async t => {
  const directory = t.testdir({ a: 'a' })
  await t.rejects(hashFiles(list(directory, ['a']), directPool(), { signal: AbortSignal.abort() }), {
    code: 'interrupted',
  })
})

t.test('a full disk, or what is no error of a file, ends all', async t => {
  const directory = t.testdir()
  writeFileSync(join(directory, 'large'), Buffer.alloc(9_000_000))
  const failing = (error: Error) =>
    directPool(() => {
      throw error
    })
  const full = Object.assign(new Error('x'), { code: 'ENOSPC' })
  await t.rejects(hashFiles(list(directory, ['large']), failing(full), {}), { code: 'no-space', hint: /room/ })
  await t.rejects(hashFiles(list(directory, ['large']), failing(new TypeError('a bug')), {}), { message: 'a bug' })
})
