// The S3 server that the tests run against: a real one, named by DDV_TEST_S3 (see rgw-up.sh), with the keys
// test / testing unless the environment has others. Without it such tests are skipped, and say so.

import { randomBytes } from 'node:crypto'
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3'

export interface S3Server {
  readonly endpoint: string
  /** Makes an empty bucket. */
  makeBucket(): Promise<string>
}

/** undefined where there is none. */
export function findS3Server(): S3Server | undefined {
  setTestCredentials()
  const endpoint = process.env.DDV_TEST_S3
  if (endpoint === undefined || endpoint === '') return undefined
  return {
    endpoint,
    async makeBucket() {
      const bucket = `ddv-${randomBytes(8).toString('hex')}`
      const client = new S3Client({ endpoint, forcePathStyle: true, region: 'us-east-1' })
      await client.send(new CreateBucketCommand({ Bucket: bucket }))
      client.destroy()
      return bucket
    },
  }
}

export const noS3Server = 'DDV_TEST_S3 names no S3 server: start one with test/support/rgw-up.sh'

/** For this process: only these, whatever the machine has. No other host is asked for credentials. */
export function setTestCredentials(): void {
  for (const name of Object.keys(process.env))
    if (/^AWS_/.test(name) && !['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY'].includes(name)) delete process.env[name]
  process.env.AWS_ACCESS_KEY_ID ??= 'test'
  process.env.AWS_SECRET_ACCESS_KEY ??= 'testing'
  process.env.AWS_EC2_METADATA_DISABLED = 'true'
  process.env.AWS_CONFIG_FILE = '/dev/null'
  process.env.AWS_SHARED_CREDENTIALS_FILE = '/dev/null'
}
