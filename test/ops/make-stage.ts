import fs, { chmodSync, existsSync, rmSync } from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { relative } from 'node:path'
import t from 'tap'
import { type ReproResult, repro } from '../../lib/ops/repro.js'
import { digestOf, makeWorkspace, type TestWorkspace } from '../support/workspace.js'

async function run(w: TestWorkspace, targets: readonly string[] = []): Promise<ReproResult> {
  await w.close()
  return repro(await w.project(), targets, { cwd: w.root, jobs: 1 })
}

const outcomes = ({ stages }: ReproResult): string => stages.map(({ outcome }) => outcome).join(' ')

/** How often `work` asks for the stat of each of these files by its path. */
async function countStats(w: TestWorkspace, names: readonly string[], work: () => Promise<unknown>): Promise<number[]> {
  const counts = new Map(names.map(name => [name, 0]))
  const { lstatSync, statSync } = fs
  const counted = (call: typeof lstatSync): typeof lstatSync =>
    ((...args: Parameters<typeof lstatSync>) => {
      const name = relative(w.root, String(args[0]))
      counts.set(name, (counts.get(name) ?? 0) + 1)
      return call(...args)
    }) as typeof lstatSync
  Object.assign(fs, { lstatSync: counted(lstatSync), statSync: counted(statSync as typeof lstatSync) })
  syncBuiltinESMExports()
  try {
    await work()
  } finally {
    Object.assign(fs, { lstatSync, statSync })
    syncBuiltinESMExports()
  }
  return names.map(name => counts.get(name) ?? 0)
}

const chain = `
stages:
  a: { cmd: 'mkdir a; cp in.txt a/x; echo 1 > a/y', deps: [in.txt], outs: [a] }
  b: { cmd: cp -r a b, deps: [a], outs: [b] }
  c: { cmd: cat b/x > c.txt, deps: [b], outs: [c.txt] }
`

t.test('how often each file of a directory is looked at', async t => {
  const w = await makeWorkspace(t, { files: { 'ddv.yaml': chain, 'in.txt': 'one' } })
  const names = ['a/x', 'a/y', 'b/x', 'b/y']
  const count = (outcome: string): Promise<number[]> =>
    countStats(w, names, async () => t.equal(outcomes(await run(w)), outcome))
  t.same(await count('done done done'), [2, 2, 2, 2], 'when it is stored, and after the stage that read it')
  t.same(await count('unchanged unchanged unchanged'), [1, 1, 1, 1])
  w.write({ 'in.txt': 'two' })
  t.same(await count('done done done'), [3, 3, 3, 3], 'and before it gives way')
  w.remove('c.txt')
  t.same(await count('unchanged unchanged unchanged'), [1, 1, 1, 1], 'what comes back is no reason to look')
})

t.test('of many stages that read the same directory at once', async t => {
  const readers = Array.from(
    { length: 6 },
    (_, i) => `  r${i}: { cmd: 'cat a/x > r${i}; sleep 0.2', deps: [a], outs: [r${i}] }\n`,
  )
  const w = await makeWorkspace(t, {
    files: { 'ddv.yaml': `stages:\n${readers.join('')}`, 'a/x': '1' },
  })
  const counts = await countStats(w, ['a/x'], async () => {
    await w.close()
    const { stages } = await repro(await w.project(), [], { cwd: w.root, jobs: 6 })
    t.ok(stages.every(({ outcome }) => outcome === 'done'))
  })
  t.ok((counts[0] ?? 0) <= 7, `${counts[0]}`)
})

t.test('a file in a directory that this run made, changed in place while it is read', async t => {
  const edit = 'printf 9 | dd of=a/y conv=notrunc status=none'
  const w = await makeWorkspace(t, {
    files: {
      'ddv.yaml': chain.replace('cp -r a b', `"cp -r a b; if [ -e edit ]; then rm edit; ${edit}; fi"`),
      'in.txt': '1',
    },
  })
  w.write({ edit: '' })
  const result = await run(w)
  t.equal(outcomes(result), 'done failed skipped')
  t.match(result.stages[1]?.failure, { kind: 'error', message: /its dep a was changed/ })
  t.notOk(w.has('b'))
  t.equal(outcomes(await run(w)), 'done done done', 'an out that is not as it was left')
  t.equal(w.read('b/y'), '1\n')
})

t.test('what gives way is in the cache, also where its blob went since', async t => {
  const w = await makeWorkspace(t, { files: { 'ddv.yaml': chain, 'in.txt': 'one' } })
  await run(w)
  const blob = w.blob(digestOf('one'))
  chmodSync(blob, 0o644)
  rmSync(blob)
  w.write({ 'in.txt': 'two' })
  t.equal(outcomes(await run(w)), 'done done done')
  t.ok(existsSync(blob))
  t.test('and by hand, while the reason to run is another', async t => {
    w.write({ 'in.txt': 'three', 'a/y': 'by hand' })
    t.equal(outcomes(await run(w, ['a'])), 'done')
    t.ok(existsSync(w.blob(digestOf('by hand'))))
  })
})

t.test('all reasons are told, of outs too', async t => {
  const w = await makeWorkspace(t, { files: { 'ddv.yaml': chain, 'in.txt': 'one' } })
  await run(w)
  w.write({ 'in.txt': 'two', 'a/y': 'by hand' })
  const [first] = (await run(w, ['a'])).stages
  t.same(first?.reasons, [
    { type: 'dep', path: 'in.txt', change: 'modified' },
    { type: 'out', path: 'a', change: 'modified' },
  ])
})
