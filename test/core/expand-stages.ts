import t from 'tap'
import { isDdvError } from '../../lib/core/errors.js'
import { expandStages } from '../../lib/core/expand-stages.js'
import type { JsonRecord } from '../../lib/core/json.js'
import { checkOuts } from '../../lib/core/out-checks.js'
import { decodePipelineFile } from '../../lib/core/pipeline-file.js'
import type { Stage } from '../../lib/core/stage.js'
import type { TreePath } from '../../lib/core/tree-path.js'

type Files = Readonly<Record<string, JsonRecord>>

const expanded = (text: string, files: Files = {}, file = 'ddv.yaml') =>
  expandStages(decodePipelineFile(text, file as TreePath), {
    files: new Map(Object.entries(files) as [TreePath, JsonRecord][]),
  })

const stagesOf = (body: string, files?: Files, file?: string): readonly Stage[] =>
  expanded(`stages:\n${body}`, files, file).stages

function stageOf(body: string, files?: Files, file?: string): Stage {
  const [stage] = stagesOf(`  s:\n${body.replace(/^/gm, '    ')}\n`, files, file)
  if (stage === undefined) throw new Error('no stage')
  return stage
}

const scripts = (stage: Stage): readonly string[] => (stage.action.kind === 'command' ? stage.action.commands : [])

t.test('every field', async t => {
  const stage = stageOf(
    `cmd: [go, "stop  now"]
wdir: ../b/./c
deps: [x.csv, ../../top, x.csv, "d/"]
params: [lr, model.depth, {other.toml: [a, b]}, {all.json: }, {params.yaml: [seed]}]
outs:
  - out.csv
  - kept: {cache: false, persist: true, push: false, desc: what it is}
metrics: [m.json: {cache: false}]
plots: p.csv
env: {A: 1, B: null, C: "x y", D: }
desc: does it
meta: {owner: me, n: [1]}
frozen: true
always_changed: true
only: production
retry: 3
timeout: 1h30m
resources: {cpus: 2, memory: 4GB, gpus: 1, time: 2d, partition: long, account: me}
shell: bash`,
    {},
    'a/ddv.yaml',
  )
  const at = (line: number, column: number) => ({ file: 'a/ddv.yaml', line, column })
  t.same(stage, {
    name: 's',
    file: 'a/ddv.yaml',
    position: at(2, 3),
    description: 'does it',
    meta: { owner: 'me', n: [1] },
    wdir: 'b/c',
    action: { kind: 'command', commands: ['go', 'stop  now'], shell: 'bash' },
    deps: [
      { path: 'b/c/x.csv', position: at(5, 12) },
      { path: 'top', position: at(5, 19) },
      { path: 'b/c/d', position: at(5, 37) },
    ],
    params: [
      { file: 'b/c/params.yaml', keys: ['lr', 'model.depth', 'seed'], position: at(6, 14) },
      { file: 'b/c/other.toml', keys: ['a', 'b'], position: at(6, 32) },
      { file: 'b/c/all.json', keys: undefined, position: at(6, 54) },
    ],
    env: [
      { name: 'A', value: '1' },
      { name: 'B', value: undefined },
      { name: 'C', value: 'x y' },
      { name: 'D', value: undefined },
    ],
    outs: [
      { path: 'b/c/out.csv', kind: 'data', cache: true, persist: false, push: true, position: at(8, 9) },
      { path: 'b/c/kept', kind: 'data', cache: false, persist: true, push: false, position: at(9, 9) },
      { path: 'b/c/m.json', kind: 'metrics', cache: false, persist: false, push: true, position: at(10, 15) },
      { path: 'b/c/p.csv', kind: 'plots', cache: true, persist: false, push: true, position: at(11, 12) },
    ],
    tracked: [],
    frozen: true,
    alwaysChanged: true,
    only: 'production',
    retry: 3,
    timeout: 5_400_000,
    resources: { cpus: 2, memory: 4e9, gpus: 1, time: 172_800_000, partition: 'long', account: 'me' },
  })
})

