// The version that this program was built as: its package.json, which is above it both in the bundle and unbundled.

import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { systemCode } from '../core/errors.js'

export function readVersion(start: string = import.meta.dirname): string {
  for (let directory = start; ; directory = dirname(directory)) {
    const version = versionIn(join(directory, 'package.json'))
    if (version !== undefined) return version
    if (directory === dirname(directory)) return 'unknown'
  }
}

function versionIn(file: string): string | undefined {
  try {
    const fields = JSON.parse(readFileSync(file, 'utf8')) as { name?: unknown; version?: unknown }
    return fields.name === 'ddv' && typeof fields.version === 'string' ? fields.version : undefined
  } catch (error) {
    if (error instanceof SyntaxError || systemCode(error) === 'ENOENT') return undefined
    throw error
  }
}
