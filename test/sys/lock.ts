import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { isHeld, withLock } from '../../lib/sys/lock.js'

const program = fileURLToPath(new URL('../support/lock-child.js', import.meta.url))
const env = { PATH: process.env.PATH }

async function startHolder(
  t: Test,
  directory: string,
  { orphan = false, unshare }: { orphan?: boolean; unshare?: readonly string[] } = {},
): Promise<{ child: ChildProcess; pid: number }> {
  const args = [program, directory, 'hold']
  // With `orphan` the parent is a shell's `sleep`, which never asks how its child ended.
  const child = orphan
    ? spawn('/bin/sh', ['-c', '"$@" & exec sleep 60', 'sh', process.execPath, ...args], { env })
    : unshare !== undefined
      ? spawn('unshare', [...unshare, process.execPath, ...args], { env })
      : spawn(process.execPath, args, { env })
  t.teardown(() => child.kill('SIGKILL'))
  const [said] = (await once(child.stdout as NodeJS.ReadableStream, 'data')) as [Buffer]
  const pid = Number(/held (\d+)/.exec(said.toString())?.[1])
  if (orphan)
    t.teardown(() => {
      try {
        process.kill(pid, 'SIGKILL')
      } catch {}
    })
  return { child, pid }
}

const take = (directory: string, patience: number): Promise<string> =>
  withLock(directory, { patience }, async () => 'taken')

t.test('gives the result, or the error, and is free again', async t => {
  const directory = join(t.testdir(), 'not/yet/there')
  t.equal(await withLock(directory, {}, async () => 7), 7)
  const failing = withLock(directory, {}, async () => {
    throw new Error('inside')
  })
  await t.rejects(failing, { message: 'inside' })
  t.equal(await take(directory, 0), 'taken')
  t.same(readdirSync(directory), [], 'nothing is left')
})

t.test('one at a time within a process, too', async t => {
  const directory = t.testdir()
  let inside = 0
  const work = async (): Promise<void> => {
    t.equal(++inside, 1)
    await new Promise(resolve => setTimeout(resolve, 2))
    inside--
  }
  await Promise.all(Array.from({ length: 6 }, () => withLock(directory, {}, work)))
})

t.test("a living process's lock is not broken, and tells who holds it", async t => {
  const directory = t.testdir()
  const { pid } = await startHolder(t, directory)
  const started = performance.now()
  await t.rejects(take(directory, 1200), {
    code: 'busy',
    message: new RegExp(`process ${pid} on ${hostname()}`),
    hint: /wait/,
  })
  t.ok(performance.now() - started >= 1200, 'after the patience')
  t.equal(readdirSync(directory).length, 1, "the holder's file is still there")
})

t.test('the lock of a process that was killed falls at once', async t => {
  const directory = t.testdir()
  const { child } = await startHolder(t, directory)
  await t.rejects(take(directory, 0), { code: 'busy' })
  child.kill('SIGKILL')
  await once(child, 'exit')
  t.equal(await take(directory, 0), 'taken')
})

t.test('also where nobody has asked how it ended', { skip: process.platform !== 'linux' }, async t => {
  const directory = t.testdir()
  const { pid } = await startHolder(t, directory, { orphan: true })
  process.kill(pid, 'SIGKILL')
  while (!/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))) await new Promise(resolve => setTimeout(resolve, 5))
  t.equal(await take(directory, 0), 'taken')
})

t.test('a waiting process goes on as soon as the holder is done', async t => {
  const directory = t.testdir()
  const { child } = await startHolder(t, directory)
  setTimeout(() => child.kill('SIGKILL'), 300)
  const started = performance.now()
  t.equal(await take(directory, 10_000), 'taken')
  t.ok(performance.now() - started < 1300, 'within a second')
})

/** Leaves a lock as this process would, were one part of what it says of itself another. */
async function forge(directory: string, change: (name: string) => string): Promise<void> {
  let name = ''
  await withLock(directory, {}, async () => {
    name = readdirSync(directory)[0] as string
  })
  const forged = change(name)
  if (forged === name) throw new Error(`nothing changed in ${name}`)
  writeFileSync(join(directory, forged), '')
}

