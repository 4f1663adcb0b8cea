// The crash harness against ddv with mistakes in it (promises.md, "Safety", row 4): it must find each, by
// the first call of each kind alone.

import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { all } from '../support/covers.js'
import { type Enumerated, type EnumerateOptions, enumerate, type Scenario } from '../support/crash.js'
import { makeMutant, mutations } from '../support/mutant.js'
import { fastDirectory, loadProgram, type Program, runProgram } from '../support/program.js'
import * as scenarios from '../support/scenarios.js'

const whole = await loadProgram()
const directory = fastDirectory('mutants')
t.teardown(() => rmSync(directory, { recursive: true, force: true }))

let made = 0
const mutant = (name: keyof typeof mutations): Promise<Program> =>
  makeMutant(join(directory, `mutant-${made++}`), mutations[name])

async function run(scenario: Scenario, options: Partial<EnumerateOptions>): Promise<Enumerated> {
  const found = await enumerate(scenario, { directory, stopAtFirst: true, step: all ? 1 : Infinity, ...options })
  rmSync(scenario.base, { recursive: true })
  return found
}

/** By which violation. */
async function isCaught(t: Test, scenario: Scenario, options: Partial<EnumerateOptions> = {}): Promise<string> {
  const { points, violations } = await run(scenario, options)
  t.ok(violations.length > 0, `caught within ${points} points`)
  const [line = ''] = String(violations[0]).split('\n')
  t.comment(line)
  return line
}

t.test('pointer before its blobs', async t => {
  const program = await mutant('pointer before its blobs')
  await isCaught(t, await scenarios.addSmall({ program, directory }))
})

t.test('blobs written in place', async t => {
  const program = await mutant('blobs written in place')
  await isCaught(t, await scenarios.addSmall({ program, directory }))
})

t.test('a name taken for its content', async t => {
  // Only the end is looked at. To write in place alone loses nothing there: what was cut is set aside and written again.
  const isCut = /blob does not hash to its name/
  const inPlace = await mutant('blobs written in place')
  const alone = await run(await scenarios.addSmall({ program: inPlace, directory }), {
    endOnly: true,
    stopAtFirst: false,
  })
  t.same(
    alone.violations.filter(violation => !violation.endsWith('I2: something was found corrupt')),
    [],
  )
  const program = await mutant('a name taken for its content')
  t.match(await isCaught(t, await scenarios.addSmall({ program, directory }), { endOnly: true }), isCut)
})

t.test('recipe before its packs', async t => {
  const program = await mutant('recipe before its packs')
  await isCaught(t, await scenarios.pushSmall({ program, directory }))
})

t.test('data deleted unseen', async t => {
  const program = await mutant('data deleted unseen')
  const scenario = await scenarios.checkoutOverChanges({ program, directory })
  const file = join(scenario.base, 'ws/data/small.csv')
  const before = readFileSync(file)
  const refused = await runProgram(whole, scenario.args, { cwd: join(scenario.base, 'ws') })
  t.equal(refused.code, 15, 'without the mistake it is refused')
  t.ok(readFileSync(file).equals(before), 'and nothing is changed')
  await isCaught(t, scenario)
})
