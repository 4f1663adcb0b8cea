import { join } from 'node:path'
import t from 'tap'
import type { Digest } from '../../lib/core/digest.js'
import { decodeRecipe } from '../../lib/core/recipe.js'
import { findCuts } from '../../lib/remote/chunker.js'
import { chooseFragments, readChunks } from '../../lib/remote/defragment.js'
import { recipeKey } from '../../lib/remote/recipes.js'
import { hashBytes, hashToBytes } from '../../lib/sys/hash.js'
import { Clone, noise, openTestPool, watchedRemote } from '../support/transfer.js'

const MiB = 1_048_576

t.test('which packs are too many for what they give', async t => {
  const rows: readonly (readonly [string, readonly number[], number, readonly number[]])[] = [
    ['none', [], 0, []],
    ['eight small ones', Array(8).fill(1000), 0, []],
    ['nine small ones', Array(9).fill(1000), 0, Array(9).fill(1000)],
    ['nine large ones', Array(9).fill(9 * MiB), 0, []],
    ['eight of each class', [...Array(8).fill(1000), ...Array(8).fill(2 * MiB), ...Array(50).fill(30 * MiB)], 0, []],
    ['nine of the second class, the smallest first', [2, 1, 1, 3, 3, 3, 3, 3, 3].map(n => n * MiB), 0, [1, 1, 2, 3]],
    ['as much again as is new', Array(9).fill(2 * MiB), 12 * MiB, Array(6).fill(2)],
    ['one alone', [...Array(8).fill(6 * MiB), 5 * MiB], 0, []],
  ]
  for (const [name, used, fresh, chosen] of rows) {
    const usage = new Map(used.map((bytes, i) => [hashBytes(Buffer.from(`${i}`)), bytes]))
    const sizes = [...chooseFragments(usage, fresh)].map(digest => usage.get(digest) ?? 0).sort((a, b) => a - b)
    const inMiB = chosen.some(n => n < 1000 && n > 0)
    t.same(
      sizes.map(size => (inMiB ? size / MiB : size)),
      chosen,
      name,
    )
  }
})

t.test('chunks that are not what they should be are not sent', async t => {
  const clone = new Clone(t, t.testdir())
  const bytes = noise(10_000, 1)
  const path = clone.blobPath(clone.add(bytes))
  const part = bytes.subarray(100, 300)
  const digests = Uint8Array.from(hashToBytes(part))
  const read = (source: { path: string; position: number; length: number }) =>
    readChunks.run({ sources: [source], digests, buffer: new SharedArrayBuffer(1000) })
  t.equal(await read({ path, position: 100, length: 200 }), true)
  t.equal(await read({ path, position: 101, length: 200 }), false)
  t.equal(await read({ path, position: 9900, length: 200 }), false)
  t.equal(await read({ path: join(t.testdirName, 'none'), position: 100, length: 200 }), false)
})

const editedAt = (bytes: Buffer, at: number, text: string): Buffer =>
  Buffer.concat([bytes.subarray(0, at), Buffer.from(text), bytes.subarray(at)])

t.test('200 pushes of one edit each, then a fresh pull', async t => {
  const pool = openTestPool(t)
  const { remote, traffic } = watchedRemote()
  const a = new Clone(t, join(t.testdir(), 'a'))
  let bytes = noise(4 * MiB, 1)
  await a.push(remote, pool, [a.addFile(bytes)])
  let fresh = 0
  let sent = 0
  let item = a.addFile(bytes)
  let chunks = chunksOf(bytes)
  for (let i = 1; i <= 200; i++) {
    bytes = editedAt(bytes, (i * 7_919_993) % bytes.length, `edit ${i}`)
    item = a.addFile(bytes)
    sent += (await a.push(remote, pool, [item], { compression: false })).bytesSent
    const after = chunksOf(bytes)
    for (const [digest, size] of after) if (!chunks.has(digest)) fresh += size
    chunks = after
  }
  t.ok(sent < 4 * fresh, `${sent} bytes sent for ${fresh} new ones`)
  const got = await remote.get(recipeKey('file', item.hash), { maxBytes: MiB })
  const { packs } = decodeRecipe(got?.bytes ?? Buffer.alloc(0), item, 'recipe')
  t.ok(packs.length <= 1 + 9 + 8, `${packs.length} packs`)
  traffic.reset()
  const b = new Clone(t, join(t.testdirName, 'b'))
  t.match((await b.fetch(remote, pool, [item])).items, [{ outcome: 'fetched', error: undefined }])
  const requests = traffic.count('get', 'packs/')
  t.ok(requests <= packs.length + 8, `${requests} requests`)
})

t.test('a directory to which little is added again and again', async t => {
  const pool = openTestPool(t)
  const { remote } = watchedRemote()
  const a = new Clone(t, join(t.testdir(), 'a'))
  const files: Record<string, Buffer> = {}
  let item = a.addDirectory(files)
  for (let i = 0; i < 30; i++) {
    files[`day/${i}/log`] = noise(20_000 + i, i)
    item = a.addDirectory(files)
    await a.push(remote, pool, [item])
  }
  const got = await remote.get(recipeKey('directory', item.hash), { maxBytes: MiB })
  t.ok(decodeRecipe(got?.bytes ?? Buffer.alloc(0), item, 'recipe').packs.length <= 9)
  const b = new Clone(t, join(t.testdirName, 'b'))
  t.match((await b.fetch(remote, pool, [item])).items, [{ outcome: 'fetched', error: undefined }])
})

t.test('scattered edits cost what they change', async t => {
  const pool = openTestPool(t)
  const { remote } = watchedRemote()
  const a = new Clone(t, join(t.testdir(), 'a'))
  const old = noise(12 * MiB, 1)
  await a.push(remote, pool, [a.addFile(old)])
  let bytes = old
  for (let i = 0; i < 30; i++) bytes = editedAt(bytes, (i * 7_919_993) % bytes.length, `edit ${i}`)
  const before = chunksOf(old)
  const changed = [...chunksOf(bytes)].reduce((sum, [digest, size]) => sum + (before.has(digest) ? 0 : size), 0)
  const { bytesSent } = await a.push(remote, pool, [a.addFile(bytes)], { compression: false })
  t.ok(bytesSent <= 1.3 * changed, `${bytesSent} bytes for ${changed}`)
})

function chunksOf(bytes: Buffer): Map<Digest, number> {
  let start = 0
  return new Map(
    findCuts(bytes, true).map(end => {
      const chunk = bytes.subarray(start, end)
      start = end
      return [hashBytes(chunk), chunk.length]
    }),
  )
}
