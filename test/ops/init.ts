import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { init } from '../../lib/ops/init.js'
import { git, makeRepository, withoutGit } from '../support/git.js'
import { ddv, errorOf, readTree, temporaryDirectory, testEnv, writeFiles } from '../support/workspace.js'

const filesOf = (root: string): string[] => Object.keys(readTree(root)).filter(path => !path.startsWith('.git/'))
const own = ['.ddv/.gitignore', '.ddv/config.yaml', '.ddvignore', '.gitattributes', '.gitignore']

for (const [name, env] of [
  ['the git program', testEnv],
  ['no git program', withoutGit],
] as const)
  t.test(`with ${name}`, async t => {
    const root = makeRepository(join(t.testdir(), 'r'))
    t.same(await init({ directory: root, env }), { root, created: true, git: true })
    t.same(filesOf(root), own)
    t.same(git(root, 'diff', '--cached', '--name-only').split('\n'), own)
    writeFiles(root, { '.cache/ab/cd': '1', '.ddv/state/x': '1', '.ddv/config.local.yaml': '', '.ddv/id': '1' })
    t.equal(git(root, 'status', '--porcelain').match(/\?\?/), null, 'nothing of this clone shows in git')
    t.match(git(root, 'check-attr', '-a', 'x.ddv'), /merge: ddv[\s\S]*eol: lf/)
  })

t.test('again: what is missing is made, what is there stays', async t => {
  const root = makeRepository(join(t.testdir(), 'r'), { '.gitignore': '/own\n', '.gitattributes': '*.png binary\n' })
  await init({ directory: root, env: testEnv })
  writeFiles(root, { '.ddvignore': '*.tmp\n', '.ddv/config.yaml': 'core:\n  jobs: 2\n' })
  const before = readTree(root)
  t.match(before, { '.gitignore': '/.cache\n/own\n', '.gitattributes': /^\*\.png binary\n/ })
  t.match(await init({ directory: root, env: testEnv }), { created: false })
  t.match(readTree(root), {
    '.ddvignore': before['.ddvignore'],
    '.gitignore': before['.gitignore'],
    '.ddv/config.yaml': before['.ddv/config.yaml'],
  })
})

t.test('below the top of a repository, and two in one', async t => {
  const root = makeRepository(join(t.testdir(), 'r'))
  for (const name of ['one', 'two']) {
    mkdirSync(join(root, name))
    await init({ directory: join(root, name), env: testEnv })
  }
  t.same(
    git(root, 'ls-files').split('\n'),
    ['one', 'two'].flatMap(name => own.map(file => `${name}/${file}`)),
  )
})

t.test('outside git it says so, and does without where told', async t => {
  const root = temporaryDirectory(t)
  t.match(await errorOf(t, init({ directory: root, env: testEnv }), 'git'), {
    message: `not in a git repository: ${root}`,
    hint: /git init.*--no-git/,
  })
  t.same(readTree(root), { '/': '' })
  t.same(await init({ directory: root, env: testEnv, noGit: true }), { root, created: true, git: false })
  t.same(filesOf(root), ['.ddv/.gitignore', '.ddv/config.yaml', '.ddvignore'])
})

t.test('not inside a workspace', async t => {
  const root = makeRepository(join(t.testdir(), 'r'))
  await init({ directory: root, env: testEnv })
  mkdirSync(join(root, 'sub'))
  t.match(await errorOf(t, init({ directory: join(root, 'sub'), env: testEnv }), 'usage'), {
    message: /already inside/,
  })
  t.same(readTree(join(root, 'sub')), { '/': '' })
})

t.test('not where .ddv is a file', async t => {
  const root = makeRepository(join(t.testdir(), 'r'), { '.ddv': 'mine' })
  await errorOf(t, init({ directory: root, env: testEnv }))
  t.equal(readTree(root)['.ddv'], 'mine')
})

t.test('the command says which hooks it installed', async t => {
  const root = makeRepository(join(t.testdir(), 'r'))
  const { stdout } = await ddv(root, ['init', '--hooks'])
  t.match(stdout, /^made a ddv workspace in .*\ninstalled pre-commit, .* in .*hooks\n$/)
  t.match(JSON.parse((await ddv(root, ['init', '--hooks', '--json'])).stdout), { created: false, hooks: [] })
  t.notMatch((await ddv(root, ['init'])).stdout, /^installed/m)
})
