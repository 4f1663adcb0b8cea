// What models, their versions and the stages that they are promoted to are called: on the command line, as keys of a
// remote, and as git tags, whose grammar is that of GTO (`model@v1.2.0`, `model#production#3`), so that its users and its
// tools read ddv's tags. Names are those that all three can hold.

import { DdvError } from './errors.js'
import { displayPath } from './tree-path.js'

declare const modelNameBrand: unique symbol
declare const modelStageBrand: unique symbol
declare const modelVersionBrand: unique symbol

/** `movie-rating`: lower-case letters, digits, and `-` within; at most 64. */
export type ModelName = string & { readonly [modelNameBrand]: true }
/** `production`: the same characters. */
export type ModelStage = string & { readonly [modelStageBrand]: true }
/** `v1.2.0`. */
export type ModelVersion = string & { readonly [modelVersionBrand]: true }

const namePattern = /^[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?$/
const versionPattern = /^v(0|[1-9]\d{0,8})\.(0|[1-9]\d{0,8})\.(0|[1-9]\d{0,8})$/

export const isModelName = (text: unknown): text is ModelName => typeof text === 'string' && namePattern.test(text)
export const isModelStage = (text: unknown): text is ModelStage => typeof text === 'string' && namePattern.test(text)
export const isModelVersion = (text: unknown): text is ModelVersion =>
  typeof text === 'string' && versionPattern.test(text)

/** Throws `usage`, with a name that would do. */
export function parseModelName(text: string): ModelName {
  if (isModelName(text)) return text
  throw badName('model', text)
}

/** Throws `usage`. */
export function parseModelStage(text: string): ModelStage {
  if (isModelStage(text)) return text
  throw badName('stage', text)
}

function badName(what: string, text: string): DdvError {
  const guess = text
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .slice(0, 64)
    .replace(/^-|-$/g, '')
  const form = 'lower-case letters, digits, and - between them; at most 64'
  return new DdvError('usage', `not a name of a ${what}: ${displayPath(text)}`, {
    hint: isModelName(guess) ? `${form}: such as '${guess}'` : form,
  })
}

export type VersionBump = 'major' | 'minor' | 'patch'

/** The next one of a kind, or exactly this one. */
export type WantedVersion = { readonly bump: VersionBump } | { readonly exact: ModelVersion }

const bumps: readonly string[] = ['major', 'minor', 'patch'] satisfies VersionBump[]

/** Throws `usage`. The next patch unless told. */
export function parseWantedVersion(text: string | undefined): WantedVersion {
  if (text === undefined) return { bump: 'patch' }
  if (bumps.includes(text)) return { bump: text as VersionBump }
  if (isModelVersion(text)) return { exact: text }
  const withV = `v${text}`
  throw new DdvError('usage', `not a version: ${displayPath(text)}`, {
    hint: isModelVersion(withV) ? `did you mean '${withV}'?` : `major, minor, patch, or a version such as v1.2.0`,
  })
}

const partsOf = (version: ModelVersion): readonly [number, number, number] => {
  const [, major, minor, patch] = versionPattern.exec(version) ?? []
  return [Number(major), Number(minor), Number(patch)]
}

/** Negative where `a` is the older. */
export function compareVersions(a: ModelVersion, b: ModelVersion): number {
  const [x, y] = [partsOf(a), partsOf(b)]
  return x[0] - y[0] || x[1] - y[1] || x[2] - y[2]
}

/** What follows `newest`; the first of all where that is undefined: v1.0.0, v0.1.0, v0.0.1. */
export function nextVersion(newest: ModelVersion | undefined, bump: VersionBump): ModelVersion {
  const [major, minor, patch] = newest === undefined ? [0, 0, 0] : partsOf(newest)
  const next = {
    major: `v${major + 1}.0.0`,
    minor: `v${major}.${minor + 1}.0`,
    patch: `v${major}.${minor}.${patch + 1}`,
  }[bump]
  if (isModelVersion(next)) return next
  throw new DdvError('refused', `there is no version after ${newest}`)
}

/** Which version of a model is meant. */
export interface ModelReference {
  readonly name: ModelName
  readonly selector: ModelVersion | 'latest' | { readonly stage: ModelStage }
}

/** `model@v1.2.0`, `model@latest` or `model#production`; undefined for anything else. */
export function parseModelReference(text: string): ModelReference | undefined {
  const [, name, sign, rest] = /^([^@#]+)([@#])([^@#]+)$/.exec(text) ?? []
  if (!isModelName(name)) return undefined
  if (sign === '#') return isModelStage(rest) ? { name, selector: { stage: rest } } : undefined
  return rest === 'latest' || isModelVersion(rest) ? { name, selector: rest } : undefined
}

export const versionTag = (name: ModelName, version: ModelVersion): string => `${name}@${version}`

/** The number counts all promotions of the model, to whatever stage. */
export const promotionTag = (name: ModelName, stage: ModelStage, number: number): string => `${name}#${stage}#${number}`

/** What a tag says. `cancelled`: GTO's `!`, which takes back what an earlier tag said. */
export type ModelTag =
  | { readonly name: ModelName; readonly version: ModelVersion; readonly cancelled: boolean }
  | {
      readonly name: ModelName
      readonly stage: ModelStage
      /** undefined: GTO was asked for a tag without it. */
      readonly number: number | undefined
      readonly cancelled: boolean
    }

const tagPattern = /^([a-z0-9-]+)([@#])([a-z0-9.-]+?)(!?)(?:#(\d{1,9}))?$/

/** undefined for any other tag. */
export function parseModelTag(tag: string): ModelTag | undefined {
  const [, name, sign, rest, mark, digits] = tagPattern.exec(tag) ?? []
  if (!isModelName(name)) return undefined
  const cancelled = mark === '!'
  if (sign === '@') return isModelVersion(rest) ? { name, version: rest, cancelled } : undefined
  if (!isModelStage(rest)) return undefined
  return { name, stage: rest, number: digits === undefined ? undefined : Number(digits), cancelled }
}
