// Production only reads: there data is pulled, never made. One guard for every op that writes for others to see.

import type { Config } from '../core/config.js'
import { DdvError } from '../core/errors.js'

/** Throws `production` where the workspace runs in production. `verb` as typed: `add`. */
export function refuseInProduction(config: Config, verb: string): void {
  if (config.environment !== 'production') return
  throw new DdvError('production', `'ddv ${verb}' does not run in production`, {
    hint: `run it where the data is made, commit, and 'ddv pull' here (this is production because of DDV_ENV or 'environment' in the configuration)`,
  })
}