t.test('built-in steps', async t => {
  const step = (body: string) => {
    const { action, deps, outs, tracked } = stageOf(body, {}, 'a/ddv.yaml')
    return {
      ...action,
      deps: deps.map(({ path }) => path),
      outs: outs.map(({ path, cache }) => `${path}${cache ? '' : ' in git'}`),
      tracked: tracked.map(({ path }) => path),
    }
  }
  t.same(step('uses: extract\nwith: {connection: shop, query: ../q.sql, to: x.csv, params: {year: 1999}}'), {
    kind: 'step',
    uses: 'extract',
    with: { connection: 'shop', query: 'q.sql', to: 'a/x.csv', params: { year: 1999 } },
    deps: ['q.sql'],
    outs: ['a/x.csv'],
    tracked: [],
  })
  const validate = 'uses: validate\nwith: {data: x.csv, schema: s.yaml, report: r.json, references: [y.csv, z.csv]}'
  t.same(step(`${validate}\ndeps: [x.csv, more]\nouts: [r.json: {push: false}, other]`), {
    kind: 'step',
    uses: 'validate',
    with: { data: 'a/x.csv', schema: 'a/s.yaml', report: 'a/r.json', references: ['a/y.csv', 'a/z.csv'] },
    deps: ['a/x.csv', 'a/more', 'a/s.yaml', 'a/y.csv', 'a/z.csv'],
    outs: ['a/r.json', 'a/other'],
    tracked: [],
  })
  t.same(step(validate).outs, ['a/r.json in git'])
  t.match(step('uses: load\nwith: {data: x.csv, to: ../raw/x.csv, lake: lake}'), {
    deps: ['a/x.csv'],
    outs: [],
    tracked: ['raw/x.csv'],
  })
  t.match(step('uses: register\nwith: {model: m, name: films, metrics: m.json}'), {
    deps: ['a/m', 'a/m.json'],
    outs: [],
  })
  t.match(
    stageOf('uses: extract\nwith: {connection: "${x}", table: t, to: "${x}.csv"}', { 'params.yaml': { x: 'shop' } }),
    {
      action: { with: { connection: 'shop', to: 'shop.csv' } },
    },
  )
})

t.test('what is not given', async t => {
  const stage = stageOf('cmd: go')
  const none = {
    cpus: undefined,
    memory: undefined,
    gpus: undefined,
    time: undefined,
    partition: undefined,
    account: undefined,
  }
  t.match(stage, {
    wdir: '',
    deps: [],
    params: [],
    env: [],
    outs: [],
    frozen: false,
    alwaysChanged: false,
    retry: 0,
    resources: none,
  })
  t.same([stage.timeout, stage.only, stage.meta, stage.description], [undefined, undefined, undefined, undefined])
  t.equal(stageOf('cmd: go', {}, 'a/b/ddv.yaml').wdir, 'a/b')
  t.equal(stageOf('cmd: go\nwdir: ../..', {}, 'a/b/ddv.yaml').wdir, '')
})

t.test('other forms', async t => {
  t.same(stageOf('cmd: go\nenv: [A, B=, C=x=y]').env, [
    { name: 'A', value: undefined },
    { name: 'B', value: '' },
    { name: 'C', value: 'x=y' },
  ])
  t.same(stageOf('cmd: go\ndeps: a/../b').deps[0]?.path, 'b')
  t.same(scripts(stageOf('cmd: |\n  one\n  two\n')), ['one\ntwo\n'])
  t.equal(stageOf('cmd: go\nresources: {memory: 512MiB}').resources.memory, 536_870_912)
  t.equal(stageOf('cmd: go\nresources: {memory: 4G}').resources.memory, 4e9)
  t.equal(stageOf('cmd: go\ntimeout: 90s').timeout, 90_000)
  t.same(stagesOf('').length, 0)
  t.same(expanded('').stages, [])
})

