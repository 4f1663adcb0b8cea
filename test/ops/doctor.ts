import { join } from 'node:path'
import t from 'tap'
import { checkNode, type DoctorResult, doctor } from '../../lib/ops/doctor.js'
import type { Check } from '../../lib/ops/doctor-check.js'
import { checkCredentials } from '../../lib/ops/doctor-remotes.js'
import { ddv, makeWorkspace, type TestWorkspace, testEnv } from '../support/workspace.js'

const examine = (w: TestWorkspace, env = {}): Promise<DoctorResult> =>
  doctor({ cwd: w.root, env: { ...w.env, ...env }, version: '1.2.3' })

const named = ({ checks }: DoctorResult, name: string): Check | undefined => checks.find(check => check.name === name)

t.test('a workspace that is well', async t => {
  const w = await makeWorkspace(t, { files: { a: '1' } })
  await w.add('a')
  await ddv(w.root, ['remote', 'add', 'origin', join(w.root, '../r')])
  const before = w.tree()
  const result = await examine(w)
  t.equal(result.healthy, true, JSON.stringify(result.checks))
  t.match(named(result, 'ddv'), { state: 'ok', message: '1.2.3' })
  t.match(named(result, 'git'), { state: 'ok', message: /^\d/ })
  t.match(named(result, 'pointers'), { state: 'ok', message: '1 output' })
  t.match(named(result, 'remote origin'), { state: 'ok', message: /answers, empty yet: / })
  t.match(named(result, 'hooks'), { state: 'ok', message: 'not installed' })
  t.equal(named(result, 'credentials'), undefined, 'of no interest to a directory')
  t.same(w.tree(), before, 'nothing is left behind')
  await w.close()
  await w.push()
  t.match(named(await examine(w), 'remote origin'), { state: 'ok', message: /answers: / })
})

t.test('each thing that is wrong is told, with what to do', async t => {
  const cases: readonly (readonly [string, (w: TestWorkspace) => unknown, string, Partial<Check> | object])[] = [
    [
      'a setting',
      w => w.write({ '.ddv/config.yaml': 'core: {fsnyc: off}\n' }),
      'configuration',
      { state: 'problem', message: /fsnyc/ },
    ],
    ['a pointer', w => w.write({ 'x.ddv': '<<<<<<< HEAD\n' }), 'pointers', { state: 'problem', message: /x\.ddv/ }],
    ['an ignore line', w => w.write({ '.gitignore': '' }), 'repository', { state: 'problem', hint: /ddv init/ }],
    ['no remote', () => undefined, 'remote', { state: 'warning', hint: 'ddv remote add origin URL' }],
    [
      'a remote in no place',
      w => w.write({ '.ddv/config.yaml': 'remotes: {origin: {url: /nonexistent/a/b}}\n' }),
      'remote origin',
      { state: 'problem', message: /does not exist/ },
    ],
    [
      'a store that is off',
      w => w.write({ '.ddv/config.yaml': 'remotes: {origin: {url: "s3://bucket", endpoint: "http://127.0.0.1:1"}}\n' }),
      'remote origin',
      { state: 'problem', message: /connection refused|no credentials/, hint: /./ },
    ],
    [
      'no default',
      w => w.write({ '.ddv/config.yaml': 'remotes: {a: {url: /tmp}, b: {url: /tmp}}\n' }),
      'remote',
      { state: 'warning', message: /none of several/ },
    ],
    [
      'hooks of ddv',
      w => w.write({ '.git/hooks/pre-push': '#!/bin/sh\nexec ddv hook pre-push\n' }),
      'hooks',
      { message: 'pre-push' },
    ],
  ]
  for (const [what, act, name, expected] of cases) {
    const w = await makeWorkspace(t, { root: join(t.testdir(), what.replaceAll(' ', '-')) })
    act(w)
    const env = { AWS_ACCESS_KEY_ID: 'key-canary', AWS_SECRET_ACCESS_KEY: 'secret-canary' }
    const result = await examine(w, env)
    t.match(named(result, name), expected, what)
    t.equal(
      result.healthy,
      result.checks.every(({ state }) => state !== 'problem'),
      what,
    )
    t.notMatch(JSON.stringify(result), /canary/, what)
  }
})

