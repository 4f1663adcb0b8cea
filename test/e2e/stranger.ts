// What a stranger may commit below `.ddv/` and `.cache/`, as it arrives by a plain `git clone`.

import { mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { hashBytes } from '../../lib/sys/hash.js'
import { openStatIndex } from '../../lib/workspace/stat-index.js'
import { git } from '../support/git.js'
import { loadProgram, noise, spawnProgram } from '../support/program.js'
import {
  digestOf,
  makeWorkspace,
  openWorkspace,
  setAside,
  type TestWorkspace,
  temporaryDirectory,
} from '../support/workspace.js'

t.setTimeout(180_000)

const files = Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`data/${i}`, `content ${i}`]))

/** A stranger's workspace with data pushed to a remote beside it; `plant` adds what is committed besides. */
async function makeStranger(t: Test): Promise<TestWorkspace> {
  const root = join(temporaryDirectory(t, '/dev/shm'), 'stranger')
  const w = await makeWorkspace(t, { root, files: { ...files, large: noise(7, 300_000) } })
  await w.ddv('remote', 'add', 'r', '../r', '--default')
  t.same((await w.add(['data', 'large'])).failures, [])
  await w.close()
  await w.push()
  await w.close()
  w.git('add', '.')
  return w
}

function clone(t: Test, w: TestWorkspace, ...planted: readonly string[]): TestWorkspace {
  if (planted.length > 0) w.git('add', '-f', ...planted)
  w.git('commit', '-q', '-m', 'planted')
  const root = join(w.root, '../victim')
  rmSync(root, { recursive: true, force: true })
  git(w.root, 'clone', '-q', w.root, root)
  return openWorkspace(t, root)
}

t.test('a stat index that says the cache has all', async t => {
  const w = await makeStranger(t)
  const nothing = Buffer.from(hashBytes(Buffer.alloc(256 * 2 * 8)), 'hex') // of a cache without shards
  const index = openStatIndex(w.path('.ddv/state'))
  index.notes.write(batch => batch.put(`p/directory/${w.pointer('data').hash}`, nothing))
  await index.close()
  const victim = clone(t, w, '.ddv/state')
  t.not((await victim.look('data')).cache, 'complete')
  const { failures } = await victim.pull()
  t.same(failures, [])
  t.same(victim.tree('data'), w.tree('data'))
})

t.test('a chunk index that says the remote has all', async t => {
  const w = await makeStranger(t)
  const victim = clone(t, w, '.ddv/state', '.ddv/recipes')
  victim.write({ ...files, large: noise(7, 300_000) })
  t.same((await victim.add(['data', 'large'])).failures, [])
  await victim.close()
  rmSync(w.path('../r/packs'), { recursive: true }) // what the stranger knows of the remote is no longer so
  const { outputs, failures } = await victim.push()
  t.same(failures, [])
  t.same(
    outputs.map(({ outcome }) => outcome),
    ['pushed', 'pushed'],
  )
  const other = openWorkspace(t, join(w.root, '../other'))
  git(w.root, 'clone', '-q', w.root, other.root)
  t.same((await other.pull()).failures, [])
  t.same(other.tree('data'), w.tree('data'))
})

t.test('a database made to crash whoever opens it', async t => {
  const program = await loadProgram()
  const w = await makeStranger(t)
  for (const name of ['index', 'chunks']) {
    const file = w.path('.ddv/state', name, 'data.mdb')
    const bytes = readFileSync(file)
    bytes.fill(0xff, 2 * 4096) // all but the two pages that are looked at first
    writeFileSync(file, bytes)
  }
  rmSync(w.path('.ddv/state/index/facts'), { force: true })
  const victim = clone(t, w, '.ddv/state')
  for (const args of [['status'], ['pull'], ['push'], ['status', '--exit-code']]) {
    const { code, signal, stderr } = await spawnProgram(program, args, { cwd: victim.root, timeout: 20_000 })
    t.same({ code, signal }, { code: 0, signal: null }, `${args}: ${stderr}`)
  }
  t.same(victim.tree('data'), w.tree('data'))
})

