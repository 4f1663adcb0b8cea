// Whether a remote has what pointers name. The cheap look: each recipe, and that its packs are there in their size, which
// costs a request a version and a listing (or a HEAD a pack). The deep one reads all of it, as a pull does, into a place
// where nothing stays.

import { rmSync } from 'node:fs'
import { join } from 'node:path'
import type { Digest } from '../core/digest.js'
import { DdvError, isDdvError } from '../core/errors.js'
import type { Control } from '../core/events.js'
import type { PackInfo } from '../core/pack.js'
import type { Recipe } from '../core/recipe.js'
import type { Kv } from '../sys/kv.js'
import type { Pool } from '../sys/pool.js'
import { randomName } from '../sys/random.js'
import { checkFormat } from './claims.js'
import { forEachAtOnce } from './concurrently.js'
import { download, type FetchItem } from './download.js'
import { KnownChunks } from './known-chunks.js'
import { fetchTable, packKey } from './packs.js'
import { readRecipe } from './recipes.js'
import type { Remote } from './remote.js'
import { findPacks } from './reuse.js'

export interface CheckContext {
  readonly remote: Remote
  /** Where it is noted which packs were seen. */
  readonly index: Kv
  /** Requests at the same time. */
  readonly concurrency: number
  /** Whether the table of each pack is read and held against its hash, for a request more each. */
  readonly tables?: boolean
}

/** What is wrong with each item, in order; undefined where nothing is. Throws where the remote cannot be asked. */
export async function checkItems(
  context: CheckContext,
  items: readonly FetchItem[],
  { signal }: Control,
): Promise<(DdvError | undefined)[]> {
  const { remote, index, concurrency } = context
  if (items.length === 0) return []
  await checkFormat(remote, signal)
  const recipes = new Map<FetchItem, Recipe | DdvError>()
  await forEachAtOnce(items, concurrency, async item => {
    recipes.set(item, await findRecipe(remote, item, signal))
  })
  const packs = new Map<Digest, PackInfo>()
  for (const recipe of recipes.values())
    if (!isDdvError(recipe)) for (const pack of recipe.packs) packs.set(pack.digest, pack)
  const known = new KnownChunks(index, remote.url)
  const there = await findPacks([...packs.values()], { remote, known, concurrency, signal })
  const faults = new Map<Digest, DdvError>()
  const lost = [...packs.keys()].filter(digest => !there.has(digest))
  await forEachAtOnce(lost, concurrency, async digest => {
    const stat = await remote.stat(packKey(digest), { signal })
    faults.set(digest, packFault(digest, stat !== undefined))
  })
  if (context.tables === true)
    await forEachAtOnce(there, concurrency, async digest => {
      const fault = await tableFault(remote, packs.get(digest) as PackInfo, signal)
      if (fault !== undefined) faults.set(digest, fault)
    })
  return items.map(item => {
    const recipe = recipes.get(item) as Recipe | DdvError
    if (isDdvError(recipe)) return recipe
    const found = recipe.packs.flatMap(({ digest }) => faults.get(digest) ?? [])
    return found.find(({ code }) => code === 'corrupt') ?? found[0]
  })
}

async function findRecipe(
  remote: Remote,
  item: FetchItem,
  signal: AbortSignal | undefined,
): Promise<Recipe | DdvError> {
  try {
    const found = await readRecipe(remote, item, signal)
    return found?.recipe ?? new DdvError('missing', `not on the remote ${remote.url}`)
  } catch (error) {
    if (isDdvError(error, 'corrupt', 'newer-format')) return error
    throw error
  }
}

const packFault = (digest: Digest, isThere: boolean): DdvError =>
  isThere
    ? new DdvError('corrupt', `a pack is of another size than its recipe says: ${packKey(digest)}`)
    : new DdvError('missing', `a pack is not on the remote: ${packKey(digest)}`)

async function tableFault(
  remote: Remote,
  pack: PackInfo,
  signal: AbortSignal | undefined,
): Promise<DdvError | undefined> {
  try {
    await fetchTable(remote, pack, signal)
    return undefined
  } catch (error) {
    if (isDdvError(error, 'corrupt', 'missing')) return error
    throw error
  }
}

export interface ReadContext {
  readonly remote: Remote
  readonly pool: Pool
  readonly concurrency: number
  /** A directory with room for the largest item; what is made there goes. */
  readonly directory: string
}

/** Reads every item whole and checks each blob against its digest; each blob once. The faults, as `checkItems` gives them. */
export async function readItems(
  { remote, pool, concurrency, directory }: ReadContext,
  items: readonly FetchItem[],
  control: Control,
): Promise<(DdvError | undefined)[]> {
  const good = new Set<Digest>()
  // A listing is read from the file that it came in: that of an item before is gone.
  const listings = new Set(items.filter(({ kind }) => kind === 'directory').map(({ hash }) => hash))
  const faults: (DdvError | undefined)[] = []
  for (const item of items) {
    const arrived: (readonly [string, Digest])[] = []
    const newTemporary = (): string => join(directory, randomName())
    const sink = {
      has: (digest: Digest) => good.has(digest) && !listings.has(digest),
      newTemporary,
      // What is only checked is not gone on with later.
      newPartial: newTemporary,
      takePartial: () => undefined,
      leavePartial: (_digest: Digest, path: string) => rmSync(path, { force: true }),
      add: (temporary: string, digest: Digest) => void arrived.push([temporary, digest]),
      commit: async () => {
        for (const [temporary, digest] of arrived.splice(0)) {
          rmSync(temporary, { force: true })
          good.add(digest)
        }
      },
    }
    const blobPath = (digest: Digest): string => join(directory, digest)
    const { items: results } = await download({ remote, pool, concurrency, sink, blobPath }, [item], control)
    faults.push(results[0]?.error)
  }
  return faults
}
