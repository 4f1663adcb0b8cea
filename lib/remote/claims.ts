// Claims, sweeps, repositories: how pushes and collections share a remote without a lock. See FORMAT.md, "Sharing".
// Whoever wants to keep writes first and looks afterwards; whoever wants to delete does the same; so one of the two
// sees the other. All ages are the store's, never a client's clock.

import { type Digest, isDigest } from '../core/digest.js'
import { DdvError } from '../core/errors.js'
import type { OutputKind } from '../core/pointer.js'
import { recipeKey } from './recipes.js'
import type { Key, Remote } from './remote.js'

const hour = 3_600_000
const day = 24 * hour

/** Milliseconds. Nothing younger is ever collected. */
export const collectAge = 14 * day
/** A recipe that is relied on and older than this is written again. */
export const touchAge = 4 * day
/** A claim protects for so long after its PUT. */
export const claimAge = 7 * day
/** A push whose claim is older than this claims again before it goes on. */
export const claimRenewal = 1.5 * day
/** A sweep counts for so long; its maker stops at half of it. */
export const sweepAge = 24 * hour
/** Within this a commit must have reached a registered repository. */
export const publishAge = 7 * day

/** What a running push relies on, or a running collection is about to delete. */
export interface Holding {
  readonly recipes: ReadonlySet<Key>
  readonly packs: ReadonlySet<Digest>
}

const maxHolding = 67_108_864
const maxRepository = 16_384
const recipePattern = /^recipes\/(file|directory)\/[0-9a-f]{2}\/[0-9a-f]{62}$/

/** JSON, sorted, with a final newline. */
export function encodeHolding({ recipes, packs }: Holding): Buffer {
  const short = [...recipes].map(key => key.slice('recipes/'.length).replace(/\/(..)\/(.{62})$/, '/$1$2'))
  return Buffer.from(`${JSON.stringify({ ddv: 1, recipes: short.sort(), packs: [...packs].sort() })}\n`)
}

/** Throws `corrupt` (or `newer-format`): whoever cannot read a claim or a sweep must not act as if it were empty. */
export function decodeHolding(bytes: Uint8Array, name: string): Holding {
  const value = parseObject(bytes, name)
  if (typeof value.ddv === 'number' && value.ddv > 1)
    throw new DdvError('newer-format', `written by a newer ddv: ${name}`, { hint: 'update ddv' })
  const { recipes, packs } = value
  if (value.ddv !== 1 || !Array.isArray(recipes) || !Array.isArray(packs) || !packs.every(isDigest))
    throw new DdvError('corrupt', `not what it should be: ${name}`)
  return { recipes: new Set(recipes.map(recipe => recipeOf(recipe, name))), packs: new Set(packs) }
}

function recipeOf(text: unknown, name: string): Key {
  const [kind, hash, more] = typeof text === 'string' ? text.split('/') : []
  const key = isDigest(hash) && more === undefined ? recipeKey(kind as OutputKind, hash) : ''
  if (!recipePattern.test(key)) throw new DdvError('corrupt', `names no recipe: ${name}`)
  return key
}

function parseObject(bytes: Uint8Array, name: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(Buffer.from(bytes).toString('utf8'))
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>
  } catch (cause) {
    if (!(cause instanceof SyntaxError)) throw cause
  }
  throw new DdvError('corrupt', `not a JSON object: ${name}`)
}

export interface ListedHolding extends Holding {
  readonly key: Key
  readonly age: number
}

/** The claims or sweeps that are younger than `maxAge`. One that goes away while it is read is left out. */
export async function listHoldings(
  remote: Remote,
  kind: 'claims' | 'sweeps',
  { maxAge, signal }: { readonly maxAge: number; readonly signal?: AbortSignal | undefined },
): Promise<ListedHolding[]> {
  const found: ListedHolding[] = []
  for await (const { key, age } of remote.list(`${kind}/`, { signal })) {
    if (age >= maxAge) continue
    const got = await remote.get(key, { maxBytes: maxHolding, signal })
    if (got !== undefined) found.push({ key, age: got.age, ...decodeHolding(got.bytes, key) })
  }
  return found
}

export const repositoryKey = (id: string): Key => `repositories/${id}`

const repositoryId = /^[a-z0-9][a-z0-9-]{0,127}$/

/** Step 1 of a push: the repository is known to collections. Gives back the bytes sent. */
export async function registerRepository(
  remote: Remote,
  { id, url }: { readonly id: string; readonly url: string },
  signal?: AbortSignal,
): Promise<number> {
  if (!repositoryId.test(id)) throw new DdvError('usage', `not an id of a repository: ${id}`)
  if ((await remote.stat(repositoryKey(id), { signal })) !== undefined) return 0
  const bytes = Buffer.from(`${JSON.stringify({ ddv: 1, url })}\n`)
  await remote.put(repositoryKey(id), bytes, { signal })
  return bytes.length
}

/** Who uses the remote: id → url. Throws `corrupt` where one cannot be read. */
export async function listRepositories(remote: Remote, signal?: AbortSignal): Promise<Map<string, string>> {
  const found = new Map<string, string>()
  for await (const { key } of remote.list('repositories/', { signal })) {
    const got = await remote.get(key, { maxBytes: maxRepository, signal })
    if (got === undefined) continue
    const { url } = parseObject(got.bytes, key)
    if (typeof url !== 'string') throw new DdvError('corrupt', `names no repository: ${key}`)
    found.set(key.slice('repositories/'.length), url)
  }
  return found
}

const formatKey = 'ddv.json'
const maxFormat = 4096

/** Whether the remote is one of ddv's that this program can read. Throws `newer-format`, `refused`. */
export async function checkFormat(remote: Remote, signal?: AbortSignal): Promise<'known' | 'empty'> {
  const got = await remote.get(formatKey, { maxBytes: maxFormat, signal })
  if (got === undefined) return 'empty'
  const { ddv, chunker } = parseObject(got.bytes, formatKey)
  if (ddv === 1 && chunker === 'xet-1') return 'known'
  throw new DdvError('newer-format', `the remote was made by a newer ddv: ${remote.url}`, { hint: 'update ddv' })
}

/** Written once, by the first push. Two that write at once write the same. Gives back the bytes sent. */
export async function writeFormat(remote: Remote, signal?: AbortSignal): Promise<number> {
  const bytes = Buffer.from('{"ddv":1,"chunker":"xet-1"}\n')
  await remote.put(formatKey, bytes, { signal })
  return bytes.length
}
