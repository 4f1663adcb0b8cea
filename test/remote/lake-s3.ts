import { randomBytes } from 'node:crypto'
import { createRequire } from 'node:module'
import type { AddressInfo } from 'node:net'
import { ListMultipartUploadsCommand, S3Client } from '@aws-sdk/client-s3'
import t, { type Test } from 'tap'
import { openS3Lake, type S3LakeOptions } from '../../lib/remote/lake-s3.js'
import { openLake } from '../../lib/remote/open.js'
import { createRetry } from '../../lib/remote/retry.js'
import { type Answer, answerWith, type FaultServer, openFaultServer, passOn, s3Error } from '../support/fault-server.js'
import { at, listLake, readLake, source, testLakeContract } from '../support/lake-contract.js'
import { findS3Server, noS3Server } from '../support/s3-server.js'

const server = findS3Server()
const skip = server === undefined ? noS3Server : false
const timeouts = { connect: 2000, idle: 1000, request: 4000 }
const partSize = 5 * 1024 * 1024
const retry = createRetry({ attempts: 4, firstWait: 1, longestWait: 2 })

const open = (endpoint: string, options: Partial<S3LakeOptions> = {}) =>
  openS3Lake({ url: 's3://bucket/lake', bucket: 'bucket', prefix: 'lake/', endpoint, timeouts, ...options })

async function faults(t: Test): Promise<FaultServer> {
  const faulty = await openFaultServer()
  t.teardown(() => faulty.close())
  return faulty
}

t.test('contract, with a prefix, against a real server', { skip }, async t => {
  if (server === undefined) return
  const bucket = await server.makeBucket()
  let next = 0
  const { endpoint } = server
  testLakeContract(t, {
    open: async () => openS3Lake({ url: '', bucket, prefix: `a b+%/${next++}/`, endpoint, partSize }),
    large: 12 * 1024 * 1024 + 1,
  })
})

t.test('contract, at the top of a bucket, through openLake', { skip }, async t => {
  if (server === undefined) return
  const open = async () =>
    openLake({ name: 'lake', url: `s3://${await server.makeBucket()}`, endpoint: server.endpoint }, { root: '/' })
  testLakeContract(t, { open })
})

t.test('listings of several pages', { skip }, async t => {
  if (server === undefined) return
  const lake = openS3Lake({ url: '', bucket: await server.makeBucket(), prefix: 'p/', endpoint: server.endpoint })
  const names = Array.from({ length: 1234 }, (_, i) => `raw/part ${String(i).padStart(4, '0')}`)
  for (let i = 0; i < names.length; i += 100)
    await Promise.all(names.slice(i, i + 100).map(name => lake.put(at(name), source('x'))))
  t.same(
    (await listLake(lake, 'raw')).map(({ path }) => path),
    names,
  )
  await lake.close()
})

t.test('an upload that is given up leaves no parts', { skip }, async t => {
  if (server === undefined) return
  const bucket = await server.makeBucket()
  const lake = openS3Lake({ url: '', bucket, prefix: '', endpoint: server.endpoint, partSize })
  const size = 3 * partSize
  await t.rejects(
    lake.put(at('x'), {
      size,
      async *pieces(of) {
        yield Buffer.alloc(of)
        yield Buffer.alloc(of)
        throw new Error('no more')
      },
    }),
    { message: 'no more' },
  )
  const client = new S3Client({ endpoint: server.endpoint, forcePathStyle: true, region: 'us-east-1' })
  const { Uploads } = await client.send(new ListMultipartUploadsCommand({ Bucket: bucket }))
  client.destroy()
  t.same(Uploads ?? [], [])
  await lake.close()
})

// s3rver checks no signatures, and lists a page only: a second store, and no proof.
t.test('smoke, against s3rver', async t => {
  const S3rver = createRequire(import.meta.url)('s3rver') as new (
    options: object,
  ) => {
    run(): Promise<AddressInfo>
    close(): Promise<void>
  }
  const small = new S3rver({
    ...{ address: '127.0.0.1', port: 0, silent: true, directory: t.testdir() },
    configureBuckets: [{ name: 'bucket' }],
  })
  const { port } = await small.run()
  t.teardown(() => small.close())
  const { AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY } = process.env
  t.teardown(() => Object.assign(process.env, { AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY }))
  Object.assign(process.env, { AWS_ACCESS_KEY_ID: 'S3RVER', AWS_SECRET_ACCESS_KEY: 'S3RVER' })
  const lake = open(`http://127.0.0.1:${port}`, { partSize })
  const put = await lake.put(at('raw/two words+plus.csv'), source('0123456789'))
  t.same(await lake.stat(at('raw/two words+plus.csv')), put)
  t.equal((await lake.get(at('raw/two words+plus.csv'), { offset: 2, length: 5 }))?.bytes.toString(), '23456')
  const bytes = randomBytes(2 * partSize + 1)
  const large = await lake.put(at('raw/large'), source(bytes))
  t.same(
    (await listLake(lake, 'raw')).map(({ path }) => path),
    ['raw/large', 'raw/two words+plus.csv'],
  )
  t.same(await lake.stat(at('raw/large')), large)
  t.ok((await lake.get(at('raw/large'), { offset: 0, length: bytes.length }))?.bytes.equals(bytes))
  await lake.remove(at('raw/large'))
  t.equal(await lake.stat(at('raw/large')), undefined)
  await lake.close()
})

