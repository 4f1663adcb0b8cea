import t from 'tap'
import { redact, redactError, redactLine } from '../../lib/core/redact.js'

t.test('credentials go', async t => {
  const texts = [
    'cannot reach https://user:CANARY@host/path',
    'cannot reach s3://CANARY@bucket',
    'https://user:CANARY@CANARY@host/path',
    'https://user:CANARY/CANARY@host/path',
    'https://user:CANARY?CANARY@host/path',
    'HTTPS://user:p%40CANARY@host',
    'git+https://CANARY@host/a@b',
    'cannot clone user:CANARY@host:path',
    'https://host/x?private_token=CANARY',
    'https://host/x?a=b&api_key=CANARY&sig=1',
    'key AKIACANARYCANARY0000 is not known',
    'key ASIACANARYCANARY0000 has expired',
    'GET /x?X-Amz-Signature=CANARY&X-Amz-Security-Token=CANARY%2F&y=1',
    'Authorization: AWS4-HMAC-SHA256 Credential=CANARY/2026/x, SignedHeaders=host, Signature=CANARY',
    'authorization: Bearer CANARY.CANARY',
    'aws_secret_access_key = CANARY/CANARY+1',
    'AWS_SESSION_TOKEN=CANARY==',
    '{"SecretAccessKey": "CANARY", "SessionToken": "CANARY"}',
    '<AWSAccessKeyId>CANARY</AWSAccessKeyId>',
    'password=CANARY',
    'token: CANARY',
  ]
  for (const text of texts) t.notMatch(redact(text), /CANARY/, text)
})

t.test('the rest stays', async t => {
  for (const text of [
    'access denied: s3://bucket/a@b',
    'https://host:8080/a?b=c',
    'https://host:8080/a@b',
    'git@host:a/b',
    '12:30:45 a@b: x',
    'the key of a map',
    'unknown session token: s3://bucket/x',
    'packs/48/3b93',
  ])
    t.equal(redact(text), text)
})

t.test("a stranger's text is one short line", async t => {
  t.equal(redactLine('a\n  b\tc \u001b[31m'), 'a b c \\u001b[31m')
  t.equal(redactLine('x'.repeat(500)).length, 201)
})

t.test('causes', async t => {
  const error = Object.assign(new TypeError('token=CANARY'), { $response: { secret: 'CANARY' } })
  const cause = redactError(error)
  t.equal(cause.name, 'TypeError')
  t.notMatch(`${cause.message} ${cause.stack} ${JSON.stringify(cause)}`, /CANARY/)
  t.notMatch(redactError('password=CANARY').message, /CANARY/)
})