t.test('locks of a host that never comes back', async t => {
  const w = await makeStranger(t)
  const names = ['0123456789abcdef', 'fedcba9876543210'].map(random => `1_1_b_2_far-away_${random}`)
  w.write(Object.fromEntries(names.map(name => [`.ddv/lock/${name}`, ''])))
  const victim = clone(t, w, '.ddv/lock')
  const started = performance.now()
  t.same((await victim.pull()).failures, [])
  t.ok(performance.now() - started < 9000, 'without waiting')
  t.same(readdirSync(victim.path('.ddv/lock')).sort(), names, "they are git's files, and stay")
})

t.test('recipes that lie about what packs hold', async t => {
  const w = await makeStranger(t)
  const recipes = w.path('.ddv/recipes')
  const name = readdirSync(recipes).find(file => file.startsWith('file-')) as string
  const text = readFileSync(join(recipes, name), 'utf8')
  // Under another name, the same runs are said to be those of a blob that the victim has in another form.
  const other = noise(8, 300_000)
  const liar = digestOf(other)
  rmSync(recipes, { recursive: true })
  mkdirSync(recipes)
  writeFileSync(join(recipes, `file-${liar}`), text.replace(/[0-9a-f]{64}/, liar))
  symlinkSync('/dev/zero', join(recipes, `file-${'0'.repeat(64)}`))
  writeFileSync(join(recipes, `file-${'1'.repeat(64)}`), '["ddv-recipe",1,"file"')
  writeFileSync(join(recipes, `directory-${'2'.repeat(64)}`), Buffer.alloc(100_000, 0xff))
  const victim = clone(t, w, '.ddv/recipes')
  victim.write({ other })
  t.same((await victim.add('other')).failures, [])
  const { failures } = await victim.pull(['large'])
  t.same(failures, [])
  t.equal(digestOf(readFileSync(victim.path('large'))), digestOf(noise(7, 300_000)))
})

t.test('blobs that are none, in a cache that is in git', async t => {
  const w = await makeStranger(t)
  const digests = Object.values(files).map(digestOf)
  for (const digest of digests) w.corrupt(digest)
  mkdirSync(w.path('.cache/tmp'), { recursive: true })
  w.write({ '.cache/tmp/x': 'x', '.cache/corrupt/y': 'y' })
  const victim = clone(t, w, '.cache')
  const first = await victim.checkout(['data'])
  t.match(first.failures, [{ path: 'data', error: { code: 'corrupt' } }])
  t.notOk(victim.has('data/0'), 'no wrong byte came out')
  t.equal(setAside(victim.root).length, digests.length + 1)
  t.same((await victim.pull()).failures, [])
  t.same(victim.tree('data'), w.tree('data'))
  t.equal(victim.read('.cache/tmp/x'), 'x')
})

t.test('links to what never ends', async t => {
  const program = await loadProgram()
  const cases: readonly (readonly [string, readonly string[], number])[] = [
    ['.ddv/removing', ['remove', 'data'], 0],
    ['.ddv/config.yaml', ['status'], 3],
    ['.ddvignore', ['status'], 3],
    ['large.ddv', ['status'], 0], // no pointer
    ['.gitignore', ['add', 'new'], 1],
  ]
  const w = await makeStranger(t)
  const victim = clone(t, w)
  for (const [path, args, code] of cases) {
    const before = victim.has(path) ? victim.read(path) : undefined
    victim.remove(path)
    symlinkSync('/dev/zero', victim.path(path))
    victim.write({ new: 'new' })
    const ended = await spawnProgram(program, args, { cwd: victim.root, timeout: 20_000 })
    t.equal(ended.code, code, `${path}: ${ended.stderr}`)
    t.notMatch(ended.stderr, /defect|\bat .*\.js:/, path)
    victim.remove(path)
    if (before !== undefined) victim.write({ [path]: before })
  }
})

t.test("files where ddv's directories are to be", async t => {
  const victim = clone(t, await makeStranger(t))
  for (const path of ['.ddv/state', '.ddv/tmp', '.ddv/lock', '.ddv/recipes', '.cache']) {
    victim.remove(path)
    victim.write({ [path]: 'in the way' })
    const { code, stderr } = await victim.ddv('pull')
    t.equal(code, 1, path)
    t.match(stderr, new RegExp(`error: is no directory where ddv keeps its own files: .*${path}\n.*hint: delete it`))
    t.equal(victim.read(path), 'in the way')
    victim.remove(path)
  }
  t.equal((await victim.ddv('pull')).code, 0)
})
