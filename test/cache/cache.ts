import { mkdirSync, readdirSync, readFileSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t, { type Test } from 'tap'
import {
  blobPath,
  type Cache,
  corruptDirectory,
  hasBlob,
  newTemporary,
  openPlaces,
  removeLeftovers,
  shardStats,
  temporaryDirectory,
} from '../../lib/cache/cache.js'
import { hashBytes } from '../../lib/sys/hash.js'
import { Staging } from '../../lib/sys/staging.js'

const openCache = (t: Test): Cache => ({ root: t.testdir(), fsync: 'off' })
const digest = hashBytes(Buffer.from('hello'))

t.test('the place of a blob', async t => {
  const cache = openCache(t)
  t.equal(blobPath(cache, digest), join(cache.root, digest.slice(0, 2), digest.slice(2)))
})

t.test('a blob is there when a file of its size has its name', async t => {
  const cache = openCache(t)
  const path = blobPath(cache, digest)
  t.notOk(hasBlob(cache, digest, 5))
  mkdirSync(join(path, '..'))
  t.notOk(hasBlob(cache, digest, undefined))
  symlinkSync('/etc/hostname', path)
  t.notOk(hasBlob(cache, digest, undefined), 'a link is none')
  const other = hashBytes(Buffer.from('other'))
  mkdirSync(blobPath(cache, other), { recursive: true })
  t.notOk(hasBlob(cache, other, undefined), 'a directory is none')
  const third = hashBytes(Buffer.from('third'))
  mkdirSync(join(blobPath(cache, third), '..'), { recursive: true })
  writeFileSync(blobPath(cache, third), 'third')
  t.ok(hasBlob(cache, third, 5))
  t.ok(hasBlob(cache, third, undefined))
  t.notOk(hasBlob(cache, third, 4))
})

t.test('places of many blobs', async t => {
  const cache = openCache(t)
  const find = openPlaces(cache)
  t.equal(find(digest, 5), 'absent')
  mkdirSync(join(blobPath(cache, digest), '..'))
  writeFileSync(blobPath(cache, digest), 'hello')
  t.equal(find(digest, 5), 'absent', 'as it was')
  const later = openPlaces(cache)
  t.same(
    [5, 4].map(size => later(digest, size)),
    ['blob', 'other'],
  )
  t.equal(later(hashBytes(Buffer.from('other')), 5), 'absent')
})

t.test('a file where its shard should be', async t => {
  const cache = openCache(t)
  writeFileSync(join(cache.root, digest.slice(0, 2)), '')
  t.notOk(hasBlob(cache, digest, 5))
})

t.test('temporary names do not meet', async t => {
  const cache = openCache(t)
  const names = new Set(Array.from({ length: 100 }, () => newTemporary(cache)))
  t.equal(names.size, 100)
  for (const name of names) t.equal(join(name, '..'), temporaryDirectory(cache))
  t.same(readdirSync(cache.root), ['tmp'], 'the directory is made, the files are not')
})

t.test('leftovers of yesterday go, those of today and those of others stay', async t => {
  const cache = openCache(t)
  const tmp = temporaryDirectory(cache)
  removeLeftovers(tmp)
  const random = '0123456789abcdef'
  const own = [`12-${random}`, `12-${random}-3`, random, `${random}-0`, `.x.csv.${random}`]
  const foreign = ['thesis', `directory-${random}`]
  mkdirSync(join(tmp, random.replaceAll('0', 'a')), { recursive: true }) // no file
  for (const name of [...own, ...foreign, `13-${random}`]) writeFileSync(join(tmp, name), '')
  const yesterday = Date.now() / 1000 - 25 * 3600
  for (const name of readdirSync(tmp)) if (!name.startsWith('13-')) utimesSync(join(tmp, name), yesterday, yesterday)
  removeLeftovers(tmp)
  t.same(readdirSync(tmp).sort(), [`13-${random}`, random.replaceAll('0', 'a'), ...foreign].sort())
})

t.test('of the directories in which a killed process gathered files', async t => {
  const tmp = t.testdir()
  for (const age of ['young', 'old']) {
    const file = new Staging(tmp).path(`/x/${age}`)
    writeFileSync(file, age)
    if (age === 'old') for (const path of [file, dirname(file), dirname(dirname(file))]) utimesSync(path, 1, 1)
  }
  mkdirSync(join(tmp, 'staging-of-others'))
  utimesSync(join(tmp, 'staging-of-others'), 1, 1)
  removeLeftovers(tmp)
  const left = readdirSync(tmp, { recursive: true, withFileTypes: true })
  t.same(
    left.filter(entry => entry.isFile()).map(({ name }) => name),
    ['young'],
  )
  t.equal(readdirSync(tmp).length, 2)
})

t.test('leftovers are not looked for through a link', async t => {
  const directory = t.testdir({ victim: { [`1-${'0'.repeat(16)}`]: 'precious' } })
  const file = join(directory, 'victim', `1-${'0'.repeat(16)}`)
  utimesSync(file, 1, 1)
  symlinkSync('victim', join(directory, 'tmp'))
  removeLeftovers(join(directory, 'tmp'))
  t.equal(readFileSync(file, 'utf8'), 'precious')
})

t.test('the stats of the shards change whenever a blob comes or goes', async t => {
  const cache = openCache(t)
  const empty = shardStats(cache)
  t.equal(empty.newest, 0n)
  mkdirSync(join(cache.root, 'ab'))
  const made = shardStats(cache)
  t.notSame([...made.stats], [...empty.stats])
  t.ok(made.newest > 0n)
  t.same(shardStats(cache), made)
  await new Promise(resolve => setTimeout(resolve, 12))
  writeFileSync(join(cache.root, 'ab/x'), '')
  const filled = shardStats(cache)
  t.notSame([...filled.stats], [...made.stats])
  t.ok(filled.newest > made.newest)
  mkdirSync(join(cache.root, 'tmp'))
  t.same(shardStats(cache), filled, 'what is no shard does not count')
  t.equal(corruptDirectory(cache), join(cache.root, 'corrupt'))
})
