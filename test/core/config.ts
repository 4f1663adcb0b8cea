import t from 'tap'
import {
  type ConfigLayer,
  checkKey,
  decodeConfig,
  environmentLayer,
  flagLayer,
  mergeConfig,
  parseSetting,
  setInConfig,
} from '../../lib/core/config.js'
import type { Layer } from '../../lib/core/config-schema.js'

const decode = (text: string, layer: Layer = 'repository') => decodeConfig(text, 'c.yaml', layer)
const values = (layer: ConfigLayer) => Object.fromEntries([...layer.values()].map(entry => [entry.key, entry.value]))

const written = `# ours
core:
  fsync: off
  jobs: 4
  remote: origin

remotes:
  origin:
    url: s3://bucket/prefix
    pathStyle: true
`

t.test('reads what ddv writes, and the same by the whole of YAML', async t => {
  const expected = {
    'core.fsync': 'off',
    'core.jobs': 4,
    'core.remote': 'origin',
    'remotes.origin.url': 's3://bucket/prefix',
    'remotes.origin.pathStyle': true,
  }
  t.same(values(await decode(written)), expected)
  t.same(values(await decode(`${written}git: {}\n`)), expected, 'flow style')
  t.same(values(await decode(written.replaceAll('\n', '\r\n'))), expected, 'CRLF')
  t.equal((await decode(written)).get('core.jobs')?.line, 4)
  t.equal((await decode(`${written}git: {}\n`)).get('core.jobs')?.line, 4)
})

t.test('forms of values', async t => {
  const cases: readonly (readonly [string, unknown])[] = [
    ['git:\n  maxFileSize: 10MB', { 'git.maxFileSize': 10_000_000 }],
    ['git:\n  maxFileSize: "1.5 KiB"', { 'git.maxFileSize': 1536 }],
    [
      'git:\n  largeFileExceptions:\n    - docs/a.pdf\n    - "*.bin"',
      { 'git.largeFileExceptions': ['docs/a.pdf', '*.bin'] },
    ],
    ['git:\n  largeFileExceptions: [a, b]', { 'git.largeFileExceptions': ['a', 'b'] }],
    ['git:\n  autostage: false', { 'git.autostage': false }],
    ['environment: production', { environment: 'production' }],
    ['core: # nothing yet\n', {}],
    ['core:\n', {}],
    ['', {}],
    ['# only this\n\n', {}],
    ['--- \ncore: {fsync: full}\n', { 'core.fsync': 'full' }],
  ]
  for (const [text, expected] of cases) t.same(values(await decode(text)), expected, JSON.stringify(text))
})

t.test('refuses, naming file and line', async t => {
  const deep = `a: ${'['.repeat(40)}${']'.repeat(40)}`
  const cases: readonly (readonly [string, RegExp, RegExp?])[] = [
    ['core:\n  fsnyc: off\n', /unknown key 'core.fsnyc': c\.yaml:2$/, /did you mean 'core.fsync'/],
    ['croe:\n  fsync: off\n', /unknown key 'croe': c\.yaml:1$/, /did you mean 'core'/],
    ['remotes:\n  o:\n    ulr: x\n', /unknown key 'remotes.o.ulr': c\.yaml:3$/, /did you mean 'remotes.o.url'/],
    ['zzzzzzzz: 1', /unknown key/, /config list/],
    ['core:\n  jobs: 0', /'core.jobs' is not a whole number from 1 to 1024: c\.yaml:2$/],
    ['core:\n  fsync: fast', /one of batch, full, off/],
    ['core: off', /'core' is a section/],
    ['core.fsync: off', /unknown key 'core.fsync'|is no/],
    ['cache:\n  dir: /tmp/x', /may not be set for everybody/, /--local/],
    ['core:\n  fsync: off\n  fsync: full', /unique.*c\.yaml:3$/i],
    ['a: &x 1\nb: *x', /alias|unknown key/],
    ['core: &x {fsync: off}\nhooks: *x', /alias.*c\.yaml:2$/],
    [deep, /deeper/],
    ['core:\n\tfsync: off', /c\.yaml:2$/],
    ['- a', /no map/],
    ['"unclosed', /c\.yaml:1$/],
    ['__proto__:\n  x: 1', /unknown key '__proto__'/],
    ['remotes:\n  __proto__:\n    url: x', /no name for a remote/],
    ['remotes:\n  "a b":\n    url: x', /no name for a remote/],
    ['remotes:\n  constructor:\n    toString: x', /unknown key/],
    ['<<<<<<< HEAD\ncore:\n', /merge markers/],
    ['remotes:\n  o:\n    url: "a\\u0007"', /not a text/],
    [`# ${'x'.repeat(1_048_576)}`, /larger/],
  ]
  for (const [text, message, hint] of cases) {
    const name = text.slice(0, 40)
    await t.rejects(decode(text), { code: 'bad-config', message, ...(hint === undefined ? {} : { hint }) }, name)
  }
})