t.test('foreach and matrix', async t => {
  const cases: readonly (readonly [string, string])[] = [
    ['foreach: [a, b]\ndo: {cmd: "go ${item} ${key}"}', 's@a: go a a | s@b: go b b'],
    ['foreach: [1, 0.5, true]\ndo: {cmd: "go ${item}"}', 's@1: go 1 | s@0.5: go 0.5 | s@true: go true'],
    ['foreach: [{n: 1}, {n: 2}]\ndo: {cmd: "go ${item.n} ${key}"}', 's@0: go 1 0 | s@1: go 2 1'],
    ['foreach: {x: 1, y: {z: 2}}\ndo: {cmd: "go ${item} ${key}"}', 's@x: go 1 x | s@y: go --z 2 y'],
    ['foreach: [data/a, data/b]\ndo: {cmd: "go ${item}"}', 's@data_a: go data/a | s@data_b: go data/b'],
    ['foreach: ${names}\ndo: {cmd: "go ${item}"}', 's@p: go p | s@q: go q'],
    [
      'matrix: {a: [1, 2], b: [x, y]}\ncmd: go ${item.a} ${item.b} ${key}',
      's@1-x: go 1 x 1-x | s@1-y: go 1 y 1-y | s@2-x: go 2 x 2-x | s@2-y: go 2 y 2-y',
    ],
    ['matrix: {a: [{n: 1}, {n: 2}], b: ["${one}"]}\ncmd: go ${item.a.n}', 's@a0-1: go 1 | s@a1-1: go 2'],
    ['matrix: {a: "${names}"}\ncmd: go ${item}', 's@p: go --a p | s@q: go --a q'],
    ['matrix: {a: []}\ncmd: go', ''],
  ]
  const files = { 'params.yaml': { names: ['p', 'q'], one: 1 } }
  for (const [body, expected] of cases) {
    const { stages } = expanded(`stages:\n  s:\n${body.replace(/^/gm, '    ')}\n`, files)
    t.equal(stages.map(stage => `${stage.name}: ${scripts(stage).join(' && ')}`).join(' | '), expected, body)
  }
  const { warnings } = expanded('stages:\n  s:\n    foreach: []\n    do: {cmd: go}\n')
  t.same(warnings, [
    {
      position: { file: 'ddv.yaml', line: 2, column: 3 },
      message: "'foreach' of 's' is empty: there is no such stage",
    },
  ])
})

t.test('a whole command in a value', async t => {
  const { stages, warnings } = expanded('stages:\n  s: {cmd: "${c}"}\n  l: {cmd: "${l}"}\n', {
    'params.yaml': { c: 'python a.py', l: ['python', 'a.py'] },
  })
  t.same(stages.map(scripts), [["'python a.py'"], ['python a.py']])
  t.same(
    warnings.map(({ message, position }) => `${position.line}:${position.column} ${message}`),
    ["2:12 'cmd' of stage 's' is one value, and so one word to the shell"],
  )
})

t.test('values of templates', async t => {
  const text = `vars:
  - conf.json
  - more.toml:a,b
  - train: {depth: 3}
stages:
  s:
    vars: [{local: here}, own.yaml]
    wdir: sub
    cmd: run \${train.lr} \${train.depth} \${c} \${a} \${local} \${own}
    outs: ["\${train.lr}.csv", "\${c}": {cache: "\${off}"}]
    retry: \${a}
    timeout: \${c}m
    frozen: \${off}
`
  const files = {
    'params.yaml': { train: { lr: 0.1 } },
    'conf.json': { c: 5, off: false },
    'more.toml': { a: 2, b: 2, hidden: 1 },
    'sub/own.yaml': { own: "it's" },
  }
  const [stage] = expanded(text, files).stages
  t.match(stage, { retry: 2, timeout: 300_000, frozen: false, action: { commands: ["run 0.1 3 5 2 here 'it'\\''s'"] } })
  t.match(stage?.outs, [{ path: 'sub/0.1.csv' }, { path: 'sub/5', cache: false }])
  t.same(
    decodePipelineFile(text, 'd/ddv.yaml' as TreePath).requiredFiles.map(({ path, optional, position }) => [
      path,
      optional,
      position.line,
    ]),
    [
      ['d/params.yaml', true, 1],
      ['d/conf.json', false, 2],
      ['d/more.toml', false, 3],
      ['d/sub/own.yaml', false, 7],
    ],
  )
})

t.test('files that belong to no stage', async t => {
  const { top, warnings } = expanded(
    `params: [a.yaml]
metrics: [m.json, "\${d}/n.json"]
plots:
  - p.csv: {x: a}
  - curve: {y: {q.csv: b, r.csv: [c]}, title: t}
  - odd: {y: b}
`,
    { 'params.yaml': { d: 'dir' } },
  )
  const paths = (files: (typeof top)['params']): string[] => files.map(({ path }) => path)
  t.same(
    [paths(top.params), paths(top.metrics), paths(top.plots)],
    [['a.yaml'], ['m.json', 'dir/n.json'], ['p.csv', 'q.csv', 'r.csv']],
  )
  t.same(
    warnings.map(({ message, position }) => `${position.line}:${position.column} ${message}`),
    [
      "4:13 'x' of 'p.csv' of 'plots' of the file not used: ddv draws no plots",
      "5:40 'title' of 'curve' of 'plots' of the file not used: ddv draws no plots",
      "6:5 plot 'odd' names no file",
    ],
  )
})

const s = (body: string): string => `stages:\n  s:\n${body.replace(/^/gm, '    ')}\n`

