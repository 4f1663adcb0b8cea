import { chmodSync, existsSync, lstatSync, readdirSync, readFileSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { makeDirectoryDurable, syncDirectory, writeFileAtomic, writeNewFile } from '../../lib/sys/fs.js'

const mode = (file: string): number => lstatSync(file).mode & 0o777

t.test('makes and replaces a file, leaving nothing else', async t => {
  const directory = t.testdir()
  const file = join(directory, 'x')
  for (const durable of [true, false]) {
    writeFileAtomic(file, 'one', { durable })
    t.equal(readFileSync(file, 'utf8'), 'one')
    writeFileAtomic(file, Buffer.from([0, 255]), { durable })
    t.same([...readFileSync(file)], [0, 255])
  }
  t.same(readdirSync(directory), ['x'])
})

t.test('modes are those of a new file under the umask', async t => {
  const directory = t.testdir()
  const before = process.umask(0o027)
  t.teardown(() => process.umask(before))
  writeFileAtomic(join(directory, 'a'), '')
  writeFileAtomic(join(directory, 'b'), '', { mode: 0o600 })
  writeFileAtomic(join(directory, 'c'), '', { mode: 0o777 })
  t.same(
    ['a', 'b', 'c'].map(name => mode(join(directory, name))),
    [0o640, 0o600, 0o750],
  )
})

t.test('on an error the old file stands and no temporary one is left', async t => {
  const directory = t.testdir({ target: { inside: '' }, tmp: {} })
  t.throws(() => writeFileAtomic(join(directory, 'target'), 'x'), { code: 'EISDIR' })
  t.throws(() => writeFileAtomic(join(directory, 'target'), 'x', { temporary: join(directory, 'tmp') }))
  t.same(readdirSync(directory).sort(), ['target', 'tmp'])
  t.same(readdirSync(join(directory, 'tmp')), [])
  t.throws(() => writeFileAtomic(join(directory, 'none/x'), 'x'), { code: 'ENOENT' })
})

t.test('a link is replaced, not written through', async t => {
  const directory = t.testdir({ secret: 'secret' })
  symlinkSync('secret', join(directory, 'link'))
  writeFileAtomic(join(directory, 'link'), 'new')
  t.equal(readFileSync(join(directory, 'secret'), 'utf8'), 'secret')
  t.notOk(lstatSync(join(directory, 'link')).isSymbolicLink())
})

t.test('the longest name', async t => {
  const file = join(t.testdir(), 'é'.repeat(127))
  writeFileAtomic(file, 'x')
  t.equal(readFileSync(file, 'utf8'), 'x')
})

t.test('a new file is refused where something is', async t => {
  const directory = t.testdir({ there: 'old' })
  symlinkSync('nowhere', join(directory, 'link'))
  for (const name of ['there', 'link'])
    t.throws(() => writeNewFile(join(directory, name), 'x'), { code: 'EEXIST' }, name)
  t.equal(readFileSync(join(directory, 'there'), 'utf8'), 'old')
  t.notOk(existsSync(join(directory, 'nowhere')))
})

t.test('directories', async t => {
  const directory = t.testdir({ file: '' })
  makeDirectoryDurable(join(directory, 'a/b/c'))
  makeDirectoryDurable(join(directory, 'a/b/c'))
  t.ok(lstatSync(join(directory, 'a/b/c')).isDirectory())
  t.throws(() => makeDirectoryDurable(join(directory, 'file/x')))
  syncDirectory(directory)
  t.throws(() => syncDirectory(join(directory, 'none')), { code: 'ENOENT' })
})

t.test(
  'read-only directories are an error, not a loss',
  { skip: process.getuid?.() === 0 && 'root may write' },
  async t => {
    const directory = t.testdir({ d: { x: 'old' } })
    chmodSync(join(directory, 'd'), 0o555)
    t.teardown(() => chmodSync(join(directory, 'd'), 0o755))
    t.throws(() => writeFileAtomic(join(directory, 'd/x'), 'new'), { code: 'EACCES' })
    t.equal(readFileSync(join(directory, 'd/x'), 'utf8'), 'old')
  },
)
