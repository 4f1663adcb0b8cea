// Data that is older than its pointer, as after `git pull` or `git switch`, must not be added over what came with it.

import t from 'tap'
import { git } from '../support/git.js'
import { digestOf, makeWorkspace, openWorkspace, type TestWorkspace, temporaryDirectory } from '../support/workspace.js'

const files = { x: 'one', 'd/a': 'a', 'd/b': 'b' }

/** Two workspaces on one repository and one remote, both with the first version. */
async function pair(t: Parameters<typeof makeWorkspace>[0]): Promise<{ ada: TestWorkspace; bob: TestWorkspace }> {
  const ada = await makeWorkspace(t, { files })
  await ada.ddv('remote', 'add', 'origin', ada.path('../remote'), '--default')
  await ada.add(['x', 'd'])
  ada.git('add', '-A')
  ada.commit()
  await ada.push()
  const root = `${temporaryDirectory(t)}/bob`
  git(ada.root, 'clone', '-q', ada.root, root)
  const bob = openWorkspace(t, root)
  await bob.pull()
  return { ada, bob }
}

async function newVersion(ada: TestWorkspace): Promise<void> {
  ada.write({ x: 'two', 'd/a': 'new' })
  await ada.add(['x', 'd'])
  ada.commit()
  await ada.push()
}

t.test('what git brought is not taken back by an add, and status says so', async t => {
  const { ada, bob } = await pair(t)
  await newVersion(ada)
  bob.git('pull', '-q')
  bob.write({ 'd/b': 'mine' })
  t.match((await bob.status()).outputs, [
    { path: 'd', workspace: 'modified', behind: true },
    { path: 'x', workspace: 'modified', behind: true },
  ])
  const status = await bob.ddv('status')
  t.match(status.stdout, /modified +x \(its pointer has changed since this data came here\)/)
  t.match(status.stdout, /'ddv pull' brings/)
  t.notMatch(status.stdout, /'ddv add' keeps/)
  const before = [bob.read('x.ddv'), bob.read('d.ddv')]
  const { failures } = await bob.add(['x', 'd'])
  t.match(failures, [
    { path: 'x', error: { code: 'would-lose-data', hint: /'ddv pull' brings the newer version; .*--force/ } },
    { path: 'd', error: { code: 'would-lose-data', hint: /'ddv add d\/FILE'/ } },
  ])
  t.equal((await bob.ddv('commit', '-m', 'c')).code, 15)
  t.same([bob.read('x.ddv'), bob.read('d.ddv')], before)

  await bob.add('d/b')
  t.same((await bob.pull()).failures, [])
  t.same([bob.read('x'), bob.read('d/a'), bob.read('d/b')], ['two', 'new', 'mine'])
  t.equal((await bob.status()).clean, true)
  bob.write({ x: 'three' })
  t.same((await bob.add('x')).failures, [], 'in step again')
})

t.test('told to, add takes the data as it is', async t => {
  const { ada, bob } = await pair(t)
  await newVersion(ada)
  bob.git('pull', '-q')
  t.same((await bob.add('x', { force: true })).failures, [])
  t.equal(bob.pointer('x').hash, digestOf('one'))
  t.equal((await bob.look('x')).behind, undefined)
})

t.test('data of another revision is behind the pointer, too', async t => {
  const { ada } = await pair(t)
  await newVersion(ada)
  await ada.pull([], { revision: 'HEAD~1' })
  t.equal(ada.read('x'), 'one')
  t.match(await ada.look('x'), { workspace: 'modified', behind: true })
  t.equal((await ada.add('x')).failures[0]?.error.code, 'would-lose-data')
  await ada.checkout()
  t.equal((await ada.status()).clean, true)
})

t.test('what is not known is not held against anybody', async t => {
  const { ada, bob } = await pair(t)
  await newVersion(ada)
  bob.git('pull', '-q')
  await bob.close()
  bob.remove('.ddv/state')
  t.same((await bob.add('x')).failures, [])
})
