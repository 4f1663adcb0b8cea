// `ddv hook run NAME [arguments]`: what git's hooks call. It is no command of a person's and takes no flags, so that it
// starts without the parser: a commit of code should not feel that ddv is there.

import type { Control, Event } from '../core/events.js'
import { displayPath } from '../core/tree-path.js'
import { type HookName, isHookName } from '../git/hook-script.js'
import { type GitRepository, repositoryOfHook } from '../git/repository.js'
import type { OutputFailure } from '../ops/add.js'
import type { Moved } from '../ops/follow-head.js'
import type { Io } from './io.js'

export interface HookRun {
  readonly name: string
  readonly args: readonly string[]
  /** All of the standard input. */
  readonly readInput: () => Promise<string>
}

/** Exit code 1 refuses, 0 lets git go on; hooks that come after the fact always give 0. */
export async function runHook({ name, args, readInput }: HookRun, io: Io, signal: AbortSignal): Promise<number> {
  if (!isHookName(name)) {
    io.stderr.write(`ddv: error: no hook of ddv: ${displayPath(name)}\n`)
    return 2
  }
  const repository = repositoryOfHook(io.cwd, io.env)
  if (repository === undefined) return 0
  const isBefore = name.startsWith('pre-')
  try {
    const failures = await run({ name, args, readInput, repository }, io, signal)
    if (failures.length === 0) return 0
    await tell(io, failures, { name, isBefore })
  } catch (error) {
    const { reportError } = await import('./report.js')
    reportError(io, error, { json: false, style: await styleOf(io) })
  }
  return isBefore ? 1 : 0
}

interface Run extends HookRun {
  readonly name: HookName
  readonly repository: GitRepository
}

async function run({ name, args, readInput, repository }: Run, io: Io, signal: AbortSignal) {
  if (name === 'pre-commit' || name === 'pre-merge-commit') {
    const { judgeIndex } = await import('../ops/judge-index.js')
    return judgeIndex(repository, { signal })
  }
  const readsInput = name === 'pre-push' || (name === 'post-rewrite' && args[0] !== 'amend')
  const given = { name, args, input: readsInput ? await readInput() : '' }
  return withProgress(io, signal, control => (name === 'pre-push' ? push : follow)(repository, given, { io, control }))
}

interface Given {
  readonly name: HookName
  readonly args: readonly string[]
  readonly input: string
}

interface Surroundings {
  readonly io: Io
  readonly control: Control
}

async function push(
  repository: GitRepository,
  { args, input }: Given,
  { io, control }: Surroundings,
): Promise<readonly OutputFailure[]> {
  const [{ parseRefUpdates }, { pushCommits }] = await Promise.all([
    import('../git/leaving.js'),
    import('../ops/push-commits.js'),
  ])
  const { problems, sent } = await pushCommits(repository, parseRefUpdates(input), {
    ...control,
    remote: args[0] ?? '',
  })
  if (sent.length > 0) {
    const { formatBytes, formatCount } = await import('./format.js')
    for (const { remote, outputs, bytes } of sent)
      io.stderr.write(`ddv: ${formatCount(outputs, 'output')} (${formatBytes(bytes)}) sent to ${displayPath(remote)}\n`)
  }
  return problems
}

async function follow(
  repository: GitRepository,
  given: Given,
  { io, control }: Surroundings,
): Promise<readonly OutputFailure[]> {
  const moved = movedBy(given)
  if (moved === undefined) return []
  const { followHead } = await import('../ops/follow-head.js')
  const { outputs, gone, failures } = await followHead(repository, moved, control)
  for (const { path, written, removed } of outputs)
    if (written + removed > 0) io.stderr.write(`ddv: checked out ${displayPath(path)}\n`)
  for (const path of gone) io.stderr.write(`ddv: removed ${displayPath(path)}, which this commit does not have\n`)
  return failures
}

/** undefined where no file changed. */
function movedBy({ name, args, input }: Given): Moved | undefined {
  const [first = '', second = '', third] = args
  const commit = (id: string): string | undefined => (/^0+$/.test(id) ? undefined : id)
  if (name === 'post-checkout')
    return third === '0' ? { type: 'files' } : { type: 'commit', before: [commit(first)], now: second }
  if (name === 'post-merge')
    return first === '1' ? { type: 'squash' } : { type: 'commit', before: ['ORIG_HEAD'], now: 'HEAD' }
  if (first === 'amend') return undefined
  // A rebase begins with a checkout of its base, which brought that one's data; `<old> <new>` is a line a commit.
  const rows = input.split('\n').map(line => line.split(' '))
  const [base, old] = [rows[0]?.[1] ?? '', rows.findLast(row => row.length > 1)?.[0] ?? '']
  return { type: 'commit', before: ['ORIG_HEAD', old, `${base}^`], now: 'HEAD' }
}

/** At most this many problems are named; the count says the rest. */
const shown = 50

async function tell(
  io: Io,
  failures: readonly OutputFailure[],
  { name, isBefore }: { readonly name: HookName; readonly isBefore: boolean },
): Promise<void> {
  const { reportFailures, reportWarning } = await import('./report.js')
  const style = await styleOf(io)
  const rest = failures.length - shown
  if (isBefore) {
    reportFailures(io, failures.slice(0, shown), { json: false, style })
    if (rest > 0) io.stderr.write(`ddv: and ${rest} more\n`)
    io.stderr.write(`ddv: ${name} refuses\n`)
    return
  }
  for (const { path, error } of failures.slice(0, shown)) {
    const message = error.message.includes(displayPath(path)) ? error.message : `${error.message}: ${displayPath(path)}`
    reportWarning(io, { message, ...(error.hint !== undefined && { hint: error.hint }) }, { style })
  }
  if (rest > 0) reportWarning(io, { message: `and ${rest} more`, hint: `'ddv status' lists them` }, { style })
}

async function styleOf(io: Io) {
  const { chooseStyle } = await import('./style.js')
  return chooseStyle('auto', io.stderr, io.env)
}

async function withProgress<T>(io: Io, signal: AbortSignal, work: (control: Control) => Promise<T>): Promise<T> {
  const { createProgress, noProgress } = await import('./progress.js')
  const progress = io.stderr.isTerminal ? createProgress(io) : noProgress
  try {
    return await work({ signal, onEvent: (event: Event) => progress.onEvent(event) })
  } finally {
    progress.clear()
  }
}
