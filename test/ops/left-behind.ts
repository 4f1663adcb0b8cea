import { join } from 'node:path'
import t from 'tap'
import { makeRepository } from '../support/git.js'
import { makeWorkspace, openWorkspace, type TestWorkspace, temporaryDirectory } from '../support/workspace.js'

const pipeline = `stages:
  s:
    cmd: wc -c < in > out; echo '{}' > m.json
    deps: [in, code]
    params: [p]
    outs: [out]
    metrics: [m.json: {cache: false}]
`
const files = { in: '1', code: '1', 'params.yaml': 'p: 1\n', 'ddv.yaml': pipeline }

async function commit(w: TestWorkspace): Promise<string> {
  const { code, stderr } = await w.ddv('commit', '-m', 'm')
  if (code !== 0) throw new Error(stderr)
  return stderr
}

t.test('a lock that is committed without what git keeps of its stages', async t => {
  const w = await makeWorkspace(t, { files })
  await w.add('in')
  t.equal((await w.ddv('repro')).code, 0)
  const stderr = await commit(w)
  t.match(stderr, /warning: the commit lacks .*: code, ddv\.yaml, m\.json and 1 more\n.*'git commit --amend'/)
  w.git('add', '-A')
  w.git('commit', '-q', '--amend', '-m', 'whole')

  w.write({ 'params.yaml': 'p: 2\n', code: '2' })
  t.equal((await w.ddv('repro')).code, 0)
  w.git('add', 'params.yaml')
  t.match(await commit(w), /git is to keep: code\n/)
})

t.test('nothing is said of a commit that has it all, or no new lock', async t => {
  const w = await makeWorkspace(t, { files })
  await w.add('in')
  t.equal((await w.ddv('repro')).code, 0)
  w.git('add', '-A')
  t.equal(await commit(w), '')
  w.write({ code: 'not to be committed yet', x: '1' })
  await w.add('x')
  w.write({ x: '2' })
  t.equal(await commit(w), '')
})

t.test('a workspace below the root of the repository, with a pipeline below it', async t => {
  const root = makeRepository(join(temporaryDirectory(t), 'r'), { a: '1' })
  const below = openWorkspace(t, join(root, 'w'))
  below.write({ 'sub/ddv.yaml': pipeline, 'sub/in': '1', 'sub/code': '1', 'sub/params.yaml': 'p: 1\n', code: '1' })
  t.equal((await below.ddv('init', '-q')).code, 0)
  t.equal((await below.ddv('repro')).code, 0)
  below.git('add', 'sub/ddv.yaml', 'sub/in', 'sub/params.yaml', 'sub/m.json')
  t.match(await commit(below), /git is to keep: w\/sub\/code\n/)
})
