// Killing a command before each of its calls that change something, one after the other, and looking each time whether
// everything still holds and the same command goes on by itself.

import type { ChildProcess } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { isHolderAlive } from '../../lib/sys/lock.js'
import { apart, type Call, choose, readCalls } from './calls.js'
import { copyBase } from './copy-base.js'
import { git } from './git.js'
import {
  checkLocks,
  checkPointers,
  checkRemote,
  demand,
  digestIn,
  gitIndex,
  gitLockGone,
  isOwn,
  names,
  readAside,
  readCache,
  readTree,
  stagesGone,
  type Tree,
  temporaries,
  Violation,
} from './invariants.js'
import { killAt, type Program, runProgram, spawnProgram } from './program.js'

export interface Scenario {
  /** Copied for each round. */
  readonly base: string
  readonly program: Program
  readonly args: readonly string[]
  readonly env?: Readonly<Record<string, string | undefined>>
  /** Where it runs, below the base: the workspace; `ws` unless told. */
  readonly cwd?: string
  /** A directory remote, below the base. */
  readonly remote?: string
  /** Whether a crash may leave git's lock, for the next ddv to see that its holder is dead. */
  readonly locksIndex?: boolean
  /** Once it is done it cannot be done again: killed after its last change, it is not run again. */
  readonly once?: boolean
  /** What the command may write or delete, below the workspace: outputs. Elsewhere nothing may change but pointers. */
  readonly writes?: readonly string[]
  /** It runs stages, whose outs may be anything when they are cut short: what was there is kept elsewhere then. */
  readonly runsStages?: boolean
  /** Done to each copy first: what a copy loses, such as the stat index's knowledge of inodes. */
  readonly warm?: (root: string) => Promise<void>
  /** Looks at the end state, after the rerun. */
  readonly finished?: (root: string) => Promise<void>
}

export interface EnumerateOptions {
  /** Where copies are made. */
  readonly directory: string
  /** Before calls that write bytes alone, of which half is written. */
  readonly torn?: boolean
  readonly stopAtFirst?: boolean
  /** Look only after the rerun, not at what the crash left. */
  readonly endOnly?: boolean
  /** Copies at once. */
  readonly jobs?: number
  /** Only every so manyeth point, and the first of each kind. */
  readonly step?: number
  /** Which of every so many. */
  readonly seed?: number
  /** Kinds of which other scenarios have killed one. */
  readonly seen?: Set<string>
}

export interface Enumerated {
  /** How often it was killed. */
  readonly points: number
  /** Before how many calls it could have been, each of which meets something else on disk. */
  readonly calls: number
  /** What did not hold, each with the call before which the program was killed. */
  readonly violations: readonly string[]
}

interface Round {
  readonly scenario: Scenario
  readonly root: string
  readonly workspace: string
}

/** How it looks around the command when nobody kills it: before, and in the end. */
interface Whole {
  readonly before: Tree
  readonly tree: Tree
  readonly blobs: ReadonlySet<string>
  readonly index: string
}

/** Throws where the command does not succeed when nobody kills it. */
export async function enumerate(scenario: Scenario, options: EnumerateOptions): Promise<Enumerated> {
  const { jobs = 3, step = 1, seed = 0, stopAtFirst = false, torn = false, endOnly = false, seen = new Set() } = options
  const { whole, calls: all } = await runWhole(scenario, options)
  const calls = torn ? all.filter(call => call.hasHalf) : apart(all)
  const violations: string[] = []
  let points = 0
  const code = codeCache(options)
  const kill = async (number: number): Promise<'killed' | 'ended'> => {
    const env = preload({ ...code, DDV_TEST_KILL_AT: String(number), ...(torn && { DDV_TEST_KILL_TORN: '1' }) })
    const found = await inCopy(scenario, options, round => killOnce(round, { whole, endOnly, env }))
    if (found === 'ended') return 'ended'
    points++
    if (found !== 'held') violations.push(found)
    return 'killed'
  }
  const queue = choose(calls, { step, seed, seen }).map(call => call.number)
  const work = async (): Promise<void> => {
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      await kill(next)
      if (stopAtFirst && violations.length > 0) return
    }
  }
  await Promise.all(Array.from({ length: jobs }, work))
  // Some runs make a call more than the first did.
  if (step === 1 && !torn && violations.length === 0)
    for (let next = all.length + 1; (await kill(next)) === 'killed'; next++);
  return { points, calls: calls.length, violations }
}

export interface RandomOptions extends Pick<EnumerateOptions, 'directory'> {
  readonly rounds: number
  /** From 0 to 1. */
  readonly random: () => number
}

