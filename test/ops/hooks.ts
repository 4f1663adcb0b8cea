import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { hookNames } from '../../lib/git/hook-script.js'
import { type HooksResult, hooksStatus, installGitHooks, uninstallGitHooks } from '../../lib/ops/hooks.js'
import { git } from '../support/git.js'
import { bundle } from '../support/hooked.js'
import { makeWorkspace, type TestWorkspace, temporaryDirectory, testEnv } from '../support/workspace.js'

const installation = { node: process.execPath, program: bundle }
const place = (w: TestWorkspace, cwd = w.root) => ({ cwd, env: w.env, installation })

const written = (directory: string): string[] =>
  existsSync(directory) ? readdirSync(directory).filter(name => !name.endsWith('.sample')) : []

function writeHook(file: string, text: string): void {
  writeFileSync(file, text)
  chmodSync(file, 0o755)
}

const states = ({ hooks }: Pick<HooksResult, 'hooks'>): string[] => [...new Set(hooks.map(({ state }) => state))]

t.test('where git looks for hooks', async t => {
  const cases: readonly (readonly [string, (w: TestWorkspace) => { hooks: string; cwd?: string; env?: object }])[] = [
    ['in .git', w => ({ hooks: w.path('.git/hooks') })],
    [
      'a relative core.hooksPath',
      w => {
        w.git('config', 'core.hooksPath', 'my hooks')
        return { hooks: w.path('my hooks') }
      },
    ],
    [
      'an absolute core.hooksPath',
      w => {
        const path = join(temporaryDirectory(t), 'h')
        w.git('config', 'core.hooksPath', path)
        return { hooks: path }
      },
    ],
    [
      'a core.hooksPath of the user',
      () => {
        const home = temporaryDirectory(t)
        writeFileSync(join(home, 'config'), `[core]\n\thooksPath = ${home}/hooks\n`)
        return { hooks: join(home, 'hooks'), env: { GIT_CONFIG_GLOBAL: join(home, 'config') } }
      },
    ],
    [
      'a linked worktree',
      w => {
        const linked = join(temporaryDirectory(t), 'linked')
        w.git('worktree', 'add', '-q', linked, '-b', 'linked')
        return { hooks: w.path('.git/hooks'), cwd: linked }
      },
    ],
  ]
  for (const [name, prepare] of cases) {
    const w = await makeWorkspace(t, { root: join(temporaryDirectory(t), 'w') })
    const { hooks, cwd = w.root, env = {} } = prepare(w)
    const at = { cwd, env: { ...w.env, ...env }, installation }
    const shared = hooks.startsWith(w.root) ? 'own' : 'shared'
    const result = await installGitHooks(at)
    t.same(written(hooks), [...hookNames].sort(), name)
    t.match(
      result,
      { directory: hooks, complete: true, failures: [], drivers: 'installed', changed: [...hookNames] },
      name,
    )
    t.equal(result.shared ? 'shared' : 'own', shared, name)
    t.same((await installGitHooks(at)).changed, [], 'again changes nothing')
    t.same(states(await hooksStatus(at)), ['installed'])
    await uninstallGitHooks(at)
    if (shared === 'own') t.same(written(hooks), [], name)
    else t.same(git(w.root, 'config', '--default', 'none', 'ddv.hooks'), 'none', 'others keep theirs')
    t.equal((await hooksStatus(at)).drivers, 'absent')
  }
})

t.test('hooks that are there are called, with arguments, input and exit code, and come back', async t => {
  const w = await makeWorkspace(t)
  const hooks = w.path('.git/hooks')
  mkdirSync(hooks, { recursive: true })
  for (const name of hookNames)
    writeHook(join(hooks, name), `#!/bin/sh\n{ echo "$@"; cat; } > "$GIT_DIR/said-by-${name}" 2>&1\nexit 7\n`)
  const before = hookNames.map(name => readFileSync(join(hooks, name), 'utf8'))
  t.match(await installGitHooks(place(w)), { complete: true, failures: [] })
  t.ok((await hooksStatus(place(w))).hooks.every(({ keeps }) => keeps))
  for (const name of hookNames) {
    const input = name === 'pre-push' || name === 'post-rewrite' ? 'line one\nline two\n\n' : ''
    const env = { ...testEnv, GIT_DIR: w.path('.git') }
    const { spawnSync } = await import('node:child_process')
    const ran = spawnSync(join(hooks, name), ['amend', 'b c'], { cwd: w.root, env, input, encoding: 'utf8' })
    t.equal(ran.status, 7, `${name}: ${ran.stderr}`)
    t.equal(w.read(`.git/said-by-${name}`), `amend b c\n${input}`, name)
  }
  await uninstallGitHooks(place(w))
  t.same(
    hookNames.map(name => readFileSync(join(hooks, name), 'utf8')),
    before,
  )
  t.same(written(hooks), [...hookNames].sort())
})

t.test('a hook that was edited by hand is neither overwritten nor deleted', async t => {
  const w = await makeWorkspace(t)
  await installGitHooks(place(w))
  const file = w.path('.git/hooks/pre-commit')
  const text = readFileSync(file, 'utf8')
  writeFileSync(file, `${text}echo mine\n`)
  for (const work of [installGitHooks, uninstallGitHooks]) {
    const { failures } = await work(place(w))
    t.match(failures, [{ path: 'pre-commit', error: { code: 'refused', message: /edited by hand/, hint: /--force/ } }])
    t.match(readFileSync(file, 'utf8'), /echo mine/)
  }
  t.match((await installGitHooks(place(w), { force: true })).failures, [])
  t.equal(readFileSync(file, 'utf8'), text)
  chmodSync(file, 0o644)
  t.match((await hooksStatus(place(w))).complete, false, 'git passes over what is not executable')
  t.same((await installGitHooks(place(w))).changed, ['pre-commit'])
  const moved = { ...place(w), installation: { ...installation, node: '/nowhere/node' } }
  t.same(states(await hooksStatus(moved)), ['outdated'])
  t.same((await installGitHooks(moved)).changed, [...hookNames], 'a new installation takes their place')
})

