import t from 'tap'
import { run } from '../../lib/sys/spawn.js'

const options = { cwd: t.testdir(), env: { PATH: process.env.PATH, GREETING: 'hello' } }
const node = (code: string, more = {}) => run(process.execPath, ['-e', code], { ...options, ...more })

t.test('code, both outputs, input and environment', async t => {
  const code = `process.stdin.on('data', d => process.stdout.write(d + process.env.GREETING)).on('end', () => {
    console.error('aside'); process.exitCode = 7 })`
  const result = await node(code, { input: 'in:' })
  t.match(result, { code: 7, stderr: 'aside\n' })
  t.equal(result?.stdout.toString(), 'in:hello')
})

t.test('no shell: arguments arrive as they are', async t => {
  const args = ['a b', '$HOME', '; exit 3', '*']
  const result = await run(process.execPath, ['-p', 'JSON.stringify(process.argv.slice(1))', ...args], options)
  t.same(JSON.parse(result?.stdout.toString() ?? ''), args)
})

t.test('a program that is not there is undefined', async t => {
  t.equal(await run('ddv-no-such-program', [], options), undefined)
  t.equal(await run('git', [], { ...options, env: { PATH: t.testdir() } }), undefined)
})

t.test('a program that reads no input ends with its own code', async t => {
  t.match(await node('process.exit(4)', { input: Buffer.alloc(4_000_000) }), { code: 4 })
})

t.test('a signal counts as in shells', async t => {
  t.match(await node(`process.kill(process.pid, 'SIGTERM'); setTimeout(() => {}, 60000)`), { code: 143 })
})

t.test('too much output is an error', async t => {
  await t.rejects(node(`(function f() { process.stdout.write('x'.repeat(65536), f) })()`, { maxOutput: 1000 }), {
    code: 'io',
  })
})

t.test('abort kills, before and after the start', async t => {
  await t.rejects(node('0', { signal: AbortSignal.abort() }), { code: 'interrupted' })
  const started = performance.now()
  await t.rejects(node('setTimeout(() => {}, 60000)', { signal: AbortSignal.timeout(100) }), { code: 'interrupted' })
  t.ok(performance.now() - started < 5000)
})