t.test('the stronger layer wins, and says where it comes from', async t => {
  const config = mergeConfig(
    await decodeConfig(written, '.ddv/config.yaml', 'repository'),
    await decodeConfig('cache: {dir: /big}\nremotes: {origin: {region: eu}}', 'local', 'local'),
    environmentLayer({ DDV_CORE_JOBS: '8', DDV_ENV: 'production', DDV_CORE_FSYNC: '', PATH: 'x' }),
    flagLayer({ 'core.jobs': 2, 'core.remote': undefined }),
  )
  t.match(config, {
    core: { fsync: 'off', jobs: 2, remote: 'origin', compression: 'auto' },
    git: { autostage: true, maxFileSize: 10_000_000, largeFileExceptions: [] },
    cache: { dir: '/big', link: 'reflink' },
    hooks: { fetch: false },
    environment: 'production',
  })
  t.same(config.remotes.get('origin'), { url: 's3://bucket/prefix', region: 'eu', pathStyle: true })
  t.match(config.entries.get('core.jobs'), { layer: 'flags' })
  t.match(config.entries.get('environment'), { layer: 'environment', source: 'DDV_ENV' })
  t.match(config.entries.get('core.fsync'), { layer: 'repository', source: '.ddv/config.yaml', line: 3 })
  t.match(config.entries.get('remotes.origin.region'), { layer: 'local' })
})

t.test('a wrong variable is named', async t => {
  t.throws(() => environmentLayer({ DDV_ENV: 'prod' }), { code: 'bad-config', message: /DDV_ENV/ })
})

t.test('settings from the command line', async t => {
  t.equal(parseSetting('git.autostage', 'no'), false)
  t.equal(parseSetting('core.jobs', '3'), 3)
  t.same(parseSetting('git.largeFileExceptions', 'a, b'), ['a', 'b'])
  t.throws(() => parseSetting('core.jobs', 'many'), { code: 'usage' })
  t.throws(() => checkKey('core.job'), { code: 'usage', hint: /core.jobs/ })
})

t.test('set and unset keep comments and order', async t => {
  const to = { file: 'c.yaml', layer: 'repository' as const }
  const set = await setInConfig(written, 'core.fsync', { ...to, value: 'full' })
  t.equal(set, written.replace('fsync: off', 'fsync: full'))
  t.equal(await setInConfig('', 'core.fsync', { ...to, value: 'off' }), 'core:\n  fsync: off\n')
  t.equal(await setInConfig('# mine\n', 'core.jobs', { ...to, value: 2 }), '# mine\n\ncore:\n  jobs: 2\n')
  const one = await setInConfig('', 'remotes.a.url', { ...to, value: 's3://b' })
  t.same(values(await decode(one)), { 'remotes.a.url': 's3://b' })
  t.equal(await setInConfig(one, 'remotes.a.url', { ...to, value: undefined }), '')
  t.equal(await setInConfig(written, 'core.compression', { ...to, value: undefined }), written)
  await t.rejects(setInConfig('', 'cache.dir', { ...to, value: '/x' }), { code: 'bad-config' })
  for (const url of ['off', '12', 'true', 'a: b', '#x', 'C:\\data', ' lead', '@x', 'ünï', '0x10', '1e3', '~'])
    t.same(values(await decode(await setInConfig('', 'remotes.a.url', { ...to, value: url }))), {
      'remotes.a.url': url,
    })
})
