// The file that starts this very ddv, for those that have to start it later: beside this one in the bundle, under `bin`
// unbundled.

import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Installation } from '../git/drivers.js'

export function programPath(start: string = import.meta.dirname): string {
  for (let directory = start; ; directory = dirname(directory)) {
    const found = ['ddv.js', 'bin/ddv.js'].map(name => join(directory, name)).find(file => existsSync(file))
    if (found !== undefined) return found
    if (directory === dirname(directory)) throw new Error(`no ddv.js above ${start}`)
  }
}

/** This node and this ddv, by absolute path. */
export const thisInstallation = (): Installation => ({ node: process.execPath, program: programPath() })
