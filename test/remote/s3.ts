import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import { createRequire } from 'node:module'
import { type AddressInfo, createServer as createTcpServer } from 'node:net'
import t, { type Test } from 'tap'
import type { DdvError } from '../../lib/core/errors.js'
import { openRemote } from '../../lib/remote/open.js'
import { openS3Remote } from '../../lib/remote/s3.js'
import type { S3Options } from '../../lib/remote/s3-client.js'
import { findTransient } from '../../lib/remote/transient.js'
import {
  type Answer,
  answerWith,
  type FaultServer,
  objectHeaders,
  openFaultServer,
  passOn,
  s3Error,
} from '../support/fault-server.js'
import { listAll, testRemoteContract } from '../support/remote-contract.js'
import { findS3Server, noS3Server } from '../support/s3-server.js'

const maxBytes = 64 * 1024 * 1024
const server = findS3Server()
const skip = server === undefined ? noS3Server : false
const timeouts = { connect: 2000, idle: 1000, request: 4000 }

const open = (endpoint: string, options: Partial<S3Options> = {}) =>
  openS3Remote({ url: 's3://bucket/data', bucket: 'bucket', prefix: 'data/', endpoint, timeouts, ...options })

async function errorOf(act: Promise<unknown>): Promise<DdvError> {
  const error = await act.then(
    () => new Error('no error'),
    (reason: unknown) => reason,
  )
  return error as DdvError
}

async function faults(t: Test): Promise<FaultServer> {
  const faulty = await openFaultServer()
  t.teardown(() => faulty.close())
  return faulty
}

t.test('contract, with a prefix, against a real server', { skip }, async t => {
  if (server === undefined) return
  const bucket = await server.makeBucket()
  let next = 0
  testRemoteContract(t, {
    open: async () => openS3Remote({ url: '', bucket, prefix: `a b/${next++}/`, endpoint: server.endpoint }),
  })
})

t.test('contract, at the top of a bucket, through openRemote', { skip }, async t => {
  if (server === undefined) return
  const open = async () =>
    openRemote({ name: 'r', url: `s3://${await server.makeBucket()}`, endpoint: server.endpoint }, { root: '/' })
  testRemoteContract(t, { open, large: 100_000 })
})

t.test('listings of several pages, and of what others keep there', { skip }, async t => {
  if (server === undefined) return
  const bucket = await server.makeBucket()
  const all = openS3Remote({ url: '', bucket, prefix: '', endpoint: server.endpoint })
  const remote = openS3Remote({ url: '', bucket, prefix: 'data/', endpoint: server.endpoint })
  const keys = Array.from({ length: 2345 }, (_, i) => `packs/${String(i).padStart(4, '0')}`)
  for (let at = 0; at < keys.length; at += 100)
    await Promise.all(keys.slice(at, at + 100).map(key => remote.put(key, Buffer.from('x'))))
  await all.put('database/x', Buffer.from('x'))
  const foreign = openS3Remote({ url: '', bucket, prefix: 'data/packs/Not A Key/', endpoint: server.endpoint })
  await foreign.put('x', Buffer.from('x'))
  t.strictSame(
    (await listAll(remote)).map(e => e.key),
    keys,
  )
  await Promise.all([all, remote, foreign].map(r => r.close()))
})

// s3rver checks no signatures and cannot list more than a page on newer versions of Node: good for this, and no proof.
t.test('smoke, against s3rver', async t => {
  const S3rver = createRequire(import.meta.url)('s3rver') as new (
    options: object,
  ) => {
    run(): Promise<AddressInfo>
    close(): Promise<void>
  }
  const buckets = [{ name: 'bucket' }]
  const small = new S3rver({
    address: '127.0.0.1',
    port: 0,
    silent: true,
    directory: t.testdir(),
    configureBuckets: buckets,
  })
  const { port } = await small.run()
  t.teardown(() => small.close())
  const { AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY } = process.env
  t.teardown(() => Object.assign(process.env, { AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY }))
  Object.assign(process.env, { AWS_ACCESS_KEY_ID: 'S3RVER', AWS_SECRET_ACCESS_KEY: 'S3RVER' })
  const remote = open(`http://127.0.0.1:${port}`)
  await remote.put('packs/00/aa', Buffer.from('0123456789'))
  t.equal((await remote.stat('packs/00/aa'))?.size, 10)
  t.equal((await remote.get('packs/00/aa', { maxBytes: 5, offset: 2, length: 5 }))?.bytes.toString(), '23456')
  t.match(await listAll(remote), [{ key: 'packs/00/aa', size: 10 }])
  t.equal(await remote.get('packs/00/bb', { maxBytes: 5 }), undefined)
  await remote.remove('packs/00/aa')
  t.equal(await remote.stat('packs/00/aa'), undefined)
  await remote.close()
})

