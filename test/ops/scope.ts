import t, { type Test } from 'tap'
import type { Event } from '../../lib/core/events.js'
import { git, gitEnv, withoutGit } from '../support/git.js'
import { digestOf, makeWorkspace, openWorkspace, type TestWorkspace, testEnv } from '../support/workspace.js'

/** `x` in four versions: in the past, on main, on a branch, and under a tag of a branch that is gone. */
async function makeHistory(t: Test): Promise<TestWorkspace> {
  const w = await makeWorkspace(t)
  await w.ddv('remote', 'add', 'origin', '../remote', '--default')
  w.git('add', '.ddv/config.yaml')
  const version = async (text: string): Promise<void> => {
    w.write({ x: text })
    await w.close()
    const { failures } = await w.add('x', { force: true })
    t.same(failures, [])
    w.commit(text)
  }
  await version('past')
  w.write({ gone: 'gone', made: 'made' })
  await w.add('gone')
  await w.addStage('made')
  w.commit('gone')
  w.git('rm', '-q', '--cached', 'gone.ddv', 'ddv.lock')
  w.remove('gone.ddv', 'ddv.lock', 'gone', 'made')
  await version('main')
  w.git('checkout', '-q', '-b', 'old', 'HEAD~1')
  await version('tagged')
  w.git('tag', '-a', 'v1', '-m', 'v1')
  w.git('checkout', '-q', '-B', 'side', 'main')
  w.git('branch', '-q', '-D', 'old')
  await version('side')
  w.git('checkout', '-q', 'main')
  return w
}

const names = ({ outputs }: { readonly outputs: readonly { readonly path: string; readonly hash: string }[] }) => {
  const known = ['past', 'gone', 'made', 'main', 'tagged', 'side']
  return outputs.map(({ path, hash }) => `${path} ${known.find(text => digestOf(text) === hash)}`).sort()
}

const all = ['gone gone', 'made made', 'x main', 'x past', 'x side', 'x tagged']

for (const [how, env] of [
  ['the git program', gitEnv],
  ['isomorphic-git', withoutGit],
] as const)
  t.test(`scopes with ${how}`, async t => {
    const made = await makeHistory(t)
    await made.close()
    const w = openWorkspace(t, made.root, { ...testEnv, ...env })
    t.same(names(await w.push([], { allBranches: true })), ['x main', 'x side'])
    t.same(names(await w.push([], { allTags: true })), ['gone gone', 'made made', 'x tagged'])
    const last = await w.push([], { allCommits: true })
    t.same(names(last), all)
    t.same(
      last.outputs.filter(({ outcome }) => outcome === 'pushed').map(({ hash }) => hash),
      [digestOf('past')],
    )
    t.same(names(await w.push('x', { allBranches: true, revisions: ['v1'] })), ['x main', 'x side', 'x tagged'])
    await t.rejects(w.push('nothing', { allCommits: true }), { code: 'usage', message: /any commit/ })

    git(w.root, 'clone', '-q', '.', '../clone')
    const clone = openWorkspace(t, w.path('../clone'), { ...testEnv, ...env })
    t.same(names(await clone.fetch([], { allCommits: true })), all)
    for (const text of ['past', 'gone', 'made', 'main', 'tagged', 'side'])
      t.ok(clone.has(clone.blob(digestOf(text)).slice(clone.root.length + 1)), text)
  })

t.test('a shallow clone has what its last commits have', async t => {
  const w = await makeHistory(t)
  await w.push([], { allCommits: true })
  git(w.root, 'clone', '-q', '--depth', '1', '--no-local', `file://${w.root}`, '../clone')
  const clone = openWorkspace(t, w.path('../clone'))
  t.same(names(await clone.fetch([], { allCommits: true })), ['x main'])
})

t.test('what cannot be read in the past names nothing, and is told', async t => {
  const w = await makeHistory(t)
  w.write({ 'x.ddv': '{}', 'y.ddv': '{}' })
  w.git('add', '-f', 'x.ddv', 'y.ddv')
  w.commit('broken')
  w.git('rm', '-q', '-f', 'y.ddv')
  w.git('checkout', '-q', 'HEAD~1', '--', 'x.ddv')
  w.commit('mended')
  const events: Event[] = []
  t.same(names(await w.push([], { allCommits: true, onEvent: event => events.push(event) })), all)
  t.match(
    events.filter(({ type }) => type === 'warning'),
    [{ message: /^2 versions of the past cannot be read, and name nothing: [xy]\.ddv$/ }],
  )
  w.write({ 'y.ddv': '{"ddv": 2}\n' })
  w.git('add', '-f', 'y.ddv')
  w.commit('of a newer ddv')
  await t.rejects(w.push([], { allCommits: true }), { code: 'newer-format' })
})
