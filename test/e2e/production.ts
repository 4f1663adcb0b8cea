// Production, as whole stories: a container that has pointers and nothing else.

import { spawnSync } from 'node:child_process'
import { chmodSync, chownSync, cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join, resolve } from 'node:path'
import t from 'tap'
import { enumerate } from '../support/crash.js'
import { buildImage } from '../support/dockerfile.js'
import { withoutGit } from '../support/git.js'
import { fastDirectory, killAt, loadProgram, spawnProgram } from '../support/program.js'
import { pullSecond } from '../support/scenarios.js'
import {
  ddv,
  makeWorkspace,
  readTree,
  type TestWorkspace,
  temporaryDirectory,
  testEnv,
  writeFiles,
} from '../support/workspace.js'

type Test = Parameters<typeof makeWorkspace>[0]

const program = await loadProgram()
const fixture = resolve(import.meta.dirname, '../../../fixtures/production')
const production = { ...testEnv, DDV_ENV: 'production' }

const files = {
  'data/films.csv': 'title,year\nMetropolis,1927\nM,1931\nNosferatu,1922\n',
  'data/posters/m.svg': 'poster of M\n',
  'data/posters/metropolis.svg': 'poster of Metropolis\n',
}

/** `top/storage` with the data, and `top/app`: pointers and `.ddv/config.yaml`, outside of any repository. */
async function deployed(t: Test): Promise<{ top: string; app: string; w: TestWorkspace }> {
  const top = temporaryDirectory(t)
  const w = await makeWorkspace(t, { root: join(top, 'dev'), files })
  await w.ddv('remote', 'add', 'storage', '../storage')
  await w.add(['data/films.csv', 'data/posters'])
  w.commit()
  await w.push()
  await w.close()
  const app = join(top, 'app')
  mkdirSync(join(app, 'data'), { recursive: true })
  for (const name of ['films.csv.ddv', 'posters.ddv']) cpSync(w.path('data', name), join(app, 'data', name))
  writeFiles(app, { '.ddv/config.yaml': w.read('.ddv/config.yaml') })
  return { top, app, w }
}

