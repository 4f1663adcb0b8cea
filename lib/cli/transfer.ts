// What push, fetch and pull say in the same words.

import { displayPath } from '../core/tree-path.js'
import type { Flags } from './command.js'
import { formatBytes, formatCount } from './format.js'

export const remoteOption = {
  remote: { type: 'string', alias: 'r', value: 'NAME', describe: 'the default one unless told' },
} as const satisfies Flags

export const revisionsOption = {
  rev: {
    type: 'string',
    array: true,
    value: 'REV',
    describe: 'what this commit names, and not the workspace; may be given again',
  },
} as const satisfies Flags

/** For commands that go by one revision. */
export const revisionOption = {
  rev: {
    type: 'string',
    value: 'REV',
    describe: 'by the pointers of this commit, and not those of the workspace',
  },
} as const satisfies Flags

export const targetsPositional = {
  targets: { type: 'string', array: true, default: [], describe: 'all outputs unless told' },
} as const

export const fetchedText = (fetched: readonly { readonly path: string; readonly size: number }[]): string =>
  fetched.map(({ path, size }) => `fetched  ${displayPath(path)} (${formatBytes(size)})\n`).join('')

export const nothingYet = `nothing is under ddv yet: 'ddv add' puts data there\n`

export interface CheckedOut {
  readonly path: string
  readonly written: number
  readonly removed: number
}

export const checkedOutText = (outputs: readonly CheckedOut[]): string =>
  outputs
    .filter(({ written, removed }) => written + removed > 0)
    .map(({ path, written, removed }) => {
      const deleted = removed === 0 ? '' : `, ${removed} removed`
      return `checked out  ${displayPath(path)} (${formatCount(written, 'file')} written${deleted})\n`
    })
    .join('')
