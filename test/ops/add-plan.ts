import { symlinkSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { planAdd } from '../../lib/ops/add-plan.js'
import { move } from '../../lib/ops/move.js'
import { remove } from '../../lib/ops/remove.js'
import { errorOf, makeWorkspace, type TestWorkspace, writeFiles } from '../support/workspace.js'

const plan = async (w: TestWorkspace, ...targets: string[]) => planAdd(await w.project(), targets, w.root)

t.test('what targets mean', async t => {
  const w = await makeWorkspace(t, { files: { x: '1', 'd/a': '2', 'd/s/b': '3', 'new/a': '4' } })
  await w.add(['x', 'd'])
  t.same(await plan(w, 'x', 'new'), [
    { output: 'x', within: '' },
    { output: 'new', within: '' },
  ])
  t.same(await plan(w, 'd/s/b', 'd/a'), [
    { output: 'd', within: 's/b' },
    { output: 'd', within: 'a' },
  ])
  t.same(await plan(w, 'd/s/b', 'd/s', 'd'), [{ output: 'd', within: '' }], 'the larger covers the smaller')
  t.same(
    await plan(w, 'x.ddv', 'd.ddv'),
    [
      { output: 'x', within: '' },
      { output: 'd', within: '' },
    ],
    'a pointer stands for its data',
  )
})

/** Target → code, and what the message and the hint say. */
const refusals: readonly [string, string, RegExp, RegExp?][] = [
  ['absent', 'usage', /no such file or directory: absent$/],
  ['trakced.txt', 'usage', /no such file or directory: trakced\.txt$/, /did you mean 'tracked\.txt'\?/],
  ['holds/iner', 'usage', /no such file or directory: holds\/iner$/, /did you mean 'holds\/inner'\?/],
  ['nowhere/x', 'usage', /no such file or directory: nowhere\/x$/],
  ['gone', 'usage', /no such file or directory: gone$/, /ddv checkout/],
  ['nothing*', 'usage', /matches: nothing\*$/],
  ['.', 'usage', /workspace as a whole/, /name the data/],
  ['..', 'usage', /outside the workspace: \.\.$/, /workspace is/],
  ['../outside/x', 'usage', /outside the workspace: \.\.\/outside\/x$/],
  ['/etc/hostname', 'usage', /outside the workspace: \/etc\/hostname$/],
  ['.git/config', 'bad-path', /\.git.*not for data.*\.git\/config$/],
  ['.ddv/config.yaml', 'bad-path', /\.ddv.*not for data.*\.ddv\/config\.yaml$/],
  ['.cache', 'refused', /cache: \.cache$/],
  ['.cache/tmp', 'refused', /cache: \.cache\/tmp$/],
  ['tracked.txt', 'refused', /tracked by git already: tracked\.txt$/, /git rm -r --cached 'tracked\.txt'/],
  ['mixed', 'refused', /tracked by git already: mixed\/code\.ts$/, /git rm -r --cached/],
  ['holds', 'refused', /holds other outputs \(holds\/inner\): holds$/, /ddv add 'holds\/inner'/],
  ['node_modules/pkg/data', 'refused', /looks for no outputs: node_modules\/pkg\/data$/, /move it/],
  ['link', 'refused', /symbolic link: link$/, /leads to/],
  ['link/x', 'bad-path', /symbolic link.*: link$/, /move it away/],
  ['new\nline', 'bad-path', /control characters.*: new\\nline$/, /directory that holds it/],
  [`${'n'.repeat(252)}`, 'bad-path', /too long.*: n+$/, /directory that holds it/],
  [`${'é'.repeat(127)}`, 'bad-path', /too long/, /directory that holds it/],
]

t.test('what cannot be added, each with what to do', async t => {
  const w = await makeWorkspace(t, {
    files: {
      'tracked.txt': '1',
      'mixed/code.ts': '2',
      'mixed/data': '3',
      gone: '4',
      'holds/inner': '5',
      'holds/b': '6',
      x: '7',
      'node_modules/pkg/data': '8',
    },
  })
  writeFiles(join(w.root, '..'), { 'outside/x': '1' })
  w.git('add', '-f', 'tracked.txt', 'mixed/code.ts')
  await w.add(['gone', 'holds/inner'])
  w.commit()
  w.remove('gone')
  symlinkSync('../outside', w.path('link'))
  w.write({ 'new\nline': '1', ['n'.repeat(252)]: '1', ['é'.repeat(127)]: '1' })
  const before = [w.tree(), w.git('status', '--porcelain')]
  for (const [target, code, message, hint] of refusals) {
    const error = await errorOf(t, w.add(['x', target]), code)
    t.match(error.message, message, target.slice(0, 30))
    if (hint !== undefined) t.match(error.hint, hint, target.slice(0, 30))
    t.match(error.message, /^[a-z'.]/, 'lower case')
  }
  t.same([w.tree(), w.git('status', '--porcelain')], before, 'nothing is changed')
})

t.test('one target inside another', async t => {
  const w = await makeWorkspace(t, { files: { 'd/a': '1' } })
  t.match(await errorOf(t, plan(w, 'd', 'd/a'), 'usage'), {
    message: 'lies inside another target: d/a',
    hint: /one of the two/,
  })
  await errorOf(t, plan(w), 'usage')
})

t.test('as long as the name may be', async t => {
  const name = 'n'.repeat(251)
  const w = await makeWorkspace(t, { files: { [name]: '1' } })
  t.match(await w.add(name), { failures: [], outputs: [{ filename: name }] })
})

t.test('what a stage makes is its own to change', async t => {
  const w = await makeWorkspace(t, { files: { 'p/out/a': '1', 'p/new': '2', 'q/far': '3', 'm.json': '4', x: '5' } })
  await w.add('x')
  await w.addStage('p/out')
  await w.addStage('q/far', { lock: 'p/ddv.lock', name: 'far' })
  await w.addStage('m.json', { cache: false })
  const before = w.tree()
  const rows: readonly (readonly [string, RegExp, RegExp])[] = [
    ['p/out', /^is an output of stage 'prepare' \(ddv\.yaml\): p\/out$/, /'ddv repro prepare'/],
    ['p/out/a', /^lies in p\/out, an output of stage 'prepare' \(ddv\.yaml\): p\/out\/a$/, /'ddv repro prepare'/],
    ['p/out/none', /^lies in p\/out/, /repro/],
    ['p', /^holds p\/out, an output of stage 'prepare'/, /repro/],
    ['q/far', /^is an output of stage 'far' \(p\/ddv\.yaml\): q\/far$/, /'ddv repro p\/ddv\.yaml:far'/],
    ['q', /^holds q\/far/, /repro/],
    ['m.json', /^is an output of stage 'prepare'/, /repro/],
  ]
  for (const [target, message, hint] of rows)
    t.match(await errorOf(t, plan(w, target), 'refused'), { message, hint }, target)
  const project = await w.project()
  const options = { cwd: w.root }
  for (const target of ['p/out', 'p', 'q/far', 'p/out/a'])
    t.match(await errorOf(t, (async () => remove(project, [target], options))(), 'refused'), { hint: /repro/ }, target)
  const moves: readonly (readonly [string, string])[] = [
    ['p/out', 'p/other'],
    ['x', 'p/out/x'],
    ['x', 'm.json'],
  ]
  for (const [from, to] of moves)
    t.match(await errorOf(t, (async () => move(project, from, to, options))(), 'refused'), { hint: /repro/ }, to)
  t.same(await plan(w, 'p/new'), [{ output: 'p/new', within: '' }])
  t.same(w.tree(), { ...w.tree(), ...before })
})
