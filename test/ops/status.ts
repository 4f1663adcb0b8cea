import { chmodSync, rmSync, symlinkSync, utimesSync } from 'node:fs'
import t from 'tap'
import type { OutputStatus } from '../../lib/ops/status.js'
import { digestOf, errorOf, makeWorkspace, readTree, type TestWorkspace } from '../support/workspace.js'

type State = Pick<OutputStatus, 'workspace' | 'cache'> & { readonly changes?: readonly string[] }
type Row = readonly [name: string, act: (w: TestWorkspace, output: string) => void, file: State, directory: State]

const clean: State = { workspace: 'unchanged', cache: 'complete' }
const modified = (...changes: string[]): State => ({ workspace: 'modified', cache: 'complete', changes })
const fileOf = (w: TestWorkspace, output: string): string => (w.has(`${output}/a`) ? `${output}/a` : output)
const aOf = (output: string): string => `${output.startsWith('f') ? 'file' : 'a'} of ${output}`

const replaceBy =
  (path: (w: TestWorkspace, output: string) => string, make: (w: TestWorkspace, path: string) => void) =>
  (w: TestWorkspace, output: string): void => {
    const at = path(w, output)
    w.remove(at)
    make(w, at)
  }
const whole = (_: TestWorkspace, output: string): string => output

/** What happened to an output → what status says of it, where it is a file and where it is a directory of `a` and `s/b`. */
const table: readonly Row[] = [
  ['nothing', () => undefined, clean, clean],
  ['touched', (w, o) => utimesSync(w.path(fileOf(w, o)), 1, 1), clean, clean],
  ['edited', (w, o) => w.write({ [fileOf(w, o)]: 'edited' }), modified(), modified('modified a')],
  [
    'edited, same size',
    (w, o) => w.write({ [fileOf(w, o)]: aOf(o).toUpperCase() }),
    modified(),
    modified('modified a'),
  ],
  ['executable', (w, o) => chmodSync(w.path(fileOf(w, o)), 0o755), modified(), modified('modified a')],
  ['gone', (w, o) => w.remove(fileOf(w, o)), { workspace: 'missing', cache: 'complete' }, modified('removed a')],
  [
    'all gone',
    (w, o) => w.remove(o),
    { workspace: 'missing', cache: 'complete' },
    { workspace: 'missing', cache: 'complete' },
  ],
  [
    'a link',
    replaceBy(fileOf, (w, at) => symlinkSync('/etc/hostname', w.path(at))),
    modified(),
    modified('modified a'),
  ],
  [
    'a link to nothing',
    replaceBy(fileOf, (w, at) => symlinkSync('nowhere', w.path(at))),
    modified(),
    modified('modified a'),
  ],
  [
    'a directory',
    replaceBy(fileOf, (w, at) => w.write({ [`${at}/x`]: '1' })),
    modified(),
    modified('removed a', 'added a/x'),
  ],
  [
    'an empty directory',
    replaceBy(fileOf, (w, at) => w.write({ [`${at}/`]: '' })),
    modified(),
    modified('removed a', 'added a/'),
  ],
  ['a file for all', replaceBy(whole, (w, at) => w.write({ [at]: 'file' })), modified(), modified()],
  [
    'blob gone',
    (w, o) => rmSync(w.blob(digestOf(aOf(o)))),
    { ...clean, cache: 'incomplete' },
    { ...clean, cache: 'incomplete' },
  ],
]

for (const [index, made] of [
  ['as it is', 'added'],
  ['deleted', 'added'],
  ['as it is', 'made by a stage'],
] as const)
  t.test(`what status says of what was ${made}, with the stat index ${index}`, async t => {
    const w = await makeWorkspace(t, { inMemory: true })
    for (const i of table.keys()) w.write({ [`f${i}`]: `file of f${i}`, [`d${i}/a`]: `a of d${i}`, [`d${i}/s/b`]: 'b' })
    const outputs = [...table.keys()].flatMap(i => [`f${i}`, `d${i}`])
    if (made === 'added') await w.add(outputs)
    else await w.addStage(outputs)
    table.forEach(([, act], i) => {
      act(w, `f${i}`)
      act(w, `d${i}`)
    })
    if (index === 'deleted') {
      await w.close()
      w.remove('.ddv/state')
    }
    const before = [w.tree(), readTree(w.path('.cache'))].map(tree => withoutState(tree))
    for (const time of ['first', 'second']) {
      const result = await w.status()
      t.equal(result.clean, false)
      t.same(result.failures, [])
      for (const [i, [name, , file, directory]] of table.entries())
        for (const [path, expected] of [
          [`f${i}`, file],
          [`d${i}`, directory],
        ] as const) {
          const found = result.outputs.find(one => one.path === path)
          t.match(found, { workspace: expected.workspace, cache: expected.cache }, `${path}: ${name}, the ${time} time`)
          t.same(
            found?.changes.map(one => `${one.change} ${one.path}`).sort(),
            [...(expected.changes ?? [])].sort(),
            `${path}: ${name}`,
          )
        }
    }
    t.same(
      [w.tree(), readTree(w.path('.cache'))].map(tree => withoutState(tree)),
      before,
      'status changes nothing',
    )
  })

const withoutState = (tree: Record<string, string>): Record<string, string> =>
  Object.fromEntries(Object.entries(tree).filter(([path]) => !path.startsWith('.ddv/')))

