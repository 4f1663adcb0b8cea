import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { Event } from '../../lib/core/events.js'
import type { RegisterRequest } from '../../lib/core/steps.js'
import type { TreePath } from '../../lib/core/tree-path.js'
import { type RegisterOptions, type RegisterResult, register } from '../../lib/ops/register.js'
import { git, withoutGit } from '../support/git.js'
import {
  digestOf,
  errorOf,
  makeWorkspace,
  openWorkspace,
  readTree,
  type TestWorkspace,
  temporaryDirectory,
  testEnv,
  type WorkspaceOptions,
} from '../support/workspace.js'

type Files = NonNullable<WorkspaceOptions['files']>

const files: Files = { 'models/m.bin': 'one', 'metrics.json': '{"rmse": 0.8}' }

/** A workspace with a model that is added and committed, and a remote beside it. */
async function made(t: Test, options: WorkspaceOptions = {}): Promise<TestWorkspace> {
  const root = options.root ?? join(temporaryDirectory(t), 'w')
  const w = await makeWorkspace(t, { files, ...options, root })
  await w.ddv('remote', 'add', 'origin', '../remote', '--default')
  await w.close()
  await w.add('models/m.bin')
  if (options.noGit !== true) {
    w.git('add', '-A')
    w.commit()
  }
  return w
}

const request = (changes: Partial<RegisterRequest> = {}): RegisterRequest => ({
  model: 'models/m.bin' as TreePath,
  name: 'film-rating',
  ...changes,
})

const run = async (
  w: TestWorkspace,
  changes: Partial<RegisterRequest> = {},
  options: RegisterOptions = {},
): Promise<RegisterResult> => register(await w.project(), request(changes), options)

async function change(w: TestWorkspace, content: string): Promise<void> {
  w.write({ 'models/m.bin': content })
  await w.add('models/m.bin')
  w.commit()
}

const remoteOf = (w: TestWorkspace, path = ''): string => join(w.root, '../remote', path)
const recordsOf = (w: TestWorkspace): string[] =>
  Object.keys(readTree(remoteOf(w, 'registry'))).filter(path => !path.endsWith('/'))
const record = (w: TestWorkspace, path: string) =>
  JSON.parse(readFileSync(remoteOf(w, `registry/film-rating/${path}`), 'utf8'))
const tags = (w: TestWorkspace): string[] => w.git('tag').split('\n').filter(Boolean)

t.test('a version, and a stage', async t => {
  const w = await made(t)
  const head = w.git('rev-parse', 'HEAD')
  const result = await run(w, { version: 'minor', stage: 'production', metrics: 'metrics.json' as TreePath })
  t.match(result, {
    model: 'film-rating',
    version: 'v0.1.0',
    registered: true,
    path: 'models/m.bin',
    hash: digestOf('one'),
    commit: head,
    tags: ['film-rating@v0.1.0', 'film-rating#production#1'],
    stage: 'production',
    promoted: true,
  })
  t.same(recordsOf(w), ['film-rating/stages/1.json', 'film-rating/v0.1.0.json'])
  t.match(record(w, 'v0.1.0.json'), {
    ...{ ddv: 1, model: 'film-rating', version: 'v0.1.0', path: 'models/m.bin', kind: 'file', hash: digestOf('one') },
    ...{ size: 3, metrics: { rmse: 0.8 }, commit: head, committed: true },
  })
  t.same(tags(w), ['film-rating#production#1', 'film-rating@v0.1.0'])
  t.equal(w.git('cat-file', '-t', 'film-rating@v0.1.0'), 'tag')
  t.equal(w.git('rev-parse', 'film-rating@v0.1.0^{commit}'), head)
  const [, , ...body] = w.git('for-each-ref', '--format=%(contents)', 'refs/tags/film-rating@v0.1.0').split('\n')
  t.same(JSON.parse(body.join('\n')), record(w, 'v0.1.0.json'), 'the tag says what the record says')

  const before = readTree(remoteOf(w))
  t.match(await run(w, { version: 'major', stage: 'production' }), {
    version: 'v0.1.0',
    registered: false,
    promoted: false,
    tags: ['film-rating@v0.1.0', 'film-rating#production#1'],
  })
  t.same(readTree(remoteOf(w)), before, 'and nothing is written')

  await change(w, 'two')
  t.match(await run(w), { version: 'v0.1.1', registered: true, promoted: false, tags: ['film-rating@v0.1.1'] })
  t.match(await run(w, { stage: 'staging' }), { version: 'v0.1.1', registered: false, promoted: true })
  t.equal(record(w, 'stages/2.json').stage, 'staging', 'promotions of a model have one count')
  await change(w, 'three')
  t.match(await run(w, { version: 'v2.0.0', stage: 'production' }), { version: 'v2.0.0', promoted: true })
  t.match(record(w, 'stages/3.json'), { stage: 'production', version: 'v2.0.0' })
  await change(w, 'two')
  t.match(
    await run(w, { version: 'v0.1.1', stage: 'production' }),
    { version: 'v0.1.1', registered: false, promoted: true },
    'back to an older version',
  )
  t.match(record(w, 'stages/4.json'), { stage: 'production', version: 'v0.1.1', number: 4 })
  t.equal(w.git('rev-parse', 'film-rating#production#4^{commit}'), w.git('rev-parse', 'film-rating@v0.1.1^{commit}'))
  t.equal(w.git('status', '--porcelain'), '')
})

