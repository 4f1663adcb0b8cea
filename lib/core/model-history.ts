// The versions and promotions of a model, wherever they were read from, and what registering it once more would add to
// them. A plan, so that it can be looked at before anything is written.

import { DdvError } from './errors.js'
import type { Artifact } from './lockfile.js'
import {
  compareVersions,
  type ModelName,
  type ModelReference,
  type ModelStage,
  type ModelVersion,
  nextVersion,
  type WantedVersion,
} from './model-name.js'
import { isSameModel } from './model-record.js'

export interface KnownVersion {
  readonly version: ModelVersion
  /** undefined: only its name is known, as of a tag that another program made. */
  readonly artifact: Artifact | undefined
}

export interface KnownPromotion {
  readonly stage: ModelStage
  /** undefined: of a tag without it. */
  readonly number: number | undefined
  /** undefined: it was taken back, or nothing says which. */
  readonly version: ModelVersion | undefined
}

export interface ModelHistory {
  readonly name: ModelName
  /** Oldest first, each once. */
  readonly versions: readonly KnownVersion[]
  /** In the order in which they were made. */
  readonly promotions: readonly KnownPromotion[]
}

export const newestVersion = ({ versions }: Pick<ModelHistory, 'versions'>): KnownVersion | undefined => versions.at(-1)

/** By stage, the version that was promoted to it last; sorted by name. */
export function currentStages({ promotions }: Pick<ModelHistory, 'promotions'>): ReadonlyMap<ModelStage, ModelVersion> {
  const stages = new Map<ModelStage, ModelVersion>()
  for (const { stage, version } of promotions)
    if (version === undefined) stages.delete(stage)
    else stages.set(stage, version)
  return new Map([...stages].sort(([a], [b]) => (a < b ? -1 : 1)))
}

/** undefined for none. */
export const latestOf = (versions: readonly ModelVersion[]): ModelVersion | undefined =>
  [...versions].sort(compareVersions).at(-1)

/** Sorted, each once; of two the one that says more counts. */
export function sortVersions<V extends KnownVersion>(versions: Iterable<V>): V[] {
  const byName = new Map<ModelVersion, V>()
  for (const one of versions) if (byName.get(one.version)?.artifact === undefined) byName.set(one.version, one)
  return [...byName.values()].sort((a, b) => compareVersions(a.version, b.version))
}

export interface Wanted {
  readonly artifact: Artifact
  readonly version: WantedVersion
  readonly stage: ModelStage | undefined
  /** The highest that a promotion has elsewhere: the next is above it. */
  readonly lastNumber?: number
}

export interface RegistrationPlan {
  readonly version: ModelVersion
  /** False: it is registered already. */
  readonly isNew: boolean
  /** The number of the promotion that is to be made; undefined where none is. */
  readonly promotion: number | undefined
}

/**
 * The same bytes as the newest version's are not registered again, unless under a version of their own. Throws `refused`
 * for a version that other bytes have, or that is older than the newest.
 */
export function planRegistration(history: ModelHistory, wanted: Wanted): RegistrationPlan {
  const { version, isNew } = planVersion(history, wanted)
  const { stage, lastNumber = 0 } = wanted
  const isThere = stage === undefined || currentStages(history).get(stage) === version
  return { version, isNew, promotion: isThere ? undefined : Math.max(lastNumber, highestNumber(history)) + 1 }
}

function planVersion(
  history: ModelHistory,
  { artifact, version: wanted }: Wanted,
): Pick<RegistrationPlan, 'version' | 'isNew'> {
  const { name, versions } = history
  const newest = newestVersion(history)
  if ('bump' in wanted) {
    if (newest?.artifact !== undefined && isSameModel(newest.artifact, artifact))
      return { version: newest.version, isNew: false }
    return { version: nextVersion(newest?.version, wanted.bump), isNew: true }
  }
  const { exact } = wanted
  const next = `the next ones are ${nextVersion(newest?.version, 'patch')}, ${nextVersion(newest?.version, 'minor')} and ${nextVersion(newest?.version, 'major')}`
  const there = versions.find(({ version }) => version === exact)
  if (there !== undefined) {
    if (there.artifact !== undefined && isSameModel(there.artifact, artifact)) return { version: exact, isNew: false }
    const what = there.artifact === undefined ? 'by a git tag that does not tell its digest' : 'with another digest'
    throw new DdvError('refused', `version is registered already, ${what}: ${name}@${exact}`, { hint: next })
  }
  if (newest !== undefined && compareVersions(exact, newest.version) < 0)
    throw new DdvError('refused', `version is older than the newest, ${newest.version}: ${name}@${exact}`, {
      hint: next,
    })
  return { version: exact, isNew: true }
}

/** 0 for none. */
export const highestNumber = ({ promotions }: Pick<ModelHistory, 'promotions'>): number =>
  promotions.reduce((most, { number = 0 }) => Math.max(most, number), 0)

/** Throws `usage` with what there is, where the model has no such version or stage. */
export function selectVersion(history: ModelHistory, { name, selector }: ModelReference): ModelVersion {
  const newest = newestVersion(history)
  if (newest === undefined) throw new DdvError('usage', `no version is registered of the model: ${name}`)
  if (selector === 'latest') return newest.version
  if (typeof selector === 'object') {
    const stages = currentStages(history)
    const version = stages.get(selector.stage)
    if (version !== undefined) return version
    const known = [...stages.keys()].join(', ')
    throw new DdvError('usage', `no version was promoted to that stage: ${name}#${selector.stage}`, {
      hint: known === '' ? `it has no stages; '${name}@latest' is ${newest.version}` : `it has ${known}`,
    })
  }
  if (history.versions.some(({ version }) => version === selector)) return selector
  throw new DdvError('usage', `no such version: ${name}@${selector}`, { hint: `the newest is ${newest.version}` })
}
