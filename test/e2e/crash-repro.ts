// SIGKILL before each call that changes something (promises.md, "Safety", rows 1 and 2): repro, whose stages die with it. As
// in crash.ts.

import { rmSync } from 'node:fs'
import t from 'tap'
import { covers } from '../support/covers.js'
import { killAtRandom } from '../support/crash.js'
import { fastDirectory, loadProgram, randoms } from '../support/program.js'
import * as scenarios from '../support/scenarios.js'

const program = await loadProgram()
const directory = fastDirectory('crash-repro')
t.teardown(() => rmSync(directory, { recursive: true, force: true }))
const place = { program, directory }
const every = (step: number) => ({ directory, step })

t.test('repro over what nobody added', async t => covers(t, await scenarios.reproOver(place), every(5)))
t.test('repro of what was made before', async t => covers(t, await scenarios.reproAgain(place), every(12)))
t.test('repro by the run cache', async t => covers(t, await scenarios.reproBack(place), every(8)))
t.test('repro, the last write cut in half', async t =>
  covers(t, await scenarios.reproOver(place), { directory, torn: true, step: 6 }),
)

t.test('repro, killed at random instants', async t => {
  const scenario = await scenarios.reproAgain(place, '--force')
  const seed = Number(process.env.DDV_TEST_SEED ?? 1)
  const rounds = 20
  const { points, violations } = await killAtRandom(scenario, { directory, rounds, random: randoms(seed) })
  rmSync(scenario.base, { recursive: true })
  t.comment(`seed ${seed}: killed ${points} times in ${rounds} rounds`)
  t.same(violations, [])
  t.ok(points > rounds / 4, 'many rounds were cut short')
})