t.test('another host: cannot be known from here', async t => {
  const directory = t.testdir()
  await forge(directory, name => name.replace(hostname(), 'far-away'))
  await t.rejects(take(directory, 100), {
    code: 'busy',
    message: /on far-away/,
    hint: new RegExp(`delete.*${directory}`),
  })
  const patience = { patience: Number.POSITIVE_INFINITY, patienceElsewhere: 100 }
  await t.rejects(
    withLock(directory, patience, async () => 'taken'),
    { code: 'busy' },
  )
  t.ok(isHeld(directory))
  t.notOk(isHeld(`${directory}/absent`))
})

t.test(
  'a process with the pid of an earlier one does not hold its lock',
  { skip: process.platform !== 'linux' },
  async t => {
    const directory = t.testdir()
    await forge(directory, name => name.replace(/_(\d+)_/, (_, start) => `_${Number(start) - 1}_`))
    t.equal(await take(directory, 0), 'taken')
  },
)

t.test('nor does one of an earlier boot', { skip: process.platform !== 'linux' }, async t => {
  const directory = t.testdir()
  await forge(directory, name => name.replace(/[0-9a-f]{8}-[0-9a-f]{4}/, '00000000-0000'))
  t.equal(await take(directory, 0), 'taken')
  t.same(readdirSync(directory), [])
})

const ownSpace = ['--pid', '--fork', '--kill-child']
const cannotUnshare = (): string | false =>
  spawnSync('unshare', [...ownSpace, 'true'], { env }).status === 0 ? false : 'may not make pid namespaces here'

t.test('a container on this host has pids of its own: its living process is not taken for dead', async t => {
  const here = t.testdir({ a: {}, b: {} })
  for (const [name, unshare] of [
    ['a', [...ownSpace, '--mount-proc']],
    ['b', ownSpace], // its /proc is still ours
  ] as const)
    await t.test(unshare.join(' '), { skip: cannotUnshare() }, async t => {
      const directory = join(here, name)
      const { pid } = await startHolder(t, directory, { unshare })
      t.equal(pid, 1, 'its own idea of its pid')
      await t.rejects(take(directory, 100), {
        code: 'busy',
        message: /process 1 on/,
        hint: new RegExp(`container is gone, delete.*${directory}`),
      })
      t.equal(readdirSync(directory).length, 1)
    })
})

t.test(
  'names of an earlier ddv, which say nothing of pid namespaces',
  { skip: process.platform !== 'linux' },
  async t => {
    const directory = t.testdir()
    const withoutSpace = (name: string): string => name.replace(/^([^_]*_[^_]*_[^_]*)_\d+_/, '$1_')
    await forge(directory, withoutSpace)
    await t.rejects(take(directory, 50), { code: 'busy', hint: /wait for it to end/ })
    for (const name of readdirSync(directory)) rmSync(join(directory, name))
    await forge(directory, name => withoutSpace(name).replace(/_(\d+)_/, (_, start) => `_${Number(start) - 1}_`))
    t.equal(await take(directory, 0), 'taken')
  },
)

t.test('a file of somebody else is left alone', async t => {
  const directory = t.testdir({ '.gitkeep': '', 'x_%zz': '' })
  t.equal(await take(directory, 0), 'taken')
  t.same(readdirSync(directory).sort(), ['.gitkeep', 'x_%zz'])
})

t.test('an abort ends the waiting', async t => {
  const directory = t.testdir()
  await startHolder(t, directory)
  const signal = AbortSignal.timeout(100)
  await t.rejects(
    withLock(directory, { signal }, async () => 'taken'),
    { code: 'interrupted' },
  )
  t.equal(readdirSync(directory).length, 1)
})

t.test('8 processes count to 400 without a loss', async t => {
  const directory = t.testdir({ count: '0', lock: {} })
  const file = join(directory, 'count')
  const children = Array.from({ length: 8 }, () =>
    spawn(process.execPath, [program, join(directory, 'lock'), 'count', file, '50'], {
      env,
      stdio: ['ignore', 'ignore', 'inherit'],
    }),
  )
  t.teardown(() => {
    for (const child of children) child.kill('SIGKILL')
  })
  const codes = await Promise.all(children.map(async child => (await once(child, 'exit'))[0] as number))
  t.same(codes, Array(8).fill(0))
  t.equal(readFileSync(file, 'utf8'), '400')
})
