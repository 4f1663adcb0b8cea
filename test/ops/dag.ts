import { mkdirSync } from 'node:fs'
import t from 'tap'
import { ddv, makeWorkspace } from '../support/workspace.js'

const pipeline = `
stages:
  clean:
    desc: drop what nobody needs
    cmd: "true"
    deps: [raw/a.csv, src]
    params: [min]
    outs: [clean, log.txt]
  train:
    matrix: { size: [1, 2] }
    cmd: "true"
    deps: [clean/x]
    outs: [model-\${item.size}]
  check:
    cmd: "true"
    deps: [model-1]
    frozen: true
`
const below = `stages: { "odd": { cmd: "true", deps: [../model-2], outs: ["a\\"b] <c>"], only: production } }\n`
const files = { 'ddv.yaml': pipeline, 'raw/a.csv': '1', 'params.yaml': 'min: 1\n', 'sub\tx/ddv.yaml': below }

t.test('stages, as a tree and for other programs', async t => {
  const w = await makeWorkspace(t, { files })
  t.equal(
    (await w.ddv('dag')).stdout,
    `clean
├── train@1
│   └── check
└── train@2
    └── sub\\tx/ddv.yaml:odd
`,
  )
  t.equal((await w.ddv('dag', 'check')).stdout, 'clean\n└── train@1\n    └── check\n')
  t.match(
    (await w.ddv('dag', '--mermaid', 'train@1')).stdout,
    's1["clean"]\n  s2["train#64;1"]\n  s1 --> s2\n'.replace('#64;', '@'),
  )
  t.match((await w.ddv('dag', '--dot')).stdout, /"sub\\\\tx\/ddv\.yaml:odd";\n/)
  t.match(await w.ddv('dag', '--dot', '--mermaid'), { code: 2 })
  t.match(await w.ddv('dag', 'chek'), { code: 2, stderr: /neither a stage nor an output.*\n.*did you mean 'check'/ })
  const { nodes } = JSON.parse((await w.ddv('dag', '--json')).stdout)
  t.same(nodes[0], {
    stage: 'clean',
    outs: ['clean', 'log.txt'],
    deps: ['raw/a.csv', 'src'],
    params: ['params.yaml'],
    upstream: [],
  })
  t.match(nodes.at(-1), { stage: 'sub\tx/ddv.yaml:odd', upstream: ['train@2'] })
})

t.test('what they make, and the data that they begin with', async t => {
  const w = await makeWorkspace(t, { files })
  await w.add('raw/a.csv')
  t.equal((await w.ddv('dag', '--outs', 'train@1')).stdout, 'raw/a.csv\n├── clean\n│   └── model-1\n└── log.txt\n')
  const { nodes } = JSON.parse((await w.ddv('dag', '--outs', '--json', 'odd')).stdout)
  t.same(nodes[0], { path: 'raw/a.csv', upstream: [] })
  t.same(nodes.at(-1), { path: 'sub\tx/a"b] <c>', stage: 'sub\tx/ddv.yaml:odd', upstream: ['model-2'] })
  t.match((await w.ddv('dag', '--outs', '--mermaid')).stdout, '["sub#92;tx/a#34;b#93; #60;c#62;"]')
})

t.test('without a pipeline, and with one that is empty', async t => {
  const w = await makeWorkspace(t, { noGit: true })
  for (const command of [['dag'], ['stage', 'list'], ['repro'], ['run', 'x']])
    t.match(await w.ddv(...command), { code: 2, stderr: /no ddv\.yaml in this workspace\n.*ddv stage add/ })
  w.write({ 'ddv.yaml': '' })
  t.match(await w.ddv('dag'), { code: 0, stdout: '' })
  t.match(await w.ddv('stage', 'list'), { code: 0, stdout: 'no stages yet\n' })
  w.write({ 'ddv.yaml': 'stages: {a: }' })
  t.match(await w.ddv('dag'), { code: 3, stderr: /ddv\.yaml:1:/ })
})

t.test('a list of stages: for people, and names for scripts', async t => {
  const w = await makeWorkspace(t, { files })
  t.equal(
    (await w.ddv('stage', 'list')).stdout,
    `clean                clean, log.txt    drop what nobody needs
train@1              model-1
check                (writes nothing)  (frozen)
train@2              model-2
sub\\tx/ddv.yaml:odd  sub\\tx/a"b] <c>   (production only)
`,
  )
  t.equal((await w.ddv('stage', 'list', '--names', 'train')).stdout, 'train@1\ntrain@2\n')
  mkdirSync(w.path('other'))
  t.equal((await ddv(w.path('other'), ['stage', 'list', '--names', '../clean/x'])).stdout, 'clean\n')
  const { stages } = JSON.parse((await w.ddv('stage', 'list', '--json', 'check')).stdout)
  t.match(stages, [{ stage: 'check', position: { file: 'ddv.yaml', line: 14 }, frozen: true, outs: [] }])
})

t.test('one stage is run, and nothing before or after it', async t => {
  const text = `
stages:
  a: { cmd: "echo 1 > a", outs: [a] }
  b: { cmd: "echo 2 >> ../b-runs; cp a b", deps: [a], outs: [b] }
  c: { cmd: cp b c, deps: [b], outs: [c] }
`
  const w = await makeWorkspace(t, { files: { 'ddv.yaml': text, a: '1\n' } })
  t.match(await w.ddv('run', 'b', '--dry-run'), { code: 0, stdout: 'b: it never ran\n1 stage: 1 stale\n' })
  t.match(await w.ddv('run', 'b', '--check'), { code: 1 })
  t.match(await w.ddv('run', 'b'), { code: 0, stdout: '1 stage: 1 ran\n' })
  t.match(await w.ddv('run', 'b'), { code: 0, stdout: '1 stage: 1 up to date\n' })
  t.match(await w.ddv('run', 'b', '--force', '--no-run-cache', '-q'), { code: 0, stdout: '' })
  t.equal(w.read('../b-runs'), '2\n2\n')
  t.equal(w.has('c'), false)
  t.match(await w.ddv('run'), { code: 2, stderr: /an argument is missing: ddv run <name>/ })
  t.match(await w.ddv('run', 'nope'), { code: 2 })
})
