import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { openRemote } from '../../lib/remote/open.js'
import { answerWith, openFaultServer, s3Error } from '../support/fault-server.js'
import { setTestCredentials } from '../support/s3-server.js'

setTestCredentials()
const name = 'origin'

t.test('a relative path is relative to the workspace, and shown as typed', async t => {
  const root = t.testdir({ workspace: {} })
  const workspace = join(root, 'workspace')
  for (const [url, path] of [
    ['../store', 'store'],
    [`file://${root}/other`, 'other'],
    [join(root, 'third'), 'third'],
  ] as const) {
    const remote = await openRemote({ name, url }, { root: workspace, write: true, fsync: false })
    t.equal(remote.url, url)
    t.notOk(existsSync(join(root, path)), 'opening makes nothing')
    await remote.put('ddv.json', Buffer.from('{}'))
    t.equal(readFileSync(join(root, path, 'ddv.json'), 'utf8'), '{}')
    await remote.close()
  }
  const reader = await openRemote({ name, url: 'absent' }, { root })
  await t.rejects(reader.stat('ddv.json'), { code: 'remote', message: /does not exist/ })
})

t.test('a bad configuration is found before anything is asked', async t => {
  const bad = [
    { url: 'https://host' },
    { url: 's3://' },
    { url: 's3://bucket', endpoint: 'http://store.example' },
    { url: 's3://bucket', region: 'a.b/c' },
    { url: 's3://bucket', region: '' },
  ]
  for (const config of bad) await t.rejects(openRemote({ name, ...config }, { root: '/' }), { code: 'bad-config' })
})

t.test('S3, with retries that are told', async t => {
  const faulty = await openFaultServer()
  t.teardown(() => faulty.close())
  const events: unknown[] = []
  const options = { root: '/', retry: { firstWait: 1 }, onEvent: (event: unknown) => events.push(event) }
  const remote = await openRemote({ name, url: 's3://bucket/x', endpoint: faulty.endpoint }, options)
  faulty.answer(s3Error(503, 'SlowDown'), s3Error(500, 'InternalError'), answerWith(200, { etag: '"0"' }))
  await remote.put('ddv.json', Buffer.from('{}'))
  t.match(
    faulty.seen.map(seen => seen.path.split('?')[0]),
    ['/bucket/x/ddv.json', '/bucket/x/ddv.json', '/bucket/x/ddv.json'],
  )
  t.match(events, [
    { type: 'retry', what: 'put ddv.json', attempt: 1 },
    { type: 'retry', what: 'put ddv.json', attempt: 2 },
  ])

  faulty.answer(s3Error(503, 'SlowDown'))
  await t.rejects(remote.list('')[Symbol.asyncIterator]().next(), { message: /^after 6 tries: / })
  t.equal(faulty.seen.length, 6, 'a page is not tried 6 × 6 times')

  faulty.answer(s3Error(403, 'AccessDenied'))
  await t.rejects(remote.get('ddv.json', { maxBytes: 10 }), { code: 'remote', message: /^access denied/ })
  t.equal(faulty.seen.length, 1)
  await remote.close()
})
