import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { type GroupOptions, runGroup } from '../../lib/sys/process-group.js'

const env = { PATH: process.env.PATH }
const isLinux = process.platform === 'linux'

function start(script: string, options: Partial<GroupOptions> = {}) {
  const output: Buffer[] = []
  const promise = runGroup('/bin/sh', ['-c', script], {
    cwd: '/',
    env,
    grace: 300,
    onOutput: (_, bytes) => {
      output.push(Buffer.from(bytes))
    },
    ...options,
  })
  return { promise, text: () => Buffer.concat(output).toString() }
}

/** Whether the process does any work. */
const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
  } catch {
    return false
  }
  return !isLinux || !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))
}

async function timed<T>(promise: Promise<T>): Promise<{ readonly value: T; readonly took: number }> {
  const started = performance.now()
  const value = await promise
  return { value, took: performance.now() - started }
}

t.test('how a program ended', async t => {
  for (const [script, code, signal] of [
    ['true', 0, null],
    ['exit 7', 7, null],
    ['kill -KILL $$', null, 'SIGKILL'],
  ] as const)
    t.match(await start(script).promise, { code, signal, timedOut: false, leftOthers: false }, script)
})

t.test('quickly', async t => {
  const { took } = await timed(Promise.all(Array.from({ length: 20 }, () => start('true').promise)))
  t.ok(took < 2000, `${Math.round(took)} ms`)
})

t.test('is alone: no stdin, no terminal, no descriptor of ours', { skip: !isLinux }, async t => {
  const list = 'cat; ls /proc/self/fd'
  const run = start(`${list}; ps -o pgid= -p $$; echo $$`)
  await run.promise
  const lines = run
    .text()
    .trim()
    .split('\n')
    .map(line => line.trim())
  const plain = spawnSync('/bin/sh', ['-c', list], { stdio: ['ignore', 'pipe', 'inherit'] })
  t.same(lines.slice(0, -2), plain.stdout.toString().trim().split('\n'), 'as without us')
  t.equal(lines.at(-1), lines.at(-2), 'it leads its group')
})

t.test('what it leaves in the background is ended', async t => {
  for (const script of ['sleep 60 & echo $!', 'sleep 60 >/dev/null 2>&1 & echo $!']) {
    const run = start(script)
    const { value, took } = await timed(run.promise)
    t.match(value, { code: 0, leftOthers: true }, script)
    t.ok(took < 3000, `${Math.round(took)} ms`)
    t.notOk(isAlive(Number(run.text())))
  }
})

t.test('what ends soon by itself is not', async t => {
  const run = start('(sleep 0.2; echo late) & echo early')
  t.match(await run.promise, { code: 0, leftOthers: false })
  t.equal(run.text(), 'early\nlate\n')
})

t.test('what leaves the group keeps nobody waiting', { skip: !isLinux }, async t => {
  const run = start('setsid sleep 60 & echo $!')
  const { value, took } = await timed(run.promise)
  t.match(value, { code: 0 })
  t.ok(took < 4000, `${Math.round(took)} ms`)
  process.kill(Number(run.text()), 'SIGKILL')
})

t.test('a timeout ends all of it, in order where it can', async t => {
  const run = start(`trap 'echo bye; exit 3' TERM; sleep 60 & wait`, { timeout: 200 })
  const { value, took } = await timed(run.promise)
  t.match(value, { code: 3, timedOut: true })
  t.equal(run.text(), 'bye\n')
  t.ok(took < 3000, `${Math.round(took)} ms`)
})

t.test('what ignores TERM is killed after the grace, and so is what is stopped', async t => {
  for (const script of [`trap '' TERM; sleep 60 & wait; sleep 60`, 'kill -STOP $$']) {
    const { value, took } = await timed(start(script, { timeout: 200 }).promise)
    t.match(value, { code: null, timedOut: true }, script)
    t.ok(took < 3000, `${Math.round(took)} ms`)
  }
})

