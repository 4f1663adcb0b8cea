import { spawnSync } from 'node:child_process'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { openDirectoryRemote } from '../../lib/remote/directory.js'
import { listAll, testRemoteContract } from '../support/remote-contract.js'

const maxBytes = 1_000_000
const day = 86_400_000
const fsync = false

t.test('contract, with fsync, in a directory that is not there yet', async t => {
  testRemoteContract(t, {
    open: async t => openDirectoryRemote(join(t.testdir(), 'new'), { fsync: true, write: true }),
  })
})

t.test('contract, without fsync, in an empty directory', async t => {
  testRemoteContract(t, { open: async t => openDirectoryRemote(t.testdir(), { fsync }) })
})

t.test('a root that is not there', async t => {
  const path = join(t.testdir(), 'absent')
  const missing = { code: 'remote', message: `remote directory does not exist: ${path}` }
  const reader = openDirectoryRemote(path, { fsync })
  await t.rejects(reader.stat('ddv.json'), missing)
  await t.rejects(reader.get('ddv.json', { maxBytes }), missing)
  await t.rejects(listAll(reader), missing)
  await t.rejects(reader.remove('ddv.json'), missing)
  await t.rejects(reader.put('ddv.json', Buffer.from('{}')), missing)
  t.notOk(existsSync(path))

  const writer = openDirectoryRemote(path, { fsync, write: true })
  t.equal(await writer.stat('ddv.json'), undefined)
  t.strictSame(await listAll(writer), [])
  t.notOk(existsSync(path), 'only a put makes it')
  await writer.put('ddv.json', Buffer.from('{}'))
  t.equal(readFileSync(join(path, 'ddv.json'), 'utf8'), '{}')
  t.strictSame(
    (await listAll(reader)).map(e => e.key),
    ['ddv.json'],
    'the reader finds it once it is there',
  )
})

t.test('a root whose parent is not there is not made', async t => {
  const path = join(t.testdir(), 'absent', 'remote')
  const writer = openDirectoryRemote(path, { fsync, write: true })
  await t.rejects(writer.stat('ddv.json'), { code: 'remote' })
  await t.rejects(writer.put('ddv.json', Buffer.from('{}')), { code: 'remote' })
})

t.test('a root that goes away later is an error, not a remote without objects', async t => {
  const path = join(t.testdir(), 'remote')
  await openDirectoryRemote(path, { fsync, write: true }).put('ddv.json', Buffer.from('{}'))
  const reader = openDirectoryRemote(path, { fsync })
  t.ok(await reader.stat('ddv.json'))
  rmSync(path, { recursive: true })
  await t.rejects(reader.get('packs/00/aa', { maxBytes }), { code: 'remote' })
})

t.test('a root that is a file', async t => {
  const path = join(t.testdir({ file: 'x' }), 'file')
  const writer = openDirectoryRemote(path, { fsync, write: true })
  await t.rejects(writer.put('ddv.json', Buffer.from('{}')), { code: 'remote' })
  await t.rejects(writer.get('ddv.json', { maxBytes }), { code: 'remote' })
})

t.test('a directory that holds something else is refused, and left as it is', async t => {
  const path = t.testdir({ 'thesis.tex': 'x', tmp: { mine: 'y' } })
  const writer = openDirectoryRemote(path, { fsync, write: true })
  await t.rejects(writer.put('ddv.json', Buffer.from('{}')), { code: 'remote', hint: /empty directory/ })
  t.strictSame(readdirSync(path).sort(), ['thesis.tex', 'tmp'])
  writeFileSync(join(path, 'ddv.json'), '{}')
  await writer.put('packs/00/aa', Buffer.from('x'))
  t.equal(readFileSync(join(path, 'tmp/mine'), 'utf8'), 'y')
})

t.test('temporary files: never listed, gone after an error, cleaned up after a day', async t => {
  const path = t.testdir({ 'ddv.json': '{}', tmp: {} })
  const old = join(path, 'tmp/put-0123456789abcdef')
  const young = join(path, 'tmp/put-0123456789abcdee')
  const foreign = join(path, 'tmp/notes')
  for (const file of [old, young, foreign]) writeFileSync(file, 'half')
  for (const file of [old, foreign]) utimesSync(file, new Date(), new Date(Date.now() - 2 * day))
  const remote = openDirectoryRemote(path, { fsync, write: true })
  t.strictSame(
    (await listAll(remote)).map(e => e.key),
    ['ddv.json'],
  )
  t.ok(existsSync(old), 'reading cleans nothing up')
  mkdirSync(join(path, 'packs/00/aa'), { recursive: true })
  await t.rejects(remote.put('packs/00/aa', Buffer.from('x')), { code: 'io' }, 'a directory is in the way')
  t.strictSame(readdirSync(join(path, 'tmp')).sort(), ['notes', 'put-0123456789abcdee'])
})

