// The tests of crashes as one line each: kill a command at its points, and say how often that was.

import { rmSync } from 'node:fs'
import type { Test } from 'tap'
import { type EnumerateOptions, enumerate, type Scenario } from './crash.js'

/** Nothing is left out. */
export const all = process.env.DDV_TEST_ALL === '1'

/** Other seeds choose other points, where not all are. */
const seed = Number(process.env.DDV_TEST_SEED ?? 1)

const seen = { whole: new Set<string>(), torn: new Set<string>() }

/** The scenario's base goes afterwards. DDV_TEST_ALL=1 overrules `step`. */
export async function covers(t: Test, scenario: Scenario, options: EnumerateOptions): Promise<void> {
  const start = performance.now()
  const step = all ? 1 : (options.step ?? 1)
  const { points, calls, violations } = await enumerate(scenario, {
    ...options,
    step,
    seed,
    seen: options.torn === true ? seen.torn : seen.whole,
  })
  rmSync(scenario.base, { recursive: true })
  const took = ((performance.now() - start) / 1000).toFixed(1)
  const rest = step === 1 ? '' : `: the first of each kind, and one of ${step}, seed ${seed}`
  t.comment(`in ${took} s`)
  t.same(violations, [], `killed before ${points} of ${calls} calls${rest}`)
  t.ok(calls >= 10 && points >= 0.9 * Math.floor(calls / step), 'it was killed as often as it should')
}
