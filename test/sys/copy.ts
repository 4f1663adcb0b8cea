import { execFileSync } from 'node:child_process'
import {
  appendFileSync,
  existsSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { DdvError } from '../../lib/core/errors.js'
import { copyHashed, hashFileJob, reflink } from '../../lib/sys/copy.js'
import { hashBytes } from '../../lib/sys/hash.js'
import { directPool, filesPool } from '../support/pool.js'

// Of a prime length, so that no two pages are alike.
const pattern = Buffer.from(Uint8Array.from({ length: 8191 }, (_, i) => (i * 31 + (i >> 8)) & 255))
const bytes = (length: number): Buffer => Buffer.alloc(length, pattern)

t.test('the copy, its size and its digest', async t => {
  const directory = t.testdir()
  const pool = filesPool(t)
  for (const length of [0, 1, 4096, 1024 * 1024, 4 * 1024 * 1024, 9_000_001]) {
    const [from, to] = [join(directory, `from${length}`), join(directory, `to${length}`)]
    const content = bytes(length)
    writeFileSync(from, content)
    t.same(await copyHashed(from, to, pool), { digest: hashBytes(content), size: length })
    t.ok(readFileSync(to).equals(content), `${length} bytes`)
  }
})

t.test('what is hashed is the copy, even where the source grows', async t => {
  const directory = t.testdir()
  const [from, to] = [join(directory, 'from'), join(directory, 'to')]
  writeFileSync(from, bytes(10_000_000))
  const timer = setInterval(() => appendFileSync(from, bytes(100_000)), 1)
  t.teardown(() => clearInterval(timer))
  const { digest, size } = await copyHashed(from, to, filesPool(t))
  clearInterval(timer)
  const copy = readFileSync(to)
  t.equal(size, copy.length)
  t.equal(digest, hashBytes(copy))
})

t.test('a source that is cut short under the copy ends it', async t => {
  const directory = t.testdir()
  const [from, to] = [join(directory, 'from'), join(directory, 'to')]
  writeFileSync(from, bytes(30_000_000))
  setTimeout(() => truncateSync(from, 5), 2)
  const { digest, size } = await copyHashed(from, to, filesPool(t))
  const copy = readFileSync(to)
  t.equal(size, copy.length)
  t.equal(digest, hashBytes(copy))
  t.ok(size < 30_000_000, 'it was cut short while it was copied')
})

t.test('an error leaves nothing, and nothing unheard', async t => {
  const directory = t.testdir({ d: {} })
  const to = join(directory, 'to')
  const pool = filesPool(t)
  await t.rejects(copyHashed(join(directory, 'none'), to, pool), { code: 'ENOENT' })
  await t.rejects(copyHashed(join(directory, 'd'), to, pool))
  const late = directPool(async () => {
    await new Promise(resolve => setTimeout(resolve, 100))
    throw new DdvError('io', 'the hasher failed')
  })
  writeFileSync(join(directory, 'from'), bytes(100))
  await t.rejects(copyHashed(join(directory, 'from'), to, late), { message: 'the hasher failed' })
  await t.rejects(copyHashed(join(directory, 'd'), to, late)) // both fail
  const early = directPool(() => {
    throw new DdvError('io', 'the hasher failed')
  })
  await t.rejects(copyHashed(join(directory, 'from'), to, early), { message: 'the hasher failed' })
  await t.rejects(copyHashed(join(directory, 'from'), join(directory, 'no/such'), pool), { code: 'ENOENT' })
  await new Promise(resolve => setTimeout(resolve, 150))
  t.same(readdirSync(directory).sort(), ['d', 'from'])
})

t.test('what is there already stays', async t => {
  const directory = t.testdir({ from: 'new', to: 'old' })
  symlinkSync('elsewhere', join(directory, 'link'))
  const pool = filesPool(t)
  for (const name of ['to', 'link'])
    await t.rejects(copyHashed(join(directory, 'from'), join(directory, name), pool), { code: 'EEXIST' }, name)
  t.equal(readFileSync(join(directory, 'to'), 'utf8'), 'old')
  t.same(readdirSync(directory).sort(), ['from', 'link', 'to'])
})

t.test('reflink tells whether it could', async t => {
  const directory = t.testdir({ from: 'content', there: 'old' })
  const [from, to] = [join(directory, 'from'), join(directory, 'to')]
  const shared = reflink(from, to)
  const type = execFileSync('stat', ['-f', '-c', '%T', directory]).toString().trim()
  if (/^(ext|tmpfs)/.test(type)) t.equal(shared, false, `${type} shares no blocks`)
  t.equal(existsSync(to), shared, 'nothing is left where it could not')
  if (shared) t.equal(readFileSync(to, 'utf8'), 'content')
  t.throws(() => reflink(from, join(directory, 'there')), { code: 'EEXIST' })
  t.equal(readFileSync(join(directory, 'there'), 'utf8'), 'old')
  t.throws(() => reflink(join(directory, 'none'), join(directory, 'x')), { code: 'ENOENT' })
})

t.test('a link is not hashed', async t => {
  const directory = t.testdir({ a: 'x' })
  symlinkSync('a', join(directory, 'link'))
  t.throws(() => hashFileJob.run({ path: join(directory, 'link') }), { code: 'ELOOP' })
})
