import { closeSync, openSync, readdirSync, truncateSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { DdvError } from '../../lib/core/errors.js'
import type { Remote } from '../../lib/remote/remote.js'
import { Clone, noise, openTestPool, watchedRemote } from '../support/transfer.js'

const MiB = 1_048_576
const bytes = noise(80 * MiB, 1)

/** A remote that fails once so many packs were read. */
function dying(remote: Remote, packs: number): Remote {
  let left = packs
  return {
    ...remote,
    get: async (key, options) => {
      if (key.startsWith('packs/') && left-- <= 0) throw new DdvError('remote', 'gone')
      return remote.get(key, options)
    },
  }
}

function overwrite(path: string, at: number, bytes: Uint8Array): void {
  const fd = openSync(path, 'r+')
  writeSync(fd, bytes, 0, bytes.length, at)
  closeSync(fd)
}

async function interrupted(t: Test, packs = 2) {
  const pool = openTestPool(t)
  const { remote, traffic } = watchedRemote()
  const a = new Clone(t, join(t.testdir(), 'a'))
  const b = new Clone(t, join(t.testdirName, 'b'))
  const item = a.addFile(bytes)
  await a.push(remote, pool, [item], { compression: false })
  const { items } = await b.fetch(dying(remote, packs), pool, [item])
  t.match(items, [{ outcome: 'failed', error: { code: 'remote' } }])
  t.same(readdirSync(join(b.root, 'tmp')), [item.hash])
  traffic.reset()
  return { pool, remote, b, item, left: join(b.root, 'tmp', item.hash) }
}

t.test('what has arrived is not fetched again', async t => {
  const { pool, remote, b, item } = await interrupted(t)
  const { items, bytesReceived } = await b.fetch(remote, pool, [item])
  t.match(items, [{ outcome: 'fetched', error: undefined }])
  t.ok(bytesReceived < 18 * MiB, `${bytesReceived} bytes of the 16 MiB that were left`)
  t.same(readdirSync(join(b.root, 'tmp')), [])
})

t.test('nothing that lies there is believed', async t => {
  const spoils: readonly (readonly [string, (path: string) => void, number])[] = [
    ['zeros, as after a power cut', path => overwrite(path, 5 * MiB, Buffer.alloc(MiB)), 22],
    ['one bit', path => overwrite(path, 40 * MiB, Buffer.from([1])), 20],
    ['cut short', path => truncateSync(path, 20 * MiB), 66],
    ['longer', path => overwrite(path, 81 * MiB, Buffer.from('more')), 18],
    ['other bytes all over', path => overwrite(path, 0, noise(80 * MiB, 7)), 82],
    ['empty', path => truncateSync(path, 0), 82],
  ]
  for (const [name, spoil, most] of spoils)
    await t.test(name, async t => {
      const { pool, remote, b, item, left } = await interrupted(t)
      spoil(left)
      const { items, bytesReceived } = await b.fetch(remote, pool, [item])
      t.match(items, [{ outcome: 'fetched', error: undefined }])
      t.ok(bytesReceived < most * MiB, `${bytesReceived} bytes`)
      t.ok(b.read(item.hash).equals(bytes))
    })
})

t.test('a table is asked for only where something lies', async t => {
  const { pool, remote, b, item } = await interrupted(t, 1)
  const { bytesReceived } = await b.fetch(remote, pool, [item])
  t.ok(bytesReceived > 47 * MiB && bytesReceived < 49 * MiB, `${bytesReceived} bytes`)
})