t.test('what goes over the wire', async t => {
  const faulty = await faults(t)
  const remote = open(faulty.endpoint)
  faulty.answer(answerWith(200, { etag: '"0"' }))
  await remote.put('packs/00/aa', randomBytes(3_000_000))
  const [seen] = faulty.seen
  t.ok(seen)
  if (seen === undefined) return
  const { method, path, headers, body } = seen
  t.match({ method, path }, { method: 'PUT', path: /^\/bucket\/data\/packs\/00\/aa(\?|$)/ })
  t.match(headers, { 'content-length': '3000000', 'x-amz-content-sha256': /^[0-9a-f]{64}$/ })
  for (const name of [
    'transfer-encoding',
    'content-encoding',
    'x-amz-trailer',
    'x-amz-sdk-checksum-algorithm',
    'expect',
  ])
    t.equal(headers[name], undefined, name)
  t.equal(body.length, 3_000_000)
  await remote.close()
})

t.test('what a store says of what is to be created', async t => {
  const faulty = await faults(t)
  const remote = open(faulty.endpoint)
  t.teardown(() => remote.close())
  const create = () => remote.create('registry/m/v1.0.0.json', Buffer.from('{}'))
  faulty.answer(answerWith(200, { etag: '"0"' }))
  t.equal(await create(), 'created')
  t.equal(faulty.seen[0]?.headers['if-none-match'], '*')
  faulty.answer(s3Error(412, 'PreconditionFailed'))
  t.equal(await create(), 'exists')
  faulty.answer(s3Error(501, 'NotImplemented'))
  t.equal(await create(), 'unsupported')
  faulty.answer(s3Error(409, 'ConditionalRequestConflict'))
  const error = await errorOf(create())
  t.match(error, { code: 'remote', message: /another write of the same object/ })
  t.ok(findTransient(error), 'which is tried again')
  faulty.answer(s3Error(403, 'AccessDenied'))
  t.match(await errorOf(create()), { code: 'remote', message: /access denied/ })
})

