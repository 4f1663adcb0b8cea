import t from 'tap'
import { listBlobs } from '../../lib/cache/list.js'
import { digestOf, writeFiles } from '../support/workspace.js'

t.test('blobs alone, in order', async t => {
  const root = t.testdir()
  t.same([...listBlobs({ root: `${root}/none`, fsync: 'off' })], [])
  const digests = ['1', '2', '3'].map(digestOf).sort()
  const blobs = digests.map(digest => [`${digest.slice(0, 2)}/${digest.slice(2)}`, ''])
  writeFiles(root, {
    ...Object.fromEntries(blobs),
    'tmp/x': '',
    [`corrupt/${digests[0]}-1`]: '',
    'ab/short': '',
    ff: '',
  })
  t.same([...listBlobs({ root, fsync: 'off' })], digests)
})