t.test('an interrupted put leaves neither object nor temporary file', async t => {
  const path = t.testdir()
  const remote = openDirectoryRemote(path, { fsync, write: true })
  const controller = new AbortController()
  const put = remote.put('ddv.json', Buffer.alloc(8_000_000), { signal: controller.signal })
  setImmediate(() => controller.abort())
  await t.rejects(put, { code: 'interrupted' })
  t.strictSame(await listAll(remote), [])
  t.strictSame(readdirSync(join(path, 'tmp')), [])
})

t.test('a full disk and a lost permission are named', { skip: process.platform !== 'linux' }, async t => {
  const full = openDirectoryRemote('/dev/full', { fsync, write: true })
  await t.rejects(full.put('ddv.json', Buffer.from('{}')), { code: 'remote' })
  if (process.getuid?.() === 0) return t.comment('root may write everywhere: permissions not tested')
  const path = t.testdir({ 'ddv.json': '{}' })
  chmodSync(path, 0o500)
  const remote = openDirectoryRemote(path, { fsync, write: true })
  t.ok(await remote.stat('ddv.json'), 'read all the same, with the local clock')
  await t.rejects(remote.put('packs/00/aa', Buffer.from('x')), { code: 'permission' })
  chmodSync(path, 0o700)
})

t.test('what is no regular file, or no key, is no object', { skip: process.platform === 'win32' }, async t => {
  const path = t.testdir({ 'ddv.json': '{}', packs: { '00': { aa: 'x', 'B~': 'x', 'c.tmp_': 'x' } } })
  writeFileSync(join(t.testdirName, '..', 'outside-of-remote'), 'secret')
  t.teardown(() => rmSync(join(t.testdirName, '..', 'outside-of-remote'), { force: true }))
  symlinkSync('../../../outside-of-remote', join(path, 'packs/00/link'))
  t.equal(spawnSync('mkfifo', [join(path, 'packs/00/pipe')]).status, 0)
  const remote = openDirectoryRemote(path, { fsync })
  t.strictSame(
    (await listAll(remote)).map(e => e.key),
    ['ddv.json', 'packs/00/aa'],
  )
  for (const key of ['packs/00/link', 'packs/00/pipe']) {
    t.equal(await remote.stat(key), undefined, key)
    t.equal(await remote.get(key, { maxBytes }), undefined, key)
  }
})

t.test("ages are by the file system's clock", async t => {
  const path = t.testdir({ 'ddv.json': '{}' })
  utimesSync(join(path, 'ddv.json'), new Date(), new Date(Date.now() - 3 * day))
  const ahead = openDirectoryRemote(path, { fsync, write: true, now: () => Date.now() + 5 * day })
  const age = (await ahead.stat('ddv.json'))?.age ?? 0
  t.ok(Math.abs(age - 3 * day) < 60_000, `${age} ms by a client whose clock is five days ahead`)
  t.strictSame(readdirSync(join(path, 'tmp')), [], 'the probe is gone')
  t.equal((await listAll(ahead))[0]?.key, 'ddv.json')
  const reading = openDirectoryRemote(t.testdir({ 'ddv.json': '{}' }), { fsync })
  await reading.stat('ddv.json')
  t.notOk(existsSync(join(t.testdirName, 'tmp')), 'a reader writes no probe')
})

t.test('thousands at once do not run out of open files', async t => {
  const remote = openDirectoryRemote(join(t.testdir(), 'many'), { fsync, write: true })
  await remote.put('ddv.json', Buffer.from('{}'))
  const keys = Array.from({ length: 5000 }, (_, i) => `packs/${i % 10}/${i}`)
  await Promise.all(keys.map(key => remote.put(key, Buffer.from(key))))
  const got = await Promise.all(keys.map(key => remote.get(key, { maxBytes })))
  t.strictSame(
    got.map(object => object?.bytes.toString()),
    keys,
  )
  t.equal((await listAll(remote, 'packs/')).length, 5000)
})
