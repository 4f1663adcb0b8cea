import t from 'tap'
import { stageOfTyped, type TypedStage } from '../../lib/core/stage-text.js'

t.test('a stage as typed, in the words of ddv.yaml', async t => {
  const all: TypedStage = {
    command: ['python', 'train it.py', '--lr', '$x'],
    description: 'trains',
    wdir: 'src',
    deps: ['a', 'b c'],
    params: ['lr,epochs', 'lr', 'other.toml:x.y', 'other.toml:z', 'whole.json:', 'whole.json:k'],
    outs: ['model'],
    outsInGit: ['report.md'],
    metrics: ['m.json'],
    metricsInGit: ['n.json'],
    plots: ['p.csv'],
  }
  const stage = stageOfTyped(all)
  t.same(stage, {
    desc: 'trains',
    cmd: "python 'train it.py' --lr '$x'",
    wdir: 'src',
    deps: ['a', 'b c'],
    params: ['lr', 'epochs', { 'other.toml': ['x.y', 'z'] }, { 'whole.json': null }],
    outs: ['model', { 'report.md': { cache: false } }],
    metrics: ['m.json', { 'n.json': { cache: false } }],
    plots: ['p.csv'],
  })
  t.same(Object.keys(stage).slice(0, 3), ['desc', 'cmd', 'wdir'], 'in the order in which people write it')
})

t.test('one word is a script as it is; nothing that was not given is written', async t => {
  t.same(stageOfTyped({ command: ['cat $X | sort > "a b"'] }), { cmd: 'cat $X | sort > "a b"' })
  t.same(stageOfTyped({ command: ['a', "it's", '', '${item}'] }), { cmd: "a 'it'\\''s' '' '${item}'" })
})
