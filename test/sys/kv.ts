import { execFile, spawnSync } from 'node:child_process'
import { readdirSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import { type Kv, openKv } from '../../lib/sys/kv.js'

const put = (kv: Kv, key: string | Buffer, value: string): void => kv.write(batch => batch.put(key, Buffer.from(value)))

t.test('what is written is there, also after it was closed', async t => {
  const directory = join(t.testdir(), 'made/below')
  const kv = openKv(directory)
  put(kv, 'a', 'one')
  put(kv, Buffer.from([0, 255]), 'bytes')
  put(kv, 'é', '')
  await kv.close()
  const again = openKv(directory)
  t.teardown(() => again.close())
  t.equal(again.get('a')?.toString(), 'one')
  t.equal(again.get(Buffer.from([0, 255]))?.toString(), 'bytes')
  t.equal(again.get('é')?.length, 0)
  t.equal(again.get('none'), undefined)
  t.ok(again.has('a'))
  t.notOk(again.has('none'))
  again.write(batch => {
    batch.remove('a')
    batch.remove('none')
    batch.put('b', new Uint8Array([9, 8, 7]).subarray(1, 2))
  })
  t.notOk(again.has('a'))
  t.same([...(again.get('b') ?? [])], [8], 'a part of a larger array')
})

t.test('what was read does not change under a later write', async t => {
  const kv = openKv(t.testdir())
  t.teardown(() => kv.close())
  put(kv, 'a', 'one')
  const read = kv.get('a')
  for (let i = 0; i < 50; i++) put(kv, 'a', `two${i}`)
  t.equal(read?.toString(), 'one')
})

t.test('keys of a prefix, in byte order', async t => {
  const kv = openKv(t.testdir())
  t.teardown(() => kv.close())
  for (const key of ['s/b', 's/a', 's/é', 's/', 's0', 't/a', 's/😀', 'r']) put(kv, key, '')
  t.same([...kv.keys('s/')], ['s/', 's/a', 's/b', 's/é', 's/😀'])
  t.same([...kv.keys('x')], [])
  t.equal([...kv.keys('')].length, 8)
})

t.test('a change that throws changes nothing', async t => {
  const kv = openKv(t.testdir())
  t.teardown(() => kv.close())
  put(kv, 'a', 'old')
  t.throws(
    () =>
      kv.write(batch => {
        batch.put('a', Buffer.from('new'))
        throw new Error('stop')
      }),
    { message: 'stop' },
  )
  t.equal(kv.get('a')?.toString(), 'old')
  put(kv, 'b', 'works')
  t.equal(kv.get('b')?.toString(), 'works')
})

const opener = (directory: string, what: string): string => `
  import { openKv } from ${JSON.stringify(new URL('../../lib/sys/kv.js', import.meta.url).href)}
  const kv = openKv(${JSON.stringify(directory)})
  ${what}`

t.test('a damaged store is made anew', async t => {
  const damages: Readonly<Record<string, (file: string) => void>> = {
    'garbage all over': file => writeFileSync(file, Buffer.alloc(100_000, 'garbage')),
    'a text': file => writeFileSync(file, 'not a database'),
    zeros: file => writeFileSync(file, Buffer.alloc(65536)),
    empty: file => truncateSync(file, 0),
    'cut short': file => truncateSync(file, 5000),
    'its second half gone': file => truncateSync(file, statSync(file).size / 2),
  }
  for (const [name, damage] of Object.entries(damages)) {
    const base = t.testdir()
    const directory = join(base, 'index')
    const kv = openKv(directory)
    kv.write(batch => {
      for (let i = 0; i < 2000; i++) batch.put(`key ${i}`, Buffer.alloc(100))
    })
    await kv.close()
    const file = readdirSync(directory).find(entry => entry.startsWith('data')) as string
    damage(join(directory, file))
    // In a process of its own: what the damage must not do is take that down.
    const program = join(base, 'open.mjs')
    writeFileSync(
      program,
      opener(
        directory,
        `kv.write(b => b.put('a', Buffer.from('new'))); console.log(kv.get('a').toString(), kv.get('key 5')); await kv.close()`,
      ),
    )
    const { stdout, stderr, signal } = spawnSync(process.execPath, [program], { env: {} })
    t.same([stdout.toString(), signal], ['new undefined\n', null], `${name} ${stderr.toString()}`)
  }
})

t.test('other errors are told', async t => {
  const directory = t.testdir({ file: '' })
  t.throws(() => openKv(join(directory, 'file/index')))
})

t.test('a process that is killed in a transaction leaves the state before it', async t => {
  const base = t.testdir()
  const directory = join(base, 'index')
  const kv = openKv(directory)
  put(kv, 'a', 'old')
  await kv.close()
  const program = join(base, 'die.mjs')
  writeFileSync(
    program,
    opener(directory, `kv.write(b => { b.put('a', Buffer.from('new')); process.kill(process.pid, 'SIGKILL') })`),
  )
  const { signal } = spawnSync(process.execPath, [program], { env: {} })
  t.equal(signal, 'SIGKILL')
  const again = openKv(directory)
  t.teardown(() => again.close())
  t.equal(again.get('a')?.toString(), 'old')
  put(again, 'a', 'newer')
  t.equal(again.get('a')?.toString(), 'newer', 'and its lock has fallen')
})

t.test('several processes write at once', async t => {
  const base = t.testdir()
  const directory = join(base, 'index')
  const program = join(base, 'write.mjs')
  writeFileSync(
    program,
    opener(
      directory,
      `for (let i = 0; i < 50; i++) kv.write(b => b.put(process.argv[2] + i, Buffer.from('x'))); await kv.close()`,
    ),
  )
  await Promise.all(['a', 'b', 'c'].map(name => promisify(execFile)(process.execPath, [program, name], { env: {} })))
  const kv = openKv(directory)
  t.teardown(() => kv.close())
  t.equal([...kv.keys('')].length, 150)
})
