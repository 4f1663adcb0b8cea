import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { selectRemote } from '../../lib/core/config-remotes.js'
import { changeConfig, getConfig, listConfig, setConfig, unsetConfig } from '../../lib/ops/config.js'
import { type ConfigPlace, configFile, loadConfig } from '../../lib/ops/config-files.js'
import { addRemote, listRemotes, modifyRemote, removeRemote } from '../../lib/ops/remotes.js'
import { git, gitEnv, makeRepository, write } from '../support/git.js'

function place(t: Test, env: Readonly<Record<string, string>> = {}): ConfigPlace & { readonly root: string } {
  const top = t.testdir({ home: {} })
  const root = makeRepository(join(top, 'r'), {})
  mkdirSync(join(root, '.ddv'))
  return { root, env: { ...gitEnv, HOME: join(top, 'home'), ...env } }
}

t.test('from weak to strong: repository, local, user, environment, flags', async t => {
  const at = place(t, { DDV_CORE_JOBS: '5' })
  const set = (layer: 'repository' | 'local' | 'user', key: string, value: string) => setConfig(at, layer, key, value)
  await set('repository', 'core.jobs', '1')
  await set('repository', 'core.fsync', 'full')
  await set('repository', 'core.compression', 'off')
  await set('local', 'core.jobs', '2')
  await set('local', 'core.fsync', 'off')
  await set('user', 'core.jobs', '3')
  const config = await loadConfig(at)
  t.match(config.core, { jobs: 5, fsync: 'off', compression: 'off' })
  t.match(await getConfig(at, 'core.jobs'), { value: 5, layer: 'environment', source: 'DDV_CORE_JOBS' })
  t.match(await getConfig(at, 'core.fsync'), {
    layer: 'local',
    source: join(at.root, '.ddv/config.local.yaml'),
    line: 3,
  })
  t.equal(await getConfig(at, 'core.remote'), undefined)
  t.equal(git(at.root, 'diff', '--cached', '--name-only'), '.ddv/config.yaml', 'staged; the local one is not')
  t.ok((await listConfig(at)).some(({ key, layer }) => key === 'git.autostage' && layer === 'default'))
  t.match(await unsetConfig(at, 'local', 'core.fsync'), { changed: true })
  t.match(await unsetConfig(at, 'local', 'core.fsync'), { changed: false })
  t.equal((await loadConfig(at)).core.fsync, 'full')
})

t.test('where the files of the user are', async t => {
  const file = (env: Readonly<Record<string, string>>) => configFile({ root: undefined, env }, 'user')
  t.equal(file({ HOME: '/h' }), '/h/.config/ddv/config.yaml')
  t.equal(file({ HOME: '/h', XDG_CONFIG_HOME: '/x' }), '/x/ddv/config.yaml')
  t.equal(file({ HOME: '/h', XDG_CONFIG_HOME: 'relative' }), '/h/.config/ddv/config.yaml')
  t.equal(file({}), undefined)
  await t.rejects(setConfig({ root: undefined, env: {} }, 'user', 'core.jobs', '1'), { code: 'usage' })
  await t.rejects(setConfig({ root: undefined, env: {} }, 'repository', 'core.jobs', '1'), { code: 'no-workspace' })
  t.equal((await loadConfig({ root: undefined, env: {} })).core.fsync, 'batch')
})

t.test('the cache is moved by the user alone', async t => {
  const at = place(t)
  await t.rejects(setConfig(at, 'repository', 'cache.dir', '/x'), { code: 'bad-config', hint: /--local/ })
  await setConfig(at, 'user', 'cache.dir', '~/blobs')
  t.equal((await loadConfig(at)).cache.dir, join(at.env.HOME ?? '', 'blobs'))
  write(at.root, { '.ddv/config.local.yaml': 'cache:\n  dir: /elsewhere\n' })
  t.equal((await loadConfig(at)).cache.dir, join(at.env.HOME ?? '', 'blobs'), 'the user’s own is stronger')
  git(at.root, 'add', '-f', '.ddv/config.local.yaml')
  await t.rejects(loadConfig(at), {
    code: 'bad-config',
    message: /'cache.dir' may not be set by a file that is in git/,
  })
})

t.test('files that are no settings', async t => {
  const at = place(t)
  const file = join(at.root, '.ddv/config.yaml')
  writeFileSync(file, 'core:\n  nonsense: 1\n')
  await t.rejects(loadConfig(at), {
    code: 'bad-config',
    message: `configuration: unknown key 'core.nonsense': ${file}:2`,
  })
  await t.rejects(setConfig(at, 'repository', 'core.jobs', '2'), { code: 'bad-config' }, 'not made worse')
  writeFileSync(file, Buffer.alloc(1_048_577, 0x23))
  await t.rejects(loadConfig(at), { code: 'bad-config', message: /larger/ })
})

