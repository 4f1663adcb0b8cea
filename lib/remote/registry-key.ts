// Where a registry's records lie on a remote: `registry/<model>/<version>.json` and `registry/<model>/stages/<n>.json`. See
// FORMAT.md.

import { isModelName, isModelVersion, type ModelName, type ModelVersion } from '../core/model-name.js'
import { isPromotionNumber } from '../core/model-record.js'
import type { Key } from './remote.js'

export const registryPrefix = 'registry/'

export const modelPrefix = (name: ModelName): string => `${registryPrefix}${name}/`
export const versionKey = (name: ModelName, version: ModelVersion): Key => `${modelPrefix(name)}${version}.json`
export const promotionKey = (name: ModelName, number: number): Key => `${modelPrefix(name)}stages/${number}.json`
/** Of those that are about to create one of the model's records, on stores that cannot keep them apart. */
export const registryClaimsPrefix = (name: ModelName): string => `${modelPrefix(name)}claims/`

export type RegistryKey =
  | { readonly name: ModelName; readonly version: ModelVersion }
  | { readonly name: ModelName; readonly number: number }

/** undefined for what is no record, such as a claim. */
export function parseRegistryKey(key: Key): RegistryKey | undefined {
  const [, name, directory, file] = /^registry\/([^/]+)\/(?:(stages)\/)?([^/]+)\.json$/.exec(key) ?? []
  if (!isModelName(name)) return undefined
  if (directory === undefined) return isModelVersion(file) ? { name, version: file } : undefined
  const number = /^[1-9]\d{0,8}$/.test(file ?? '') ? Number(file) : 0
  return isPromotionNumber(number) ? { name, number } : undefined
}
