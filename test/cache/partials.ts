import { linkSync, mkdirSync, readdirSync, readFileSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import t, { type Test } from 'tap'
import { type Cache, removeLeftovers, temporaryDirectory } from '../../lib/cache/cache.js'
import { findPartials, leavePartial, newPartial, takePartial } from '../../lib/cache/partials.js'
import { hashBytes } from '../../lib/sys/hash.js'

const openCache = (t: Test): Cache => ({ root: t.testdir(), fsync: 'off' })
const digest = hashBytes(Buffer.from('large'))
const take = (cache: Cache): string | undefined => takePartial(cache, digest, findPartials(cache).get(digest) ?? [])

/** As a process leaves it that was killed. */
function ofTheDead(path: string): string {
  const [, pid] = /-(\d+)_/.exec(path) ?? []
  return path.replace(`-${pid}_`, '-999999999_')
}

t.test('what a living process works on is not taken', async t => {
  const cache = openCache(t)
  writeFileSync(newPartial(cache, digest), 'mine')
  t.equal(findPartials(cache).size, 0)
  t.equal(take(cache), undefined)
})

t.test('what a dead one left, or a living one gave up, is taken once', async t => {
  const cache = openCache(t)
  writeFileSync(ofTheDead(newPartial(cache, digest)), 'left')
  const other = findPartials(cache).get(digest) ?? []
  const path = take(cache) as string
  t.equal(readFileSync(path, 'utf8'), 'left')
  t.equal(takePartial(cache, digest, other), undefined, 'another had found it too')
  t.equal(take(cache), undefined)
  leavePartial(cache, digest, path)
  t.notOk(readdirSync(temporaryDirectory(cache)).includes(basename(path)))
  t.equal(readFileSync(take(cache) as string, 'utf8'), 'left')
  t.equal(findPartials(cache).get(hashBytes(Buffer.from('other'))), undefined)
})

t.test('of several one is taken and the others go', async t => {
  const cache = openCache(t)
  for (const text of ['a', 'b', 'c']) writeFileSync(ofTheDead(newPartial(cache, digest)), text)
  t.ok(take(cache))
  t.equal(readdirSync(temporaryDirectory(cache)).length, 1)
})

t.test('links are not taken', async t => {
  const cache = openCache(t)
  const tmp = temporaryDirectory(cache)
  mkdirSync(tmp)
  writeFileSync(join(cache.root, 'precious'), 'x')
  symlinkSync('../precious', join(tmp, `partial-${digest}-${'0'.repeat(16)}`))
  linkSync(join(cache.root, 'precious'), join(tmp, `partial-${digest}-${'1'.repeat(16)}`))
  t.equal(take(cache), undefined)
  t.same(readdirSync(tmp), [])
  t.equal(readFileSync(join(cache.root, 'precious'), 'utf8'), 'x')
})

t.test('after a day they are cleared away', async t => {
  const cache = openCache(t)
  const tmp = temporaryDirectory(cache)
  const paths = [newPartial(cache, digest), join(tmp, `partial-${digest}-${'0'.repeat(16)}`)]
  for (const path of paths) writeFileSync(path, '')
  removeLeftovers(tmp)
  t.equal(readdirSync(tmp).length, 2)
  for (const path of paths) utimesSync(path, 1, 1)
  removeLeftovers(tmp)
  t.same(readdirSync(tmp), [])
})