t.test('faults of the store, one by one', async t => {
  const faulty = await faults(t)
  let remote = open(faulty.endpoint)
  t.teardown(() => remote.close())
  const get = () => remote.get('ddv.json', { maxBytes: 100 })
  const put = () => remote.put('ddv.json', Buffer.from('{}'))
  const html = answerWith(200, { 'content-type': 'text/html', 'content-length': 20 }, '<html>log in </html>')
  const nothing = answerWith(200)
  const rows: readonly (readonly [string, Answer, () => Promise<unknown>, RegExp, boolean])[] = [
    ['503', s3Error(503, 'SlowDown'), get, /fewer requests/, true],
    ['429 without a body', answerWith(429), put, /fewer requests/, true],
    ['500', s3Error(500, 'InternalError'), put, /internal error/, true],
    ['502 with a web page', answerWith(502, { 'content-type': 'text/html' }, '<html></html>'), get, /gateway/, true],
    ['200 that is an error', s3Error(200, 'InternalError'), put, /./, true],
    ['a web page for a GET', html, get, /not that of an S3 store \(a web page\)/, true],
    ['a web page for a PUT', html, put, /a web page/, true],
    ['a web page for a HEAD', html, () => remote.stat('ddv.json'), /a web page/, true],
    ['a web page for a DELETE', html, () => remote.remove('ddv.json'), /a web page/, true],
    ['a web page for a listing', html, () => listAll(remote), /a web page/, true],
    ['nothing for a PUT', nothing, put, /no ETag/, true],
    ['nothing for a GET', answerWith(200, { 'content-length': 0 }), get, /no ETag/, true],
    [
      'nothing for a listing',
      answerWith(200, { 'content-type': 'application/xml' }, '<a/>'),
      () => listAll(remote),
      /no listing/,
      true,
    ],
    [
      'another range',
      answerWith(200, objectHeaders(4), 'abcd'),
      () => remote.get('a', { maxBytes, offset: 1 }),
      /range/,
      true,
    ],
    ['expired token', s3Error(400, 'ExpiredToken'), get, /credentials have expired/, false],
    ['access denied', s3Error(403, 'AccessDenied'), put, /access denied/, false],
    ['unknown key', s3Error(403, 'InvalidAccessKeyId'), get, /does not know the access key/, false],
    ['bad signature', s3Error(403, 'SignatureDoesNotMatch'), get, /signature/, false],
    ['clock', s3Error(403, 'RequestTimeTooSkewed'), get, /clock/, true],
    [
      'region',
      s3Error(301, 'PermanentRedirect', { 'x-amz-bucket-region': 'eu-west-1' }),
      get,
      /another region: bucket/,
      false,
    ],
    ['no bucket', s3Error(404, 'NoSuchBucket'), get, /no such bucket: bucket/, false],
    ['no bucket, by HEAD', s3Error(404, 'NoSuchBucket'), () => remote.stat('ddv.json'), /no such bucket/, false],
    [
      'expired, by HEAD',
      s3Error(400, 'ExpiredToken'),
      () => remote.stat('ddv.json'),
      /credentials have expired/,
      false,
    ],
    ['not S3 at all', answerWith(404, { 'content-type': 'text/html' }, '<html></html>'), get, /a web page/, true],
  ]
  for (const [name, answer, act, message, transient] of rows) {
    await remote.close()
    remote = open(faulty.endpoint) // one that knows nothing of the bucket yet
    faulty.answer(answer)
    const error = await errorOf(act())
    t.match(error, { code: 'remote', message }, name)
    t.equal(findTransient(error) !== undefined, transient, `${name} ${transient ? 'may pass' : 'will not pass'}`)
    t.notMatch(`${error.message}${error.hint}`, /testing/, 'no secret')
  }
  faulty.answer(s3Error(503, 'SlowDown', { 'retry-after': '7' }))
  t.match(findTransient(await errorOf(get())), { retryAfter: 7000, within: undefined })
  faulty.answer(s3Error(301, 'PermanentRedirect', { 'x-amz-bucket-region': 'eu-west-1' }))
  t.match(await errorOf(get()), { hint: /eu-west-1/ })
})

t.test('bodies: short, long, stalled, broken', async t => {
  const faulty = await faults(t)
  const remote = open(faulty.endpoint)
  t.teardown(() => remote.close())
  const get = (max = 100) => errorOf(remote.get('ddv.json', { maxBytes: max }))
  const half = (end: (response: ServerResponse) => void) =>
    faulty.answer(response => {
      response.writeHead(200, objectHeaders(10))
      response.write('01234')
      end(response)
    })
  half(response => setTimeout(() => response.destroy(), 50))
  const broken = await get()
  t.match(broken, { code: 'remote', message: /connection broke/ })
  t.ok(findTransient(broken))

  half(() => undefined)
  const stalled = await get()
  t.match(stalled, { code: 'remote', message: /time-out/ }, 'a body that stalls ends by the idle time-out')
  t.ok(findTransient(stalled))

  faulty.answer(response => {
    const { 'content-length': _, ...headers } = objectHeaders(10)
    response.writeHead(200, headers)
    response.end('01234')
  })
  t.match(await get(), { code: 'remote', message: /no ETag or length/ }, 'no length announced')

  faulty.answer(answerWith(200, objectHeaders(10), '0123456789'))
  t.match(await get(9), { code: 'corrupt' }, 'more than the caller can bear')
  t.equal((await remote.get('ddv.json', { maxBytes: 10 }))?.bytes.toString(), '0123456789')

  faulty.answer(response => {
    response.writeHead(200, { 'content-type': 'application/xml' })
    const flood = () => {
      if (!response.destroyed && response.write(' '.repeat(1_000_000))) setImmediate(flood)
    }
    response.on('drain', flood)
    flood()
  })
  t.match(await errorOf(listAll(remote)), { code: 'remote', message: /more than \d+ bytes/ }, 'a listing without end')

  // One byte at a time is never idle; the time for the whole request ends it.
  faulty.answer(response => {
    response.writeHead(200, objectHeaders(100))
    const timer = setInterval(() => response.write('x'), 300)
    response.on('close', () => clearInterval(timer))
  })
  t.match(await get(), { code: 'remote', message: /time-out/ })
})

