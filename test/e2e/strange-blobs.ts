// What no ddv puts in a blob's place: nothing may wait for it, follow it, use it or delete it.

import { execFileSync } from 'node:child_process'
import { lstatSync, mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { dirname, join } from 'node:path'
import t, { type Test } from 'tap'
import { loadProgram, noise, type Program, spawnProgram } from '../support/program.js'
import { digestOf, makeWorkspace, setAside, type TestWorkspace } from '../support/workspace.js'

t.setTimeout(240_000)

const canMakeDevices = process.getuid?.() === 0

/** Each makes something at the path; what `lstat` must find where it was put aside. */
const strange: Readonly<Record<string, (path: string, t: Test) => unknown>> = {
  'a pipe': path => execFileSync('mkfifo', [path]),
  'a socket': (path, t) =>
    new Promise<void>(resolve => {
      const server = createServer().listen(path, resolve)
      t.teardown(() => server.close())
    }),
  'a directory with a file': path => {
    mkdirSync(path)
    writeFileSync(join(path, 'kept'), 'kept')
  },
  'a link to a good copy': path => symlinkSync('../../good', path),
  'a link that leads nowhere': path => symlinkSync('nowhere', path),
  'a link to itself': path => symlinkSync(path, path),
  'a link to endless bytes': path => symlinkSync('/dev/zero', path),
  ...(canMakeDevices && { 'a device': (path: string) => execFileSync('mknod', [path, 'c', '1', '5']) }),
}

const small = Buffer.from('a small file\n')
const large = noise(1, 9_000_000)
const many = Object.fromEntries(Array.from({ length: 1100 }, (_, i) => [`many/${i}`, `${i % 7}`]))

/** Outputs whose blobs are to be strange: small, copied in pieces, in a directory; and a manifest that no pointer holds. */
async function makeOutputs(t: Test): Promise<{ w: TestWorkspace; digests: string[] }> {
  // A socket's path may have 107 bytes.
  const w = await makeWorkspace(t, { inMemory: true })
  w.write({ small, large, 'some/a': 'in a directory', ...many, '../good': small })
  const { failures } = await w.add(['small', 'large', 'some', 'many'])
  t.same(failures, [])
  t.equal((await w.ddv('remote', 'add', 'r', '../r', '--default')).code, 0)
  await w.close()
  await w.push()
  await w.close()
  const digests = [digestOf(small), digestOf(large), digestOf('in a directory'), w.pointer('many').hash]
  return { w, digests }
}

async function makeStrange(t: Test, { w, digests }: { w: TestWorkspace; digests: string[] }, kind: string) {
  for (const digest of digests) {
    rmSync(w.blob(digest))
    // Sockets by a short name: they are moved into place.
    const short = w.path('x')
    await strange[kind]?.(short, t)
    execFileSync('mv', ['-T', short, w.blob(digest)])
  }
}

const typeOf = (path: string): number => lstatSync(path).mode & 0o170000

const run = async (t: Test, program: Program, w: TestWorkspace, args: readonly string[], code: number) => {
  const ended = await spawnProgram(program, args, { cwd: w.root, timeout: 20_000 })
  t.equal(ended.signal, null, `${args.join(' ')}: ends`)
  t.equal(ended.code, code, `${args.join(' ')}: ${ended.stderr}${ended.stdout}`)
  t.notMatch(ended.stderr, /defect|\bat .*\.js:/, 'no crash')
  return ended
}

t.test('in the place of blobs', async t => {
  const program = await loadProgram()
  for (const kind of Object.keys(strange))
    await t.test(kind, async t => {
      const made = await makeOutputs(t)
      const { w, digests } = made
      await makeStrange(t, made, kind)
      const types = digests.map(digest => typeOf(w.blob(digest)))
      const said = await run(t, program, w, ['status', '--json'], 0)
      for (const { path, cache } of JSON.parse(said.stdout).outputs)
        t.not(cache, 'complete', `${path}: not in the cache`)
      await run(t, program, w, ['push'], 0) // the remote has all of it
      w.remove('small', 'large', 'some/a', 'many')
      const { stderr } = await run(t, program, w, ['checkout'], 12)
      t.match(stderr, /not in the cache/)
      t.same(
        digests.map(digest => typeOf(w.blob(digest))),
        types,
        'those who only read leave it',
      )
      await run(t, program, w, ['pull'], 0)
      whole(t, made, types)
      // The same where the data is here and no remote is asked.
      await makeStrange(t, made, kind)
      await run(t, program, w, ['add', 'small', 'large', 'some', 'many'], 0)
      whole(t, made, [...types, ...types])
      t.same(w.tree('../good'), { '': small.toString() })
    })
})

/** All blobs are good, and all that stood there is kept. */
function whole(t: Test, { w, digests }: { w: TestWorkspace; digests: string[] }, types: readonly number[]): void {
  for (const digest of digests) t.equal(typeOf(w.blob(digest)), 0o100000)
  t.equal(w.read('small'), small.toString())
  const kept = setAside(w.root).map(name => typeOf(w.path('.cache/corrupt', name)))
  t.same(kept.sort(), [...types].sort(), 'set aside')
}

t.test('in the place of a directory of blobs', async t => {
  const program = await loadProgram()
  const w = await makeWorkspace(t, { inMemory: true, files: { a: 'a', '../outside/x': 'x' } })
  const shard = dirname(w.blob(digestOf('a')))
  mkdirSync(w.path('.cache'))
  symlinkSync('../../outside', shard)
  const { stderr } = await run(t, program, w, ['add', 'a'], 1)
  t.match(stderr, /is a symbolic link where ddv keeps its own files/)
  t.same(readdirSync(w.path('../outside')), ['x'])
  t.notOk(w.has('a.ddv'))
  rmSync(shard)
  execFileSync('mkfifo', [shard])
  await run(t, program, w, ['status'], 0)
  await run(t, program, w, ['add', 'a'], 0)
  t.equal(typeOf(w.blob(digestOf('a'))), 0o100000)
  t.match(setAside(w.root), [new RegExp(`^${digestOf('a').slice(0, 2)}-`)])
})
