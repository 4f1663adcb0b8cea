import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { blobPath, type Cache, corruptDirectory } from '../../lib/cache/cache.js'
import { setAside } from '../../lib/cache/quarantine.js'
import { hashBytes } from '../../lib/sys/hash.js'

t.test('a blob that is whole stays: it is the pointer that expects another size', async t => {
  const cache: Cache = { root: t.testdir(), fsync: 'off' }
  const digest = hashBytes(Buffer.from('good'))
  mkdirSync(join(blobPath(cache, digest), '..'))
  writeFileSync(blobPath(cache, digest), 'good')
  t.match(setAside(cache, digest), { code: 'bad-pointer', hint: /restore/ })
  t.equal(readFileSync(blobPath(cache, digest), 'utf8'), 'good')
})

t.test('a corrupt blob is kept, but no longer under its name', async t => {
  const cache: Cache = { root: t.testdir(), fsync: 'off' }
  const digest = hashBytes(Buffer.from('good'))
  const blob = blobPath(cache, digest)
  mkdirSync(join(blob, '..'))
  for (const content of ['bad', 'bad again']) {
    writeFileSync(blob, content)
    const error = setAside(cache, digest)
    t.match(error, { code: 'corrupt', message: new RegExp(`${digest}$`), hint: /ddv pull.*ddv add/ })
    t.notOk(existsSync(blob))
  }
  const kept = readdirSync(corruptDirectory(cache))
  t.equal(kept.length, 2, 'both')
  t.ok(kept.every(name => name.startsWith(digest)))
  t.same(kept.map(name => readFileSync(join(corruptDirectory(cache), name), 'utf8')).sort(), ['bad', 'bad again'])
  t.match(setAside(cache, digest), { code: 'corrupt' }, 'another was faster')
})
