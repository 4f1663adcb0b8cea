// What git calls by itself (see git/drivers.ts): `git-merge` and `git-textconv`. No commands for people, so that no help
// names them; and run before anything of the command line is looked at, since one `git log -p` calls hundreds of times.

import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { DdvError } from '../core/errors.js'
import { displayPath } from '../core/tree-path.js'
import type { Io } from './io.js'
import { reportError } from './report.js'
import { chooseStyle } from './style.js'

type GitCall = (args: readonly string[], io: Io) => Promise<number>

export const gitCalls: ReadonlyMap<string, GitCall> = new Map([
  ['git-merge', merge],
  ['git-textconv', textconv],
])

/** Beyond these, files in conflict are counted. */
const maxNamed = 100

/** `BASE OURS THEIRS MARKER-SIZE PATH`, as git puts them for `%O %A %B %L %P`. Exit 1 for a conflict, whatever was amiss. */
async function merge(args: readonly string[], io: Io): Promise<number> {
  const report = { json: false, style: chooseStyle('auto', io.stderr, io.env) }
  try {
    const [base, ours, theirs, size, path] = args
    if (base === undefined || ours === undefined || theirs === undefined || path === undefined)
      throw new DdvError('usage', `'ddv git-merge' is what git calls to merge pointers`)
    const { mergeForGit } = await import('../ops/merge-driver.js')
    const { cwd, env } = io
    const result = await mergeForGit({ base, ours, theirs, markerSize: Number(size), path, cwd, env })
    if (result.error !== undefined) throw result.error
    if (result.conflicts.length === 0) return 0
    reportError(io, new DdvError('conflict', `both sides changed: ${displayPath(result.path)}`), report)
    const { describeConflict } = await import('../ops/merge-outputs.js')
    for (const conflict of result.conflicts.slice(0, maxNamed))
      io.stderr.write(`ddv:   ${describeConflict(conflict)}\n`)
    const more = result.conflicts.length - maxNamed
    if (more > 0) io.stderr.write(`ddv:   and ${more} more\n`)
    io.stderr.write(`ddv: ${report.style.bold('hint:')} ${await hintFor(result.path)}\n`)
    return 1
  } catch (error) {
    reportError(io, error, report)
    return 1
  }
}

async function hintFor(path: string): Promise<string> {
  if (!path.endsWith('.ddv')) return (await import('../core/merge-lock.js')).lockConflictHint(path)
  const output = displayPath(path.replace(/\.ddv$/, ''))
  return `'ddv checkout --ours ${output}' or '--theirs' takes one side of these; the rest stays merged`
}

/** `FILE`. Never fails: git would end the whole diff for it. What is no pointer is shown as it is. */
async function textconv([file]: readonly string[], io: Io): Promise<number> {
  let text = ''
  try {
    text = readFileSync(resolve(io.cwd, file ?? ''), 'utf8')
    const { showPointer } = await import('../ops/show-pointer.js')
    text = (await showPointer(text, { file: file ?? '', cwd: io.cwd, env: io.env })) ?? text
  } catch (error) {
    reportError(io, error, { json: false, style: chooseStyle('auto', io.stderr, io.env) })
  }
  io.stdout.write(text)
  return 0
}