t.test('a directory, and what its stage knows', async t => {
  const w = await makeWorkspace(t, {
    root: join(temporaryDirectory(t), 'w'),
    files: {
      'ddv.yaml': `stages:
  train: { cmd: 'mkdir -p models/a; cp data models/a/w; echo x > models/a/v', deps: [data], params: [lr], outs: [models/a] }
`,
      'params.yaml': 'lr: 0.1\n',
      data: 'rows',
    },
  })
  await w.ddv('remote', 'add', 'origin', '../remote', '--default')
  t.equal((await w.ddv('repro')).code, 0)
  w.git('add', '-A')
  w.commit()
  await w.close()
  const result = await run(w, { model: 'models/a' as TreePath })
  t.match(result, { version: 'v0.0.1', kind: 'directory', size: 6 })
  t.match(record(w, 'v0.0.1.json'), {
    kind: 'directory',
    files: 2,
    committed: true,
    stage: {
      address: 'train',
      deps: { data: { hash: digestOf('rows') } },
      params: { 'params.yaml': { lr: 0.1 } },
    },
    run: /^\d{8}T\d{6}Z-[0-9a-f]{6}$/,
  })
  t.match(
    await run(w, { model: 'models/a/w' as TreePath, name: 'part' }),
    { version: 'v0.0.1', kind: 'file', hash: digestOf('rows') },
    'a part of an output',
  )
  w.write({ 'models/a/w': 'by hand' })
  const error = await errorOf(t, run(w, { model: 'models/a' as TreePath }), 'refused')
  t.match(error, { message: /has changed since its stage 'train' ran: models\/a/, hint: /ddv repro train/ })
  await errorOf(t, run(w, { model: 'models/a/w' as TreePath, name: 'part' }), 'refused')
  t.same(recordsOf(w), ['film-rating/v0.0.1.json', 'part/v0.0.1.json'])
})

t.test('what is refused leaves remote, tags and cache as they were', async t => {
  const w = await made(t)
  await run(w, { version: 'v1.0.0', stage: 'production' })
  await change(w, 'two')
  w.write({ 'models/own': 'not under ddv', 'metrics.txt': 'no: [metrics', models2: '' })
  const before = { remote: readTree(remoteOf(w)), tags: tags(w) }
  const table: readonly (readonly [Partial<RegisterRequest>, string, RegExp])[] = [
    [{ name: 'Film' }, 'usage', /not a name of a model: Film/],
    [{ name: 'a/b' }, 'usage', /not a name of a model/],
    [{ name: '' }, 'usage', /not a name of a model/],
    [{ stage: 'Prod!' }, 'usage', /not a name of a stage/],
    [{ version: '1.2.0' }, 'usage', /not a version: 1\.2\.0/],
    [{ version: 'latest' }, 'usage', /not a version/],
    [{ version: 'v1.0.0' }, 'refused', /registered already, with another digest: film-rating@v1\.0\.0/],
    [{ version: 'v0.9.0' }, 'refused', /older than the newest, v1\.0\.0/],
    [{ model: 'models/own' as TreePath }, 'usage', /not under ddv: models\/own/],
    [{ model: 'models' as TreePath }, 'usage', /not under ddv: models/],
    [{ model: 'models/nothing' as TreePath }, 'usage', /no such file or directory: models\/nothing/],
    [{ metrics: 'nothing.json' as TreePath }, 'usage', /no such file of metrics/],
    [{ metrics: 'metrics.txt' as TreePath }, 'bad-config', /metrics\.txt/],
    [{ metrics: 'models' as TreePath }, 'bad-config', /models/],
  ]
  for (const [changes, code, message] of table) {
    const error = await errorOf(t, run(w, changes), code)
    t.match(error.message, message, JSON.stringify(changes))
  }
  t.match(await errorOf(t, run(w, {}, { remote: 'orign' })), { code: 'usage', hint: `did you mean 'origin'?` })
  w.write({ 'models/m.bin': 'edited' })
  t.match(await errorOf(t, run(w)), { code: 'refused', message: /has changed since it was added/, hint: /ddv add/ })
  t.same({ remote: readTree(remoteOf(w)), tags: tags(w) }, before)
})

