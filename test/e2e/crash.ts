// SIGKILL before each call that changes something (promises.md, "Safety", rows 1 and 2): what works on one workspace.
// Calls that change nothing leave behind what the next one meets, and count once. Scenarios that share most of their points
// with others are stepped through, beside the first call of each kind that none before them had, unless DDV_TEST_ALL=1
// asks for all; each test says how many that was.

import { rmSync } from 'node:fs'
import t from 'tap'
import { covers } from '../support/covers.js'
import { killAtRandom } from '../support/crash.js'
import { fastDirectory, loadProgram, randoms } from '../support/program.js'
import * as scenarios from '../support/scenarios.js'

const program = await loadProgram()
const directory = fastDirectory('crash')
t.teardown(() => rmSync(directory, { recursive: true, force: true }))
const place = { program, directory }
const every = (step: number) => ({ directory, step })

t.test('add of a directory', async t => covers(t, await scenarios.addDirectory(place), every(1)))
t.test('add of files', async t => covers(t, await scenarios.addFiles(place), every(8)))
t.test('add of a file, no git program', async t => covers(t, await scenarios.addWithoutGit(place), every(12)))
t.test('add on worker threads', async t => covers(t, await scenarios.addManyFiles(place), every(23)))
t.test('add of a changed directory', async t => covers(t, await scenarios.addChanged(place), every(6)))
t.test('checkout of an older version', async t => covers(t, await scenarios.checkoutVersion(place, 'first'), every(2)))
t.test('checkout of a newer version', async t => covers(t, await scenarios.checkoutVersion(place, 'second'), every(8)))
t.test('checkout into nothing', async t => covers(t, await scenarios.checkoutAll(place), every(10)))
t.test('remove --data', async t => covers(t, await scenarios.removeData(place), every(8)))
t.test('move of a file', async t => covers(t, await scenarios.moveOutput(place, 'file'), every(8)))
t.test('move of a directory', async t => covers(t, await scenarios.moveOutput(place, 'directory'), every(8)))

const torn = { directory, torn: true, step: 2 }
t.test('add, the last write cut in half', async t =>
  covers(t, await scenarios.addDirectory(place, scenarios.big), torn),
)
t.test('checkout, the last write cut in half', async t =>
  covers(t, await scenarios.checkoutVersion(place, 'first', scenarios.big), torn),
)

t.test('add of 8 larger files, killed at random instants', async t => {
  const scenario = await scenarios.addLarger(place)
  const seed = Number(process.env.DDV_TEST_SEED ?? 1)
  const rounds = 20
  const { points, violations } = await killAtRandom(scenario, { directory, rounds, random: randoms(seed) })
  rmSync(scenario.base, { recursive: true })
  t.comment(`seed ${seed}: killed ${points} times in ${rounds} rounds`)
  t.same(violations, [])
  t.ok(points > rounds / 4, 'many rounds were cut short')
})