t.test('names that no bucket takes', async t => {
  const faulty = await faults(t)
  const lake = open(faulty.endpoint)
  for (const name of [
    'raw/new\nline',
    'raw/\u0001',
    `raw/${'ä'.repeat(120)}/${'x'.repeat(255)}/${'w'.repeat(255)}/${'y'.repeat(255)}/${'z'.repeat(255)}/more`,
  ])
    for (const act of [
      () => lake.put(at(name), source('x')),
      () => lake.stat(at(name)),
      () => lake.get(at(name), { offset: 0, length: 1 }),
      () => lake.remove(at(name)),
    ])
      await t.rejects(act() as Promise<unknown>, { code: 'bad-path' })
  t.equal(faulty.seen.length, 0, 'nothing was asked')
  await lake.close()
})

t.test('faults of the store, one by one', async t => {
  const faulty = await faults(t)
  let lake = open(faulty.endpoint)
  t.teardown(() => lake.close())
  const html = answerWith(200, { 'content-type': 'text/html', 'content-length': 20 }, '<html>log in </html>')
  const put = () => lake.put(at('x'), source('x'))
  const get = () => lake.get(at('x'), { offset: 0, length: 10 })
  const rows: readonly (readonly [string, Answer, () => Promise<unknown>, RegExp])[] = [
    ['denied', s3Error(403, 'AccessDenied'), put, /access denied/],
    ['denied, by HEAD', s3Error(403, 'AccessDenied'), () => lake.stat(at('x')), /access denied/],
    ['no bucket', s3Error(404, 'NoSuchBucket'), put, /no such bucket: bucket/],
    ['no bucket, by GET', s3Error(404, 'NoSuchBucket'), get, /no such bucket: bucket/],
    ['no bucket, by a listing', s3Error(404, 'NoSuchBucket'), () => listLake(lake, 'raw'), /no such bucket/],
    ['a web page', html, put, /a web page/],
    ['a web page for a GET', html, get, /a web page/],
    ['nothing', answerWith(200), put, /no ETag/],
    [
      'nothing for a listing',
      answerWith(200, { 'content-type': 'application/xml' }, '<a/>'),
      () => listLake(lake, 'r'),
      /no listing/,
    ],
    ['another range', answerWith(200, { etag: '"1"', 'content-length': 3 }, 'abc'), get, /range/],
    [
      'no upload',
      answerWith(200, { 'content-type': 'application/xml' }, '<a/>'),
      () => lake.put(at('x'), source(Buffer.alloc(9 * 1024 * 1024))),
      /no upload/,
    ],
  ]
  for (const [name, answer, act, message] of rows) {
    await lake.close()
    lake = open(faulty.endpoint)
    faulty.answer(answer)
    await t.rejects(act(), { code: 'remote', message }, name)
  }
})

t.test('parts that fail are sent again, and a lost answer to the last call is no loss', { skip }, async t => {
  if (server === undefined) return
  const faulty = await faults(t)
  const bucket = await server.makeBucket()
  const lake = openS3Lake({
    url: '',
    bucket,
    prefix: '',
    endpoint: faulty.endpoint,
    partSize,
    retry,
    timeouts: { ...timeouts, request: 20_000 },
  })
  const pass = passOn(server.endpoint)
  const failed = new Map<string, number>()
  const once =
    (isMeant: (seen: { method: string; path: string }) => boolean, fault: Answer): Answer =>
    async (response, seen) => {
      const key = `${seen.method} ${seen.path}`
      if (!isMeant(seen) || failed.has(key)) return pass(response, seen)
      failed.set(key, 1)
      return fault(response, seen)
    }
  const bytes = randomBytes(2 * partSize + 77)
  faulty.answer(once(({ path }) => /partNumber=2/.test(path), s3Error(503, 'SlowDown')))
  const put = await lake.put(at('parts'), source(bytes))
  t.equal(failed.size, 1)
  t.same(await lake.stat(at('parts')), put)
  t.ok((await lake.get(at('parts'), { offset: 0, length: bytes.length }))?.bytes.equals(bytes))

  // The store does it, and the answer does not arrive.
  const lost: Answer = async (response, seen) => {
    await passOn(server.endpoint, answer => {
      answer.resume()
      response.destroy()
    })(response, seen)
  }
  failed.clear()
  faulty.answer(once(({ method, path }) => method === 'POST' && /uploadId=/.test(path), lost))
  const again = await lake.put(at('lost'), source(bytes))
  t.equal(failed.size, 1)
  t.equal(again.size, bytes.length)
  t.ok((await lake.get(at('lost'), { offset: 0, length: bytes.length }))?.bytes.equals(bytes))
  t.equal(await readLake(lake, 'nothing'), undefined)
  await lake.close()
})