t.test('without a workspace, and without git', async t => {
  const result = await doctor({ cwd: t.testdir(), env: { ...testEnv, PATH: '/nonexistent' }, version: '1' })
  t.match(named(result, 'workspace'), { state: 'warning', hint: /ddv init/ })
  t.match(named(result, 'git'), { state: 'warning', message: 'no such program' })
  t.equal(result.healthy, true)
})

t.test('which node serves', async t => {
  const good = { '20.19.0': true, '20.18.9': false, '18.20.0': false, '22.0.0': true }
  for (const [version, isGood] of Object.entries(good)) t.equal(checkNode(version).state === 'ok', isGood, version)
})

t.test('where credentials would come from; never what they are', async t => {
  const home = t.testdir({
    '.aws': {
      credentials: '[default]\naws_access_key_id = canary\n[work]\naws_secret_access_key = canary\n',
      config: '[profile sso]\n',
    },
  })
  const cases: readonly (readonly [Readonly<Record<string, string>>, string | undefined, object])[] = [
    [{}, undefined, { state: 'warning' }],
    [{ HOME: home }, undefined, { state: 'ok', message: 'in the AWS configuration' }],
    [{ HOME: home }, 'sso', { state: 'ok', name: 'credentials of sso' }],
    [{ HOME: home, AWS_PROFILE: 'work' }, undefined, { state: 'ok', name: 'credentials of work' }],
    [{ HOME: home }, 'nope', { state: 'problem', message: /no such profile/ }],
    [{ AWS_ACCESS_KEY_ID: 'canary', AWS_SECRET_ACCESS_KEY: 'canary' }, undefined, { state: 'ok' }],
    [{ AWS_ACCESS_KEY_ID: 'canary' }, undefined, { state: 'problem' }],
    [{ AWS_WEB_IDENTITY_TOKEN_FILE: '/canary' }, undefined, { state: 'ok', message: 'by AWS_WEB_IDENTITY_TOKEN_FILE' }],
  ]
  for (const [env, profile, expected] of cases) {
    const check = checkCredentials({ HOME: '/nonexistent', ...env }, profile)
    t.match(check, expected, JSON.stringify(env))
    t.notMatch(JSON.stringify(check), /canary/)
  }
})

t.test('the command: a line each, and exit 1 where there is a problem', async t => {
  const w = await makeWorkspace(t)
  t.match(await ddv(w.root, ['doctor']), {
    code: 0,
    stdout: /^ok +ddv +\d.*\n[\s\S]*warning +remote .*\n +hint: ddv remote add/,
  })
  w.write({ 'x.ddv': 'nonsense' })
  t.match(await ddv(w.root, ['doctor']), { code: 1, stdout: /problem +pointers +/ })
  const { stdout } = await ddv(w.root, ['doctor', '--json'])
  t.match(JSON.parse(stdout), { healthy: false, checks: Array })
})

t.test('data whose pointer alone was deleted', async t => {
  const w = await makeWorkspace(t, { files: { x: '1', 'd/s/a': '1', y: '1', mine: '1' } })
  await w.add(['x', 'd/s', 'y'])
  w.write({ '.gitignore': `${w.read('.gitignore')}/mine\n` })
  w.commit()
  await w.close()
  t.equal(named(await examine(w), 'left data'), undefined)
  w.git('rm', '-q', 'd/s.ddv', 'x.ddv')
  t.match(named(await examine(w), 'left data'), {
    state: 'warning',
    message: /no pointer tracks it: d\/s \(and 1 more\)$/,
    hint: /'ddv add d\/s'/,
  })
  await w.ddv('add', 'd/s')
  await w.ddv('remove', 'y')
  t.match(named(await examine(w), 'left data'), { message: /: x$/ })
})

t.test('what killed commands left among the data', async t => {
  const name = '.ddv-tmp-0123456789abcdef'
  const w = await makeWorkspace(t, { files: { 'data/x': '1', 'd/s/a': '1', 'mine/x': '1' } })
  await w.add(['data/x', 'd'])
  await w.close()
  w.write({ [`mine/${name}`]: '1', 'd/.ddv-tmp-mine': '1' })
  t.equal(named(await examine(w), 'leftovers'), undefined, 'ddv puts nothing there')
  w.write({ [`data/${name}`]: '1', [`d/s/${name}/b/${name}`]: '1' })
  const check = named(await examine(w), 'leftovers')
  t.match(check, { state: 'warning', message: `a command that was killed left this: data/${name} (and 1 more)` })
})
