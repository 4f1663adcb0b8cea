// `registry show|history|tag`: the models that are registered, what became of one, and the git tags of all of it. Read from
// the records on the remote, or from git tags.

import { registryRemote } from '../core/config-remotes.js'
import { nearest } from '../core/did-you-mean.js'
import type { Digest } from '../core/digest.js'
import { DdvError, isDdvError } from '../core/errors.js'
import type { Control } from '../core/events.js'
import type { Json } from '../core/json.js'
import { currentStages, newestVersion } from '../core/model-history.js'
import {
  type ModelName,
  type ModelStage,
  type ModelVersion,
  parseModelName,
  promotionTag,
  versionTag,
} from '../core/model-name.js'
import type { GitRepository } from '../git/repository.js'
import { listModels } from '../remote/registry.js'
import type { Remote } from '../remote/remote.js'
import type { OutputFailure } from './add.js'
import { type History, type HistoryOptions, historiesInGit, historiesOnRemote } from './model-histories.js'
import { type Tagged, tagPromotion, tagVersion } from './model-tags.js'
import { openProjectRemote } from './open-remote.js'
import type { Project } from './project.js'
import { requireGit } from './revision.js'

export interface RegistryOptions extends Control {
  /** The configuration's `registry.remote`, or the default remote, unless told. */
  readonly remote?: string | undefined
  /** By git tags, whatever remotes there are. Without any remote it is so, too. */
  readonly git?: boolean | undefined
}

export interface RegisteredModel {
  readonly name: ModelName
  /** How many there are. */
  readonly versions: number
  /** Absent where only its stages are known. */
  readonly newest?: ModelVersion
  /** By name. */
  readonly stages: Readonly<Record<ModelStage, ModelVersion>>
}

export interface RegistryResult {
  /** The remote that was read; absent for git. */
  readonly remote?: string
  readonly models: readonly RegisteredModel[]
  /** Records that cannot be read. */
  readonly failures: readonly OutputFailure[]
}

/** All models, or one. Throws `usage` for one that there is not. */
export async function showRegistry(
  project: Project,
  typed: string | undefined,
  options: RegistryOptions,
): Promise<RegistryResult> {
  const name = typed === undefined ? undefined : parseModelName(typed)
  // Names of versions are all that is shown.
  const { histories, ...read } = await readHistories(project, { ...options, name, wanted: () => false })
  return { ...read, models: histories.map(modelOf) }
}

function modelOf(history: History): RegisteredModel {
  const newest = newestVersion(history)?.version
  return {
    ...{ name: history.name, versions: history.versions.length },
    ...(newest !== undefined && { newest }),
    stages: Object.fromEntries(currentStages(history)),
  }
}

/** A version that was registered, or a promotion of one. */
export interface RegistryEvent {
  readonly event: 'registered' | 'promoted'
  /** Absent where a stage lost what it had, or a tag of another program does not say it. */
  readonly version?: ModelVersion
  readonly stage?: ModelStage
  readonly number?: number
  readonly path?: string
  readonly hash?: Digest
  readonly size?: number
  readonly metrics?: Json
  readonly commit?: string
  readonly run?: string
  readonly at?: Date
}

export interface RegistryHistory {
  /** The remote that was read; absent for git. */
  readonly remote?: string
  readonly name: ModelName
  /** As they came, oldest first. */
  readonly events: readonly RegistryEvent[]
  readonly failures: readonly OutputFailure[]
}

/** Throws `usage` for a model that there is not. */
export async function registryHistory(
  project: Project,
  typed: string,
  options: RegistryOptions,
): Promise<RegistryHistory> {
  const name = parseModelName(typed)
  const { histories, ...read } = await readHistories(project, { ...options, name })
  return { ...read, name, events: histories.flatMap(eventsOf) }
}