t.test('two at once lose nothing', async t => {
  const at = place(t)
  const changes = ['a', 'b', 'c', 'd', 'e'].map(name =>
    changeConfig(at, 'local', () => [{ key: `remotes.${name}.url`, value: `/r/${name}` }]),
  )
  await Promise.all(changes)
  t.equal((await loadConfig(at)).remotes.size, 5)
})

t.test('remotes: add, list, modify, remove', async t => {
  const at = place(t)
  const layer = 'repository'
  await addRemote(at, 'origin', { layer, options: { url: 's3://bucket/p', endpoint: 'https://store.example' } })
  await addRemote(at, 'backup', { layer, asDefault: true, options: { url: '../backup' } })
  t.same(await listRemotes(at), [
    { name: 'backup', url: '../backup', default: true, layer },
    { name: 'origin', url: 's3://bucket/p', default: false, layer },
  ])
  await modifyRemote(at, 'origin', { layer, options: { region: 'eu', pathStyle: false } })
  t.match(selectRemote(await loadConfig(at), 'origin'), {
    name: 'origin',
    region: 'eu',
    pathStyle: false,
    trusted: false,
  })
  t.equal(selectRemote(await loadConfig(at), undefined).name, 'backup')
  await setConfig(at, 'user', 'trustedHosts', 'store.example')
  t.equal(selectRemote(await loadConfig(at), 'origin').trusted, true)
  await removeRemote(at, 'backup', layer)
  t.equal(selectRemote(await loadConfig(at), undefined).name, 'origin', 'the only one is the default')
  await modifyRemote(at, 'origin', { layer, options: { region: undefined } })
  const text = readFileSync(join(at.root, '.ddv/config.yaml'), 'utf8')
  t.equal(
    text,
    'remotes:\n  origin:\n    url: s3://bucket/p\n    endpoint: https://store.example\n    pathStyle: false\n',
  )
})

t.test('remotes: what is refused', async t => {
  const at = place(t)
  const layer = 'repository'
  const add = (name: string, options: Parameters<typeof addRemote>[2]['options']) =>
    addRemote(at, name, { layer, options })
  await t.rejects(add('a b', { url: '/x' }), { code: 'usage' })
  await t.rejects(add('__proto__', { url: '/x' }), { code: 'usage' })
  await t.rejects(add('a', { url: 'ftp://x' }), { code: 'usage' })
  await t.rejects(add('a', { url: 's3://key:secret@bucket' }), { code: 'usage' })
  await t.rejects(add('a', { url: 's3://bucket', endpoint: 'http://far.example' }), { code: 'usage' })
  await t.rejects(add('a', { url: 's3://bucket', allowHttp: true }), { code: 'bad-config' }, 'not for everybody')
  t.notOk(existsSync(join(at.root, '.ddv/config.yaml')))
  await add('a', { url: '/x' })
  await t.rejects(add('a', { url: '/y' }), { code: 'usage', hint: /modify a/ })
  await t.rejects(modifyRemote(at, 'aa', { layer, options: { url: '/y' } }), { code: 'usage', hint: /'a'/ })
  await t.rejects(modifyRemote(at, 'a', { layer, options: { nonsense: 'y' } }), { code: 'bad-config' })
  await t.rejects(removeRemote(at, 'b', layer), { code: 'usage' })
  const production = { ...at, env: { ...at.env, DDV_ENV: 'production' } }
  await t.rejects(addRemote(production, 'c', { layer, options: { url: '/x' } }), { code: 'production' })
  t.throws(() => selectRemote({ ...emptyConfig, remotes: new Map() }, undefined), { code: 'remote' })
})

const emptyConfig = await loadConfig({ root: undefined, env: {} })

t.test('the default remote is one that there is', async t => {
  const at = place(t)
  await t.rejects(setConfig(at, 'repository', 'core.remote', 'origin'), { code: 'usage', hint: /ddv remote add/ })
  await addRemote(at, 'origin', { layer: 'repository', asDefault: false, options: { url: '../data' } })
  await t.rejects(setConfig(at, 'local', 'core.remote', 'orign'), { code: 'usage', hint: /did you mean 'origin'/ })
  await setConfig(at, 'local', 'core.remote', 'origin')
  await setConfig(at, 'user', 'core.remote', 'elsewhere')
  t.equal((await getConfig(at, 'core.remote'))?.layer, 'user', 'other workspaces have other remotes')
})
