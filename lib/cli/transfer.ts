// What several commands take and say in the same words.

import { setFlagsFromString } from 'node:v8'
import { displayPath } from '../core/tree-path.js'
import type { Scope } from '../ops/scope.js'
import type { Flags } from './command.js'
import { formatBytes, formatCount } from './format.js'

export const remoteOption = {
  remote: { type: 'string', alias: 'r', value: 'NAME', describe: 'the default one unless told' },
} as const satisfies Flags

export const scopeOptions = {
  rev: {
    type: 'string',
    array: true,
    value: 'REV',
    describe: 'what this commit names, and not the workspace; may be given again',
  },
  'all-branches': { type: 'boolean', default: false, describe: 'what the heads of all branches name' },
  'all-tags': { type: 'boolean', default: false, describe: 'what all tags name' },
  'all-commits': { type: 'boolean', default: false, describe: 'every version that any commit ever had' },
} as const satisfies Flags

interface ScopeFlags {
  readonly rev: readonly string[] | undefined
  readonly 'all-branches': boolean
  readonly 'all-tags': boolean
  readonly 'all-commits': boolean
}

export const scopeOf = (args: ScopeFlags): Scope => ({
  revisions: args.rev,
  allBranches: args['all-branches'],
  allTags: args['all-tags'],
  allCommits: args['all-commits'],
})

/** Whether it is the workspace's own pointers that count. */
export const isOfWorkspace = (args: ScopeFlags): boolean =>
  args.rev === undefined && !args['all-branches'] && !args['all-tags'] && !args['all-commits']

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

/** For commands that hold two versions against each other. */
export const sidesPositionals = {
  A: { type: 'string', describe: 'a commit; HEAD unless told' },
  B: { type: 'string', describe: 'another commit; the workspace as it is unless told' },
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

/**
 * For what handles files by the 100,000: the heap may hold a third more than what is in use, and not several times that,
 * which is what V8 lets it grow to unless told. A pull's peak was 570 MB without and 370 MB with it, for a tenth of its
 * processor time. Holds for the whole program, and so is the command's to say and not the library's.
 */
export const keepHeapSmall = (): void => setFlagsFromString('--heap-growing-percent=30')
