// A disk that is really full. Needs root and the right to mount; elsewhere it says that it was skipped, and why.

import { execFileSync } from 'node:child_process'
import { closeSync, fsyncSync, mkdirSync, openSync, rmSync, statfsSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { git } from '../support/git.js'
import { checkPointers, checkRemote, names, readCache, readTree, temporaries } from '../support/invariants.js'
import { fastDirectory, loadProgram, mustRun, noise, runProgram, spawnProgram } from '../support/program.js'

const program = await loadProgram()
const directory = fastDirectory('full')
const mounted: string[] = []
t.teardown(() => {
  for (const place of mounted) execFileSync('umount', [place])
  rmSync(directory, { recursive: true, force: true })
})

type Kind = 'tmpfs' | 'ext4'
const MiB = 1024 * 1024

function mount(kind: Kind, name: string, mebibytes: number): string {
  const place = join(directory, name)
  mkdirSync(place)
  if (kind === 'tmpfs') execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${mebibytes}m`, 'ddv-test', place], quiet)
  else {
    const image = `${place}.img`
    execFileSync('truncate', ['-s', `${mebibytes}M`, image], quiet)
    execFileSync('mkfs.ext4', ['-q', '-m', '0', '-O', '^has_journal', image], quiet)
    execFileSync('mount', ['-o', 'loop', image, place], quiet)
  }
  mounted.push(place)
  return place
}

const quiet = { stdio: 'pipe' as const }

/** Why there can be no such disk here; undefined where there can. */
function obstacle(kind: Kind): string | undefined {
  try {
    execFileSync('umount', [mount(kind, `probe-${kind}`, 8)], quiet)
    mounted.pop()
    return undefined
  } catch (error) {
    return `a ${kind} cannot be mounted: ${String(error).split('\n')[0]}`
  }
}

/** Leaves so many bytes of the disk; the ballast that has to go to make room. */
function fill(place: string, leave: number): string {
  const { bavail, bsize } = statfsSync(place)
  const ballast = join(place, 'ballast')
  fillFile(ballast, Math.floor((bavail * bsize - leave) / bsize) * bsize)
  return ballast
}

// The file system needs some of what it says is free for itself.
function fillFile(path: string, size: number): void {
  const fd = openSync(path, 'w')
  const bytes = Buffer.alloc(MiB)
  try {
    for (let left = size; left > 0; ) left -= writeSync(fd, bytes, 0, Math.min(left, MiB))
    fsyncSync(fd)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error
  } finally {
    closeSync(fd)
  }
}

interface Full {
  readonly args: readonly string[]
  readonly cwd: string
  /** The full disk, which the message has to name. */
  readonly disk: string
  readonly ballast: string
}

async function fails(t: Test, { args, cwd, disk, ballast }: Full, checks: () => void): Promise<void> {
  const left = temporaries(cwd)
  const ended = await spawnProgram(program, args, { cwd })
  t.equal(ended.code, 1, 'exit 1')
  t.match(ended.stderr, /no space/, ended.stderr)
  t.ok(ended.stderr.includes(disk), 'a path on it is named')
  t.equal(ended.stdout, '', 'nothing is claimed')
  t.same(
    temporaries(cwd).filter(name => !left.includes(name)),
    [],
    'no temporary file is left',
  )
  t.same(names(join(cwd, '.ddv/lock')), [])
  checks()
  checkPointers(cwd, readCache(cwd), undefined)
  rmSync(ballast)
  await mustRun(program, args, { cwd })
}

async function makeWorkspace(ws: string): Promise<void> {
  mkdirSync(join(ws, 'data/set'), { recursive: true })
  git(ws, 'init', '-q', '-b', 'main', '--template=')
  await mustRun(program, ['init'], { cwd: ws })
  for (let i = 0; i < 60; i++) writeFileSync(join(ws, `data/set/${i}`), noise(i, 50_000))
  writeFileSync(join(ws, 'data/large.bin'), noise(99, 9 * MiB))
}

const outputs = ['data/set', 'data/large.bin']

for (const kind of ['tmpfs', 'ext4'] as const) {
  const why = obstacle(kind)
  if (why !== undefined) console.error(`SKIPPED: full disk on ${kind}: ${why}`)
  t.test(`full ${kind}`, why === undefined ? {} : { skip: `SKIPPED: ${why}` }, async t => {
    for (const room of [0, 8192, 20_000, 64_000, 2 * MiB, 8 * MiB])
      t.test(`add with ${room} bytes left`, async t => {
        const disk = mount(kind, `${kind}-add-${room}`, 48)
        const ws = join(disk, 'ws')
        await makeWorkspace(ws)
        const before = readTree(join(ws, 'data'))
        const ballast = fill(disk, room)
        await fails(t, { args: ['add', ...outputs], cwd: ws, disk, ballast }, () => {
          t.same(readTree(join(ws, 'data')), before, 'the data is as it was')
        })
      })

    t.test('checkout', async t => {
      const disk = mount(kind, `${kind}-checkout`, 48)
      const ws = join(disk, 'ws')
      await makeWorkspace(ws)
      const before = readTree(join(ws, 'data'), path => /(\.ddv|\.gitignore)$/.test(path))
      await mustRun(program, ['add', ...outputs], { cwd: ws })
      for (const output of outputs) rmSync(join(ws, output), { recursive: true })
      const ballast = fill(disk, 4 * MiB)
      await fails(t, { args: ['checkout'], cwd: ws, disk, ballast }, () => {
        t.same(readTree(join(ws, 'data'), path => /(\.ddv|\.gitignore)$/.test(path)).size, 0, 'no half of the data')
      })
      t.same(
        readTree(join(ws, 'data'), path => /(\.ddv|\.gitignore)$/.test(path)),
        before,
      )
    })

    t.test('push to a full remote, pull into a full clone', async t => {
      const disk = mount(kind, `${kind}-remote`, 48)
      const base = join(directory, `${kind}-base`)
      const ws = join(base, 'ws')
      await makeWorkspace(ws)
      await mustRun(program, ['remote', 'add', 'origin', join(disk, 'remote'), '--default'], { cwd: ws })
      await mustRun(program, ['add', ...outputs], { cwd: ws })
      git(ws, 'add', '-A')
      git(ws, 'commit', '-q', '-m', 'c')
      const remote = join(disk, 'remote')
      await fails(t, { args: ['push'], cwd: ws, disk: 'remote', ballast: fill(disk, 4 * MiB) }, () => {
        t.same(names(join(remote, 'tmp')), [], 'no temporary file is left on the remote')
        checkRemote(remote)
      })
      checkRemote(remote)
      const small = mount(kind, `${kind}-clone`, 48)
      const clone = join(small, 'clone')
      git(base, 'clone', '-q', 'ws', clone)
      const ballast = fill(small, 8 * MiB)
      const left = temporaries(clone)
      const ended = await runProgram(program, ['pull'], { cwd: clone })
      t.equal(ended.code, 1, 'exit 1')
      t.match(ended.stderr, /no space/, ended.stderr)
      t.ok(ended.stderr.includes(small), 'a path on it is named')
      t.same(
        temporaries(clone).filter(name => !left.includes(name)),
        [],
        'no temporary file is left',
      )
      checkPointers(clone, readCache(clone), remote)
      rmSync(ballast)
      await mustRun(program, ['pull'], { cwd: clone })
      t.same(readTree(join(clone, 'data')), readTree(join(ws, 'data')))
    })
  })
}
