// What every remote driver must do; the same suite for all of them.

import { randomBytes } from 'node:crypto'
import type { Test } from 'tap'
import { isDdvError } from '../../lib/core/errors.js'
import type { ObjectEntry, Remote } from '../../lib/remote/remote.js'

export interface ContractOptions {
  /** A remote without objects. It is closed by the suite. */
  readonly open: (t: Test) => Promise<Remote>
  /** Bytes of the largest object put; 32 MiB and one byte unless told. */
  readonly large?: number
}

const maxBytes = 64 * 1024 * 1024

export async function listAll(remote: Remote, prefix = ''): Promise<ObjectEntry[]> {
  const entries: ObjectEntry[] = []
  for await (const entry of remote.list(prefix)) entries.push(entry)
  return entries.sort((a, b) => (a.key < b.key ? -1 : 1))
}

const listKeys = async (remote: Remote, prefix = ''): Promise<string[]> =>
  (await listAll(remote, prefix)).map(entry => entry.key)

const text = async (remote: Remote, key: string): Promise<string | undefined> =>
  (await remote.get(key, { maxBytes }))?.bytes.toString()

async function rejectsWith(
  t: Test,
  act: Promise<unknown>,
  code: 'bad-path' | 'corrupt' | 'interrupted',
): Promise<void> {
  const error = await act.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  t.ok(isDdvError(error, code), code)
}

