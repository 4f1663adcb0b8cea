// The registry of models on a remote: records that are created once and never changed or removed by ddv. Nothing is
// believed of a record that its key does not say too.

import { DdvError } from '../core/errors.js'
import type { ModelName, ModelVersion } from '../core/model-name.js'
import {
  decodeModelRecord,
  decodePromotion,
  encodeModelRecord,
  encodePromotion,
  type ModelRecord,
  maxModelRecord,
  type PromotionRecord,
} from '../core/model-record.js'
import { createOnce, type OnceOptions } from './create-once.js'
import {
  modelPrefix,
  parseRegistryKey,
  promotionKey,
  registryClaimsPrefix,
  registryPrefix,
  versionKey,
} from './registry-key.js'
import type { CallOptions, Remote } from './remote.js'

/** What is there of a model, by the names of its records alone. */
export interface ListedModel {
  readonly versions: readonly ModelVersion[]
  /** Ascending. */
  readonly promotions: readonly number[]
}

/** All models, or the one of this name; by one listing. Sorted by name. */
export async function listModels(
  remote: Remote,
  { name, ...options }: CallOptions & { readonly name?: ModelName | undefined } = {},
): Promise<ReadonlyMap<ModelName, ListedModel>> {
  const found = new Map<ModelName, { versions: ModelVersion[]; promotions: number[] }>()
  for await (const { key } of remote.list(name === undefined ? registryPrefix : modelPrefix(name), options)) {
    const parsed = parseRegistryKey(key)
    if (parsed === undefined) continue
    const model = found.get(parsed.name) ?? { versions: [], promotions: [] }
    if ('version' in parsed) model.versions.push(parsed.version)
    else model.promotions.push(parsed.number)
    found.set(parsed.name, model)
  }
  for (const { promotions } of found.values()) promotions.sort((a, b) => a - b)
  return new Map([...found].sort(([a], [b]) => (a < b ? -1 : 1)))
}

/** undefined where there is none. Throws `corrupt` for what is not the record that its key says. */
export async function readModelRecord(
  remote: Remote,
  name: ModelName,
  { version, ...options }: CallOptions & { readonly version: ModelVersion },
): Promise<ModelRecord | undefined> {
  const key = versionKey(name, version)
  const text = await readText(remote, key, options)
  if (text === undefined) return undefined
  const record = decodeModelRecord(text, key)
  if (record.model === name && record.version === version) return record
  throw otherRecord(key)
}

/** undefined where there is none. Throws `corrupt` for what is not the record that its key says. */
export async function readPromotion(
  remote: Remote,
  name: ModelName,
  { number, ...options }: CallOptions & { readonly number: number },
): Promise<PromotionRecord | undefined> {
  const key = promotionKey(name, number)
  const text = await readText(remote, key, options)
  if (text === undefined) return undefined
  const record = decodePromotion(text, key)
  if (record.model === name && record.number === number) return record
  throw otherRecord(key)
}

async function readText(remote: Remote, key: string, options: CallOptions): Promise<string | undefined> {
  const got = await remote.get(key, { ...options, maxBytes: maxModelRecord })
  return got?.bytes.toString()
}

const otherRecord = (key: string): DdvError =>
  new DdvError('corrupt', `record of the registry is of something else than its name says: ${key}`)

/** False where there is a version of this name already, by another hand; it stays as it is. */
export const createModelRecord = (remote: Remote, record: ModelRecord, options: OnceOptions): Promise<boolean> =>
  createOnce(remote, versionKey(record.model, record.version), {
    ...options,
    bytes: Buffer.from(encodeModelRecord(record)),
    claims: registryClaimsPrefix(record.model),
  })

/** False where a promotion has this number already. */
export const createPromotion = (remote: Remote, record: PromotionRecord, options: OnceOptions): Promise<boolean> =>
  createOnce(remote, promotionKey(record.model, record.number), {
    ...options,
    bytes: Buffer.from(encodePromotion(record)),
    claims: registryClaimsPrefix(record.model),
  })