/** The same at instants within the time that the command takes, between calls or inside of one. */
export async function killAtRandom(
  scenario: Scenario,
  { directory, rounds, random }: RandomOptions,
): Promise<Enumerated> {
  const { whole, calls, took } = await runWhole(scenario, { directory })
  const violations: string[] = []
  let points = 0
  for (let round = 0; round < rounds; round++) {
    const wait = took * random()
    const onStart = (child: ChildProcess): void => {
      const timer = setTimeout(() => child.kill('SIGKILL'), wait)
      child.on('exit', () => clearTimeout(timer))
    }
    const found = await inCopy(scenario, { directory }, round => killOnce(round, { whole, endOnly: false, onStart }))
    if (found !== 'ended') points++
    if (found !== 'ended' && found !== 'held') violations.push(`after ${wait.toFixed(0)} ms: ${found}`)
  }
  return { points, calls: calls.length, violations }
}

/** What the command does when nobody kills it, and how many ms it takes. */
async function runWhole(
  scenario: Scenario,
  options: EnumerateOptions,
): Promise<{ whole: Whole; calls: readonly Call[]; took: number }> {
  await compile(scenario, options)
  return inCopy(scenario, options, async round => {
    const list = `${round.root}.calls`
    const before = readAround(round)
    const start = performance.now()
    const ended = await spawnProgram(scenario.program, scenario.args, {
      cwd: round.workspace,
      env: {
        ...scenario.env,
        ...preload({ ...codeCache(options), DDV_TEST_KILL_LIST: list, DDV_TEST_KILL_ROOT: round.root }),
      },
    })
    const took = performance.now() - start
    if (ended.code !== 0) throw new Error(`ddv ${scenario.args.join(' ')}: exit ${ended.code}\n${ended.stderr}`)
    const calls = readCalls(list, { command: String(scenario.args[0]), root: round.root })
    demand(calls.length > 10, 'hardly a call was counted')
    const whole = { before, ...readEnd(round) }
    demand(whole.index.trimEnd() === git(round.workspace, 'ls-files', '-s'), `git's index was not read as git reads it`)
    return { whole, calls, took }
  })
}

/** Where compiled code is kept between the rounds: without it a third of a round is the compiler's. */
const codeCache = ({ directory }: Pick<EnumerateOptions, 'directory'>) => ({ XDG_CACHE_HOME: join(directory, 'code') })

/** The command once for that, so that no round writes there. */
async function compile(scenario: Scenario, options: Pick<EnumerateOptions, 'directory'>): Promise<void> {
  const env = codeCache(options)
  if (existsSync(join(env.XDG_CACHE_HOME, 'ddv'))) return
  mkdirSync(env.XDG_CACHE_HOME, { recursive: true })
  await inCopy(scenario, options, ({ workspace }) =>
    spawnProgram(scenario.program, scenario.args, { cwd: workspace, env: { ...scenario.env, ...env } }),
  )
}

async function inCopy<T>(
  scenario: Scenario,
  { directory }: Pick<EnumerateOptions, 'directory'>,
  use: (round: Round) => Promise<T>,
): Promise<T> {
  const root = mkdtempSync(join(directory, 'copy-'))
  try {
    copyBase(scenario.base, root)
    await scenario.warm?.(root)
    return await use({ scenario, root, workspace: join(root, scenario.cwd ?? 'ws') })
  } finally {
    await rm(root, { recursive: true, force: true, maxRetries: 5 })
  }
}

const preload = (env: Readonly<Record<string, string>>) => ({ ...env, NODE_OPTIONS: `--require=${killAt}` })

interface Kill {
  readonly whole: Whole
  readonly endOnly: boolean
  readonly env?: Readonly<Record<string, string>>
  readonly onStart?: (child: ChildProcess) => void
}

/** `ended` where the command came to its end by itself; what did not hold otherwise, or `held`. */
async function killOnce(round: Round, { whole, endOnly, env, onStart }: Kill): Promise<string> {
  const { scenario, workspace } = round
  const killed = await spawnProgram(scenario.program, scenario.args, {
    cwd: workspace,
    env: { ...scenario.env, ...env },
    ...(onStart && { onStart }),
  })
  demand(scenario.runsStages !== true || (await stagesGone(workspace)), 'what a stage started lives on')
  const by = killed.stderr.match(/^kill-at .*$/m)?.[0].replaceAll(round.root, '') ?? 'killed'
  try {
    if (killed.signal !== 'SIGKILL') {
      demand(killed.code === 0, `not killed, but exit ${killed.code} ${killed.signal}: ${killed.stderr}`)
      await checkEnd(round, whole)
      return 'ended'
    }
    if (!endOnly) await checkAfterKill(round, whole)
    if (killed.stdout !== '') await checkEnd(round, whole) // I7
    if (!(scenario.once === true && (await isAtEnd(round, whole)))) await rerun(round, whole)
    return 'held'
  } catch (error) {
    if (error instanceof Violation) return `${by}: ${error.message}`
    throw error
  }
}