t.test('no remote, and one that refuses midway', async t => {
  const none = await makeWorkspace(t, { files })
  await none.add('models/m.bin')
  none.commit()
  t.match(await errorOf(t, run(none)), { code: 'remote', message: 'no remote is configured' })

  for (const [place, message] of [
    ['packs', /remote/],
    ['recipes', /remote/],
    ['registry', /remote|registry/],
    ['registry/film-rating', /registry/],
    ['registry/film-rating/stages', /registry/],
  ] as const) {
    const w = await made(t)
    // A file where a directory is to be.
    mkdirSync(join(remoteOf(w, place), '..'), { recursive: true })
    writeFileSync(remoteOf(w, 'ddv.json'), '{"ddv":1,"chunker":"xet-1"}\n')
    writeFileSync(remoteOf(w, place), 'mine')
    const error = await run(w, { stage: 'production' }).catch((error: unknown) => error)
    t.match((error as Error).message, message, place)
    const isVersion = place === 'registry/film-rating/stages'
    t.same(tags(w), isVersion ? ['film-rating@v0.0.1'] : [], `${place}: what is whole is told`)
    t.equal(existsSync(remoteOf(w, 'registry/film-rating/v0.0.1.json')), isVersion, place)
    rmSync(remoteOf(w, place))
    t.match(await run(w, { stage: 'production' }), { version: 'v0.0.1', registered: !isVersion, promoted: true })
    t.same(tags(w), ['film-rating#production#1', 'film-rating@v0.0.1'])
  }
})

t.test('the registry may have a remote of its own', async t => {
  const w = await made(t)
  await w.ddv('remote', 'add', 'models', '../models')
  await w.ddv('config', 'set', 'registry.remote', 'models')
  await w.close()
  await run(w)
  t.notOk(existsSync(remoteOf(w)))
  t.ok(existsSync(join(w.root, '../models/recipes')), 'with the data')
  await run(w, {}, { remote: 'origin' })
  t.same(recordsOf(w), ['film-rating/v0.0.1.json'])
  t.equal(
    readFileSync(join(w.root, '../models/registry/film-rating/v0.0.1.json'), 'utf8'),
    readFileSync(remoteOf(w, 'registry/film-rating/v0.0.1.json'), 'utf8'),
    'what a tag tells of a version is what another remote gets',
  )
})

t.test('killed between the steps: the same command goes on', async t => {
  const w = await made(t)
  const first = await run(w, { stage: 'production' })
  // Before the tags.
  w.git('tag', '-d', ...first.tags)
  t.match(await run(w, { stage: 'production' }), { ...first, registered: false, promoted: false })
  t.same(tags(w), [...first.tags].sort())
  // Before the promotion.
  w.git('tag', '-d', 'film-rating#production#1')
  rmSync(remoteOf(w, 'registry/film-rating/stages'), { recursive: true })
  t.match(await run(w, { stage: 'production' }), { registered: false, promoted: true, tags: first.tags })
  // Before the record: the data is there.
  w.git('tag', '-d', ...first.tags)
  rmSync(remoteOf(w, 'registry'), { recursive: true })
  t.match(await run(w, { stage: 'production' }), { version: 'v0.0.1', registered: true, promoted: true })
  // The data is lost: it is sent again, whatever the record says.
  rmSync(remoteOf(w, 'recipes'), { recursive: true })
  t.match(await run(w), { registered: false })
  t.ok(existsSync(remoteOf(w, `recipes/file/${digestOf('one').slice(0, 2)}`)))
})

