import t from 'tap'
import type { TreePath } from '../../lib/core/tree-path.js'
import { findTargets, withoutCovered } from '../../lib/ops/targets.js'
import { errorOf, makeWorkspace } from '../support/workspace.js'

t.test('what stages made is found wherever its lock lies', async t => {
  const w = await makeWorkspace(t, {
    files: { 'data/raw': '1', 'data/out/a': '2', 'data/deep/b': '3', 'p/own': '4', 'code/x': '5', 'm.json': '6' },
  })
  await w.add('data/raw')
  await w.addStage('data/out')
  await w.addStage(['data/deep', 'p/own'], { lock: 'p/ddv.lock' })
  await w.addStage('m.json', { cache: false })
  const project = await w.project()
  const find = (...typed: string[]): string[] =>
    findTargets(project, typed, { cwd: w.root }).map(({ output, within, stage }) =>
      [output, within, stage?.lock].filter(one => one !== undefined && one !== '').join(' '),
    )
  const cases: readonly [string[], string[]][] = [
    [[], ['data/deep p/ddv.lock', 'data/out ddv.lock', 'data/raw', 'p/own p/ddv.lock']],
    [['.'], ['data/deep p/ddv.lock', 'data/out ddv.lock', 'data/raw', 'p/own p/ddv.lock']],
    [['data'], ['data/deep p/ddv.lock', 'data/out ddv.lock', 'data/raw']],
    [['data/deep/b'], ['data/deep b p/ddv.lock']],
    [['data/out/a'], ['data/out a ddv.lock']],
    [['p/own', 'p'], ['p/own p/ddv.lock']],
    [['data/*'], ['data/raw', 'data/deep p/ddv.lock', 'data/out ddv.lock']],
  ]
  for (const present of [true, false]) {
    if (!present) w.remove('data/out', 'data/deep', 'p/own')
    for (const [typed, expected] of cases) t.same(find(...typed), expected, `${typed.join(' ')}, present: ${present}`)
  }
  for (const typed of ['code', 'm.json', 'ddv.lock'])
    t.match(await errorOf(t, (async () => find(typed))(), 'usage'), { message: `not under ddv: ${typed}` })
})

t.test('from what was typed to outputs', async t => {
  const w = await makeWorkspace(t, {
    files: { 'p/x.csv': '1', 'p/y.csv': '2', 'p/d/a/b': '3', 'q[1]': '4', other: '5', 'node_modules/z': '6' },
  })
  await w.add(['p/x.csv', 'p/y.csv', 'p/d', 'q[1]'])
  w.remove('p/x.csv')
  const project = await w.project()
  const find = (typed: string[], cwd = w.root): string[] =>
    findTargets(project, typed, { cwd }).map(({ output, within }) => (within === '' ? output : `${output} ${within}`))
  const cases: readonly [string[], string[]][] = [
    [[], ['p/d', 'p/x.csv', 'p/y.csv', 'q[1]']],
    [['.'], ['p/d', 'p/x.csv', 'p/y.csv', 'q[1]']],
    [['p'], ['p/d', 'p/x.csv', 'p/y.csv']],
    [['p/'], ['p/d', 'p/x.csv', 'p/y.csv']],
    [['p/x.csv'], ['p/x.csv']],
    [['p/x.csv.ddv'], ['p/x.csv']],
    [[w.path('p/x.csv')], ['p/x.csv']],
    [['p/*.csv'], ['p/x.csv', 'p/y.csv']],
    [['q[1]'], ['q[1]']],
    [['p/d/a'], ['p/d a']],
    [['p/d/a/b', 'p/d/a'], ['p/d a']],
    [['p/d/not/there'], ['p/d not/there']],
    [['p/d', 'p/d/a', 'p/d'], ['p/d']],
    [
      ['p/y.csv', 'p/x.csv'],
      ['p/y.csv', 'p/x.csv'],
    ],
  ]
  for (const [typed, expected] of cases) t.same(find(typed), expected, typed.join(' '))
  t.same(find(['x.csv', '../q[1]'], w.path('p')), ['p/x.csv', 'q[1]'])

  for (const typed of ['other', 'absent', '*.json', 'p/z'])
    t.match(await errorOf(t, (async () => find([typed]))(), 'usage'), {
      message: `not under ddv: ${typed}`,
      hint: /ddv (add|status)/,
    })
  await errorOf(t, (async () => find(['..']))(), 'usage')
  await errorOf(t, (async () => find(['.git/x']))(), 'bad-path')
})

t.test('a larger part covers a smaller', async t => {
  const [output, other] = ['d', 'e'] as TreePath[]
  const within = (output: TreePath | undefined, ...parts: string[]) =>
    parts.map(part => ({ output: output as TreePath, within: part as TreePath }))
  t.same(withoutCovered([]), [])
  t.same(withoutCovered(within(output, 'a/b', 'a', 'ab')), within(output, 'a', 'ab'))
  t.same(withoutCovered([...within(output, 'a'), ...within(other, 'a/b'), ...within(output, '')]), [
    ...within(output, ''),
    ...within(other, 'a/b'),
  ])
})