// By the clocks of those who did it, which may be wrong; but no version comes after its promotion, nor a promotion after one
// with a higher number.
function eventsOf({ versions, promotions }: History): RegistryEvent[] {
  const left = versions.map(
    ({ version, record, commit, at }): RegistryEvent => ({
      ...{ event: 'registered', version },
      ...(record !== undefined && { path: record.path, hash: record.artifact.hash, size: record.artifact.size }),
      ...(record?.metrics !== undefined && { metrics: record.metrics }),
      ...known({ commit, run: record?.run, at }),
    }),
  )
  const events: RegistryEvent[] = []
  for (const { stage, number, version, commit, at } of promotions) {
    const isBefore = (one: RegistryEvent): boolean =>
      one.version === version || (one.at !== undefined && at !== undefined && one.at <= at)
    const last = left.findLastIndex(isBefore)
    events.push(...left.splice(0, last + 1))
    events.push({ event: 'promoted', stage, ...known({ version, number, commit, at }) })
  }
  return [...events, ...left]
}

const known = <T extends object>(fields: T): { [K in keyof T]?: Exclude<T[K], undefined> } =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>
  }

interface ReadHistories {
  readonly remote?: string
  readonly histories: readonly History[]
  readonly failures: readonly OutputFailure[]
}

async function readHistories(
  project: Project,
  options: RegistryOptions & Pick<HistoryOptions, 'name' | 'wanted'>,
): Promise<ReadHistories> {
  const { name, git = project.config.remotes.size === 0 && project.git !== undefined } = options
  if (git) {
    const histories = await historiesInGit(requireGit(project), options)
    if (name !== undefined && histories.length === 0) {
      const others = await historiesInGit(requireGit(project), { signal: options.signal })
      throw unknownModel(
        name,
        others.map(one => one.name),
      )
    }
    return { histories, failures: [] }
  }
  return withRegistry(project, options, async remote => {
    const failures: OutputFailure[] = []
    const histories = await historiesOnRemote(remote, { ...options, onFailure: failure => void failures.push(failure) })
    if (name !== undefined && histories.length === 0)
      throw unknownModel(name, (await listModels(remote, { signal: options.signal })).keys())
    return { remote: remote.url, histories, failures }
  })
}

async function withRegistry<T>(
  project: Project,
  options: RegistryOptions,
  work: (remote: Remote) => Promise<T>,
): Promise<T> {
  const name = registryRemote(project.config, options.remote)
  const remote = await openProjectRemote(project, { ...options, name })
  try {
    return await work(remote)
  } finally {
    await remote.close()
  }
}

/** Throws it with the nearest that there is. */
export function unknownModel(name: ModelName, names: Iterable<ModelName>): DdvError {
  const all = [...names]
  const guess = nearest(
    name,
    all.filter(other => other !== name),
  )
  const hint = guess === undefined ? `'ddv registry show' lists those there are` : `did you mean '${guess}'?`
  return new DdvError('usage', `no such model is registered: ${name}`, { hint })
}

export interface RegistryTagResult {
  readonly remote: string
  /** Git tags that were made now. */
  readonly made: readonly string[]
  /** Those that were there. */
  readonly present: readonly string[]
  /** Records without a tag: their commit is not here, or git has the tag of something else. */
  readonly failures: readonly OutputFailure[]
}

/** Makes the git tags that are missing, of all models or of one. Throws `git` without a repository. */
export async function tagRegistry(
  project: Project,
  typed: string | undefined,
  options: RegistryOptions,
): Promise<RegistryTagResult> {
  const git = requireGit(project)
  const name = typed === undefined ? undefined : parseModelName(typed)
  const { histories, remote = '', failures } = await readHistories(project, { ...options, git: false, name })
  const result = { made: [] as string[], present: [] as string[], failures: [...failures] }
  for (const history of histories)
    for (const [path, make] of taggings(git, history, options)) {
      try {
        const { tag, made } = await make()
        result[made ? 'made' : 'present'].push(tag)
      } catch (error) {
        if (!isDdvError(error, 'missing', 'refused', 'git')) throw error
        result.failures.push({ path, error })
      }
    }
  return { remote, ...result }
}

type Tagging = readonly [path: string, make: () => Promise<Tagged>]

/** Versions before their promotions. */
function taggings(git: GitRepository, { versions, promotions }: History, control: Control): readonly Tagging[] {
  return [
    ...versions.flatMap(({ record }): readonly Tagging[] =>
      record === undefined ? [] : [[versionTag(record.model, record.version), () => tagVersion(git, record, control)]],
    ),
    ...promotions.flatMap(({ record }): readonly Tagging[] =>
      record === undefined
        ? []
        : [[promotionTag(record.model, record.stage, record.number), () => tagPromotion(git, record, control)]],
    ),
  ]
}