const bad: readonly (readonly [string, string, string, string?])[] = [
  ['an unknown key', s('cmd: go\ndep: [a]'), "unknown key 'dep' of stage 's': ddv.yaml:4:5", "did you mean 'deps'?"],
  [
    'an unknown key at the top',
    'stage: {}\n',
    "unknown key 'stage' of the file: ddv.yaml:1:1",
    "did you mean 'stages'?",
  ],
  [
    'an unknown key of an out',
    s('cmd: go\nouts: [{a: {cahce: false}}]'),
    "unknown key 'cahce' of 'a' of 'outs' of stage 's': ddv.yaml:4:17",
    "did you mean 'cache'?",
  ],
  [
    'an unknown resource',
    s('cmd: go\nresources: {mem: 4GB}'),
    "unknown key 'mem' of 'resources' of stage 's': ddv.yaml:4:17",
  ],
  ['no command', s('deps: [a]'), "stage 's' has neither 'cmd' nor 'uses': ddv.yaml:3:5"],
  ['a command and a step', s('cmd: go\nuses: load'), "stage 's' has both 'cmd' and 'uses': ddv.yaml:4:5"],
  ['a step without options', s('uses: load'), "'with' of stage 's' has no 'data': ddv.yaml:3:5"],
  [
    'an unknown option',
    s('uses: load\nwith: {data: a, too: b}'),
    "unknown key 'too' of 'with' of stage 's': ddv.yaml:4:21",
    "did you mean 'to'?",
  ],
  [
    'neither query nor table',
    s('uses: extract\nwith: {connection: c, to: x.csv}'),
    "'with' of stage 's' has neither 'query' nor 'table': ddv.yaml:4:11",
  ],
  [
    'an option of another kind',
    s('uses: validate\nwith: {data: [a], schema: b}'),
    "'data' of 'with' of stage 's' is a list, not a text of one line: ddv.yaml:4:18",
  ],
  [
    'a path of a step outside',
    s('uses: load\nwith: {data: ../a, to: b}'),
    "'data' of stage 's' is outside the workspace ('../a'): ddv.yaml:4:18",
    'bring it into the workspace',
  ],
  [
    'what two write',
    `${s('uses: load\nwith: {data: a, to: b}')}\n  other: {cmd: x, outs: [b]}`,
    "'b' is an out of stage 's' and of 'other': ddv.yaml:6:26",
  ],
  [
    'a shell for a step',
    s('uses: load\nwith: {data: a, to: b}\nshell: sh'),
    "'shell' of stage 's' needs 'cmd': ddv.yaml:5:5",
  ],
  ['with without uses', s('cmd: go\nwith: {a: 1}'), "'with' of stage 's' needs 'uses': ddv.yaml:4:5"],
  [
    'an unknown step',
    s('uses: lod'),
    "'uses' of stage 's' is 'lod', not one of extract, validate, load, register: ddv.yaml:3:11",
    "did you mean 'load'?",
  ],
  ['foreach without do', s('foreach: [a]'), "stage 's' has no 'do': ddv.yaml:3:5"],
  [
    'foreach beside fields',
    s('foreach: [a]\ndo: {cmd: go}\ndeps: [x]'),
    "unknown key 'deps' of stage 's': ddv.yaml:5:5",
  ],
  ['a name', 'stages:\n  a b: {cmd: go}\n', "'a b' is no name for a stage: ddv.yaml:2:3"],
  ['a stage without anything', 'stages:\n  a:\n', "stage 'a' is nothing, not a map: ddv.yaml:2:3"],
  [
    'a number for a path',
    s('cmd: go\ndeps: [2024]'),
    "'deps' of stage 's' is 2024, not a text of one line: ddv.yaml:4:12",
    "put it in quotes: '2024'",
  ],
  [
    'a command that YAML takes for another',
    s('cmd: true'),
    "'cmd' of stage 's' is true, not a text: ddv.yaml:3:10",
    "put it in quotes: 'true'",
  ],
  ['yes for true', s('cmd: go\nfrozen: yes'), "'frozen' of stage 's' is 'yes', not true or false: ddv.yaml:4:13"],
  [
    'a time',
    s('cmd: go\ntimeout: 2 hours'),
    "'timeout' of stage 's' is '2 hours', not a time such as '90s', '10m' or '1h30m': ddv.yaml:4:14",
  ],
  ['no time', s('cmd: go\ntimeout: 0s'), "'timeout' of stage 's' is no time at all: ddv.yaml:4:14"],
  ['retries', s('cmd: go\nretry: -1'), "'retry' of stage 's' is -1, not a whole number from 0 to 100: ddv.yaml:4:12"],
  ['an empty command', s('cmd: []'), "'cmd' of stage 's' is empty: ddv.yaml:3:10"],
  ['env twice', s('cmd: go\nenv: [A, A=1]'), "'env' of stage 's' has 'A' twice: ddv.yaml:4:14"],
  ['a name of env', s('cmd: go\nenv: {a-b: 1}'), "'a-b' is no name for 'env' of stage 's': ddv.yaml:4:11"],
  ['outside', s('cmd: go\ndeps:\n  - ../x'), "dep of stage 's' is outside the workspace ('../x'): ddv.yaml:5:9"],
  [
    'outside, absolute',
    s('cmd: go\nouts: [/tmp/x]'),
    "out of stage 's' is outside the workspace ('/tmp/x'): ddv.yaml:4:12",
  ],
  [
    'outside, a URL',
    s('cmd: go\ndeps: [s3://b/k]'),
    "dep of stage 's' is outside the workspace ('s3://b/k'): ddv.yaml:4:12",
  ],
  [
    'outside, wdir',
    s('cmd: go\nwdir: a/../..'),
    "'wdir' of stage 's' is outside the workspace ('a/../..'): ddv.yaml:4:11",
  ],
  ['the workspace itself', s('cmd: go\nouts: [.]'), "out of stage 's' is the workspace itself ('.'): ddv.yaml:4:12"],
  [
    'into .git',
    s('cmd: go\nouts: [.git/x]'),
    "out of stage 's' leads into '.git', which is not for data ('.git/x'): ddv.yaml:4:12",
  ],
  [
    'params of Python',
    s('cmd: go\nparams: [{p.py: [a]}]'),
    "params are read from YAML, JSON and TOML alone: 'p.py' is none: ddv.yaml:4:15",
    'a file of Python would have to be run: move the values to params.yaml',
  ],
  [
    'a checkpoint',
    s('cmd: go\nouts: [{a: {checkpoint: true}}]'),
    "'checkpoint' of 'a' of 'outs' of stage 's' is not supported: ddv.yaml:4:17",
    "'persist: true' leaves it in place for the next run",
  ],
  [
    'a remote of an out',
    s('cmd: go\nouts: [{a: {remote: r}}]'),
    "'remote' of 'a' of 'outs' of stage 's' is not supported: ddv.yaml:4:17",
  ],
  ['live', s('cmd: go\nlive: {x: 1}'), "'live' of stage 's' is not supported: ddv.yaml:4:5"],
  [
    'an unknown name',
    s('cmd: go ${parm}'),
    "unknown name 'parm' in '${parm}': ddv.yaml:3:10",
    "did you mean '${param}'?",
  ],
  [
    'a list as a path',
    s('cmd: go\ndeps: ["${list}"]'),
    "'deps' of stage 's' is a list, not a text of one line: ddv.yaml:4:12",
  ],
  ['a list in a path', s('cmd: go\ndeps: ["a/${list}"]'), "'${list}' is a list where a text belongs: ddv.yaml:4:12"],
  [
    'a text for a number',
    s('cmd: go\nretry: ${word}'),
    "'retry' of stage 's' is 'w', not a whole number from 0 to 100: ddv.yaml:4:12",
  ],
  [
    'foreach over a text',
    s('foreach: ${word}\ndo: {cmd: go}'),
    "'foreach' of stage 's' is 'w', not a list or a map: ddv.yaml:3:14",
  ],
  ['a key twice', s('foreach: [a/b, a_b]\ndo: {cmd: go}'), "stage 's@a_b' is there twice: ddv.yaml:3:20"],
  ['an empty key', s('foreach: [""]\ndo: {cmd: go}'), "'' is no key for a stage 's@…': ddv.yaml:3:15"],
  [
    'too many',
    s(`matrix: {${'abcde'.split('').map(k => `${k}: [${Array.from({ length: 9 }, (_, i) => i)}]`)}}\ncmd: go`),
    "stage 's' would be 59049 stages, more than 10000: ddv.yaml:3:13",
  ],
  [
    'an axis that is no list',
    s('matrix: {a: "${word}"}\ncmd: go'),
    "'a' of 'matrix' is 'w', not a list: ddv.yaml:3:17",
  ],
  ['another value', `vars: [{param: 2}]\n${s('cmd: go')}`, "'param' has another value already: ddv.yaml:1:8"],
  [
    'a file that is missing',
    `vars: [gone.yaml]\n${s('cmd: go')}`,
    "there is no file 'gone.yaml' for templates: ddv.yaml:1:8",
  ],
  [
    'a key that is missing',
    `vars: ["params.yaml:gone"]\n${s('cmd: go')}`,
    "file 'params.yaml' has no key 'gone': ddv.yaml:1:8",
  ],
  [
    'a template in vars',
    `vars: [{a: "\${param}"}]\n${s('cmd: go')}`,
    "'vars' cannot have templates ('${param}'): ddv.yaml:1:12",
  ],
  [
    'one out of two stages',
    'stages:\n  a: {cmd: go, outs: [x]}\n  b: {cmd: go, outs: [./x]}\n',
    "'x' is an out of stage 'a' and of 'b': ddv.yaml:3:23",
  ],
  [
    'one out of a matrix',
    s('foreach: [a, b]\ndo: {cmd: go, outs: [x]}'),
    "'x' is an out of stage 's@a' and of 's@b': ddv.yaml:4:26",
  ],
  ['an out twice', s('cmd: go\nouts: [x]\nmetrics: [x]'), "stage 's' has the out 'x' twice: ddv.yaml:5:15"],
  [
    'an out that is its dep',
    s('cmd: go\ndeps: [x]\nouts: [x]'),
    "'x' is an out of stage 's' and its own dep: ddv.yaml:5:12",
  ],
  [
    'an out in its dep',
    s('cmd: go\ndeps: [x]\nouts: [x/y]'),
    "out 'x/y' of stage 's' and its own dep 'x' are one in the other: ddv.yaml:5:12",
  ],
  [
    'an out in another',
    'stages:\n  a: {cmd: go, outs: [x/y/z]}\n  b: {cmd: go, outs: [x]}\n',
    "out 'x/y/z' of stage 'a' lies in 'x', an out of 'b': ddv.yaml:2:23",
  ],
  [
    'ddv.yaml as an out',
    s('cmd: go\nouts: [ddv.yaml]'),
    "'ddv.yaml' of stage 's' is a file of ddv's own: ddv.yaml:4:12",
  ],
  [
    'ddv.lock as an out',
    s('cmd: go\nouts: [a/ddv.lock]'),
    "'a/ddv.lock' of stage 's' is a file of ddv's own: ddv.yaml:4:12",
  ],
  [
    'a pointer as an out',
    s('cmd: go\nouts: [a.csv.ddv]'),
    "'a.csv.ddv' of stage 's' is a file of ddv's own: ddv.yaml:4:12",
  ],
]