t.test('no answer at all: a time-out, or an interruption at once', async t => {
  const faulty = await faults(t)
  const remote = open(faulty.endpoint)
  t.teardown(() => remote.close())
  faulty.answer(() => undefined)
  const started = Date.now()
  t.match(await errorOf(remote.put('ddv.json', randomBytes(100_000))), { code: 'remote', message: /time-out/ })
  t.ok(Date.now() - started < 3500)
  const controller = new AbortController()
  setTimeout(() => controller.abort(), 50)
  const aborted = Date.now()
  t.match(await errorOf(remote.stat('ddv.json', { signal: controller.signal })), { code: 'interrupted' })
  t.ok(Date.now() - aborted < 500)
})

t.test('no connection', async t => {
  const closed = createTcpServer().listen(0, '127.0.0.1')
  await once(closed, 'listening')
  const { port } = closed.address() as AddressInfo
  closed.close()
  const refused = await errorOf(open(`http://127.0.0.1:${port}`).stat('ddv.json'))
  t.match(refused, { code: 'remote', message: `connection refused: 127.0.0.1:${port}`, hint: /endpoint/ })
  t.match(findTransient(refused), { within: 5000 })
  const unknown = await errorOf(open('http://no-such-host.invalid').stat('ddv.json'))
  t.match(unknown, { code: 'remote', message: /^host not found: no-such-host\.invalid$/ })

  const plain = await faults(t)
  plain.answer(answerWith(200))
  const tls = await errorOf(open(plain.endpoint.replace('http:', 'https:')).stat('ddv.json'))
  t.match(tls, { code: 'remote', hint: /./ }, 'TLS with a server that has none')
})

t.test('a store that never answered is given up early, one that did is not', async t => {
  const faulty = await faults(t)
  const times = { connect: 200, idle: 200, request: 4000 }
  const silent = await errorOf(open(faulty.endpoint, { timeouts: times }).stat('ddv.json'))
  t.match(findTransient(silent), { within: 15_000 })
  const remote = open(faulty.endpoint, { timeouts: times })
  t.teardown(() => remote.close())
  faulty.answer(answerWith(404))
  await errorOf(remote.stat('ddv.json'))
  faulty.answer(() => undefined)
  const later = await errorOf(remote.stat('ddv.json'))
  t.match(later, { code: 'remote', message: /time-out/ })
  t.equal(findTransient(later)?.within, undefined)
  await faulty.close()
  const dead = await errorOf(remote.stat('ddv.json'))
  t.match(dead, { code: 'remote', message: /^connection refused/ })
  t.match(findTransient(dead), { within: undefined })
})

t.test('credentials: none, and a session token for a host that only the repository names', async t => {
  const faulty = await faults(t)
  faulty.answer(answerWith(200, objectHeaders(2), '{}'))
  const { AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY } = process.env
  t.teardown(() => {
    Object.assign(process.env, { AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY })
    delete process.env.AWS_SESSION_TOKEN
  })
  delete process.env.AWS_ACCESS_KEY_ID
  delete process.env.AWS_SECRET_ACCESS_KEY
  t.match(await errorOf(open(faulty.endpoint).stat('ddv.json')), {
    code: 'remote',
    message: /^no credentials/,
    hint: /AWS_/,
  })

  Object.assign(process.env, { AWS_ACCESS_KEY_ID: 'ASIACANARYCANARY0', AWS_SECRET_ACCESS_KEY: 'canary' })
  process.env.AWS_SESSION_TOKEN = 'canary-token'
  const refused = await errorOf(open(faulty.endpoint).stat('ddv.json'))
  t.match(refused, { code: 'remote', message: /session token is not sent/, hint: /ddv config set --user trustedHosts/ })
  t.equal(faulty.seen.length, 0, 'nothing was sent')
  t.equal((await open(faulty.endpoint, { trusted: true }).stat('ddv.json'))?.size, 2)
  t.equal(faulty.seen[0]?.headers['x-amz-security-token'], 'canary-token')
  faulty.answer(answerWith(400, {}, 'bad key ASIACANARYCANARY0 token=canary-token'))
  const error = await errorOf(open(faulty.endpoint, { trusted: true }).put('ddv.json', Buffer.from('{}')))
  t.notMatch(JSON.stringify([error.message, error.hint, String(error.cause)]), /CANARY|canary/)
})