t.test('git: tags of others, detached, without a commit', async t => {
  const w = await made(t)
  const head = w.git('rev-parse', 'HEAD')
  w.git('tag', '-a', '-m', 'by hand', 'film-rating@v1.2.0', 'HEAD')
  t.match(await errorOf(t, run(w, { version: 'v1.2.0' })), { code: 'refused', message: /a git tag that does not tell/ })
  const second = await errorOf(t, run(w))
  t.match(second, { code: 'refused', message: /commit has a version of the model already: film-rating@v1\.2\.0/ })
  t.notOk(existsSync(remoteOf(w, 'registry')))
  w.git('tag', '-d', 'film-rating@v1.2.0')

  w.git('checkout', '-q', '--detach')
  t.match(await run(w, { stage: 'production' }), { version: 'v0.0.1', commit: head })
  // Whoever deletes a tag and makes another of its name.
  w.git('tag', '-d', 'film-rating@v0.0.1')
  w.git('commit', '-q', '--allow-empty', '-m', 'other')
  w.git('tag', '-a', '-m', 'by hand', 'film-rating@v0.0.1')
  t.match(await errorOf(t, run(w)), { code: 'refused', message: /git has this tag already, of another commit/ })
  w.git('tag', '-d', 'film-rating@v0.0.1')
  w.git('tag', 'film-rating@v0.0.1', head)
  t.match(await run(w), { registered: false }, 'one that is but a name is one')

  const bare = await makeWorkspace(t, { root: join(temporaryDirectory(t), 'w'), noGit: true, files })
  git(bare.root, 'init', '-q')
  await bare.ddv('remote', 'add', 'origin', '../remote')
  await bare.add('models/m.bin')
  await bare.close()
  t.match(await errorOf(t, run(bare)), { code: 'git', message: /no commit yet/ })
  t.notOk(existsSync(remoteOf(bare, 'registry')))
})

t.test('a model that HEAD does not have yet', async t => {
  const w = await made(t)
  w.write({ 'models/m.bin': 'new' })
  await w.add('models/m.bin')
  const events: Event[] = []
  t.match(await run(w, {}, { onEvent: event => events.push(event) }), { registered: true })
  t.match(
    events.filter(({ type }) => type === 'warning'),
    [{ message: 'the commit that it is registered for does not have this model: models/m.bin' }],
  )
  t.equal(record(w, 'v0.0.1.json').committed, false)
})

t.test('without the git program, and without git', async t => {
  const w = await made(t, { env: { ...testEnv, PATH: withoutGit.PATH } })
  t.match(await run(w, { stage: 'production' }), { tags: ['film-rating@v0.0.1', 'film-rating#production#1'] })
  t.equal(w.git('cat-file', '-t', 'film-rating@v0.0.1'), 'tag')
  const plain = await made(t, { noGit: true, env: { ...testEnv, DDV_REV: 'v7-of-the-image' } })
  t.match(await run(plain), { commit: 'v7-of-the-image', tags: [] })
  t.equal(record(plain, 'v0.0.1.json').committed, undefined)
})

