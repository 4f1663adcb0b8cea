// A pull of one large file that is killed, by Ctrl-C or for good, goes on where it was.

import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { git } from '../support/git.js'
import { fastDirectory, loadProgram, mustRun, noise, spawnProgram } from '../support/program.js'

const program = await loadProgram()
const directory = fastDirectory('resume')
t.teardown(() => rmSync(directory, { recursive: true, force: true }))

const MiB = 1_048_576
const size = 256 * MiB
const ws = join(directory, 'ws')

mkdirSync(ws, { recursive: true })
git(ws, 'init', '-q', '-b', 'main', '--template=')
await mustRun(program, ['init'], { cwd: ws })
await mustRun(program, ['remote', 'add', 'origin', '../remote', '--default'], { cwd: ws })
const large = noise(1, size)
writeFileSync(join(ws, 'large.bin'), large)
await mustRun(program, ['add', 'large.bin'], { cwd: ws })
await mustRun(program, ['push'], { cwd: ws })
git(ws, 'add', '-A')
git(ws, 'commit', '-q', '-m', 'c')

const blocks = (path: string): number => (statSync(path, { throwIfNoEntry: false })?.blocks ?? 0) * 512

for (const signal of ['SIGKILL', 'SIGINT'] as const)
  t.test(`${signal} in the middle`, async t => {
    const clone = join(directory, signal)
    git(directory, 'clone', '-q', 'ws', signal)
    const tmp = join(clone, '.cache/tmp')
    const written = (): number => names(tmp).reduce((sum, name) => sum + blocks(join(tmp, name)), 0)
    const ended = await spawnProgram(program, ['pull'], {
      cwd: clone,
      onStart: async child => {
        while (written() < 100 * MiB && child.exitCode === null) await sleep(1)
        child.kill(signal)
      },
    })
    t.not(ended.code, 0)
    const there = written()
    t.ok(there >= 100 * MiB && there <= size, `${there} bytes lie there`)
    const again = await mustRun(program, ['pull', '--json'], { cwd: clone })
    const { bytesReceived } = JSON.parse(again) as { bytesReceived: number }
    // A chunk that was being written, and the tables.
    t.ok(bytesReceived <= size - there + 2 * MiB, `${bytesReceived} bytes were received to go on`)
    t.ok(readFileSync(join(clone, 'large.bin')).equals(large))
    t.same(names(tmp), [])
  })

function names(path: string): string[] {
  try {
    return readdirSync(path)
  } catch {
    return []
  }
}