t.test('of targets', async t => {
  const w = await makeWorkspace(t, { files: { 'p/x': '1', 'p/d/a': '2', 'p/d/s/b': '3', y: '4' } })
  await w.add(['p/x', 'p/d', 'y'])
  w.write({ 'p/d/a': 'changed', 'p/d/s/c': 'new', y: 'changed' })
  const paths = async (...targets: string[]) => (await w.status(targets)).outputs.map(one => one.path)
  t.same(await paths(), ['p/d', 'p/x', 'y'])
  t.same(await paths('p'), ['p/d', 'p/x'])
  t.same(await paths('y', 'p/x.ddv'), ['y', 'p/x'])
  t.match(await w.look('p/d/s'), { workspace: 'modified', changes: [{ path: 's/c', change: 'added' }] })
  t.match(await w.look('p/d/s/b'), { workspace: 'unchanged', changes: [] })
  t.match(await w.look('p/d'), { changes: [{ path: 'a' }, { path: 's/c' }], size: 2, files: 2 })
  await errorOf(t, w.status('absent'), 'usage')
})

t.test('a broken pointer is the failure of its output alone', async t => {
  const w = await makeWorkspace(t, { files: { x: '1', y: '2', 'z.ddv': '{' } })
  await w.add(['x', 'y'])
  w.write({ 'x.ddv': '<<<<<<< ours\n=======\n>>>>>>> theirs\n' })
  const result = await w.status()
  t.match(result.failures, [
    { path: 'x', error: { code: 'conflict', message: 'x.ddv' } },
    { path: 'z', error: { code: 'bad-pointer', message: 'z.ddv' } },
  ])
  t.match(result.outputs, [{ path: 'y', workspace: 'unchanged' }])
  t.equal(result.clean, false)
})

t.test('what stages made', async t => {
  const w = await makeWorkspace(t, {
    files: { x: '1', 'out/a': '2', 'm.json': '{}', 'sub/n.json': '{}', 'sub/o': '3' },
  })
  await w.add('x')
  await w.addStage('out')
  await w.addStage('m.json', { name: 'score', cache: false })
  await w.addStage(['sub/n.json'], { lock: 'sub/ddv.lock', name: 'deep', cache: false })
  await w.addStage(['sub/o'], { lock: 'sub/ddv.lock', name: 'deep' })
  const told = async (...targets: string[]) =>
    (await w.status(targets)).outputs.map(({ path, stage, inGit, workspace, behind }) =>
      [path, stage, inGit, workspace, behind].filter(one => one !== undefined).join(' '),
    )
  t.ok((await w.status()).clean)
  t.same(await told('out/a'), ['out prepare unchanged'])
  t.same(await told('sub'), ['sub/o sub/ddv.yaml:deep unchanged'])
  w.write({ 'm.json': '{"changed":1}', 'out/a': 'by hand' })
  w.remove('sub/n.json')
  t.same(await told(), [
    'out prepare modified',
    'sub/o sub/ddv.yaml:deep unchanged',
    'x unchanged',
    'm.json score true modified',
    'sub/n.json sub/ddv.yaml:deep true missing',
  ])
  const { stdout } = await w.ddv('status')
  t.match(stdout, /modified +out \(changed since its stage 'prepare' ran\)/)
  t.match(stdout, /modified +m\.json \(changed since its stage 'score' ran\)/)
  t.match(stdout, /\('ddv repro' makes anew what changed since its stage ran\)/)
  t.notMatch(stdout, /ddv add/)
  w.write({ 'ddv.lock': w.read('ddv.lock').replace(/"hash": "[0-9a-f]+"/g, `"hash": "${'0'.repeat(64)}"`) })
  t.match(await told('out'), ['out prepare modified true'], 'the lock is another, and the data of the one before')
})

t.test('a lock that cannot be read, and what two files name, are failures of their own', async t => {
  const w = await makeWorkspace(t, { files: { x: '1', y: '2', z: '3', 'sub/o': '4' } })
  await w.addStage(['y', 'z'])
  await w.addStage('sub/o', { lock: 'sub/ddv.lock' })
  await w.add('x')
  w.write({ 'y.ddv': w.read('x.ddv').replace('"x"', '"y"'), 'sub/ddv.lock': '<<<<<<< ours\n=======\n>>>>>>> theirs\n' })
  const { outputs, failures, clean } = await w.status()
  t.same([clean, outputs.map(({ path }) => path)], [false, ['x', 'z']])
  t.match(failures, [
    { path: 'sub/ddv.lock', error: { code: 'conflict' } },
    { path: 'y', error: { code: 'bad-pointer', message: /y\.ddv and by stage 'prepare' \(ddv\.lock\): y/ } },
  ])
  t.match((await w.status('y')).failures, [{ path: 'y' }])
  await errorOf(t, w.status('sub/o'), 'conflict')
  await w.ddv('remove', 'y')
  t.match((await w.status(['y'])).outputs, [{ path: 'y', workspace: 'unchanged' }], 'parted')
})

t.test('a directory whose manifest is nowhere', async t => {
  const files = Object.fromEntries(Array.from({ length: 1001 }, (_, i) => [`d/${i}`, `${i % 3}`]))
  const w = await makeWorkspace(t, { files })
  await w.add('d')
  rmSync(w.blob(w.pointer('d').hash))
  t.match(await w.look('d'), { workspace: 'unchanged', cache: 'unknown', missing: { blobs: 1 } })
  w.write({ 'd/1': 'changed' })
  t.match(await w.look('d'), { workspace: 'modified', cache: 'unknown', changes: [] })
})

t.test('status waits for no lock', { timeout: 9000 }, async t => {
  const w = await makeWorkspace(t, { files: { x: '1' } })
  await w.add('x')
  w.write({ [`.ddv/lock/${process.pid}-held`]: '' })
  t.ok((await w.status()).clean)
  w.remove('.ddv/lock')
})
