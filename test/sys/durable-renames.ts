import { chmodSync, existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import t, { type Test } from 'tap'
import { discard, type FsyncMode, type Rename, renameDurably, syncFiles } from '../../lib/sys/durable-renames.js'
import { directPool, filesPool } from '../support/pool.js'

function prepare(directory: string, count: number): Rename[] {
  mkdirSync(join(directory, 'tmp'))
  return Array.from({ length: count }, (_, i) => {
    const from = join(directory, 'tmp', `t${i}`)
    writeFileSync(from, `content ${i}`)
    return { from, to: join(directory, 'to', String(i % 3), `n${i}`) }
  })
}

const isDone = (renames: readonly Rename[]): boolean =>
  renames.every(({ from, to }, i) => !existsSync(from) && readFileSync(to, 'utf8') === `content ${i}`)

for (const mode of ['batch', 'full', 'off'] as const)
  for (const count of [0, 1, 40])
    t.test(`${mode}: ${count} files get their names`, async t => {
      const directory = t.testdir()
      const renames = prepare(directory, count)
      await renameDurably(renames, { mode, directory, pool: directPool() })
      t.ok(isDone(renames))
      t.same(readdirSync(join(directory, 'tmp')), [])
    })

t.test('more than one job holds, on threads', async t => {
  const directory = t.testdir()
  const renames = prepare(directory, 5000)
  await renameDurably(renames, { mode: 'off', directory, pool: filesPool(t) })
  t.ok(isDone(renames))
})

t.test('files that were gathered for new directories come with these', async t => {
  const directory = t.testdir()
  const renames = Array.from({ length: 30 }, (_, i) => {
    const [from, to] = ['tmp', 'to'].map(top => join(directory, top, String(i % 3), `n${i}`)) as [string, string]
    mkdirSync(dirname(from), { recursive: true })
    writeFileSync(from, `content ${i}`)
    return { from, to }
  })
  mkdirSync(join(directory, 'to', '2'), { recursive: true })
  const inodes = [0, 1, 2].map(i => lstatSync(join(directory, 'tmp', String(i))).ino)
  const beforeRenames = (): string[] => {
    mkdirSync(join(directory, 'to', '1'))
    return [join(directory, 'to', '1')]
  }
  await renameDurably(renames, { mode: 'full', directory, pool: directPool(), beforeRenames })
  t.ok(isDone(renames))
  const isWhole = inodes.map((inode, i) => lstatSync(join(directory, 'to', String(i))).ino === inode)
  t.same(isWhole, [true, true, false], 'made here, made by the caller, there before')
})

t.test('an existing file is replaced', async t => {
  const directory = t.testdir({ to: { '0': { n0: 'old' } } })
  const renames = prepare(directory, 1)
  await renameDurably(renames, { mode: 'batch', directory, pool: directPool() })
  t.ok(isDone(renames))
})

const nothingHappened = (t: Test, directory: string): void => {
  t.notOk(existsSync(join(directory, 'to')), 'nothing has its name')
  t.same(readdirSync(join(directory, 'tmp')), [], 'the temporary files are gone')
}

t.test('what is said before the renames can end all', async t => {
  const directory = t.testdir()
  const renames = prepare(directory, 20)
  const seen: boolean[] = []
  const beforeRenames = (): never => {
    seen.push(existsSync(renames[0]?.to ?? ''))
    throw new Error('no')
  }
  await t.rejects(renameDurably(renames, { mode: 'off', directory, pool: directPool(), beforeRenames }), {
    message: 'no',
  })
  t.same(seen, [false])
  nothingHappened(t, directory)
})

t.test('so can an abort', async t => {
  const directory = t.testdir()
  const options = { mode: 'full' as const, directory, pool: directPool(), signal: AbortSignal.abort() }
  await t.rejects(renameDurably(prepare(directory, 3), options), { code: 'interrupted' })
  nothingHappened(t, directory)
})

/** For the time of the test the program `sync` is this script, or there is none. */
function replaceSync(t: Test, script: string | undefined): void {
  const directory = t.testdir({ ...(script === undefined ? {} : { sync: `#!/bin/sh\n${script}\n` }), work: {} })
  if (script !== undefined) chmodSync(join(directory, 'sync'), 0o755)
  const path = process.env.PATH
  process.env.PATH = script === undefined ? directory : `${directory}${delimiter}${path}`
  t.teardown(() => {
    process.env.PATH = path
  })
}

t.test('a failed sync fails the whole batch, once', async t => {
  replaceSync(t, 'echo x >> "$(dirname "$0")/calls"; exit 1')
  const directory = join(t.testdirName, 'work')
  await t.rejects(renameDurably(prepare(directory, 30), { mode: 'batch', directory, pool: directPool() }), {
    code: 'io',
    message: new RegExp(`: ${directory}$`),
  })
  nothingHappened(t, directory)
  t.equal(readFileSync(join(t.testdirName, 'calls'), 'utf8'), 'x\n', 'never synced again')
})

t.test('all bytes, then all names are synced', async t => {
  replaceSync(
    t,
    'd=$(dirname "$0"); ls "$d/work/tmp" | wc -l >> "$d/calls"; ls -d "$d"/work/to/*/* 2>/dev/null | wc -l >> "$d/calls"',
  )
  const directory = join(t.testdirName, 'work')
  await renameDurably(prepare(directory, 30), { mode: 'batch', directory, pool: directPool() })
  t.same(readFileSync(join(t.testdirName, 'calls'), 'utf8').match(/\d+/g)?.slice(0, 2), ['30', '0'])
})

t.test('where there is no program for it, each is synced by itself', async t => {
  replaceSync(t, undefined)
  const directory = join(t.testdirName, 'work')
  const renames = prepare(directory, 30)
  await renameDurably(renames, { mode: 'batch', directory, pool: directPool() })
  t.ok(isDone(renames))
})

t.test('a file in the way of a directory: no name given, no temporary file left', async t => {
  const directory = t.testdir({ to: 'a file' })
  const renames = prepare(directory, 20)
  await t.rejects(renameDurably(renames, { mode: 'off', directory, pool: directPool() }))
  t.equal(readFileSync(join(directory, 'to'), 'utf8'), 'a file')
  t.same(readdirSync(join(directory, 'tmp')), [])
})

t.test('a temporary file that vanished is an error', async t => {
  for (const mode of ['full', 'off'] as FsyncMode[]) {
    const directory = t.testdir()
    const renames = prepare(directory, 3)
    discard([renames[1]?.from as string])
    await t.rejects(renameDurably(renames, { mode, directory, pool: directPool() }), { code: 'ENOENT' })
    t.same(readdirSync(join(directory, 'tmp')), [])
  }
})

t.test('files and directories can be synced', async t => {
  const directory = t.testdir({ a: 'x', d: {} })
  const options = { mode: 'full' as const, directory, pool: directPool() }
  await syncFiles([join(directory, 'a'), join(directory, 'd')], options)
  await t.rejects(syncFiles([join(directory, 'none')], options), { code: 'ENOENT' })
  await syncFiles([join(directory, 'none')], { ...options, mode: 'off' })
})
