import t from 'tap'
import { parseEndpoint, parseRemoteUrl } from '../../lib/core/remote-config.js'

t.test('directories', async t => {
  const rows: readonly (readonly [string, string])[] = [
    ['/mnt/data', '/mnt/data'],
    ['../data', '../data'],
    ['data with spaces', 'data with spaces'],
    ['C:\\data', 'C:\\data'],
    ['file:///mnt/data', '/mnt/data'],
    ['file://localhost/mnt/data', '/mnt/data'],
    ['file:/mnt/data', '/mnt/data'],
    ['file:../data', '../data'],
    ['file:///mnt/a%20b', '/mnt/a b'],
    ['file:///C:/data', 'C:/data'],
  ]
  for (const [url, path] of rows) t.strictSame(parseRemoteUrl(url), { type: 'directory', path }, url)
})

t.test('buckets', async t => {
  const rows: readonly (readonly [string, string, string])[] = [
    ['s3://bucket', 'bucket', ''],
    ['s3://bucket/', 'bucket', ''],
    ['s3://my.bucket-1/a', 'my.bucket-1', 'a/'],
    ['s3://bucket/a/B c/', 'bucket', 'a/B c/'],
    ['S3://bucket/a', 'bucket', 'a/'],
  ]
  for (const [url, bucket, prefix] of rows) t.strictSame(parseRemoteUrl(url), { type: 's3', bucket, prefix }, url)
})

t.test('what is no remote', async t => {
  const urls = [
    '',
    'a\0b',
    'http://host/x',
    'https://host/x',
    'gs://bucket',
    'ssh://host/x',
    'file://host/x',
    'file:',
    'file://localhost',
    'file:///%zz',
    's3:',
    's3:bucket',
    's3://',
    's3:///key',
    's3://ab',
    's3://Bucket',
    's3://buck_et',
    's3://-bucket',
    's3://a..b',
    's3://127.0.0.1',
    `s3://${'b'.repeat(64)}`,
    's3://bucket:80/x',
    's3://bucket/../x',
    's3://bucket/a//b',
    's3://bucket/./b',
    's3://bucket//',
    's3://bucket/a\\b',
    's3://bucket/a?b=c',
    's3://bucket/a#b',
    `s3://bucket/${'a'.repeat(301)}`,
  ]
  for (const url of urls) t.throws(() => parseRemoteUrl(url), { code: 'bad-config', hint: /./ }, JSON.stringify(url))
  t.throws(() => parseRemoteUrl('https://host/x'), {
    message: 'unsupported remote URL: https://host/x',
    hint: /s3:\/\/bucket\/prefix/,
  })
})

t.test('no credentials in URLs, nor in messages about them', async t => {
  for (const url of ['s3://key:CANARY@bucket/x', 'https://u:CANARY@host/', 's3://bucket/x?token=CANARY']) {
    try {
      parseRemoteUrl(url)
      t.fail(url)
    } catch (error) {
      t.match(error, { code: 'bad-config' })
      t.notMatch(String(error), /CANARY/)
    }
  }
})

t.test('endpoints', async t => {
  t.equal(parseEndpoint('https://s3.example.org'), 'https://s3.example.org')
  t.equal(parseEndpoint('https://s3.example.org:9000/'), 'https://s3.example.org:9000')
  for (const host of ['localhost:9000', '127.0.0.1:9000', '127.1.2.3', '[::1]:9000'])
    t.equal(parseEndpoint(`http://${host}`), `http://${host}`)
  for (const host of ['store', '10.0.0.1', '127.0.0.1.evil.example', 'localhost.evil.example', '[::2]']) {
    t.throws(() => parseEndpoint(`http://${host}`), { code: 'bad-config', message: /plain http:/ }, host)
    t.equal(parseEndpoint(`http://${host}`, { allowHttp: true }), `http://${host}`)
  }
  for (const bad of ['', 'host', 'ftp://host', 'https://u:p@host', 'https://host?x=y', 'https://host#x', 'https://'])
    t.throws(() => parseEndpoint(bad), { code: 'bad-config' }, bad)
})