t.test('in production: from pointers, from locks, and from what runs made there', async t => {
  const top = temporaryDirectory(t)
  const w = await makeWorkspace(t, {
    root: join(top, 'w'),
    files: {
      'ddv.yaml': `stages: { train: { cmd: 'cp data models/m.bin', deps: [data], outs: [models/m.bin] } }`,
      data: 'one',
      'models/other': 'pointer',
    },
  })
  await w.ddv('remote', 'add', 'origin', '../remote', '--default')
  t.equal((await w.ddv('repro')).code, 0)
  await w.close()
  await w.add('models/other')
  w.git('add', '-A')
  w.commit()
  await w.close()
  const env = { ...testEnv, DDV_ENV: 'production' }
  const production = openWorkspace(t, w.root, env)
  const head = w.git('rev-parse', 'HEAD')
  t.match(await run(production, { model: 'models/other' as TreePath, name: 'other' }), {
    version: 'v0.0.1',
    commit: head,
  })
  t.match(await run(production), { version: 'v0.0.1', commit: head })
  w.write({ data: 'newer' })
  t.equal((await production.ddv('repro')).code, 0, 'the lock stays as it was')
  await production.close()
  const events: Event[] = []
  const retrained = await run(production, {}, { onEvent: event => events.push(event) })
  t.match(retrained, { version: 'v0.0.2', registered: true, tags: [] })
  t.match(record(w, 'v0.0.2.json'), {
    committed: false,
    stage: { address: 'train', deps: { data: { hash: digestOf('newer') } } },
    run: /Z-/,
  })
  t.match(
    events.filter(({ type }) => type === 'warning'),
    [{ message: /commit has a version of the model already: film-rating@v0\.0\.1/ }],
  )
  w.write({ 'models/m.bin': 'by hand' })
  await errorOf(t, run(production), 'refused')
  rmSync(w.path('.git'), { recursive: true })
  w.write({ 'models/m.bin': 'newer' })
  await production.close()
  t.match(await run(production, { stage: 'production' }), {
    version: 'v0.0.2',
    registered: false,
    promoted: true,
    tags: [],
  })
})

t.test('a step of a run goes by that run', async t => {
  const w = await makeWorkspace(t, {
    root: join(temporaryDirectory(t), 'w'),
    files: {
      'ddv.yaml': `stages:
  train: { cmd: 'cp data m.bin', deps: [data], outs: [m.bin] }
  next: { cmd: 'cp "$DDV_RUN" run.json', deps: [m.bin], outs: [run.json] }
`,
      data: 'one',
    },
  })
  await w.ddv('remote', 'add', 'origin', '../remote', '--default')
  t.equal((await w.ddv('repro')).code, 0)
  w.git('add', '-A')
  w.commit()
  rmSync(w.path('ddv.lock')) // as if it were not written yet
  await w.close()
  await errorOf(t, run(w, { model: 'm.bin' as TreePath }), 'usage')
  const step = openWorkspace(t, w.root, { ...testEnv, DDV_RUN: w.path('run.json') })
  t.match(await run(step, { model: 'm.bin' as TreePath }), { version: 'v0.0.1' })
  t.match(record(w, 'v0.0.1.json'), { stage: { address: 'train' }, run: JSON.parse(w.read('run.json')).id })
  w.write({ 'm.bin': 'other' })
  await errorOf(t, run(step, { model: 'm.bin' as TreePath }), 'refused')
})

t.test('several at once', async t => {
  const top = temporaryDirectory(t)
  const all: TestWorkspace[] = []
  for (const name of ['a', 'b', 'c', 'd'])
    all.push(await made(t, { root: join(top, name), files: { ...files, 'models/m.bin': name === 'd' ? 'a' : name } }))
  const results = await Promise.all(all.map(w => run(w, { stage: 'production' })))
  const byDigest = new Map(results.map(({ hash, version }) => [hash, version]))
  t.same(new Set(byDigest.values()).size, 3, 'three models, three versions')
  const [a] = all
  if (a === undefined) return
  const versions = recordsOf(a).filter(path => !path.includes('stages'))
  const digests = versions.map(path => record(a, path.slice('film-rating/'.length)).hash)
  for (const { hash, version } of results)
    t.equal(record(a, `${version}.json`).hash, hash, `${version} is what its maker was told`)
  t.same([...new Set(digests)].sort(), [...byDigest.keys()].sort())
  const exact = await Promise.all(
    all.slice(0, 3).map(w => run(w, { name: 'exact', version: 'v1.0.0' }).catch((error: unknown) => error)),
  )
  t.equal(exact.filter(one => !(one instanceof Error)).length, 1, 'of three who want one version one has it')
  for (const one of exact) if (one instanceof Error) t.match(one, { code: 'refused', message: /another digest/ })
})

t.test('interrupted before anything', async t => {
  const w = await made(t)
  await errorOf(t, run(w, {}, { signal: AbortSignal.abort() }), 'interrupted')
  t.notOk(existsSync(remoteOf(w, 'registry')))
  t.same(tags(w), [])
})
