import t from 'tap'
import { checkKey, checkPrefix, isKey } from '../../lib/remote/key.js'

t.test('keys', async t => {
  for (const key of ['ddv.json', 'packs/48/3b93', 'a', '.a', 'a..b', '...', '-', 'a/tmp', 'tmpx/a', 'x'.repeat(255)]) {
    t.ok(isKey(key), key)
    checkKey(key)
    checkPrefix(`${key}/`)
  }
})

t.test('what is none', async t => {
  for (const key of ['', 'a/', '/a', 'a//b', '.', 'a/..', 'é', 'A', 'a%20', 'a:b', 'tmp', 'tmp/a', 'x'.repeat(256)]) {
    t.notOk(isKey(key), key)
    t.throws(() => checkKey(key), { code: 'bad-path' })
  }
  for (const prefix of ['a', '/', 'a//', '../']) t.throws(() => checkPrefix(prefix), { code: 'bad-path' })
  checkPrefix('')
})
