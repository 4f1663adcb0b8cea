// What may be lost without loss, what may not be written, and many commands at once.

import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { chmodSync, chownSync, existsSync, readdirSync, rmSync } from 'node:fs'
import { join, resolve } from 'node:path'
import t from 'tap'
import { digestOf, makeWorkspace, plainNode, temporaryDirectory, testEnv } from '../support/workspace.js'

const program = resolve(import.meta.dirname, '../../bundle/ddv.js')

t.test('all of .ddv but the configuration may be deleted at any time', async t => {
  const w = await makeWorkspace(t, { files: { x: 'xxxx', 'd/a': 'aaaa' } })
  await w.ddv('remote', 'add', 'origin', '../remote')
  await w.add(['x', 'd'])
  for (const argv of [
    ['status', '--exit-code'],
    ['add', 'x', 'd'],
    ['checkout'],
    ['push'],
    ['push'],
    ['pull'],
    ['status', '--exit-code'],
  ]) {
    await w.close()
    w.remove('.ddv/state', '.ddv/recipes', '.ddv/tmp', '.ddv/lock', '.ddv/id')
    const { code, stderr } = await w.ddv(...argv)
    t.equal(code, 0, `${argv.join(' ')}: ${stderr}`)
  }
  w.write({ x: 'edited' })
  w.remove('.ddv/state')
  t.equal((await w.ddv('checkout')).code, 15, 'and what is unsaved is known to be')
  t.equal(w.read('x'), 'edited')
})

t.test('a stat index that is damaged is only a memory', async t => {
  const w = await makeWorkspace(t, { files: { x: 'xxxx' } })
  await w.add('x')
  await w.close()
  for (const file of readdirSync(w.path('.ddv/state/index'))) w.write({ [`.ddv/state/index/${file}`]: 'no database' })
  const { code, stderr } = await w.ddv('status', '--exit-code')
  t.equal(code, 0, stderr)
})

t.test('the cache may be deleted where a remote has all', async t => {
  const w = await makeWorkspace(t, { files: { x: 'xxxx', 'd/a': 'aaaa' } })
  await w.ddv('remote', 'add', 'origin', '../remote')
  await w.add(['x', 'd'])
  await w.push()
  w.remove('.cache')
  t.match((await w.status()).outputs, [{ cache: 'incomplete' }, { cache: 'incomplete' }])
  t.same((await w.pull()).failures, [])
  t.ok((await w.status()).clean)
})

t.test('without write permission', async t => {
  if (process.getuid?.() !== 0) {
    t.pass('needs root, to become somebody else', { skip: 'not root' })
    return
  }
  const top = temporaryDirectory(t)
  chmodSync(top, 0o755)
  const w = await makeWorkspace(t, { root: join(top, 'w'), files: { x: 'xxxx', 'd/a': 'aaaa', y: 'yyyy' } })
  await w.add(['x', 'd'])
  w.commit()
  await w.close()
  const env = { ...testEnv, GIT_CONFIG_COUNT: '1', GIT_CONFIG_KEY_0: 'safe.directory', GIT_CONFIG_VALUE_0: '*' }
  const asNobody = (cwd: string, ...args: string[]) =>
    spawnSync('env', [...plainNode, program, ...args], { cwd, uid: 65534, gid: 65534, encoding: 'utf8', env })
  if (asNobody(top, '--version').status !== 0) {
    const why = 'the user nobody may not read this tree'
    t.pass(why, { skip: why })
    return
  }
  const trees = () => Object.fromEntries(Object.entries(w.tree()).filter(([path]) => !/^\.(git|ddv)\//.test(path)))
  const before = trees()
  w.write({ 'd/a': 'edited' })
  for (const [args, says] of [
    [['add', 'y'], /permission denied.*(\.ddv|\.cache|w)/],
    [['add', 'd'], /permission denied/],
    [['checkout', '--force'], /permission denied/],
    [['remove', 'x'], /permission denied/],
    [['status'], /permission denied|modified/],
  ] as const) {
    const { status, stdout, stderr } = asNobody(w.root, ...args)
    t.notMatch(stderr, /bug of ddv|\n {4}at /, `${args.join(' ')}: no crash`)
    t.match(stdout + stderr, says, args.join(' '))
    if (args[0] !== 'status') t.equal(status, 1, args.join(' '))
  }
  t.same(trees(), { ...before, 'd/a': 'edited' })

  for (const path of ['.', '.ddv', 'd', '.git']) chownAll(w.path(path))
  w.write({ '.cache/keep': '' })
  chownSync(w.path('.cache'), 0, 0)
  const { status, stderr } = asNobody(w.root, 'add', 'y')
  t.equal(status, 1, stderr)
  t.match(stderr, /permission denied.*\.cache/, 'a cache that is read-only')
  t.notMatch(stderr, /bug of ddv/)

  chmodSync(w.path('y'), 0)
  chownSync(w.path('y'), 0, 0)
  chownAll(w.path('.cache'))
  const unreadable = asNobody(w.root, 'add', 'y')
  t.equal(unreadable.status, 1, unreadable.stderr)
  t.match(unreadable.stderr, /permission denied.*y/, 'a file that is not readable')
})

function chownAll(path: string): void {
  spawnSync('chown', ['-R', '65534:65534', path])
}

const ended = (child: ChildProcess): Promise<{ code: number | null; said: string }> =>
  new Promise(done => {
    let said = ''
    for (const stream of [child.stdout, child.stderr])
      stream?.on('data', bytes => {
        said += bytes
      })
    child.on('close', code => done({ code, said }))
  })

t.test('different commands at once', { timeout: 60_000 }, async t => {
  const files = Object.fromEntries(Array.from({ length: 6 }, (_, i) => [`f${i}`, `content ${i}`]))
  const w = await makeWorkspace(t, { files: { ...files, 'd/a': 'aaaa' } })
  await w.ddv('remote', 'add', 'origin', '../remote')
  await w.add(['f0', 'f1', 'd'])
  await w.push()
  await w.close()
  w.remove('f0')
  rmSync(w.blob(digestOf('content 1')))
  const commands = [
    ['add', 'f2'],
    ['add', 'f3', 'f4'],
    ['pull'],
    ['status'],
    ['push'],
    ['checkout'],
    ['add', 'd'],
    ['add', 'f5'],
  ]
  const all = commands.map(args =>
    ended(spawn('env', [...plainNode, program, ...args], { cwd: w.root, env: { ...testEnv } })),
  )
  for (const [i, { code, said }] of (await Promise.all(all)).entries())
    t.equal(code, 0, `${commands[i]?.join(' ')}: ${said}`)
  t.ok((await w.status()).clean)
  t.equal(Object.keys(await w.status()).length > 0, true)
  t.equal((await w.status()).outputs.length, 7)
  t.notOk(existsSync(w.path('.git/index.lock')))
})
