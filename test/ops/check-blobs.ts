import { mkdirSync } from 'node:fs'
import t from 'tap'
import { checkBlobs } from '../../lib/ops/check-blobs.js'
import { digestOf, makeWorkspace, setAside } from '../support/workspace.js'

t.test('good, missing, corrupt, no file at all', async t => {
  const w = await makeWorkspace(t, {
    files: { 'd/a': 'aaaa', 'd/b': 'bbbb', 'd/c': 'cccc', 'd/big': Buffer.alloc(9_000_000) },
  })
  await w.add('d')
  w.corrupt(digestOf('aaaa'))
  w.remove(`.cache/${digestOf('bbbb').slice(0, 2)}/${digestOf('bbbb').slice(2)}`)
  mkdirSync(w.blob(digestOf('bbbb')))
  const asked = ['aaaa', 'bbbb', 'cccc', 'none', Buffer.alloc(9_000_000)].map(digestOf)
  const { faults, sizes } = await checkBlobs(await w.project(), asked, {})
  t.same(
    [...faults].map(([digest, { code }]) => [digest, code]).sort(),
    [
      [digestOf('aaaa'), 'corrupt'],
      [digestOf('bbbb'), 'corrupt'],
      [digestOf('none'), 'missing'],
    ].sort(),
  )
  t.same(
    [...sizes],
    [
      [digestOf('cccc'), 4],
      [digestOf(Buffer.alloc(9_000_000)), 9_000_000],
    ],
  )
  t.same(setAside(w.root), [], 'nothing is moved')
})