export function testRemoteContract(t: Test, { open, large = 32 * 1024 * 1024 + 1 }: ContractOptions): void {
  const test = (name: string, run: (t: Test, remote: Remote) => Promise<void>): void => {
    t.test(name, async t => {
      const remote = await open(t)
      try {
        await run(t, remote)
      } finally {
        await remote.close()
      }
    })
  }

  test('an empty remote has nothing', async (t, remote) => {
    t.equal(await remote.stat('ddv.json'), undefined)
    t.equal(await remote.get('ddv.json', { maxBytes }), undefined)
    t.equal(await remote.get('packs/48/aa', { maxBytes, offset: 3, length: 4 }), undefined)
    t.strictSame(await listKeys(remote), [])
    t.strictSame(await listKeys(remote, 'packs/'), [])
    await remote.remove('packs/48/aa')
  })

  test('what was put is got, and replaced, and removed', async (t, remote) => {
    await remote.put('ddv.json', Buffer.from('one'))
    await remote.put('packs/48/3b.93-a', Buffer.from('two'))
    t.equal(await text(remote, 'ddv.json'), 'one')
    t.equal(await text(remote, 'packs/48/3b.93-a'), 'two')
    t.equal((await remote.stat('packs/48/3b.93-a'))?.size, 3)
    await remote.put('ddv.json', Buffer.from('three'))
    t.equal(await text(remote, 'ddv.json'), 'three')
    t.equal((await remote.stat('ddv.json'))?.size, 5)
    await remote.remove('ddv.json')
    await remote.remove('ddv.json')
    t.equal(await remote.stat('ddv.json'), undefined)
    t.equal(await text(remote, 'ddv.json'), undefined)
    t.strictSame(await listKeys(remote), ['packs/48/3b.93-a'])
  })

  test('bytes come into the memory that is given, where they fit', async (t, remote) => {
    await remote.put('ddv.json', Buffer.from('0123456789'))
    const room = new Uint8Array(new SharedArrayBuffer(8), 1, 6)
    const part = await remote.get('ddv.json', { maxBytes, offset: 2, length: 5, into: room })
    t.equal(part?.bytes.toString(), '23456')
    t.equal(part?.bytes.buffer, room.buffer)
    t.equal(Buffer.from(room).toString(), '23456\0')
    const whole = await remote.get('ddv.json', { maxBytes, into: room })
    t.equal(whole?.bytes.toString(), '0123456789')
    t.not(whole?.bytes.buffer, room.buffer)
  })

  test('a name that others have as a directory is no object', async (t, remote) => {
    await remote.put('ddv.json', Buffer.from('{}'))
    await remote.put('packs/48/aa', Buffer.from('x'))
    t.equal(await remote.stat('packs/48'), undefined)
    t.equal(await remote.get('packs', { maxBytes }), undefined)
    t.equal(await remote.stat('packs/48/aa/bb'), undefined)
    await remote.remove('packs/48')
    t.equal(await text(remote, 'packs/48/aa'), 'x')
  })

  test('an empty object, and a large one', async (t, remote) => {
    await remote.put('ddv.json', Buffer.alloc(0))
    t.match(await remote.get('ddv.json', { maxBytes: 0 }), { size: 0, bytes: Buffer.alloc(0) })
    t.equal((await remote.stat('ddv.json'))?.size, 0)
    const bytes = randomBytes(large)
    await remote.put('packs/00/large', bytes)
    const got = await remote.get('packs/00/large', { maxBytes })
    t.equal(got?.size, large)
    t.ok(got?.bytes.equals(bytes), 'the same bytes')
    const middle = await remote.get('packs/00/large', { maxBytes: 50_000, offset: large - 60_000, length: 50_000 })
    t.equal(middle?.size, large)
    t.ok(middle?.bytes.equals(bytes.subarray(large - 60_000, large - 10_000)), 'the same part')
  })

  test('a part of a larger buffer is put as that part', async (t, remote) => {
    const whole = new Uint8Array(Buffer.from('before-inside-after'))
    await remote.put('ddv.json', whole.subarray(7, 13))
    t.equal(await text(remote, 'ddv.json'), 'inside')
  })

  test('ranges', async (t, remote) => {
    await remote.put('ddv.json', Buffer.from('0123456789'))
    const range = async (offset?: number, length?: number): Promise<string | undefined> => {
      const options = { ...(offset === undefined ? {} : { offset }), ...(length === undefined ? {} : { length }) }
      const got = await remote.get('ddv.json', { maxBytes, ...options })
      t.equal(got?.size, 10, 'the size is that of the whole')
      return got?.bytes.toString()
    }
    t.equal(await range(0, 4), '0123')
    t.equal(await range(3, 4), '3456')
    t.equal(await range(undefined, 1), '0')
    t.equal(await range(7), '789')
    t.equal(await range(7, 100), '789')
    t.equal(await range(0, 10), '0123456789')
    t.equal(await range(10, 5), '')
    t.equal(await range(1000), '')
    t.equal(await range(2, 0), '')
  })

  test('more than the caller can bear is corrupt', async (t, remote) => {
    await remote.put('ddv.json', Buffer.from('0123456789'))
    await rejectsWith(t, remote.get('ddv.json', { maxBytes: 9 }), 'corrupt')
    await rejectsWith(t, remote.get('ddv.json', { maxBytes: 3, offset: 2, length: 4 }), 'corrupt')
    t.equal((await remote.get('ddv.json', { maxBytes: 10 }))?.bytes.length, 10)
    t.equal((await remote.get('ddv.json', { maxBytes: 3, offset: 2, length: 3 }))?.bytes.length, 3)
    t.equal((await remote.get('ddv.json', { maxBytes: 3, offset: 8, length: 100 }))?.bytes.length, 2)
  })

  test('what is created is there once', async (t, remote) => {
    t.equal(await remote.create('registry/m/v1.json', Buffer.from('one')), 'created')
    t.equal(await text(remote, 'registry/m/v1.json'), 'one')
    t.equal(await remote.create('registry/m/v1.json', Buffer.from('two')), 'exists')
    t.equal(await text(remote, 'registry/m/v1.json'), 'one', 'it stays as it was')
    await remote.put('ddv.json', Buffer.from('{}'))
    t.equal(await remote.create('ddv.json', Buffer.from('x')), 'exists')
    t.equal(await text(remote, 'ddv.json'), '{}')
    await remote.remove('registry/m/v1.json')
    t.equal(await remote.create('registry/m/v1.json', Buffer.from('three')), 'created')
    t.strictSame(await listKeys(remote), ['ddv.json', 'registry/m/v1.json'], 'nothing else is left')
  })

  test('of many who create at once one does', async (t, remote) => {
    const writers = Array.from({ length: 16 }, (_, i) => `writer ${i} ${'x'.repeat(10_000)}`)
    for (const round of [1, 2, 3]) {
      const key = `registry/m/${round}`
      const answers = await Promise.all(writers.map(bytes => remote.create(key, Buffer.from(bytes))))
      const winners = writers.filter((_, i) => answers[i] === 'created')
      t.equal(winners.length, 1)
      t.ok(answers.every(answer => answer === 'created' || answer === 'exists'))
      t.equal(await text(remote, key), winners[0])
    }
  })

  test('listings', async (t, remote) => {
    const keys = ['ddv.json', 'packs/00/aa', 'packs/00/bb', 'packs/48/cc', 'recipes/file/00/dd', 'runs/x']
    for (const key of keys) await remote.put(key, Buffer.from(key))
    t.strictSame(await listKeys(remote), keys)
    t.strictSame(await listKeys(remote, 'packs/'), ['packs/00/aa', 'packs/00/bb', 'packs/48/cc'])
    t.strictSame(await listKeys(remote, 'packs/00/'), ['packs/00/aa', 'packs/00/bb'])
    t.strictSame(await listKeys(remote, 'recipes/'), ['recipes/file/00/dd'])
    t.strictSame(await listKeys(remote, 'claims/'), [])
    for (const entry of await listAll(remote)) t.equal(entry.size, entry.key.length)
    for await (const { key } of remote.list('')) {
      t.ok(keys.includes(key), 'a listing may be left early')
      break
    }
  })

  test('an age is that of the last put, and never negative', async (t, remote) => {
    await remote.put('ddv.json', Buffer.from('1'))
    const entry = (await listAll(remote))[0]
    const ages = [await remote.stat('ddv.json'), await remote.get('ddv.json', { maxBytes }), entry].map(
      o => o?.age ?? -1,
    )
    for (const age of ages) t.ok(age >= 0 && age < 30_000, `${age} ms`)
    await remote.put('ddv.json', Buffer.from('2'))
    t.ok(((await remote.stat('ddv.json'))?.age ?? -1) < 30_000)
  })

  test('what is no key is refused', async (t, remote) => {
    const bad = [
      '',
      '/',
      'a/',
      '/a',
      'a//b',
      '.',
      '..',
      'a/../b',
      'a/./b',
      'A',
      'a b',
      'a_b',
      'ä',
      'a\0b',
      'a\\b',
      'tmp/x',
    ]
    for (const key of [...bad, 'x'.repeat(600), `${'x'.repeat(256)}/y`]) {
      await rejectsWith(t, remote.stat(key), 'bad-path')
      await rejectsWith(t, remote.get(key, { maxBytes }), 'bad-path')
      await rejectsWith(t, remote.put(key, Buffer.from('x')), 'bad-path')
      await rejectsWith(t, remote.create(key, Buffer.from('x')), 'bad-path')
      await rejectsWith(t, remote.remove(key), 'bad-path')
    }
    for (const prefix of ['packs', '/', '../', 'a//', 'A/', 'tmp/'])
      await rejectsWith(t, listAll(remote, prefix), 'bad-path')
    t.strictSame(await listKeys(remote), [])
  })

  test('an aborted signal ends a call', async (t, remote) => {
    await remote.put('ddv.json', Buffer.from('{}'))
    const signal = AbortSignal.abort()
    await rejectsWith(t, remote.stat('ddv.json', { signal }), 'interrupted')
    await rejectsWith(t, remote.get('ddv.json', { maxBytes, signal }), 'interrupted')
    await rejectsWith(t, remote.put('packs/00/aa', Buffer.from('x'), { signal }), 'interrupted')
    await rejectsWith(t, remote.create('packs/00/aa', Buffer.from('x'), { signal }), 'interrupted')
    await rejectsWith(t, remote.remove('ddv.json', { signal }), 'interrupted')
    await rejectsWith(t, remote.list('', { signal })[Symbol.asyncIterator]().next(), 'interrupted')
    t.strictSame(await listKeys(remote), ['ddv.json'])
  })

  test('many at once, and readers of a key that is being replaced see one whole put', async (t, remote) => {
    const many = Array.from({ length: 100 }, (_, i) => `packs/${String(i % 10).padStart(2, '0')}/${i}`)
    await remote.put('ddv.json', Buffer.alloc(70_000, 0))
    await Promise.all(many.map(key => remote.put(key, Buffer.from(key))))
    t.equal((await listKeys(remote, 'packs/')).length, 100)
    t.strictSame(await Promise.all(many.map(key => text(remote, key))), many)
    let writing = true
    const reader = (async () => {
      while (writing) {
        const bytes = (await remote.get('ddv.json', { maxBytes }))?.bytes ?? Buffer.alloc(0)
        if (!bytes.equals(Buffer.alloc(70_000, bytes[0]))) return false
      }
      return true
    })()
    for (let i = 1; i < 20; i++) await remote.put('ddv.json', Buffer.alloc(70_000, i))
    writing = false
    t.ok(await reader)
  })
}
