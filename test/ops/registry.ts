import { execFileSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { git, gitEnv, withoutGit } from '../support/git.js'
import {
  ddv,
  makeWorkspace,
  openWorkspace,
  readTree,
  type TestWorkspace,
  temporaryDirectory,
  testEnv,
} from '../support/workspace.js'

/** Two models: `film` with v0.1.0 in production and v0.2.0 in staging, `genre` with v1.0.0. */
async function made(t: Test): Promise<TestWorkspace> {
  const w = await makeWorkspace(t, {
    root: join(temporaryDirectory(t), 'w'),
    files: { 'models/film': 'one', 'models/genre/a': 'a', 'models/genre/b/c': 'c' },
  })
  const must = async (...argv: string[]): Promise<void> => {
    const { code, stderr } = await w.ddv(...argv)
    if (code !== 0) throw new Error(`${argv.join(' ')}: ${stderr}`)
  }
  await must('remote', 'add', 'origin', '../remote', '--default')
  await must('add', 'models/film', 'models/genre')
  w.git('add', '-A')
  w.commit('one')
  await must('register', 'models/film', '--name', 'film', '--version', 'minor', '--stage', 'production')
  await must('register', 'models/genre', '--name', 'genre', '--version', 'v1.0.0')
  w.write({ 'models/film': 'two' })
  await must('add', 'models/film')
  w.commit('two')
  await must('register', 'models/film', '--name', 'film', '--version', 'minor', '--stage', 'staging')
  await w.close()
  return w
}

const remoteOf = (w: TestWorkspace, path = ''): string => join(w.root, '../remote', path)

t.test('show and history, by the remote and by git', async t => {
  const w = await made(t)
  const shown = [
    'model  newest  #production  #staging',
    'film   v0.2.0  v0.1.0       v0.2.0',
    'genre  v1.0.0  -            -',
    '',
  ].join('\n')
  t.match(await w.ddv('registry', 'show'), { code: 0, stdout: shown })
  t.match(await w.ddv('registry', 'show', '--git'), { code: 0, stdout: shown })
  t.match(JSON.parse((await w.ddv('registry', 'show', 'film', '--json')).stdout), {
    remote: '../remote',
    models: [{ name: 'film', versions: 2, newest: 'v0.2.0', stages: { production: 'v0.1.0', staging: 'v0.2.0' } }],
  })
  for (const argv of [[], ['--git']]) {
    const { code, stdout } = await w.ddv('registry', 'history', 'film', ...argv)
    t.equal(code, 0)
    t.match(
      stdout.split('\n').map(line => line.replace(/^\S+ \S+ {2}/, '').replace(/ +$/, '')),
      [
        /^registered {2}v0\.1\.0 +[0-9a-f]{8} \(3 B\) {2}commit [0-9a-f]{8}$/,
        /^promoted {4}v0\.1\.0 to production#1 +commit/,
        /^registered {2}v0\.2\.0/,
        /^promoted {4}v0\.2\.0 to staging#2/,
      ],
    )
  }
  const { events } = JSON.parse((await w.ddv('registry', 'history', 'genre', '--json')).stdout)
  t.match(events, [{ event: 'registered', version: 'v1.0.0', path: 'models/genre', commit: /^[0-9a-f]{40}$/ }])
  t.match(await w.ddv('registry', 'show', 'flim'), { code: 2, stderr: /did you mean 'film'\?/ })
  t.match(await w.ddv('registry', 'show', 'flim', '--git'), { code: 2, stderr: /did you mean 'film'\?/ })
  t.match(await w.ddv('registry', 'history', 'nothing'), { code: 2, stderr: /ddv registry show/ })
  t.match(await w.ddv('registry', 'show', 'No'), { code: 2 })
  t.match(await w.ddv('registry', 'show', '-r', 'nowhere'), { code: 2 })
  rmSync(remoteOf(w), { recursive: true })
  t.match(await w.ddv('registry', 'show'), { code: 14 })
  await w.ddv('remote', 'remove', 'origin')
  t.match(await w.ddv('registry', 'show'), { code: 0, stdout: shown }, 'without any remote by git')
  rmSync(w.path('.git'), { recursive: true })
  t.match(await w.ddv('registry', 'show'), { code: 14, stderr: /no remote is configured/ })
  t.match(await w.ddv('registry', 'show', '--git'), { code: 1, stderr: /no git repository/ })
})

t.test('an empty registry, and records that cannot be read', async t => {
  const w = await made(t)
  writeFileSync(remoteOf(w, 'registry/film/stages/1.json'), '{"ddv":1}')
  writeFileSync(remoteOf(w, 'registry/film/v0.1.0.json'), '')
  const shown = await w.ddv('registry', 'show')
  t.match(shown, { code: 13, stdout: /film +v0\.2\.0 +v0\.2\.0/, stderr: /registry\/film\/stages\/1\.json/ })
  const history = await w.ddv('registry', 'history', 'film')
  t.match(history, { code: 13, stdout: /v0\.2\.0 to staging#2/, stderr: /registry\/film\/v0\.1\.0\.json/ })
  rmSync(remoteOf(w, 'registry'), { recursive: true })
  t.match(await w.ddv('registry', 'show'), { code: 0, stdout: /no model is registered/ })
  t.match(await w.ddv('registry', 'tag'), { code: 0, stdout: 'nothing to do: 0 tags are there\n' })
})

t.test('tags from the records', async t => {
  const w = await made(t)
  const all = ['film#production#1', 'film#staging#2', 'film@v0.1.0', 'film@v0.2.0', 'genre@v1.0.0']
  const tags = (root: string): string[] => git(root, 'tag').split('\n').filter(Boolean)
  t.same(tags(w.root), all)
  const before = git(w.root, 'for-each-ref', '--format=%(refname) %(*objectname) %(contents)', 'refs/tags')
  w.git('tag', '-d', ...all.slice(1))
  t.match(await w.ddv('registry', 'tag'), {
    code: 0,
    stdout: 'tagged  film@v0.1.0\ntagged  film@v0.2.0\ntagged  film#staging#2\ntagged  genre@v1.0.0\n',
  })
  t.equal(git(w.root, 'for-each-ref', '--format=%(refname) %(*objectname) %(contents)', 'refs/tags'), before)
  t.match(await w.ddv('registry', 'tag'), { code: 0, stdout: 'nothing to do: 5 tags are there\n' })
  w.git('tag', '-d', ...all)
  t.match(await w.ddv('registry', 'tag', 'genre', '--json'), { code: 0, stdout: /"made":\["genre@v1.0.0"\]/ })
  w.git('commit', '-q', '--allow-empty', '-m', 'three')
  w.git('tag', '-a', '-m', 'x', 'film@v0.1.0', 'HEAD')
  t.match(await w.ddv('registry', 'tag'), { code: 1, stderr: /git has this tag already, of another commit/ })
  t.same(tags(w.root), all, 'the others were made')

  const shallow = join(w.root, '../shallow')
  git(w.root, 'clone', '-q', '--depth=2', '--no-tags', `file://${w.root}`, shallow)
  const result = await ddv(shallow, ['registry', 'tag', 'film'], testEnv)
  t.match(result, {
    code: 12,
    stdout: 'tagged  film@v0.2.0\ntagged  film#staging#2\n',
    stderr: /git has no commit .* here/,
  })
  t.match(await ddv(shallow, ['registry', 'tag'], { ...testEnv, PATH: withoutGit.PATH }), { code: 12 })
})

t.test('a model of the registry, from anywhere', async t => {
  const w = await made(t)
  const here = join(w.root, '../here')
  mkdirSync(here)
  const get = (...argv: string[]) => ddv(here, ['get', ...argv], testEnv)
  const read = (path: string): string => readFileSync(join(here, path), 'utf8')
  for (const [reference, out, text] of [
    ['film#production', 'production', 'one'],
    ['film#staging', 'staging', 'two'],
    ['film@latest', 'latest', 'two'],
    ['film@v0.1.0', 'exact', 'one'],
  ] as const) {
    t.match(await get('../w', reference, '-o', out), { code: 0, stderr: '' }, reference)
    t.equal(read(out), text, reference)
  }
  const { code, stdout } = await get('../w', 'film@v0.1.0', '--json')
  t.equal(code, 0)
  t.match(JSON.parse(stdout), {
    ...{ repository: '../w', path: 'models/film', model: { name: 'film', version: 'v0.1.0' }, kind: 'file', size: 3 },
    commit: w.git('rev-parse', 'HEAD~1'),
    out: join(here, 'film'),
  })
  t.match(await get('../w', 'genre@latest'), { code: 0, stdout: /got {2}.*genre \(2 B, 2 files\) of genre@v1\.0\.0/ })
  t.same(readTree(join(here, 'genre')), { a: 'a', 'b/c': 'c' })
  const bare = join(w.root, '../bare.git')
  git(w.root, 'clone', '-q', '--bare', w.root, bare)
  t.match(await get(`file://${bare}`, 'film#production', '-o', 'url'), { code: 0 })
  const before = readdirSync(here).sort()
  for (const [argv, expected, message] of [
    [['../w', 'film@v0.1.0'], 1, /something is there already/],
    [['../w', 'film@v9.0.0', '-o', 'n'], 2, /no such version: film@v9\.0\.0/],
    [['../w', 'film#dev', '-o', 'n'], 2, /it has production, staging/],
    [['../w', 'genre#production', '-o', 'n'], 2, /genre@latest/],
    [['../w', 'flim@latest', '-o', 'n'], 2, /did you mean 'film'/],
    [['../w', 'film@next', '-o', 'n'], 2, /not under ddv/],
    [['../w', 'nowhere/film@latest', '-o', 'n'], 2, /neither data nor a model/],
    [['../w', 'film@latest', '-o', 'n', '-r', 'other'], 2, /no such remote/],
    [['../here', 'film@latest', '-o', 'n'], 1, /git/],
    [['../nothing', 'film@latest', '-o', 'n'], 2, /no repository there/],
  ] as const) {
    t.match(await get(...argv), { code: expected, stderr: message }, argv.join(' '))
  }
  t.same(readdirSync(here).sort(), before, 'nothing is left behind')

  const packs = remoteOf(w, 'packs')
  for (const shard of readdirSync(packs))
    for (const name of readdirSync(join(packs, shard))) {
      const file = join(packs, shard, name)
      const bytes = readFileSync(file)
      rmSync(file)
      writeFileSync(
        file,
        bytes.map(byte => byte ^ 1),
      )
    }
  t.match(await get('../w', 'film@latest', '-o', 'n'), { code: 13 })
  t.same(readdirSync(here).sort(), before)
})

t.test('data whose path reads like a model comes first', async t => {
  const w = await made(t)
  w.write({ 'film@latest': 'a file', 'film#production/x': 'a directory' })
  await w.add(['film@latest', 'film#production'])
  w.commit()
  await w.push()
  const here = temporaryDirectory(t)
  const get = (...argv: string[]) => ddv(here, ['get', ...argv], testEnv)
  t.match(await get(w.root, 'film@latest'), { code: 0 })
  t.match(await get(w.root, 'film#production'), { code: 0 })
  t.match(await get(w.root, 'film#staging', '-o', 'model'), { code: 0 })
  t.same(readTree(here), { 'film@latest': 'a file', 'film#production/x': 'a directory', model: 'two' })
})

t.test('from a workspace without git, and from one below the top', async t => {
  const w = await made(t)
  const app = join(w.root, '../app')
  mkdirSync(join(app, '.ddv'), { recursive: true })
  cpSync(w.path('.ddv/config.yaml'), join(app, '.ddv/config.yaml'))
  const env = { ...testEnv, DDV_ENV: 'production', PATH: withoutGit.PATH }
  t.match(await ddv(app, ['get', '.', 'film#production'], env), { code: 0, stderr: '' })
  t.equal(readFileSync(join(app, 'film'), 'utf8'), 'one')
  t.match(await ddv(app, ['get', '.', 'film#nothing', '-o', 'n'], env), { code: 2 })
  t.same(readdirSync(app).sort(), ['.ddv', 'film'])

  const top = temporaryDirectory(t)
  git(top, 'init', '-q', '-b', 'main')
  const sub = openWorkspace(t, join(top, 'sub/one'))
  mkdirSync(sub.root, { recursive: true })
  await sub.ddv('init')
  sub.write({ m: 'sub' })
  await sub.ddv('remote', 'add', 'origin', '../../remote')
  await sub.ddv('add', 'm')
  git(top, 'add', '-A')
  git(top, 'commit', '-q', '-m', 'c')
  t.match(await sub.ddv('register', 'm', '--name', 'sub'), { code: 0 })
  const here = temporaryDirectory(t)
  t.match(await ddv(here, ['get', top, 'sub@latest'], testEnv), { code: 0 }, 'the only workspace')
  t.match(await ddv(here, ['get', top, 'sub/one/sub@latest', '-o', 'named'], testEnv), { code: 0 })
  mkdirSync(join(top, 'other'))
  await ddv(join(top, 'other'), ['init'], testEnv)
  git(top, 'add', '-A')
  git(top, 'commit', '-q', '-m', 'c')
  t.match(await ddv(here, ['get', top, 'sub@latest', '-o', 'n'], testEnv), {
    code: 2,
    stderr: /other\/sub@latest, sub\/one\/sub@latest/,
  })
  t.match(await ddv(here, ['get', top, 'sub/one/sub@latest', '-o', 'again'], testEnv), { code: 0 })
  t.same(readTree(here), { m: 'sub', named: 'sub', again: 'sub' })
})

const gto = process.env.DDV_TEST_GTO ?? ''
const skip = existsSync(gto) ? false : 'DDV_TEST_GTO names no gto: pip install gto'

t.test('GTO reads the tags, and ddv reads those of GTO', { skip }, async t => {
  const w = await made(t)
  const run = (...args: string[]): string =>
    execFileSync(gto, args, { cwd: w.root, env: { ...gitEnv, HOME: w.root }, encoding: 'utf8' })
  t.match(JSON.parse(run('show', '--json')), {
    film: { version: 'v0.2.0', stage: { production: 'v0.1.0', staging: 'v0.2.0' } },
    genre: { version: 'v1.0.0' },
  })
  t.match(JSON.parse(run('history', 'film', '--json')).length, 4)
  w.git('commit', '-q', '--allow-empty', '-m', 'three')
  run('register', 'film', '--version', 'v1.0.0')
  run('assign', 'film', '--stage', 'production', '--version', 'v1.0.0')
  run('assign', 'film', '--stage', 'dev', '--version', 'v0.1.0')
  t.match(await w.ddv('registry', 'show', 'film', '--git'), { stdout: /film +v1\.0\.0 +v0\.1\.0 +v1\.0\.0 +v0\.2\.0/ })
  run('deprecate', 'film', 'v0.1.0', 'dev')
  t.match(await w.ddv('registry', 'show', 'film', '--git'), { stdout: /film +v1\.0\.0 +v1\.0\.0 +v0\.2\.0/ })
  w.git('commit', '-q', '--allow-empty', '-m', 'four')
  w.write({ 'models/film': 'four' })
  await w.add('models/film')
  w.commit()
  t.match(await w.ddv('register', 'models/film', '--name', 'film', '--stage', 'production'), {
    code: 0,
    stdout: /registered {2}film@v1\.0\.1 /,
  })
  t.match(w.git('tag'), /film#production#6/, 'the count goes on')
  t.match(JSON.parse(run('show', '--json')).film, { version: 'v1.0.1', stage: { production: 'v1.0.1' } })
})
