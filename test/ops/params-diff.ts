import { join } from 'node:path'
import t from 'tap'
import { ddv, makeWorkspace, temporaryDirectory } from '../support/workspace.js'

const pipeline = `
vars: [vars.toml]
stages:
  train: { cmd: "echo \${lr} \${seed}", params: [lr, other.json: [x]] }
params: [top.yaml]
`
const files = {
  'ddv.yaml': pipeline,
  'params.yaml': 'lr: 0.1\nlayers: [1, 2]\ndeep: { a: { b: x } }\n',
  'vars.toml': 'seed = 1\n',
  'other.json': '{"x": "1"}',
  'top.yaml': 'kept: true\n',
  'unnamed.yaml': 'a: 1\n',
}

t.test('what differs in all files that either side names', async t => {
  const w = await makeWorkspace(t, { files })
  w.git('add', '-A')
  w.commit()
  t.match(await w.ddv('params', 'diff'), {
    code: 0,
    stdout: /^no difference in params between HEAD \(\w+\) and the workspace\n$/,
  })
  w.write({
    'params.yaml': 'lr: 0.05\nlayers: [1, 2, 3]\ndeep: { a: {} }\nnew: null\n',
    'vars.toml': 'seed = 2\n',
    'other.json': '{"x": 1}',
    'unnamed.yaml': 'a: 2\n',
  })
  const { stdout } = await w.ddv('params', 'diff')
  t.equal(
    stdout.slice(stdout.indexOf('\n') + 1),
    `other.json   x            "1"  ->        1
params.yaml  deep.a    (none)  ->       {}
params.yaml  deep.a.b       x  ->   (none)
params.yaml  layers     [1,2]  ->  [1,2,3]
params.yaml  lr           0.1  ->     0.05
params.yaml  new       (none)  ->     null
vars.toml    seed           1  ->        2
`,
  )
  t.match((await w.ddv('params', 'diff', '--all')).stdout, /\ntop\.yaml +kept +true {2}-> +true\n/)
  t.match((await w.ddv('params', 'diff', '--target', 'unnamed.yaml')).stdout, /\nunnamed\.yaml {2}a {2}1 {2}-> {2}2\n$/)
  t.match(
    (await w.ddv('params', 'diff', '--markdown', '-t', 'vars.toml')).stdout,
    /^Params: HEAD .* → the workspace\n\n\| file \| key \| before \| after \|\n\| --- \| --- \| ---: \| ---: \|\n\| vars\.toml \| seed \| 1 \| 2 \|\n$/,
  )
  const { files: told } = JSON.parse((await w.ddv('params', 'diff', '--json')).stdout)
  t.same(told[0], { path: 'other.json', changes: [{ key: 'x', before: '1', after: 1 }] })
  t.same(told[1].changes[3], { key: 'lr', before: 0.1, after: 0.05, difference: -0.05 })
  t.match(await ddv(w.path('.ddv'), ['params', 'diff', 'HEAD', 'HEAD', '--cd', '..']), {
    code: 0,
    stdout: /^no difference/,
  })
})

t.test('a file that one side alone has, or names', async t => {
  const w = await makeWorkspace(t, { files })
  w.git('add', '-A')
  w.commit()
  w.write({ 'ddv.yaml': 'stages: { a: { cmd: "true", params: [unnamed.yaml: ] } }\n', 'unnamed.yaml': 'a: 2\n' })
  w.remove('top.yaml')
  const { stdout } = await w.ddv('params', 'diff')
  t.match(stdout, /\ntop\.yaml +kept +true {2}-> {2}\(none\)\nunnamed\.yaml +a +1 {2}-> +2\n$/)
})

t.test('what cannot be: unknown files and revisions, bad files on either side, no git, no pipeline', async t => {
  const w = await makeWorkspace(t, { files: { 'bad.json': '{', 'list.json': '[1]' } })
  w.git('add', '-A')
  w.commit()
  t.match(await w.ddv('params', 'diff'), { code: 2, stderr: /no ddv\.yaml in this workspace/ })
  t.match(await w.ddv('params', 'diff', 'nope'), { code: 2, stderr: /no such revision: nope/ })
  t.match(await w.ddv('params', 'diff', '-t', 'nope.yaml\n'), {
    code: 2,
    stderr: /no such file in either version: nope\.yaml\\n\n/,
  })
  t.match(await w.ddv('params', 'diff', '-t', '.'), { code: 2, stderr: /is a directory/ })
  t.match(await w.ddv('params', 'diff', '-t', '../x.yaml'), { code: 2, stderr: /outside the workspace/ })
  w.write({ 'bad.json': '{}' })
  t.match(await w.ddv('params', 'diff', '-t', 'bad.json'), { code: 3, stderr: /in HEAD: no JSON: bad\.json\n/ })
  t.match(await w.ddv('params', 'diff', '-t', 'list.json'), {
    code: 3,
    stderr: 'ddv: error: file is no map of keys: list.json\n',
  })
  w.write({ 'ddv.yaml': 'stages: {a: {cmd: "echo ${nope}"}}\n' })
  t.match(await w.ddv('params', 'diff'), { code: 3, stderr: /^ddv: error: unknown name 'nope'.*ddv\.yaml:1:/ })
  const apart = await makeWorkspace(t, { files, noGit: true, root: join(temporaryDirectory(t), 'w') })
  t.match(await apart.ddv('params', 'diff'), { code: 1, stderr: /no git repository, so no revisions/ })
})
