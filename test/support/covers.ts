// The tests of crashes as one line each: kill a command at its points, and say how often that was.

import { rmSync } from 'node:fs'
import type { Test } from 'tap'
import { type EnumerateOptions, enumerate, type Scenario } from './crash.js'

const all = process.env.DDV_TEST_ALL === '1'

/** The scenario's base goes afterwards. DDV_TEST_ALL=1 overrules `step`. */
export async function covers(t: Test, scenario: Scenario, options: EnumerateOptions): Promise<void> {
  const start = performance.now()
  const step = all ? 1 : (options.step ?? 1)
  const { points, violations } = await enumerate(scenario, { ...options, step })
  rmSync(scenario.base, { recursive: true })
  const which = step === 1 ? 'before every call' : `before one call of ${step}`
  t.comment(`killed ${points} times, ${which}, in ${((performance.now() - start) / 1000).toFixed(1)} s`)
  t.same(violations, [])
  t.ok(points > 10, 'it was killed many times')
}
