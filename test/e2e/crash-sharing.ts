// SIGKILL before each call that changes something (promises.md, "Safety", row 1): push to a directory, and pull. As in crash.ts.

import { rmSync } from 'node:fs'
import t from 'tap'
import { covers } from '../support/covers.js'
import { fastDirectory, loadProgram } from '../support/program.js'
import * as scenarios from '../support/scenarios.js'

const program = await loadProgram()
const directory = fastDirectory('crash-sharing')
t.teardown(() => rmSync(directory, { recursive: true, force: true }))
const place = { program, directory }
const every = (step: number) => ({ directory, step })

t.test('push', async t => covers(t, await scenarios.pushFirst(place), every(1)))
t.test('push, the last write cut in half', async t =>
  covers(t, await scenarios.pushFirst(place, scenarios.big), { directory, torn: true }),
)
t.test('push of a second version', async t => covers(t, await scenarios.pushSecond(place), every(6)))
t.test('pull into a fresh clone', async t => covers(t, await scenarios.pullClone(place), every(12)))
t.test('pull of directories that come whole', async t => covers(t, await scenarios.pullWhole(place), every(6)))
t.test('pull of a second version', async t => covers(t, await scenarios.pullSecond(place), every(10)))