t.test('an abort is an error once all has ended', async t => {
  const controller = new AbortController()
  const run = start('sleep 60 & echo $!; wait', {
    signal: controller.signal,
    onOutput: (_, bytes) => pids.push(Number(bytes.toString())),
  })
  const pids: number[] = []
  setTimeout(() => controller.abort(), 200)
  await t.rejects(run.promise, { code: 'interrupted' })
  t.equal(pids.length, 1)
  t.notOk(isAlive(pids[0] as number))
  await t.rejects(start('true', { signal: controller.signal }).promise, { code: 'interrupted' }, 'before it begins')
})

t.test('who cannot take the output ends it', async t => {
  const run = start('echo x; sleep 60', {
    onOutput: () => {
      throw new Error('full')
    },
  })
  const { took } = await timed(t.rejects(run.promise, { message: 'full' }))
  t.ok(took < 3000, `${Math.round(took)} ms`)
})

t.test('what cannot be started', async t => {
  await t.rejects(start('x'.repeat(200_000)).promise, { code: 'io', message: /^cannot run \/bin\/sh: .*E2BIG/ })
})

t.test('10 MB come whole', async t => {
  const run = start('head -c 10000000 /dev/zero | tr "\\0" x')
  await run.promise
  t.equal(run.text().length, 10_000_000)
})

t.test('memory', { skip: !isLinux }, async t => {
  const script = 'x=$(head -c 50000000 /dev/zero | tr "\\0" x); sleep 1.5'
  const { peakMemory = 0 } = await start(script, { cwd: t.testdir() }).promise
  t.ok(peakMemory > 50_000_000 && peakMemory < 500_000_000, `${peakMemory} bytes`)
})

t.test('dies with its parent, also when that is killed', { skip: !isLinux }, async t => {
  const program = fileURLToPath(new URL('../support/group-child.js', import.meta.url))
  const directory = t.testdir()
  const script = `trap '' TERM HUP; sleep 60 & echo $$ $!; while :; do echo x >> ${join(directory, 'out')}; sleep 0.05; done`
  const parent = spawn(process.execPath, [program, directory, script], { stdio: ['ignore', 'pipe', 'inherit'] })
  const [said] = (await once(parent.stdout as NodeJS.ReadableStream, 'data')) as [Buffer]
  const pids = said.toString().trim().split(' ').map(Number)
  t.same(pids.map(isAlive), [true, true])
  parent.kill('SIGKILL')
  await once(parent, 'exit')
  for (let i = 0; i < 100 && pids.some(isAlive); i++) await sleep(20)
  t.same(pids.map(isAlive), [false, false])
})

t.test('the watchdog goes with its process, and holds it back from nothing', { skip: !isLinux }, async t => {
  const program = fileURLToPath(new URL('../support/group-child.js', import.meta.url))
  const parent = spawn(process.execPath, [program, '/', 'ps -o pid= --ppid $PPID'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const output: Buffer[] = []
  parent.stdout?.on('data', bytes => output.push(bytes))
  await once(parent, 'close')
  const pids = Buffer.concat(output).toString().trim().split(/\s+/).map(Number)
  t.ok(pids.length >= 2, 'the script and the watchdog')
  for (let i = 0; i < 100 && pids.some(isAlive); i++) await sleep(20)
  t.notOk(pids.some(isAlive))
})

t.test(
  'another watchdog takes the place of one that was killed, and knows of all groups',
  { skip: !isLinux },
  async t => {
    const program = fileURLToPath(new URL('../support/group-child.js', import.meta.url))
    // The watchdog is the other child of the script's parent.
    const first = 'for p in $(ps -o pid= --ppid $PPID); do test $p = $$ || kill -KILL $p || exit; done'
    const script = `${first}; sleep 0.3; echo $$; sleep 60`
    const parent = spawn(process.execPath, [program, '/', script, 'echo $$; sleep 60'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const pids: number[] = []
    for await (const said of parent.stdout as AsyncIterable<Buffer>) {
      pids.push(...said.toString().trim().split(/\s+/).map(Number))
      if (pids.length === 2) break
    }
    parent.kill('SIGKILL')
    await once(parent, 'exit')
    for (let i = 0; i < 100 && pids.some(isAlive); i++) await sleep(20)
    t.same(pids.map(isAlive), [false, false])
  },
)