async function isAtEnd(round: Round, whole: Whole): Promise<boolean> {
  try {
    await checkEnd(round, whole)
    return true
  } catch (error) {
    if (error instanceof Violation) return false
    throw error
  }
}

/** The same command again must succeed, leave nothing of its own behind, and come to the same end. */
export async function rerun(round: Round, whole: Whole): Promise<void> {
  const { scenario, workspace } = round
  const left = temporaries(workspace)
  const again = await runProgram(scenario.program, scenario.args, { cwd: workspace, env: scenario.env ?? {} })
  demand(again.code === 0, `I5: run again, exit ${again.code}: ${again.stderr}`)
  const more = temporaries(workspace).filter(name => !left.includes(name))
  demand(more.length === 0, `I5: run again, it left ${more.join(', ')}`)
  // A repro with nothing left to do locks nothing, and so sees no dead holder.
  const locks = names(join(workspace, '.ddv/lock')).filter(name => scenario.runsStages !== true || isHolderAlive(name))
  demand(locks.length === 0, 'I5: run again, it left a lock')
  const inGit = names(join(workspace, '.git')).filter(name => name.startsWith('ddv-'))
  demand(inGit.length === 0, `I5: run again, it left .git/${inGit[0]}`)
  await checkEnd(round, whole)
  await scenario.finished?.(round.root)
}

const readAround = ({ root, scenario: { remote } }: Round): Tree =>
  readTree(root, path => path === remote || isOwn(path))

async function checkAfterKill(round: Round, whole: Whole): Promise<void> {
  const { scenario, root, workspace } = round
  demand(scenario.locksIndex === true || (await gitLockGone(workspace)), `git's index stays locked`)
  const cached = readCache(workspace)
  const remote = scenario.remote === undefined ? undefined : join(root, scenario.remote)
  checkPointers(workspace, cached, remote)
  checkLocks(workspace, cached)
  if (remote !== undefined) checkRemote(remote)
  checkTree(round, { now: readAround(round), cached, whole })
}

/** I1 and I4: what was there is there, or in the cache; outputs are old, new or absent; all else is as it was. */
function checkTree(
  { scenario, workspace }: Round,
  { now, cached, whole }: { now: Tree; cached: ReadonlySet<string>; whole: Whole },
): void {
  const prefix = `${scenario.cwd ?? 'ws'}/`
  const isOutput = (path: string): boolean =>
    (scenario.writes ?? []).some(output => path === prefix + output || path.startsWith(`${prefix}${output}/`))
  const aside = readAside(workspace)
  for (const path of new Set([...whole.before.keys(), ...now.keys()])) {
    const [old, is, will] = [whole.before.get(path), now.get(path), whole.tree.get(path)]
    if (is === old) continue
    const digest = digestIn(old)
    if (path === `${prefix}ddv.lock` && scenario.runsStages === true) continue // checkLocks looks at it
    const isBookkeeping = path.startsWith(prefix) && /(\.ddv|\/\.gitignore)$/.test(path)
    if (isBookkeeping) {
      demand(is === will || is === undefined, `neither old nor new: ${path}`)
    } else if (isOutput(path)) {
      const isKept = digest === undefined || cached.has(digest) || aside.has(digest)
      demand(isKept, `I1: what was in ${path} is nowhere`)
      if (scenario.runsStages === true) continue
      const sameBytes = digestIn(is) !== undefined && [digestIn(old), digestIn(will)].includes(digestIn(is))
      demand(is === undefined || is === 'd' || is === will || sameBytes, `neither old nor new: ${path}`)
    } else demand(false, `I4: touched: ${path}: ${old} → ${is}`)
  }
}

function readEnd(round: Round): Omit<Whole, 'before'> {
  const { workspace } = round
  return { tree: readAround(round), blobs: readCache(workspace), index: gitIndex(workspace) }
}

async function checkEnd(round: Round, whole: Whole): Promise<void> {
  demand(await gitLockGone(round.workspace), `git's index stays locked`)
  const is = readEnd(round)
  for (const path of new Set([...whole.tree.keys(), ...is.tree.keys()]))
    demand(
      is.tree.get(path) === whole.tree.get(path),
      `in the end, ${path} is ${is.tree.get(path)}, not ${whole.tree.get(path)}`,
    )
  for (const digest of whole.blobs) demand(is.blobs.has(digest), `in the end, the cache lacks ${digest}`)
  demand(is.index === whole.index, `in the end, git's index holds\n${is.index}and not\n${whole.index}`)
  checkPointers(round.workspace, is.blobs, remoteOf(round))
  checkLocks(round.workspace, is.blobs)
  const remote = remoteOf(round)
  if (remote !== undefined) checkRemote(remote)
}

const remoteOf = ({ scenario, root }: Round): string | undefined =>
  scenario.remote === undefined ? undefined : join(root, scenario.remote)
