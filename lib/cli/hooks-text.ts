// What `hooks` and `init --hooks` say of the hooks that they wrote, and of what is left to do by hand.

import { displayPath } from '../core/tree-path.js'
import type { HooksResult, HooksStatus } from '../ops/hooks.js'

export function hooksText(result: Omit<HooksResult, 'failures'>, done: 'installed' | 'removed'): string {
  const hooks = result.changed.length === 0 ? 'nothing to change' : `${done} ${result.changed.join(', ')}`
  return `${hooks} in ${displayPath(result.directory)}\n${done === 'installed' ? adviceText(result) : ''}`
}

export function adviceText({ inWorktree, shared, directory, managers }: HooksStatus): string {
  const place = displayPath(directory)
  const where = shared
    ? `other repositories use ${place} too: there ddv does nothing unless they ask for it\n`
    : inWorktree && !managers.some(manager => manager.owns)
      ? `${place} is in the working tree: git may track these files, and they name this machine's ddv\n`
      : ''
  return where + managers.map(manager => managerText(manager)).join('')
}

function managerText({ name, owns, lines }: HooksStatus['managers'][number]): string {
  const missing = lines.filter(({ present }) => !present)
  if (missing.length === 0) return ''
  const why = owns
    ? `${name} writes git's hooks here, so ddv does not`
    : `${name} is in use here, for hooks that come with the repository`
  return `${why}; paste\n${missing.map(({ file, text }) => `into ${displayPath(file)}:\n\n${indent(text)}\n\n`).join('')}`
}

const indent = (text: string): string => text.replace(/^/gm, '    ')
