import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import t from 'tap'
import { addStage } from '../../lib/ops/stage-add.js'
import { ddv, errorOf, makeWorkspace, testEnv } from '../support/workspace.js'

t.test('into the file as it is written: comments and order stay', async t => {
  const w = await makeWorkspace(t, { files: { 'ddv.yaml': '# mine\nstages:\n  a: # first\n    cmd: echo\n' } })
  const added = await w.ddv('stage', 'add', 'b', '-d', 'x y', '-O', 'out', '--', 'echo', '$HOME', '>', 'out')
  t.match(added, { code: 0, stdout: 'wrote stage b into ddv.yaml\n', stderr: '' })
  t.equal(
    w.read('ddv.yaml'),
    `# mine
stages:
  a: # first
    cmd: echo
  b:
    cmd: echo '$HOME' '>' out
    deps:
      - x y
    outs:
      - out:
          cache: false
`,
  )
  t.match(w.git('diff', '--cached', '--name-only'), /^ddv\.yaml$/m)
  const taken = await w.ddv('stage', 'add', 'a', '--', 'false')
  t.match(taken, { code: 1, stderr: /there is a stage 'a' already: ddv\.yaml\n.*--force/ })
  t.match(await w.ddv('stage', 'add', 'a', '-f', '--desc', 'no', '--', 'false'), { code: 0 })
  t.match(w.read('ddv.yaml'), /^# mine\nstages:\n {2}a:\n {4}desc: no\n {4}cmd: "false"\n {2}b:\n/)
})

t.test('a file is made where there is none, in the directory where one is', async t => {
  const w = await makeWorkspace(t, { files: { 'sub/x': '1', 'params.yaml': 'lr: 1\n' } })
  const added = await ddv(w.path('sub'), ['stage', 'add', 'copy', '-d', 'x', '-o', 'y', '--json', '--', 'cp x y'])
  t.same(JSON.parse(added.stdout), { stage: 'sub/ddv.yaml:copy', file: 'sub/ddv.yaml' })
  t.equal(w.read('sub/ddv.yaml'), 'stages:\n  copy:\n    cmd: cp x y\n    deps:\n      - x\n    outs:\n      - y\n')
  t.match(await w.ddv('run', 'copy'), { code: 0, stdout: '1 stage: 1 ran\n' })
  t.equal(w.read('sub/y'), '1')
})

t.test('what fits into no pipeline is not written', async t => {
  const text = 'stages:\n  a:\n    cmd: "true"\n    outs: [data]\n'
  const w = await makeWorkspace(t, { files: { 'ddv.yaml': text } })
  const cases: readonly (readonly [readonly string[], number, RegExp])[] = [
    [['b', '-o', 'data/x', '--', 'true'], 3, /out 'data\/x' of stage 'b' lies in 'data'/],
    [['b', '-d', 'b', '-o', 'b', '--', 'true'], 3, /ddv\.yaml:/],
    [['b', '-d', '../x', '--', 'true'], 3, /outside the workspace/],
    [['b', '--', 'echo ${nope}'], 3, /unknown name 'nope'/],
    [['b@c', '--', 'true'], 2, /no name for a stage: b@c/],
    [['b\n', '--', 'true'], 2, /no name for a stage: b\\n/],
    [['b'], 2, /needs a command/],
    [['b', '--', '  '], 2, /needs a command/],
    [['b', '-p', 'x.py:lr', '--', 'true'], 3, /Python/],
  ]
  for (const [argv, code, stderr] of cases) {
    t.match(await w.ddv('stage', 'add', ...argv), { code, stdout: '', stderr }, argv.join(' '))
    t.equal(w.read('ddv.yaml'), text)
  }
  const production = await ddv(w.root, ['stage', 'add', 'b', '--', 'true'], { ...testEnv, DDV_ENV: 'production' })
  t.match(production, { code: 15, stderr: /does not run in production/ })
})

t.test('nor where nobody would find it, nor through a link', async t => {
  const w = await makeWorkspace(t, { files: { 'data/x/a': '1', 'old/deep/b': '1', 'old/.ddvignore': 'deep\n' } })
  await w.add('data/x')
  const command = { command: ['true'] }
  const project = await w.project()
  const at = (directory: string) => addStage(project, 'a', { cwd: w.path(directory), ...command })
  t.match(await errorOf(t, at('data/x'), 'refused'), {
    message: 'no pipeline would be found in data under ddv: data/x/ddv.yaml',
  })
  await errorOf(t, at('old/deep'), 'refused')
  mkdirSync(w.path('node_modules'))
  await errorOf(t, at('node_modules'), 'refused')
  writeFileSync(w.path('../elsewhere'), '')
  symlinkSync('../elsewhere', w.path('ddv.yaml'))
  await errorOf(t, at('.'), 'bad-config')
})
