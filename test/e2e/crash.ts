// SIGKILL before each call that changes something, for every command that writes (promises.md, "Safety", rows 1 and 2).
// Scenarios whose points are many and alike are stepped through, unless DDV_TEST_ALL=1 asks for all.

import { rmSync } from 'node:fs'
import t, { type Test } from 'tap'
import { type EnumerateOptions, enumerate, killAtRandom, type Scenario } from '../support/crash.js'
import { fastDirectory, loadProgram, randoms } from '../support/program.js'
import * as scenarios from '../support/scenarios.js'

const program = await loadProgram()
const directory = fastDirectory('crash')
t.teardown(() => rmSync(directory, { recursive: true, force: true }))
const place = { program, directory }
const all = process.env.DDV_TEST_ALL === '1'

async function covers(t: Test, scenario: Scenario, options: Partial<EnumerateOptions> = {}): Promise<void> {
  const start = performance.now()
  const { points, violations } = await enumerate(scenario, { directory, ...options, ...(all && { step: 1 }) })
  rmSync(scenario.base, { recursive: true })
  const step = all ? 1 : (options.step ?? 1)
  const which = step === 1 ? 'all points' : `each ${step}th point`
  t.comment(`killed ${points} times, ${which}, in ${((performance.now() - start) / 1000).toFixed(1)} s`)
  t.same(violations, [])
  t.ok(points > 10, 'it was killed many times')
}

const pulling = scenarios.canPull ? {} : { skip: 'SKIPPED: this build has no pull' }

t.test('add of files', async t => covers(t, await scenarios.addFiles(place)))
t.test('add of a file, no git program', async t => covers(t, await scenarios.addWithoutGit(place)))
t.test('add of a directory', async t => covers(t, await scenarios.addDirectory(place)))
t.test('add on worker threads', async t => covers(t, await scenarios.addManyFiles(place), { step: 13 }))
t.test('add of a changed directory', async t => covers(t, await scenarios.addChanged(place)))
t.test('checkout of an older version', async t => covers(t, await scenarios.checkoutVersion(place, 'first')))
t.test('checkout of a newer version', async t => covers(t, await scenarios.checkoutVersion(place, 'second')))
t.test('checkout into nothing', async t => covers(t, await scenarios.checkoutAll(place), { step: 3 }))
t.test('push', async t => covers(t, await scenarios.pushFirst(place)))
t.test('push of a second version', async t => covers(t, await scenarios.pushSecond(place), { step: 2 }))
t.test('pull into a fresh clone', pulling, async t => covers(t, await scenarios.pullClone(place), { step: 7 }))
t.test('pull of a second version', pulling, async t => covers(t, await scenarios.pullSecond(place), { step: 3 }))
t.test('remove --data', async t => covers(t, await scenarios.removeData(place)))
t.test('move of a file', async t => covers(t, await scenarios.moveOutput(place, 'file')))
t.test('move of a directory', async t => covers(t, await scenarios.moveOutput(place, 'directory'), { step: 2 }))

const torn = { torn: true, step: 3 }
t.test('add, with the last write cut in half', async t => covers(t, await scenarios.addDirectory(place), torn))
t.test('push, with the last write cut in half', async t => covers(t, await scenarios.pushFirst(place), torn))
t.test('checkout, with the last write cut in half', async t =>
  covers(t, await scenarios.checkoutVersion(place, 'first'), torn),
)

t.test('add of 8 larger files, killed at random instants', async t => {
  const scenario = await scenarios.addLarger(place)
  const seed = Number(process.env.DDV_TEST_SEED ?? 1)
  const random = randoms(seed)
  const rounds = 20
  const { points, violations } = await killAtRandom(scenario, { directory, rounds, random })
  rmSync(scenario.base, { recursive: true })
  t.comment(`seed ${seed}: killed ${points} times in ${rounds} rounds`)
  t.same(violations, [])
  t.ok(points > rounds / 4, 'most rounds were cut short')
})