/** What the image holds beside ddv's own. */
const visible = (app: string): Record<string, string> =>
  Object.fromEntries(Object.entries(readTree(app)).filter(([path]) => !/^\.(ddv|cache)\//.test(path)))

t.test('no git program and no .git: exactly what the pointers name, and nothing else is written', async t => {
  const { app, w } = await deployed(t)
  const env = { ...production, PATH: withoutGit.PATH, DDV_REV: 'abc123' }
  const before = visible(app)
  const { code, stdout, stderr } = await ddv(app, ['pull', '--json'], env)
  t.equal(code, 0, stderr)
  t.match(JSON.parse(stdout), { commit: 'abc123', frozen: true })
  t.same(visible(app), { ...before, ...files }, 'no ignore file, no other pointer')
  t.same((await ddv(app, ['status', '--exit-code'], env)).code, 0)
  t.equal((await ddv(app, ['describe'], env)).stdout, 'abc123\n')
  t.equal((await ddv(app, ['add', 'data/films.csv'], env)).code, 15)
  rmSync(join(app, 'data/films.csv'))
  t.equal((await ddv(app, ['checkout'], env)).code, 0)
  t.same(visible(app), { ...before, ...files })
  t.ok(w.has('data/films.csv'))
})

t.test('a blob that is missing: nothing changes, and the next try gets all', async t => {
  const { app, top, w } = await deployed(t)
  const before = visible(app)
  const recipes = join(top, 'storage/recipes/file')
  rmSync(recipes, { recursive: true })
  const { code, stderr } = await ddv(app, ['pull'], production)
  t.equal(code, 12)
  t.match(stderr, /data\/films\.csv/)
  t.same(visible(app), before, 'the other output neither')
  rmSync(join(top, 'storage'), { recursive: true })
  t.equal((await ddv(app, ['pull'], production)).code, 14)
  t.same(visible(app), before)
  await w.ddv('push')
  t.equal((await ddv(app, ['pull'], production)).code, 0)
  t.same(visible(app), { ...before, ...files })
})

t.test('unsaved data in an output’s place: refused, whole', async t => {
  const { app } = await deployed(t)
  writeFiles(app, { 'data/posters/mine.svg': 'nowhere else' })
  const before = visible(app)
  const { code, stderr } = await ddv(app, ['pull'], production)
  t.equal(code, 15)
  t.match(stderr, /data\/posters\/mine\.svg/)
  t.same(visible(app), before)
})

const isRoot = process.getuid?.() === 0
const nobody = 65_534

t.test('as nobody, in a source tree that only root may write', { skip: !isRoot && 'needs root' }, async t => {
  const { app, top } = await deployed(t)
  chmodSync(top, 0o755)
  const env = { ...production, HOME: '/nonexistent' }
  const run = (...args: string[]) => {
    const command = [program.script, ...args]
    return spawnSync(process.execPath, command, { cwd: app, env, uid: nobody, gid: nobody, encoding: 'utf8' })
  }
  if (run('--version').status !== 0) {
    t.pass('nobody may not read this checkout', { skip: 'unreadable' })
    return
  }
  t.equal(run('pull').status, 1, 'not even .ddv may be written')
  for (const own of ['.cache', '.ddv']) {
    mkdirSync(join(app, own), { recursive: true })
    chownSync(join(app, own), nobody, nobody)
  }
  const before = visible(app)
  const refused = run('pull')
  t.equal(refused.status, 1)
  t.match(refused.stderr, /cannot be written to: .*data/)
  t.same(visible(app), before, 'it was seen before the first file')
  chownSync(join(app, 'data'), nobody, nobody)
  const done = run('pull')
  t.equal(done.status, 0, done.stderr)
  t.match(visible(app), files)
})

t.test('killed before any of its calls: each file old or new, and the same command ends it', async t => {
  const directory = fastDirectory('production')
  t.teardown(() => rmSync(directory, { recursive: true, force: true }))
  const scenario = await pullSecond({ program, directory })
  const frozen = { ...scenario, env: { DDV_ENV: 'production' } }
  const step = process.env.DDV_TEST_ALL === '1' ? 1 : 19
  const { points, violations } = await enumerate(frozen, { directory, step })
  t.same(violations, [])
  t.ok(points > 5, `killed ${points} times`)
})

t.test('killed: the workspace is as it was, until all of it is staged', async t => {
  const { app, top } = await deployed(t)
  const before = visible(app)
  let changed: number | undefined
  for (let k = 1; changed === undefined; k += 7) {
    const copy = join(top, 'copy')
    cpSync(app, copy, { recursive: true })
    const env = { ...production, NODE_OPTIONS: `--require=${killAt}`, DDV_TEST_KILL_AT: String(k) }
    const { signal, stderr } = await spawnProgram(program, ['pull'], { cwd: copy, env })
    if (signal !== 'SIGKILL') break
    if (JSON.stringify(visible(copy)) !== JSON.stringify(before)) {
      changed = k
      t.match(stderr, /kill-at \d+: (rename|mkdir|rm|unlink|open|fsync)/)
      for (const [path, bytes] of Object.entries(visible(copy)))
        t.ok(path in before || path.endsWith('/') || files[path as keyof typeof files] === bytes, `whole: ${path}`)
    } else t.notOk(existsSync(join(copy, 'data/films.csv')))
    t.equal((await ddv(copy, ['pull'], production)).code, 0)
    t.match(visible(copy), files)
    rmSync(copy, { recursive: true })
  }
})

t.test('the example of a container, step by step', async t => {
  const { top, w } = await deployed(t)
  for (const name of ['films.csv.ddv', 'posters.ddv'])
    t.equal(readFileSync(join(fixture, 'data', name), 'utf8'), w.read(`data/${name}`), `${name} is of this data`)
  const root = join(top, 'image')
  mkdirSync(join(root, 'bin'), { recursive: true })
  cpSync(join(top, 'storage'), join(root, 'storage'), { recursive: true })
  writeFiles(root, { 'bin/ddv': `#!/bin/sh\nexec '${process.execPath}' '${program.script}' "$@"\n` })
  chmodSync(join(root, 'bin/ddv'), 0o755)
  const env = { ...testEnv, PATH: `${join(root, 'bin')}:/usr/bin:/bin:${process.env.PATH}` }
  const image = { root, context: fixture, env, done: (command: string) => command.startsWith('npm install') }
  const steps = buildImage({ ...image, arguments: { DDV_REV: 'v1' } })
  t.same(
    steps.map(({ code }) => code),
    [0, 0, 0],
    steps.map(({ said }) => said).join(''),
  )
  t.equal(steps.at(-1)?.said, '3 films, 2 posters\n')
  t.notOk(existsSync(join(root, 'app/.cache')), 'no second copy')
  t.same(readdirSync(join(root, 'app/data')).sort(), ['films.csv', 'films.csv.ddv', 'posters', 'posters.ddv'])
  t.match(await ddv(join(root, 'app'), ['describe'], { ...production, DDV_REV: 'v1' }), { stdout: 'v1\n' })
  rmSync(join(root, 'app'), { recursive: true })
  rmSync(join(root, 'storage'), { recursive: true })
  const failed = buildImage({ ...image, arguments: { DDV_REV: 'v1' } })
  t.same(
    failed.map(({ code }) => code),
    [14],
    'the build fails where the data cannot be had',
  )
})

t.test('the example as an image', async t => {
  const base = 'docker.io/library/node:20-slim'
  const look = spawnSync('podman', ['image', 'exists', base], { stdio: 'ignore' })
  if (look.status !== 0) {
    const reason = look.error === undefined ? `podman has no ${base} here` : 'no podman here'
    t.pass(reason, { skip: reason })
    return
  }
  const { top } = await deployed(t)
  const context = join(top, 'context')
  cpSync(fixture, context, { recursive: true })
  spawnSync('npm', ['pack', '--ignore-scripts', '--pack-destination', context], { cwd: resolve(fixture, '../..') })
  const storage = `storage=${join(top, 'storage')}`
  const args = ['build', '--build-context', storage, '--build-arg', 'DDV_REV=v1', '-t', 'ddv-test-films', context]
  const built = spawnSync('podman', args, { encoding: 'utf8', timeout: 600_000 })
  t.equal(built.status, 0, built.stderr)
  const ran = spawnSync('podman', ['run', '--rm', '--network=none', 'ddv-test-films'], { encoding: 'utf8' })
  t.equal(ran.stdout, '3 films, 2 posters\n')
  spawnSync('podman', ['image', 'rm', 'ddv-test-films'])
})