for (const [name, text, message, hint] of bad)
  t.test(`refused: ${name}`, async t => {
    try {
      expanded(text, { 'params.yaml': { param: 1, list: [1], word: 'w' } })
      t.fail('was read')
    } catch (error) {
      if (!isDdvError(error, 'bad-config')) throw error
      t.equal(error.message, message)
      if (hint !== undefined) t.equal(error.hint, hint)
    }
  })

t.test('outs of several files', async t => {
  const stages = [
    ...stagesOf('  a: {cmd: go, outs: [sub/x]}\n'),
    ...stagesOf('  a: {cmd: go, outs: [x]}\n', {}, 'sub/ddv.yaml'),
  ]
  t.throws(() => checkOuts(stages), {
    message: "'sub/x' is an out of stage 'a' and of 'sub/ddv.yaml:a': sub/ddv.yaml:2:23",
  })
  t.throws(
    () => stagesOf('  a: {cmd: go, outs: [../sub]}\n', {}, 'sub/ddv.yaml'),
    /holds the stage's own ddv.yaml: sub\/ddv.yaml:2:23/,
  )
})

t.test('what DVC knows and ddv does not is said', async t => {
  const { warnings } = expanded(
    `artifacts: {m: {path: x}}\n${s('cmd: go\nouts: [{a: {type: model, labels: [x], meta: 1, desc: d}}]\nplots: [{p.csv: {x: a, y: b, cache: false}}]')}`,
  )
  t.same(
    warnings.map(({ message, position }) => `${position.line}:${position.column} ${message}`),
    [
      "5:17 'type', 'labels', 'meta' of 'a' of 'outs' of stage 's' not used: ddv keeps nothing of it",
      "6:22 'x', 'y' of 'p.csv' of 'plots' of stage 's' not used: ddv draws no plots",
      "1:1 'artifacts' of the file not used: a stage with 'uses: register' names and versions a model",
    ],
  )
})
