import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { DdvError } from '../../lib/core/errors.js'
import { decodeLock, encodeLock, type StageLock } from '../../lib/core/lockfile.js'
import type { StageName } from '../../lib/core/stage.js'
import type { TreePath } from '../../lib/core/tree-path.js'
import { LockFiles } from '../../lib/ops/lock-files.js'
import type { Locked } from '../../lib/sys/lock.js'
import { makeWorkspace } from '../support/workspace.js'

const file = 'ddv.lock' as TreePath
const name = (text: string): StageName => text as StageName
const ran = (cmd: string): StageLock => ({
  command: { cmd },
  deps: new Map(),
  params: new Map(),
  env: {},
  outs: new Map(),
})
const textOf = (...names: readonly string[]): string => encodeLock(new Map(names.map(one => [name(one), ran(one)])))

t.test('while another process keeps the workspace, results wait', async t => {
  const w = await makeWorkspace(t)
  let isBusy = true
  let asked = 0
  const locked = async <T>(work: (locked: Locked) => Promise<T>): Promise<T> => {
    asked++
    if (isBusy) throw new DdvError('busy', 'another ddv is at work here')
    return work({} as Locked)
  }
  const locks = new LockFiles(await w.project(), { isStage: () => true, locked })
  await sleep(Math.max(0, 1100 - performance.now()))
  await locks.record(file, name('a'), ran('a'))
  t.equal(asked, 1)
  t.same(locks.find(file, name('a')), ran('a'))
  await t.rejects(locks.flush(), { code: 'busy' })
  t.notOk(w.has(file))
  isBusy = false
  await locks.record(file, name('b'), ran('b'))
  await locks.flush()
  t.equal(w.read(file), textOf('a', 'b'))
})

t.test('what is no stage any more goes, what another process wrote meanwhile stays', async t => {
  const w = await makeWorkspace(t, { files: { [file]: textOf('a', 'gone') } })
  const locks = new LockFiles(await w.project(), {
    isStage: (_, name) => ['a', 'b'].includes(name),
    locked: work => work({} as Locked),
  })
  t.ok(locks.find(file, name('a')))
  w.write({ [file]: textOf('a', 'gone', 'others') })
  await locks.record(file, name('b'), ran('b'))
  await locks.flush()
  t.same([...decodeLock(w.read(file), file).keys()], ['a', 'b', 'others'])
})
