import { utimesSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { unlessSettled } from '../../lib/ops/settled.js'
import { makeWorkspace, type TestWorkspace } from '../support/workspace.js'

const old = new Date(Date.now() - 60_000)
const future = new Date(Date.now() + 60_000)

/** Which of these were worked at, in a process of their own. */
async function ask(w: TestWorkspace, names: readonly string[], during: () => void = () => {}): Promise<string[]> {
  const asked: string[] = []
  const project = await w.project()
  await unlessSettled(
    project,
    names.map(name => ({ key: `k/${name}`, files: [w.path(name)] })),
    async open => {
      asked.push(...open.map(({ key }) => key.slice(2)))
      during()
    },
  )
  await w.close()
  return asked
}

async function withFiles(t: Test): Promise<TestWorkspace> {
  const w = await makeWorkspace(t, { files: { a: 'a', b: 'b' } })
  w.git('add', 'a', 'b')
  await sleep(30) // past the tick in which they were written
  return w
}

t.test('once, and again for what has changed', async t => {
  const w = await withFiles(t)
  t.same(await ask(w, ['a', 'b']), ['a', 'b'])
  t.same(await ask(w, ['a', 'b']), [])
  w.write({ b: 'c' })
  utimesSync(w.path('b'), old, old) // the ctime tells
  t.same(await ask(w, ['a', 'b']), ['b'])
  w.git('rm', '-q', '--cached', 'a')
  t.same(await ask(w, ['a', 'b']), ['a', 'b'], `git's index is another`)
})

t.test('a change during the work, or not before it by the clock, is not believed', async t => {
  const w = await withFiles(t)
  t.same(await ask(w, ['a'], () => w.write({ a: 'b' })), ['a'])
  t.same(await ask(w, ['a']), ['a'])
  utimesSync(w.path('b'), future, future)
  t.same(await ask(w, ['b']), ['b'])
  t.same(await ask(w, ['b']), ['b'], 'not older than the clock')
})

t.test('work that fails settles nothing; no file, no index, no state: it is done', async t => {
  const w = await withFiles(t)
  const failing = ask(w, ['a'], () => {
    throw new Error('failed')
  })
  await t.rejects(failing, { message: 'failed' })
  t.same(await ask(w, ['a']), ['a'])
  t.same(await ask(w, ['none']), ['none'])
  t.same(await ask(w, ['none']), ['none'])
  w.remove('.ddv/state')
  t.same(await ask(w, ['a']), ['a'])
  w.remove('.git/index')
  t.same(await ask(w, ['a']), ['a'])
  t.same(await ask(w, ['a']), ['a'])
})

t.test('a second add starts no git, until the index is another', async t => {
  const w = await makeWorkspace(t, { files: { 'data/x': 'x' } })
  await w.add('data/x')
  await sleep(30)
  await w.add('data/x')
  w.write({ '.git/index.lock': '' }) // git would wait for it
  const { outputs } = await w.add('data/x')
  t.equal(outputs[0]?.changed, false)
  w.remove('.git/index.lock')
  w.git('rm', '-q', '--cached', 'data/x.ddv')
  await w.add('data/x')
  t.equal(w.git('ls-files', 'data/x.ddv'), 'data/x.ddv')
  w.git('add', '-f', 'data/x')
  await t.rejects(w.add('data/x'), { code: 'refused' })
})
