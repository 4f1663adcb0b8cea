// What is known of models: by the records on a remote, or by git tags, ddv's own and GTO's.

import { isDdvError } from '../core/errors.js'
import type { Control } from '../core/events.js'
import { type KnownPromotion, type KnownVersion, type ModelHistory, sortVersions } from '../core/model-history.js'
import { type ModelName, type ModelTag, type ModelVersion, parseModelTag } from '../core/model-name.js'
import { decodeModelRecord, decodePromotion, type ModelRecord, type PromotionRecord } from '../core/model-record.js'
import type { GitRepository } from '../git/repository.js'
import { listTags, type Tag } from '../git/tags.js'
import { forEachAtOnce } from '../remote/concurrently.js'
import { type ListedModel, listModels, readModelRecord, readPromotion } from '../remote/registry.js'
import type { Remote } from '../remote/remote.js'
import type { OutputFailure } from './add.js'

export interface HistoricVersion extends KnownVersion {
  /** undefined: it was not asked for, or a tag of another program says no more than the version. */
  readonly record: ModelRecord | undefined
  readonly commit: string | undefined
  readonly at: Date | undefined
}

export interface HistoricPromotion extends KnownPromotion {
  /** undefined: of a tag of another program. */
  readonly record: PromotionRecord | undefined
  readonly commit: string | undefined
  readonly at: Date | undefined
}

export interface History extends ModelHistory {
  readonly versions: readonly HistoricVersion[]
  readonly promotions: readonly HistoricPromotion[]
}

export interface HistoryOptions extends Control {
  /** All models unless told. */
  readonly name?: ModelName | undefined
  /** Of which versions the records are read; all unless told. */
  readonly wanted?: (version: ModelVersion, listed: ListedModel) => boolean
  /** Hears of records that cannot be read, which are passed over then; thrown unless told. */
  readonly onFailure?: (failure: OutputFailure) => void
}

/** Requests at the same time. */
const concurrency = 8

/** By name, sorted. */
export async function historiesOnRemote(remote: Remote, options: HistoryOptions): Promise<readonly History[]> {
  const { name, signal } = options
  const listed = await listModels(remote, { name, signal })
  const histories: History[] = []
  for (const [model, one] of listed) histories.push(await readHistory(remote, model, { ...options, listed: one }))
  return histories
}

async function readHistory(
  remote: Remote,
  name: ModelName,
  { listed, signal, wanted = () => true, onFailure }: HistoryOptions & { readonly listed: ListedModel },
): Promise<History> {
  const orFailure = async <T>(path: string, read: () => Promise<T>): Promise<T | undefined> => {
    try {
      return await read()
    } catch (error) {
      if (onFailure === undefined || !isDdvError(error, 'corrupt', 'newer-format')) throw error
      onFailure({ path, error })
      return undefined
    }
  }
  const versions: HistoricVersion[] = []
  await forEachAtOnce(listed.versions, concurrency, async version => {
    const read = () => readModelRecord(remote, name, { version, signal })
    versions.push(versionOf(version, wanted(version, listed) ? await orFailure(`${name}@${version}`, read) : undefined))
  })
  const promotions: HistoricPromotion[] = []
  await forEachAtOnce(listed.promotions, concurrency, async number => {
    const record = await orFailure(`${name}#${number}`, () => readPromotion(remote, name, { number, signal }))
    if (record !== undefined) promotions.push({ ...record, record })
  })
  return { name, versions: sortVersions(versions), promotions: promotions.sort(byNumber) }
}

const versionOf = (version: ModelVersion, record: ModelRecord | undefined): HistoricVersion => ({
  ...{ version, record, artifact: record?.artifact, commit: record?.commit, at: record?.at },
})

const byNumber = (a: KnownPromotion, b: KnownPromotion): number => (a.number ?? 0) - (b.number ?? 0)

/** By name, sorted. What tags say of ddv's is in their messages; of others' the commit tells which version is promoted. */
export async function historiesInGit(
  repository: GitRepository,
  { name, signal }: Pick<HistoryOptions, 'name' | 'signal'>,
): Promise<readonly History[]> {
  const parsed = new Map<string, ModelTag>()
  const wanted = (tag: string): boolean => {
    const model = parseModelTag(tag)
    if (model === undefined || (name !== undefined && model.name !== name)) return false
    parsed.set(tag, model)
    return true
  }
  const byName = new Map<ModelName, ReadTag[]>()
  for (const tag of await listTags(repository, { wanted, signal })) {
    const means = parsed.get(tag.name) as ModelTag
    byName.set(means.name, [...(byName.get(means.name) ?? []), { tag, means }])
  }
  return [...byName].sort(([a], [b]) => (a < b ? -1 : 1)).map(([model, tags]) => historyOf(model, tags))
}

interface ReadTag {
  readonly tag: Tag
  readonly means: ModelTag
}

function historyOf(name: ModelName, tags: readonly ReadTag[]): History {
  const found: HistoricVersion[] = []
  const cancelled = new Set<ModelVersion>()
  for (const { tag, means } of tags) {
    if (!('version' in means)) continue
    if (means.cancelled) cancelled.add(means.version)
    else found.push(taggedVersion(tag, means))
  }
  const versions = sortVersions(found.filter(({ version }) => !cancelled.has(version)))
  const promotions = tags.flatMap(({ tag, means }) =>
    'stage' in means ? [taggedPromotion(tag, { ...means, versions })] : [],
  )
  return { name, versions, promotions: promotions.sort((a, b) => byNumber(a, b) || byTime(a, b)) }
}

const byTime = (a: { readonly at: Date | undefined }, b: { readonly at: Date | undefined }): number =>
  (a.at?.getTime() ?? 0) - (b.at?.getTime() ?? 0)

function taggedVersion(tag: Tag, { name, version }: ModelTag & { readonly version: ModelVersion }): HistoricVersion {
  const record = recordOfTag(tag)
  const isOwn = record?.model === name && record.version === version
  // The tag's own time is in whole seconds, and may be that of whoever made it from the record.
  return { ...versionOf(version, isOwn ? record : undefined), commit: tag.commit, at: (isOwn && record?.at) || tag.at }
}

interface Promoting {
  readonly stage: HistoricPromotion['stage']
  readonly number: number | undefined
  readonly cancelled: boolean
  readonly versions: readonly HistoricVersion[]
}

function taggedPromotion(tag: Tag, { stage, number, cancelled, versions }: Promoting): HistoricPromotion {
  const { commit, at } = tag
  const record = bodyOf(tag, text => decodePromotion(text, tag.name))
  const own = record?.stage === stage && record.number === number ? record : undefined
  const version = own?.version ?? versions.findLast(one => one.commit === commit)?.version
  return { stage, number, version: cancelled ? undefined : version, record: own, commit, at: own?.at ?? at }
}

/** What ddv wrote into a version's tag; undefined for a tag of another program. */
export const recordOfTag = (tag: Tag): ModelRecord | undefined => bodyOf(tag, text => decodeModelRecord(text, tag.name))

/** What stands below a tag's first line; undefined where that is nothing of ddv's. */
function bodyOf<T>({ message = '' }: Tag, decode: (text: string) => T): T | undefined {
  const at = message.indexOf('\n\n')
  try {
    return at < 0 ? undefined : decode(message.slice(at + 2))
  } catch (error) {
    if (isDdvError(error, 'corrupt', 'newer-format')) return undefined
    throw error
  }
}

/** That of the model, or one without anything. */
export const historyNamed = (histories: readonly History[], name: ModelName): History =>
  histories.find(one => one.name === name) ?? { name, versions: [], promotions: [] }
