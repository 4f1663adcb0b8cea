// Whether a stage has to run, and why: a comparison of what is now with what its lock says of its last good run. Pure, so
// that a dry run, a check in a clone without data and a real run all ask the same.

import { canonicalJson, type Json, type JsonRecord } from '../core/json.js'
import type { Artifact, StageLock } from '../core/lockfile.js'
import { own } from '../core/merge-records.js'
import type { Stage } from '../core/stage.js'
import type { StaleReason } from '../core/stale-reason.js'
import type { TreePath } from '../core/tree-path.js'
import { hashBytes } from '../sys/hash.js'
import type { Environment } from '../sys/spawn.js'

export type Artifacts = ReadonlyMap<TreePath, Artifact | undefined>

/** All that a stage names, as it is. The form of a lock, in which something may be missing. */
export interface StageNow {
  /** Of `stageCommand`. */
  readonly command: JsonRecord
  /** undefined: nothing is there. Where data is elsewhere on purpose, what the lock says may stand for it. */
  readonly deps: Artifacts
  /** By file, then by dotted key; without what is not there. Under the key '' for a file that is named as a whole. */
  readonly params: ReadonlyMap<TreePath, JsonRecord>
  /** Of `currentEnv`. */
  readonly env: JsonRecord
  readonly outs: Artifacts
  /** Addresses of the stages it reads from that are to run first. */
  readonly upstream?: readonly string[] | undefined
}

/** None: it is fresh. In a fixed order, what the user is most likely to have changed first. */
export function staleReasons(
  { frozen, alwaysChanged }: Pick<Stage, 'frozen' | 'alwaysChanged'>,
  now: StageNow,
  lock: StageLock | undefined,
): readonly StaleReason[] {
  if (frozen) return []
  const waits = (now.upstream ?? []).map((stage): StaleReason => ({ type: 'upstream', stage }))
  const asked: readonly StaleReason[] = alwaysChanged ? [{ type: 'always-changed' }] : []
  if (lock === undefined) return [{ type: 'never-run' }, ...asked, ...waits]
  return [
    ...asked,
    ...commandReasons(now.command, lock.command),
    ...artifactReasons('dep', now.deps, lock.deps),
    ...paramReasons(now.params, lock.params),
    ...envReasons(now.env, lock.env),
    ...artifactReasons('out', now.outs, lock.outs),
    ...waits,
  ]
}

const isSame = (a: Json | undefined, b: Json | undefined): boolean => canonicalJson(a) === canonicalJson(b)

const commandReasons = (now: JsonRecord, old: JsonRecord): readonly StaleReason[] =>
  isSame(now, old) ? [] : [{ type: 'command', old: commandText(old), new: commandText(now) }]

function* artifactReasons(type: 'dep' | 'out', now: Artifacts, old: Artifacts): Iterable<StaleReason> {
  for (const [path, artifact] of now) {
    const before = old.get(path)
    if (artifact === undefined) yield { type, path, change: 'missing' }
    else if (before === undefined) yield { type, path, change: 'added' }
    else if (!isSameContent(artifact, before)) yield { type, path, change: 'modified' }
  }
  for (const path of old.keys()) if (!now.has(path)) yield { type, path, change: 'removed' }
}

/** Sizes and counts follow from the digest. */
export const isSameContent = (a: Artifact, b: Artifact): boolean =>
  a.kind === b.kind && a.hash === b.hash && a.executable === b.executable

function* paramReasons(now: StageNow['params'], old: StageNow['params']): Iterable<StaleReason> {
  for (const file of new Set([...now.keys(), ...old.keys()])) {
    const [after, before] = [now.get(file) ?? {}, old.get(file) ?? {}]
    for (const key of keysOf(after, before)) {
      const [value, was] = [own(after, key), own(before, key)]
      if (!isSame(value, was)) yield { type: 'param', file, key, old: was, new: value }
    }
  }
}

function* envReasons(now: JsonRecord, old: JsonRecord): Iterable<StaleReason> {
  for (const name of keysOf(now, old)) if (!isSame(own(now, name), own(old, name))) yield { type: 'env', name }
}

const keysOf = (a: JsonRecord, b: JsonRecord): ReadonlySet<string> => new Set([...Object.keys(a), ...Object.keys(b)])

/** What the lock keeps of what a stage does. A list of one script is that script. */
export function stageCommand({ action, wdir }: Pick<Stage, 'action' | 'wdir'>): JsonRecord {
  const place = wdir === '' ? {} : { wdir }
  if (action.kind === 'step') return { uses: action.uses, with: action.with, ...place }
  const { commands, shell } = action
  const [first] = commands
  return {
    cmd: commands.length === 1 && first !== undefined ? first : commands,
    ...place,
    ...(shell !== undefined && { shell }),
  }
}

/** A command of a lock, as people would read it. */
export function commandText(command: JsonRecord): string {
  const { cmd, uses, with: options, ...others } = command
  const what =
    typeof cmd === 'string'
      ? cmd
      : Array.isArray(cmd)
        ? cmd.join('\n')
        : `${typeof uses === 'string' ? uses : ''} ${canonicalJson(options) ?? ''}`.trim()
  const rest = Object.entries(others).map(
    ([key, value]) => `${key} ${typeof value === 'string' ? value : canonicalJson(value)}`,
  )
  return rest.length === 0 ? what : `${what} (${rest.sort().join(', ')})`
}

/**
 * What the lock keeps of a stage's environment. Values of `ddv.yaml` as they are; those of whoever runs ddv by their
 * digest, `{"hash": …}`, or null where there is none.
 */
export function currentEnv({ env }: Pick<Stage, 'env'>, surroundings: Environment): JsonRecord {
  return Object.fromEntries(
    env.map(({ name, value }) => {
      if (value !== undefined) return [name, value]
      const inherited = surroundings[name]
      return [name, inherited === undefined ? null : { hash: hashBytes(Buffer.from(inherited)) }]
    }),
  )
}
