// Recipes on a remote, and the copies of those fetched and pushed that a workspace keeps in `.ddv/recipes/`: two recipes
// that name the same chunks of a pack share these bytes, so a pull can take them from what the cache has.

import { lstatSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Digest, digestPath, isDigest } from '../core/digest.js'
import { isDdvError, systemCode } from '../core/errors.js'
import type { OutputKind } from '../core/pointer.js'
import { decodeRecipe, encodeRecipe, maxRecipeSize, type Recipe, type RecipeClaim } from '../core/recipe.js'
import { randomName } from '../sys/random.js'
import { readRegular } from '../sys/read-stable.js'
import type { Key, Remote } from './remote.js'

export const recipeKey = (kind: OutputKind, hash: Digest): Key => `recipes/${kind}/${digestPath(hash)}`

export interface StoredRecipe {
  readonly recipe: Recipe
  /** Milliseconds since it was written, by the store's clock. */
  readonly age: number
  /** As it is stored. */
  readonly bytes: Buffer
}

/** undefined where the remote has none. Throws `corrupt` where it is not one that fits the pointer. */
export async function readRecipe(
  remote: Remote,
  claim: RecipeClaim,
  signal?: AbortSignal,
): Promise<StoredRecipe | undefined> {
  const key = recipeKey(claim.kind, claim.hash)
  const got = await remote.get(key, { maxBytes: maxRecipeSize(claim), signal })
  if (got === undefined) return undefined
  return { recipe: decodeRecipe(got.bytes, claim, key), age: got.age, bytes: got.bytes }
}

/** Gives back the bytes sent. All packs must have been seen on the remote, or sent, in this run. */
export async function writeRecipe(remote: Remote, recipe: Recipe, signal?: AbortSignal): Promise<Buffer> {
  const bytes = Buffer.from(encodeRecipe(recipe))
  await remote.put(recipeKey(recipe.kind, recipe.hash), bytes, { signal })
  return bytes
}

const fileName = ({ kind, hash }: Pick<Recipe, 'kind' | 'hash'>): string => `${kind}-${hash}`

/** May be lost without loss, so nothing here is durable or fails what it serves. */
export function keepRecipe(directory: string | undefined, id: Pick<Recipe, 'kind' | 'hash'>, bytes: Uint8Array): void {
  if (directory === undefined) return
  const temporary = join(directory, `.${randomName()}`)
  try {
    mkdirSync(directory, { recursive: true })
    try {
      writeFileSync(temporary, bytes)
      renameSync(temporary, join(directory, fileName(id)))
    } catch (error) {
      rmSync(temporary, { force: true })
      throw error
    }
  } catch (error) {
    if (systemCode(error) === undefined) throw error
  }
}

/** Bounds on what a pull reads of old recipes to save requests. */
const maxKept = 256
const maxKeptBytes = 16_777_216

/** The kept recipes, newest first, as far as they are sound. */
export function* keptRecipes(directory: string | undefined): Generator<Recipe> {
  let bytes = 0
  for (const { path, kind, hash, size } of newestFiles(directory).slice(0, maxKept)) {
    bytes += size
    if (bytes > maxKeptBytes) return
    const recipe = readKept(path, kind, hash)
    if (recipe !== undefined) yield recipe
  }
}

interface KeptFile {
  readonly path: string
  readonly kind: OutputKind
  readonly hash: Digest
  readonly size: number
}

function newestFiles(directory: string | undefined): KeptFile[] {
  const names = directory === undefined ? [] : listNames(directory)
  return names
    .flatMap(name => {
      const [kind, hash] = name.split('-')
      if ((kind !== 'file' && kind !== 'directory') || !isDigest(hash)) return []
      const path = join(directory as string, name)
      const stat = lstatSync(path, { throwIfNoEntry: false })
      return stat === undefined ? [] : [{ path, kind, hash, size: stat.size, mtime: stat.mtimeMs } as const]
    })
    .sort((a, b) => b.mtime - a.mtime)
}

function listNames(directory: string): string[] {
  try {
    return readdirSync(directory)
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return []
    throw error
  }
}

function readKept(path: string, kind: OutputKind, hash: Digest): Recipe | undefined {
  try {
    const bytes = readRegular(path)
    return bytes === undefined ? undefined : decodeOldRecipe(bytes, { kind, hash, name: path })
  } catch (error) {
    if (isDdvError(error, 'corrupt', 'newer-format') || systemCode(error) !== undefined) return undefined
    throw error
  }
}

const maxOldRecipe = 67_108_864
const oldHead = /^\["ddv-recipe",1,"[a-z]+","[0-9a-f]{64}",([0-9]{1,16})\]\n/

/**
 * A recipe whose pointer is not at hand, held against itself only: good enough for saying where equal bytes may lie,
 * which are hashed before they are used. Throws `corrupt`.
 */
function decodeOldRecipe(
  bytes: Buffer,
  { kind, hash, name }: { readonly kind: OutputKind; readonly hash: Digest; readonly name: string },
): Recipe {
  const stream = Number(oldHead.exec(bytes.toString('latin1', 0, 256))?.[1] ?? 0)
  return decodeRecipe(
    bytes,
    kind === 'file' ? { kind, hash, size: stream } : { kind, hash, size: 0, files: stream },
    name,
  )
}

/** The recipe of an earlier version: kept here, or else on the remote. undefined where there is none that is sound. */
export async function findOldRecipe(
  remote: Remote,
  id: { readonly kind: OutputKind; readonly hash: Digest },
  { directory, signal }: { readonly directory: string | undefined; readonly signal: AbortSignal | undefined },
): Promise<Recipe | undefined> {
  const kept = directory === undefined ? undefined : readKept(join(directory, fileName(id)), id.kind, id.hash)
  if (kept !== undefined) return kept
  const key = recipeKey(id.kind, id.hash)
  const got = await remote.get(key, { maxBytes: maxOldRecipe, signal })
  try {
    return got === undefined ? undefined : decodeOldRecipe(got.bytes, { ...id, name: key })
  } catch (error) {
    if (isDdvError(error, 'corrupt', 'newer-format')) return undefined
    throw error
  }
}
