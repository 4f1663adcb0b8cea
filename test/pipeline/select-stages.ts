import t from 'tap'
import { stageAddress } from '../../lib/core/stage.js'
import { buildGraph } from '../../lib/pipeline/graph.js'
import { type Reach, selectStages } from '../../lib/pipeline/select-stages.js'
import { stageOf } from '../support/stages.js'

const sub = { file: 'sub/ddv.yaml' }
const graph = buildGraph([
  stageOf('prepare', { deps: ['raw.csv'], outs: ['data/prepared'] }),
  stageOf('train@a', { deps: ['data/prepared'], outs: ['models/a'] }),
  stageOf('train@b', { deps: ['data/prepared'], outs: ['models/b'] }),
  stageOf('report', { deps: ['models/a'], outs: ['report'] }),
  stageOf('report', { ...sub, deps: ['models/b'], outs: ['sub/report.html'] }),
  stageOf('fit@x', { ...sub, outs: ['sub/fit'] }),
  stageOf('tidy', { ...sub, outs: ['sub/tidy'] }),
  stageOf('tidy', { file: 'other/ddv.yaml', outs: ['other/tidy'] }),
])

const select = (targets: readonly string[], reach?: Reach): string[] =>
  selectStages(graph, targets, reach).stages.map(stageAddress).sort()

t.test('what targets mean', async t => {
  const table: readonly (readonly [string, readonly string[]])[] = [
    ['prepare', ['prepare']],
    ['ddv.yaml:prepare', ['prepare']],
    ['train', ['train@a', 'train@b']],
    ['train@b', ['train@b']],
    ['ddv.yaml:train', ['train@a', 'train@b']],
    ['report', ['report']],
    ['./report', ['report']],
    ['sub/ddv.yaml:report', ['sub/ddv.yaml:report']],
    ['sub/ddv.yaml:fit', ['sub/ddv.yaml:fit@x']],
    ['fit', ['sub/ddv.yaml:fit@x']],
    ['fit@x', ['sub/ddv.yaml:fit@x']],
    ['sub/ddv.yaml', ['sub/ddv.yaml:fit@x', 'sub/ddv.yaml:report', 'sub/ddv.yaml:tidy']],
    ['data/prepared', ['prepare']],
    ['data/prepared/part/1.csv', ['prepare']],
    ['models/a', ['train@a']],
    ['models/', ['train@a', 'train@b']],
    ['sub/report.html', ['sub/ddv.yaml:report']],
  ]
  for (const [target, expected] of table) t.same(select([target], 'single'), expected, target)
})

t.test('how far it reaches', async t => {
  t.equal(selectStages(graph, []), graph, 'all without targets')
  t.same(select(['report']), ['prepare', 'report', 'train@a'])
  t.same(select(['report', 'prepare'], 'single'), ['prepare', 'report'])
  t.same(select(['train@b'], 'downstream'), ['sub/ddv.yaml:report', 'train@b'])
  t.same(select(['prepare'], 'downstream'), ['prepare', 'report', 'sub/ddv.yaml:report', 'train@a', 'train@b'])
})

t.test('what is meant by nothing', async t => {
  const table: readonly (readonly [string, string | RegExp])[] = [
    ['prepaer', "did you mean 'prepare'?"],
    ['tarin', "did you mean 'train'?"],
    ['models/q', "did you mean 'models/a'?"],
    ['sub/ddv.yaml:reprot', "did you mean 'sub/ddv.yaml:report'?"],
    ['raw.csv', /^run 'ddv stage list'/],
    ['./prepare', "did you mean 'prepare'?"],
    ['./repot', "did you mean 'report'?"],
    ['', /./],
    ['/', /./],
    ['../x', /./],
    ['models\0', /./],
  ]
  for (const [target, hint] of table)
    t.throws(() => select([target]), { code: 'usage', message: /^neither a stage nor an output/, hint }, target)
  t.throws(() => select(['tidy']), {
    code: 'usage',
    message: 'several files have a stage of this name: tidy',
    hint: 'name one of other/ddv.yaml:tidy, sub/ddv.yaml:tidy',
  })
})
