import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { openDirectoryLake } from '../../lib/remote/lake-directory.js'
import { at, listLake, readLake, source, testLakeContract } from '../support/lake-contract.js'

const fsync = false

t.test('contract, with fsync, in a directory that is not there yet', async t => {
  testLakeContract(t, { open: async t => openDirectoryLake(join(t.testdir(), 'new'), { fsync: true }) })
})

t.test('contract, in a directory that holds other things', async t => {
  testLakeContract(t, { open: async t => openDirectoryLake(t.testdir({ 'README.md': 'x' }), { fsync }) })
})

t.test('what is written is a plain file under its name, and nothing else', async t => {
  const root = join(t.testdir(), 'lake')
  const lake = openDirectoryLake(root, { fsync })
  await lake.put(at('raw/a b/x.csv'), source('1,2\n'))
  t.equal(readFileSync(join(root, 'raw/a b/x.csv'), 'utf8'), '1,2\n')
  t.same(readdirSync(root).sort(), ['.ddv-lake', 'raw'])
  t.same(readdirSync(join(root, '.ddv-lake/tmp')), [])
  await lake.put(at('raw/y.csv'), source('y'))
  await lake.remove(at('raw/a b/x.csv'), { top: at('raw/a b') })
  t.same(readdirSync(join(root, 'raw')), ['y.csv'], 'the directory went with it')
  await lake.remove(at('raw/y.csv'), { top: at('raw/y.csv') })
  t.same(readdirSync(join(root, 'raw')), [], 'one above it stays')
})

t.test('a place that is not there', async t => {
  const root = join(t.testdir(), 'absent/lake')
  const lake = openDirectoryLake(root, { fsync })
  const missing = { code: 'remote', message: `the lake's directory does not exist: ${root}` }
  await t.rejects(lake.stat(at('x')), missing)
  await t.rejects(lake.get(at('x'), { offset: 0, length: 1 }), missing)
  await t.rejects(lake.put(at('x'), source('x')), missing)
  await t.rejects(listLake(lake, 'x'), missing)
  await t.rejects(lake.remove(at('x')), missing)
  t.notOk(existsSync(root))
  const file = openDirectoryLake(join(t.testdir({ file: 'x' }), 'file'), { fsync })
  await t.rejects(file.put(at('x'), source('x')), { code: 'remote', message: /not a directory/ })
})

t.test('whatever somebody does to a file shows in its version', async t => {
  const root = t.testdir()
  const lake = openDirectoryLake(root, { fsync })
  const { version } = await lake.put(at('x'), source('one'))
  t.equal((await lake.stat(at('x')))?.version, version)
  const then = new Date(Date.now() - 60_000)
  utimesSync(join(root, 'x'), then, then)
  const touched = (await lake.stat(at('x')))?.version
  t.not(touched, version)
  writeFileSync(join(root, 'x'), 'two')
  utimesSync(join(root, 'x'), then, then)
  t.not((await lake.stat(at('x')))?.version, touched, 'the time of its change is nobody’s to set')
})

t.test('links and directories of strangers', async t => {
  const outside = t.testdir({ out: { 'x.csv': 'mine' }, lake: { raw: {} } })
  const root = join(outside, 'lake')
  const lake = openDirectoryLake(root, { fsync })
  symlinkSync(join(outside, 'out'), join(root, 'linked'))
  symlinkSync(join(outside, 'out/x.csv'), join(root, 'raw/x.csv'))
  t.equal(await lake.stat(at('linked/x.csv')), undefined)
  t.equal(await readLake(lake, 'linked/x.csv'), undefined)
  t.equal(await lake.stat(at('raw/x.csv')), undefined)
  t.equal(await readLake(lake, 'raw/x.csv'), undefined)
  t.same(await listLake(lake, 'linked'), [])
  t.same(await listLake(lake, 'raw'), [])
  await t.rejects(lake.put(at('linked/x.csv'), source('x')), { code: 'bad-path' })
  await lake.remove(at('linked/x.csv'), { top: at('linked') })
  await lake.put(at('raw/x.csv'), source('ddv'))
  t.equal(readFileSync(join(outside, 'out/x.csv'), 'utf8'), 'mine', 'a link gives way, and is not followed')
  t.equal(readFileSync(join(root, 'raw/x.csv'), 'utf8'), 'ddv')
  mkdirSync(join(root, 'raw/directory'))
  await t.rejects(lake.put(at('raw/directory'), source('x')))
  await t.rejects(lake.put(at('raw/x.csv/y'), source('x')), { code: 'bad-path', message: /a directory is needed/ })
  t.same(readdirSync(join(root, '.ddv-lake/tmp')), [])

  const other = t.testdir({ out: {}, lake: {} })
  symlinkSync(join(other, 'out'), join(other, 'lake/.ddv-lake'))
  await t.rejects(openDirectoryLake(join(other, 'lake'), { fsync }).put(at('x'), source('x')), { code: 'bad-path' })
  t.same(readdirSync(join(other, 'out')), [])
})

t.test('what a crash left is cleared by a later put, once it is old', async t => {
  const root = t.testdir({
    '.ddv-lake': { tmp: { 'put-0123456789abcdef': 'old', 'put-fedcba9876543210': 'new', mine: 'x' } },
  })
  const own = join(root, '.ddv-lake/tmp')
  const longAgo = new Date(Date.now() - 2 * 86_400_000)
  for (const name of ['put-0123456789abcdef', 'mine']) utimesSync(join(own, name), longAgo, longAgo)
  await openDirectoryLake(root, { fsync }).put(at('x'), source('x'))
  t.same(readdirSync(own).sort(), ['mine', 'put-fedcba9876543210'])
})
