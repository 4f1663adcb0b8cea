// A real S3 store for the cases that count: the one in DDV_TEST_S3, or a radosgw of our own.

import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { createServer } from 'node:net'
import { join, resolve } from 'node:path'
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3'
import type { Bench } from './bench.js'
import { type CountingProxy, startCountingProxy } from './counting-proxy.js'

export interface Store {
  /** An empty bucket behind the proxy: its URL for `ddv remote add`. */
  readonly url: string
  readonly proxy: CountingProxy
  close(): Promise<void>
}

/** undefined, said aloud, where there is none. */
export async function openStore(bench: Bench): Promise<Store | undefined> {
  const given = process.env.DDV_TEST_S3
  const own = given === undefined ? await startGateway(bench) : undefined
  const address = given ?? own?.endpoint
  if (address === undefined) {
    bench.say('skipped: S3 (set DDV_TEST_S3 to a store with the keys test/testing, or install radosgw)')
    return undefined
  }
  const bucket = `bench-${process.pid}-${Date.now()}`
  const client = new S3Client({
    endpoint: address,
    region: 'us-east-1',
    forcePathStyle: true,
    credentials: { accessKeyId: 'test', secretAccessKey: 'testing' },
  })
  await client.send(new CreateBucketCommand({ Bucket: bucket }))
  client.destroy()
  const proxy = await startCountingProxy(address)
  return {
    url: `s3://${bucket}/data`,
    proxy,
    close: async () => {
      await proxy.close()
      own?.stop()
    },
  }
}

const support = resolve(import.meta.dirname, '../../../test/support')

async function startGateway(bench: Bench): Promise<{ endpoint: string; stop: () => void } | undefined> {
  if (!bench.has('radosgw') || !existsSync(join(support, 'rgw-up.sh'))) return undefined
  const port = await freePort()
  const directory = join(bench.directory, 'radosgw')
  bench.say('starting radosgw')
  const stop = (): void => void spawnSync('bash', [join(support, 'rgw-down.sh'), directory])
  const { status, stderr } = spawnSync('bash', [join(support, 'rgw-up.sh'), directory, String(port)], {
    encoding: 'utf8',
    timeout: 120_000,
  })
  if (status === 0) return { endpoint: `http://127.0.0.1:${port}`, stop }
  stop()
  bench.say(`radosgw did not start: ${stderr.trim().slice(-300)}`)
  return undefined
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.on('error', reject).listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0))
    })
  })
}