t.test('another program put its hook in the place of ddv’s', async t => {
  const w = await makeWorkspace(t)
  const file = w.path('.git/hooks/pre-commit')
  mkdirSync(w.path('.git/hooks'), { recursive: true })
  writeHook(file, '#!/bin/sh\n')
  await installGitHooks(place(w))
  writeHook(file, '#!/bin/sh\necho other\n')
  for (const work of [installGitHooks, uninstallGitHooks])
    t.match((await work(place(w))).failures, [{ path: 'pre-commit', error: { hint: /join it/ } }])
  t.match(readFileSync(file, 'utf8'), /other/)
})

t.test('without node and ddv, what comes before refuses and what comes after warns', async t => {
  const w = await makeWorkspace(t)
  await installGitHooks({ ...place(w), installation: { node: '/nowhere/node', program: '/nowhere/ddv.js' } })
  w.write({ 'x.ddv': '{}' })
  w.git('add', 'x.ddv')
  const { spawnSync } = await import('node:child_process')
  for (const name of hookNames) {
    const ran = spawnSync(w.path('.git/hooks', name), ['a', 'b', '1'], { cwd: w.root, env: testEnv, encoding: 'utf8' })
    t.equal(ran.status, name.startsWith('pre-') ? 1 : 0, name)
    t.match(ran.stderr, /ddv: (error|warning): neither .*\nddv: hint: .*hooks install/, name)
  }
  const bin = temporaryDirectory(t)
  writeHook(join(bin, 'ddv'), '#!/bin/sh\necho "on PATH: $*"\n')
  const env = { ...testEnv, PATH: `${bin}:${testEnv.PATH}` }
  const ran = spawnSync(w.path('.git/hooks/pre-commit'), [], { cwd: w.root, env, encoding: 'utf8' })
  t.equal(ran.stdout, 'on PATH: hook run pre-commit\n')
})

t.test('programs that manage hooks', async t => {
  const w = await makeWorkspace(t, { files: { 'lefthook.yml': '', '.pre-commit-config.yaml': 'repos:\n' } })
  const result = await installGitHooks(place(w))
  t.match(result.managers, [
    {
      name: 'lefthook',
      owns: false,
      lines: [{ file: 'lefthook.yml', text: /pre-push \{1\} \{2\}\n {6}use_stdin: true/ }],
    },
    { name: 'pre-commit', owns: false, lines: [{ text: /entry: ddv hook run pre-commit/ }] },
  ])
  const husky = await makeWorkspace(t, { root: join(temporaryDirectory(t), 'w'), files: { '.husky/_/h': '' } })
  husky.git('config', 'core.hooksPath', '.husky/_')
  const said = await husky.ddv('hooks', 'install')
  t.equal(said.code, 0, said.stderr)
  t.match(said.stdout, /into \.husky\/pre-commit:\n\n {4}ddv hook run pre-commit "\$@"/)
  t.same(written(husky.path('.husky/_')), ['h'], 'husky writes there')
  t.equal((await husky.ddv('hooks', 'status', '--exit-code')).code, 1)
  for (const name of hookNames) husky.write({ [`.husky/${name}`]: `ddv hook run ${name} "$@"\n` })
  t.equal((await husky.ddv('hooks', 'status', '--exit-code')).code, 0)
})

t.test('the command line', async t => {
  const root = join(temporaryDirectory(t), 'w')
  mkdirSync(root)
  git(root, 'init', '-q', '-b', 'main')
  const w = await makeWorkspace(t, { root })
  t.equal((await w.ddv('init', '--hooks')).code, 0)
  t.match(await w.ddv('hooks', 'status', '--exit-code'), { code: 0, stdout: /pre-push +installed/ })
  t.match(await w.ddv('hooks', 'uninstall'), { code: 0, stdout: /^removed pre-commit/ })
  t.match(JSON.parse((await w.ddv('hooks', 'status', '--json')).stdout), { complete: false, drivers: 'absent' })
  t.equal((await w.ddv('init', '--hooks', '--no-git')).code, 2)
  t.equal((await w.ddv('hook', 'run', 'update')).code, 2)
})

t.test('a clone without hooks is told so once', async t => {
  const w = await makeWorkspace(t)
  t.equal((await w.ddv('status', '--json')).stderr, '')
  t.match((await w.ddv('status')).stderr, /git does not call ddv.*\nddv: hint: 'ddv hooks install'/)
  t.equal((await w.ddv('status')).stderr, '')
  t.notMatch((await w.ddv('pull')).stderr, /git does not call/)
  rmSync(w.path('.ddv/state/hooks-told'))
  t.match((await w.ddv('pull')).stderr, /hooks install/)
  rmSync(w.path('.ddv/state/hooks-told'))
  await installGitHooks(place(w))
  t.equal((await w.ddv('status')).stderr, '')
})

t.test('a directory of hooks that is a link to nowhere', async t => {
  const w = await makeWorkspace(t)
  rmSync(w.path('.git/hooks'), { recursive: true, force: true })
  symlinkSync('/dev/null/hooks', w.path('.git/hooks'))
  t.match(await w.ddv('hooks', 'install'), { code: 1, stderr: /hooks cannot be written/ })
})