t.test('faults in front of a real server, with retries: the right bytes', { skip }, async t => {
  if (server === undefined) return
  const faulty = await faults(t)
  const bucket = await server.makeBucket()
  const real = passOn(server.endpoint)
  const lost = passOn(server.endpoint, (answer, response) => {
    answer.resume()
    answer.on('end', () => response.destroy())
  })
  const cut = passOn(server.endpoint, (answer, response) => {
    response.writeHead(answer.statusCode ?? 500, answer.headers)
    answer.once('data', (chunk: Buffer) => response.write(chunk.subarray(0, 100), () => response.destroy()))
  })
  const config = { name: 'r', url: `s3://${bucket}/x`, endpoint: faulty.endpoint, timeouts }
  const remote = await openRemote(config, { root: '/', retry: { firstWait: 1 } })
  t.teardown(() => remote.close())
  const bytes = randomBytes(5_000_000)

  faulty.answer(s3Error(503, 'SlowDown'), lost, real)
  await remote.put('packs/00/aa', bytes)
  t.equal(faulty.seen.length, 3, 'a lost reply to a PUT is a PUT again')
  faulty.answer(cut, s3Error(500, 'InternalError'), real)
  t.ok((await remote.get('packs/00/aa', { maxBytes }))?.bytes.equals(bytes))
  for (let i = 0; i < 3; i++) await remote.put(`packs/00/b${i}`, Buffer.from('x'))
  faulty.answer(s3Error(503, 'SlowDown'), real)
  t.equal((await listAll(remote)).length, 4)
  faulty.answer(lost, real)
  await remote.remove('packs/00/aa')
  t.equal(await remote.stat('packs/00/aa'), undefined)
})

t.test("a clock that is off by an hour: the second try is by the store's", { skip }, async t => {
  if (server === undefined) return
  const bucket = await server.makeBucket()
  const { now } = Date
  t.teardown(() => {
    Date.now = now
  })
  Date.now = () => now() + 3_600_000
  const config = { name: 'r', url: `s3://${bucket}`, endpoint: server.endpoint }
  const remote = await openRemote(config, { root: '/', retry: { firstWait: 1 } })
  await remote.put('ddv.json', Buffer.from('{}'))
  const age = (await remote.stat('ddv.json'))?.age ?? -1
  t.ok(age >= 0 && age < 60_000, "ages are by the store's clock")
  await remote.close()
})

t.test('a bucket that is not there, and a wrong secret, by a real server', { skip }, async t => {
  if (server === undefined) return
  const absent = openS3Remote({ url: '', bucket: 'no-such-bucket', prefix: '', endpoint: server.endpoint })
  const message = 'no such bucket: no-such-bucket'
  t.match(await errorOf(absent.stat('a')), { code: 'remote', message })
  t.match(await errorOf(absent.get('a', { maxBytes })), { code: 'remote', message })
  t.match(await errorOf(absent.put('a', Buffer.from('x'))), { code: 'remote', message })
  t.match(await errorOf(listAll(absent)), { code: 'remote', message })
  const secret = process.env.AWS_SECRET_ACCESS_KEY
  process.env.AWS_SECRET_ACCESS_KEY = 'wrong'
  t.teardown(() => {
    process.env.AWS_SECRET_ACCESS_KEY = secret
  })
  const stranger = openS3Remote({ url: 's3://b', bucket: 'bbb', prefix: '', endpoint: server.endpoint })
  t.match(await errorOf(stranger.get('a', { maxBytes })), { code: 'remote', message: /signature/ })
  t.match(await errorOf(stranger.stat('a')), { code: 'remote', message: /signature/ })
  await Promise.all([absent.close(), stranger.close()])
})
