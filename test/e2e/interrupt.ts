// Ctrl-C in the middle of larger data: over within a second, exit 130, nothing broken, and the same command goes on.

import { cpSync, mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { git } from '../support/git.js'
import {
  checkPointers,
  checkRemote,
  gitLockGone,
  names,
  readCache,
  readTree,
  temporaries,
} from '../support/invariants.js'
import { fastDirectory, loadProgram, mustRun, noise, spawnProgram } from '../support/program.js'

const program = await loadProgram()
const directory = fastDirectory('interrupt')
t.teardown(() => rmSync(directory, { recursive: true, force: true }))

/** A second to stop, and what a machine with other work needs to start and end a process. */
const limit = 2500

const ws = join(directory, 'ws')
const clone = join(directory, 'clone')
const remote = join(directory, 'remote')

mkdirSync(join(ws, 'data/many'), { recursive: true })
git(ws, 'init', '-q', '-b', 'main', '--template=')
await mustRun(program, ['init'], { cwd: ws })
await mustRun(program, ['remote', 'add', 'origin', '../remote', '--default'], { cwd: ws })
for (let i = 0; i < 3; i++) writeFileSync(join(ws, `data/large-${i}.bin`), noise(i, 96 * 1024 * 1024))
for (let i = 0; i < 2000; i++) writeFileSync(join(ws, `data/many/${i}`), noise(10 + i, 2000 + i))
const outputs = ['data/large-0.bin', 'data/large-1.bin', 'data/large-2.bin', 'data/many']

/** Presses Ctrl-C when `begun` says that there is something to be broken. */
async function interrupt(t: Test, cwd: string, args: readonly string[], begun: () => boolean): Promise<void> {
  let pressed = 0
  const ended = await spawnProgram(program, args, {
    cwd,
    onStart: async child => {
      while (!begun() && child.exitCode === null) await sleep(2)
      await sleep(20)
      pressed = performance.now()
      child.kill('SIGINT')
    },
  })
  const took = performance.now() - pressed
  // A process that a thread in a long system call keeps alive ends itself by the signal: 130 for a shell.
  t.equal(ended.signal === 'SIGINT' ? 130 : ended.code, 130, 'exit 130')
  t.match(ended.stderr, /^ddv: interrupted$/m)
  t.equal(ended.stdout, '', 'nothing is claimed')
  t.ok(took < limit, `over in ${took.toFixed(0)} ms`)
  t.ok(await gitLockGone(cwd), `git's index is not locked`)
  const cached = readCache(cwd)
  checkPointers(cwd, cached, remote)
  checkRemote(remote)
}

async function goesOn(t: Test, cwd: string, args: readonly string[]): Promise<void> {
  const left = temporaries(cwd)
  await mustRun(program, args, { cwd })
  t.same(
    temporaries(cwd).filter(name => !left.includes(name)),
    [],
    'nothing new is left',
  )
  t.same(names(join(cwd, '.ddv/lock')), [])
}

const holds = (place: string) => (): boolean => names(place).length > 0
const packsIn = (): boolean =>
  names(join(remote, 'tmp')).some(name => statSync(join(remote, 'tmp', name), { throwIfNoEntry: false }) !== undefined)

t.test('add', async t => {
  const before = readTree(join(ws, 'data'))
  await interrupt(t, ws, ['add', ...outputs], holds(join(ws, '.cache/tmp')))
  t.same(readTree(join(ws, 'data')), before, 'the data is as it was')
  t.same(
    readdirSync(join(ws, 'data')).filter(name => name.endsWith('.ddv')),
    [],
    'no pointer',
  )
  await goesOn(t, ws, ['add', ...outputs])
  git(ws, 'commit', '-q', '-m', 'c')
  cpSync(join(ws, 'data'), join(directory, 'data'), { recursive: true })
})

t.test('push', async t => {
  await interrupt(t, ws, ['push'], packsIn)
  await goesOn(t, ws, ['push'])
  checkRemote(remote)
})

t.test('pull', async t => {
  git(directory, 'clone', '-q', 'ws', 'clone')
  await interrupt(t, clone, ['pull'], holds(join(clone, '.cache/tmp')))
  await goesOn(t, clone, ['pull'])
  t.same(readTree(join(clone, 'data')), readTree(join(ws, 'data')))
})

t.test('checkout', async t => {
  for (const output of outputs) rmSync(join(ws, output), { recursive: true })
  await interrupt(t, ws, ['checkout'], holds(join(ws, '.ddv/tmp')))
  await goesOn(t, ws, ['checkout'])
  t.same(readTree(join(ws, 'data')), readTree(join(directory, 'data')))
})
