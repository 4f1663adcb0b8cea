import { rmSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { type Description, describe } from '../../lib/ops/describe.js'
import { git, makeRepository, withoutGit } from '../support/git.js'
import { ddv, makeWorkspace, openWorkspace, type TestWorkspace, testEnv, writeFiles } from '../support/workspace.js'

const files = { 'code.py': '1', x: '1', 'd/a': '1' }

type Test = Parameters<typeof makeWorkspace>[0]

async function committed(t: Test): Promise<TestWorkspace> {
  const w = await makeWorkspace(t, { files, inMemory: true })
  w.git('add', 'code.py')
  await w.add(['x', 'd'])
  w.commit()
  return w
}

const look = async (t: Test, w: TestWorkspace, options = {}): Promise<Description> =>
  describe(await openWorkspace(t, w.root).project(), { cwd: w.root, ...options })

t.test('as committed', async t => {
  const w = await committed(t)
  const commit = w.git('rev-parse', 'HEAD')
  w.write({ 'notes.txt': 'nobody tracks it' })
  const before = w.git('status', '--porcelain')
  t.same(await look(t, w), { name: commit, commit, source: 'git', dirty: false, code: [], pointers: [], data: [] })
  t.match(await look(t, w, { short: true }), { name: commit.slice(0, 12), commit })
  t.match(await w.ddv('describe'), { code: 0, stdout: `${commit}\n`, stderr: '' })
  t.match(await w.ddv('describe', '--quiet', '--short'), { stdout: `${commit.slice(0, 12)}\n` })
  t.match(JSON.parse((await w.ddv('describe', '--json')).stdout), { name: commit, dirty: false })
  const there = await ddv(w.root, ['describe'], { ...testEnv, PATH: withoutGit.PATH })
  t.match(there, { code: 0, stdout: `${commit}\n` }, 'without the git program')
  t.equal(w.git('status', '--porcelain'), before)
})

type Change = (w: TestWorkspace) => unknown
type Expected = Readonly<Partial<Record<'code' | 'pointers' | 'data', readonly string[]>>>
const rows: readonly (readonly [string, Expected, Change])[] = [
  ['code', { code: ['code.py'] }, w => w.write({ 'code.py': '2' })],
  [
    'code in the index alone',
    { code: ['code.py'] },
    w => [w.write({ 'code.py': '2' }), w.git('add', '-u'), w.write(files)],
  ],
  ['new code in the index', { code: ['new.py'] }, w => [w.write({ 'new.py': '' }), w.git('add', 'new.py')]],
  ['data', { code: [], data: ['x'] }, w => w.write({ x: '2' })],
  ['a file more in a directory', { data: ['d'] }, w => w.write({ 'd/b': '' })],
  ['data that is not there', { code: [], pointers: [], data: ['d'] }, w => w.remove('d')],
  ['a pointer', { code: ['x.ddv'], pointers: ['x'], data: [] }, w => [w.write({ x: '2' }), w.add('x')]],
  [
    'a pointer that git does not know',
    { code: [], pointers: ['y'] },
    async w => {
      w.write({ y: '1' })
      await w.add('y')
      w.git('rm', '-q', '--cached', 'y.ddv')
      w.git('checkout', 'HEAD', '--', '.gitignore')
    },
  ],
  ['a pointer that is gone', { code: ['x.ddv'], pointers: ['x'] }, w => w.remove('x.ddv')],
  ['a pointer that cannot be read', { pointers: ['x'], data: ['x'] }, w => w.write({ 'x.ddv': '{' })],
]

for (const [name, expected, change] of rows)
  t.test(`dirty: ${name}`, async t => {
    const w = await committed(t)
    const commit = w.git('rev-parse', 'HEAD')
    for (const step of [await change(w)].flat()) await step
    t.match(await look(t, w), { ...expected, name: `${commit}-dirty`, dirty: true })
    t.match(await w.ddv('describe', '--short', '--verbose'), { stdout: `${commit.slice(0, 12)}-dirty\n`, stderr: /: / })
  })

t.test('--no-data: as where nothing was pulled', async t => {
  const w = await committed(t)
  w.remove('d', 'x')
  t.match(await w.ddv('describe', '--no-data'), { stdout: `${w.git('rev-parse', 'HEAD')}\n` })
  t.equal((await look(t, w, { data: false })).data, undefined)
})

t.test('without git: by the environment, else it says what to set', async t => {
  const w = await committed(t)
  rmSync(w.path('.git'), { recursive: true })
  const name = (env: object, ...more: string[]) => ddv(w.root, ['describe', ...more], { ...testEnv, ...env })
  t.match(await name({}), { code: 2, stdout: '', stderr: /set DDV_REV or GIT_COMMIT or GIT_COMMIT_HASH/ })
  const id = 'a'.repeat(40)
  for (const variable of ['DDV_REV', 'GIT_COMMIT', 'GIT_COMMIT_HASH'])
    t.match(await name({ [variable]: id }), { code: 0, stdout: `${id}\n` })
  t.match(await name({ DDV_REV: 'v1.2' }, '--short'), { stdout: 'v1.2\n' }, 'a given name is not cut')
  t.match(JSON.parse((await name({ DDV_REV: id }, '--json')).stdout), { source: 'DDV_REV', data: [] })
  for (const bad of ['feature/x', '-x', 'a b', 'x'.repeat(123), 'ü', '.x'])
    t.match(
      await name({ DDV_REV: bad }),
      { code: 2, stdout: '', stderr: /DDV_REV is not fit for a container's tag/ },
      bad,
    )
  w.write({ x: '2' })
  t.match(await name({ DDV_REV: id }), { stdout: `${id}-dirty\n` })
})

t.test('a workspace below the top: all of the repository is its code', async t => {
  const root = makeRepository(join(t.testdir(), 'r'), { 'code.py': '1', 'sub/x': '1' })
  const sub = join(root, 'sub')
  git(root, 'rm', '-q', '--cached', 'sub/x')
  for (const argv of [['init'], ['add', 'x']]) t.equal((await ddv(sub, argv)).code, 0)
  git(root, 'commit', '-q', '-m', 'c')
  t.match(await ddv(sub, ['describe']), { stdout: `${git(root, 'rev-parse', 'HEAD')}\n` })
  writeFiles(root, { 'code.py': '2' })
  t.match(JSON.parse((await ddv(sub, ['describe', '--json'])).stdout), { code: ['code.py'], dirty: true, pointers: [] })
})
