import { spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, statSync, truncateSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { main } from '../../lib/cli/main.js'
import { ddv, fakeIo } from '../support/fake-io.js'
import { gitEnv, makeRepository, write } from '../support/git.js'

const program = resolve(import.meta.dirname, '../../bin/ddv.js')

t.test('the bare version, before anything else', async t => {
  const { code, stdout, stderr } = await ddv({ cwd: '/' }, '--version')
  t.same({ code, stderr }, { code: 0, stderr: '' })
  t.match(stdout, /^\d+\.\d+\.\d+\n$/)
  t.equal((await ddv({ cwd: '/' }, 'add', '--version')).stdout, stdout)
  t.equal((await ddv({ cwd: '/' }, 'root', '--', '--version')).code, 2)
  t.equal((await ddv({ cwd: '/' }, '--version', 'register')).stdout, stdout)
  t.match(await ddv({ cwd: '/' }, 'register', 'x', '--name', 'n', '--version', 'minor'), { code: 10 }, 'its own flag')
})

t.test('help on stdout, for the whole and for each command', async t => {
  const whole = await ddv({ cwd: '/' }, '--help')
  t.equal(whole.code, 0)
  t.match(whole.stdout, /^usage: ddv <command>/)
  t.equal((await ddv({ cwd: '/' }, 'help')).stdout, whole.stdout)
  const one = await ddv({ cwd: '/' }, 'config', 'get', '-h')
  t.equal(one.code, 0)
  t.match(one.stdout, /^usage: ddv config get <key> \[flags\]\n/)
  t.match(await ddv({ cwd: '/' }, 'help', 'config', 'get'), one)
  t.match(await ddv({ cwd: '/' }, 'config', '--nope', '--help', 'get', '--json'), one, 'whatever else is wrong')
  t.match(await ddv({ cwd: '/' }, 'help', 'confg'), { code: 2, stderr: /did you mean 'ddv config'/ })
  t.match(await ddv({ cwd: '/' }), { code: 2, stdout: '', stderr: whole.stdout }, 'nothing typed is no question')
})

t.test('wrong usage: exit 2, one line, a hint', async t => {
  const cases: readonly (readonly [readonly string[], RegExp, RegExp])[] = [
    [['-q'], /no command was given/, /ddv --help/],
    [['ad', 'x'], /unknown command: ddv ad$/m, /did you mean 'ddv add'/],
    [['zzzzzz'], /unknown command: ddv zzzzzz/, /lists them/],
    [['remote', 'lst'], /unknown command: ddv remote lst/, /did you mean 'ddv remote list'/],
    [['remote'], /needs a command: add, list/, /--help/],
    [['config', 'list', '--orign'], /unknown flag: --orign/, /did you mean '--origin'/],
    [['config', 'get'], /an argument is missing: ddv config get <key>/, /--help/],
    [['config', 'set', 'core.jobs'], /is missing: ddv config set <key> <value>/, /<value>: lists: .*--help/],
    [['add'], /an argument is missing: ddv add <targets\.\.\.>$/m, /<targets\.\.\.>: files, directories or globs; /],
    [['commit'], /error: -m MSG is missing$/m, /ddv commit --help/],
    [['root', 'extra'], /more arguments than it takes: extra/, /--help/],
    [['root', '--color', 'pink'], /--color is none of auto, always, never: pink/, /--help/],
    [['root', '--jobs'], /--jobs needs a value/, /--help/],
    [['root', '--cd', '/a', '--cd', '/b'], /--cd was given more than once/, /^/],
    [['root', '--jobs', '0'], /--jobs is not a whole number/, /^/],
    [['root', '--cd', '/nonexistent'], /--cd: no such directory: \/nonexistent/, /^/],
    [['config', 'get', 'core.fsnyc'], /unknown key 'core.fsnyc'/, /did you mean 'core.fsync'/],
    [['add', 'x\u001b[31m\n', '--meta', '=1'], /--meta is not KEY=VALUE/, /^/],
  ]
  for (const [argv, message, hint] of cases) {
    const { code, stdout, stderr } = await ddv({ cwd: '/' }, ...argv)
    t.equal(code, 2, argv.join(' '))
    t.equal(stdout, '')
    t.match(stderr, message)
    t.match(stderr, hint)
    t.match(stderr, /^ddv: error: .*\n(ddv: hint: .*\n)?$/)
  }
})

t.test('errors as JSON', async t => {
  const { code, stdout, stderr } = await ddv({ cwd: '/' }, 'root', '--json')
  t.same({ code, stdout }, { code: 10, stdout: '' })
  t.match(JSON.parse(stderr), { error: { code: 'no-workspace', hint: /ddv init/ } })
  t.match(JSON.parse((await ddv({ cwd: '/' }, '--json', 'nope')).stderr), { error: { code: 'usage' } })
})

t.test('root, from below and by --cd', async t => {
  const cwd = makeRepository(join(t.testdir(), 'r'), {})
  mkdirSync(join(cwd, '.ddv'))
  mkdirSync(join(cwd, 'a'))
  t.equal((await ddv({ cwd: join(cwd, 'a') }, 'root')).stdout, `${cwd}\n`)
  t.equal((await ddv({ cwd: '/' }, 'root', '--cd', join(cwd, 'a'))).stdout, `${cwd}\n`)
  t.same(JSON.parse((await ddv({ cwd }, 'root', '--json')).stdout), { root: cwd })
  t.equal((await ddv({ cwd }, 'root', '-q')).stdout, '')
})

t.test('version tells what it runs on', async t => {
  const { stdout } = await ddv({ cwd: '/' }, 'version', '--json')
  t.match(JSON.parse(stdout), { ddv: /^\d/, node: process.version.slice(1), platform: /-/, hash: /native|wasm/ })
})

t.test('colour on a terminal, unless told otherwise', async t => {
  const red = '\u001b[31m'
  const on = { cwd: '/', terminal: true }
  t.ok((await ddv(on, 'root')).stderr.includes(red))
  t.notOk((await ddv({ ...on, env: { NO_COLOR: '1' } }, 'root')).stderr.includes(red))
  t.notOk((await ddv({ ...on, env: { TERM: 'dumb' } }, 'root')).stderr.includes(red))
  t.notOk((await ddv(on, 'root', '--color', 'never')).stderr.includes(red))
  t.ok((await ddv({ cwd: '/' }, 'root', '--color', 'always')).stderr.includes(red))
})

t.test('a file that is changed, tracked, shown', async t => {
  const cwd = makeRepository(join(t.testdir(), 'r'), {})
  const at = { cwd }
  t.match(await ddv(at, 'init'), { code: 0, stdout: /made a ddv workspace/ })
  write(cwd, { 'data/a.csv': 'a\n', 'data/d/x': '1', '-odd': '2' })
  const added = await ddv(at, 'add', 'data/a.csv', 'data/d', '--json', '--meta', 'rows=1', '--meta', 'by=me')
  t.equal(added.code, 0, added.stderr)
  t.match(JSON.parse(added.stdout), {
    outputs: [{ filename: 'a.csv', filepath: /^\.cache\/..\/.{62}$/ }, { files: 1 }],
  })
  t.match(await ddv(at, 'add', '--', '-odd'), { code: 0, stdout: 'added  -odd (1 B)\n' })
  t.match(await ddv(at, 'status'), { code: 0, stdout: '3 outputs, all as their pointers say\n' })
  write(cwd, { 'data/d/x': '2', 'data/d/y': '3' })
  const status = await ddv(at, 'status', '--exit-code')
  t.equal(status.code, 1)
  t.match(status.stdout, /modified +data\/d\n +modified +x\n +added +y\n/)
  const refused = await ddv(at, 'checkout')
  t.equal(refused.code, 15)
  t.match(refused.stderr, /ddv: error: .*lost.*\nddv: hint: /)
  t.match(await ddv(at, 'checkout', '--force'), {
    code: 0,
    stdout: /checked out {2}data\/d \(1 file written, 1 removed\)/,
  })
  t.match(await ddv(at, 'move', 'data/a.csv', 'data/b.csv'), { code: 0, stdout: /data\/a.csv -> data\/b.csv/ })
  t.match(await ddv(at, 'remove', 'data/b.csv'), { code: 0, stdout: 'removed  data/b.csv\n' })
  t.match(await ddv(at, 'push'), { code: 14, stderr: /no remote is configured/ })
  const production = await ddv({ cwd, env: { DDV_ENV: 'production' } }, 'remote', 'add', 'x', '/tmp/x')
  t.match(production, { code: 15, stderr: /production/ })
})

t.test('failures: every one is named, the most telling decides', async t => {
  const cwd = makeRepository(join(t.testdir(), 'r'), {})
  await ddv({ cwd }, 'init')
  write(cwd, { a: '1', b: '2' })
  await ddv({ cwd }, 'add', 'a', 'b')
  const blobs = spawnSync('sh', ['-c', 'chmod -R u+w .cache; rm -r .cache/??; rm a b'], { cwd })
  t.equal(blobs.status, 0)
  const { code, stderr } = await ddv({ cwd }, 'checkout')
  t.equal(code, 12)
  t.match(stderr, /error: .*a\n[\s\S]*error: .*b\n/)
  const json = await ddv({ cwd }, 'checkout', '--json')
  t.equal(json.code, 12)
  t.match(JSON.parse(json.stderr), { error: { code: 'missing', failures: [{ path: 'a' }, { path: 'b' }] } })
  t.match(JSON.parse(json.stdout), { outputs: [] })
})

t.test('Ctrl-C: the work is told, and a second ends it at once', async t => {
  const io = fakeIo({ cwd: t.testdir() })
  const ending = main(['root'], io)
  io.interrupt()
  io.interrupt()
  t.equal(await ending, 130)
  t.same(io.exits, [130])
})

const isCopying = (root: string): boolean => {
  const directory = join(root, '.cache/tmp')
  return existsSync(directory) && readdirSync(directory).some(name => statSync(join(directory, name)).size > 0)
}

t.test('Ctrl-C while a large file is added: over within a second, nothing left behind', async t => {
  const cwd = makeRepository(join(t.testdir(), 'r'), {})
  await ddv({ cwd }, 'init')
  write(cwd, { big: '' })
  truncateSync(join(cwd, 'big'), 6_000_000_000)
  const child = spawn(process.execPath, [program, 'add', 'big'], {
    cwd,
    env: gitEnv,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let stderr = ''
  child.stderr.on('data', text => {
    stderr += text
  })
  while (!isCopying(cwd)) await sleep(20)
  const interrupted = performance.now()
  child.kill('SIGINT')
  const ended = await new Promise(resolve => child.on('close', (code, signal) => resolve(signal ?? code)))
  t.ok(ended === 130 || ended === 'SIGINT', String(ended))
  t.equal(stderr, 'ddv: interrupted\n')
  t.ok(performance.now() - interrupted < 1500, `${performance.now() - interrupted} ms`)
  t.notOk(existsSync(join(cwd, 'big.ddv')))
})

t.test('a reader that goes away is no error', async t => {
  const child = spawn(process.execPath, [program, '--help'], { env: gitEnv, stdio: ['ignore', 'pipe', 'pipe'] })
  child.stdout.destroy()
  let stderr = ''
  child.stderr.on('data', text => {
    stderr += text
  })
  const code = await new Promise(resolve => child.on('close', resolve))
  t.same({ code, stderr }, { code: 0, stderr: '' })
})

t.test('the program itself', async t => {
  const result = spawnSync(process.execPath, [program, 'root'], { cwd: '/', env: gitEnv, encoding: 'utf8' })
  t.equal(result.status, 10)
  t.match(result.stderr, /^ddv: error: no ddv workspace here or above: \/\nddv: hint: /)
})

t.test('no room for what is said is an error, and no bug', { skip: !existsSync('/dev/full') }, async t => {
  const command = `"${process.execPath}" "${program}" --help > /dev/full`
  const { status, stderr } = spawnSync('sh', ['-c', command], { env: gitEnv, encoding: 'utf8' })
  t.equal(status, 1)
  t.match(stderr, /^ddv: error: cannot write the output: ENOSPC.*\n$/)
})
