import t from 'tap'
import { currentCommit, requireCommit } from '../../lib/ops/current-commit.js'
import { withoutGit } from '../support/git.js'
import { makeWorkspace, openWorkspace, temporaryDirectory, testEnv } from '../support/workspace.js'

t.test('by git, whatever the environment says', async t => {
  const w = await makeWorkspace(t)
  const id = w.git('rev-parse', 'HEAD')
  for (const env of [testEnv, { ...testEnv, DDV_REV: 'abc' }, { ...testEnv, PATH: withoutGit.PATH }])
    t.same(await currentCommit(await openWorkspace(t, w.root, env).project()), { id, source: 'git' })
})

t.test('by the environment where there is no git, the strongest first', async t => {
  const w = await makeWorkspace(t, { root: `${temporaryDirectory(t)}/w`, noGit: true })
  const given = async (env: Record<string, string>) =>
    currentCommit(await openWorkspace(t, w.root, { ...testEnv, ...env }).project())
  t.same(await given({ GIT_COMMIT_HASH: 'c' }), { id: 'c', source: 'GIT_COMMIT_HASH' })
  t.same(await given({ GIT_COMMIT_HASH: 'c', GIT_COMMIT: 'b' }), { id: 'b', source: 'GIT_COMMIT' })
  t.same(await given({ GIT_COMMIT_HASH: 'c', GIT_COMMIT: 'b', DDV_REV: ' a\n' }), { id: 'a', source: 'DDV_REV' })
  t.equal(await given({ DDV_REV: '' }), undefined)
  await t.rejects(requireCommit(await w.project()), { code: 'usage', hint: /DDV_REV or GIT_COMMIT/ })
})

t.test('a repository without a commit', async t => {
  const w = await makeWorkspace(t)
  w.git('update-ref', '-d', 'HEAD')
  t.equal(await currentCommit(await w.project()), undefined)
  await t.rejects(requireCommit(await w.project()), { code: 'git', hint: /git commit/ })
})
