// Push: what pointers name, from the cache to a remote. The order of the steps is what keeps a collection that runs at
// the same time from deleting what this push relies on; FORMAT.md, "Push", gives them their numbers.

import type { Digest } from '../core/digest.js'
import { DdvError, isDdvError, throwIfAborted } from '../core/errors.js'
import type { Control } from '../core/events.js'
import type { PackInfo } from '../core/pack.js'
import type { Recipe } from '../core/recipe.js'
import { randomName } from '../sys/random.js'
import { checkFormat, registerRepository, touchAge, writeFormat } from './claims.js'
import { forEachAtOnce } from './concurrently.js'
import { KnownChunks } from './known-chunks.js'
import { fetchTable } from './packs.js'
import { Prover } from './prove.js'
import type { ItemResult, PushItem, UploadContext, UploadResult, UploadRun, Work } from './push-run.js'
import { findOldRecipe, keepRecipe, readRecipe, recipeKey, type StoredRecipe } from './recipes.js'
import { findPacks, Reuse } from './reuse.js'
import { publish, sendWorks } from './send.js'

export type { ItemResult, PushItem, UploadContext, UploadResult } from './push-run.js'

/** How long it is remembered that a pack, the repository's name or the remote's format was seen there. */
const memory = 86_400_000
/** A recipe this close to its time is treated as if it had come. */
const touchMargin = 3_600_000
/** For taking back a claim after a failure, in milliseconds. */
const farewell = 5_000
/** Tables fetched to learn what the version before has; further ones would cost more than they save. */
const maxTables = 4096
const maxPrevious = 2

/**
 * Brings all items to the remote, each of them whole or named as failed. Throws where nothing could be begun, and when
 * interrupted; what was sent until then is found again by the next push.
 */
export async function upload(
  context: UploadContext,
  items: readonly PushItem[],
  control: Control,
): Promise<UploadResult> {
  const run = startRun(context, control)
  const works = new Map(items.map(item => [recipeKey(item.kind, item.hash), newWork(item)]))
  if (works.size > 0) {
    await prepareRemote(run, context.repair === true ? 0 : memory)
    await finishWorks(run, [...works.values()])
  }
  const results = items.map(item => resultOf(item, works.get(recipeKey(item.kind, item.hash)) as Work))
  return { items: results, bytesSent: run.bytesSent, packs: run.packs }
}

function startRun(context: UploadContext, control: Control): UploadRun {
  const { remote, concurrency, clock, sleep } = context
  const known = new KnownChunks(context.index, remote.url)
  const { signal, onEvent } = control
  const prover = context.repair === true ? new Prover({ remote, known, signal }) : undefined
  const reuse = new Reuse({ remote, known, concurrency, signal, onEvent, prover, clock, sleep })
  const start = { group: randomName(), startedAt: Date.now(), bytesSent: 0, packs: 0 }
  return { context, control, known, reuse, prover, ...start }
}

const newWork = (item: PushItem): Work => ({
  item,
  key: recipeKey(item.kind, item.hash),
  found: undefined,
  recipe: undefined,
  outcome: undefined,
  error: undefined,
  missing: new Set(),
  corrupt: new Set(),
})

function resultOf(item: PushItem, work: Work): ItemResult {
  const { outcome, missing, corrupt } = work
  const error =
    work.error ?? (outcome === undefined ? new DdvError('remote', `was not pushed: ${item.label}`) : undefined)
  return {
    item,
    outcome: error === undefined ? (outcome ?? 'failed') : 'failed',
    error,
    missing: [...missing],
    corrupt: [...corrupt],
  }
}

// Step 1. Remembered for a day, so that a push of nothing new does not ask; a push that has something to send asks all
// the same, since a remote that lacks what it had may have been emptied and begun anew. `memory` in milliseconds.
async function prepareRemote({ context, control, known }: UploadRun, memory: number): Promise<void> {
  const { remote, repository } = context
  if (!known.wasTrue('format', memory)) {
    if ((await checkFormat(remote, control.signal)) === 'empty') await writeFormat(remote, control.signal)
    known.noteTrue('format')
  }
  const name = `repository ${repository.id}`
  if (known.wasTrue(name, memory)) return
  await registerRepository(remote, repository, control.signal)
  known.noteTrue(name)
}

async function finishWorks(run: UploadRun, works: readonly Work[]): Promise<void> {
  try {
    while (!(await attempt(run, works))) throwIfAborted(run.control.signal)
  } catch (error) {
    // The claim is taken away as far as that goes, and soon, since the remote may be dead; the error at hand tells more.
    await run.reuse.end(AbortSignal.timeout(farewell)).catch(() => undefined)
    if (!(error instanceof DdvError) || error.code === 'interrupted') throw error
    // What failed is not one output but the remote, or the disk: no use in going on.
    for (const work of works) if (work.outcome === undefined) work.error ??= error
    return
  }
  await run.reuse.end()
}

/** Steps 2 to 7. False where all is to be looked at anew. */
async function attempt(run: UploadRun, works: readonly Work[]): Promise<boolean> {
  const open = works.filter(work => work.error === undefined)
  await readRecipes(run, open)
  await dropUnproven(run, open)
  if (open.some(work => work.found === undefined)) await prepareRemote(run, Date.now() - run.startedAt + 1)
  const packs = await packsToClaim(run, open)
  if (!(await run.reuse.begin(new Set(open.map(work => work.key)), packs))) return false
  if (!(await lookAgain(run, open))) return false
  await sendWorks(
    run,
    open.filter(work => work.found === undefined),
  )
  return !run.reuse.expired()
}

// Step 2. A recipe that does not parse is as good as none: it is written again.
async function readRecipes({ context, control }: UploadRun, works: readonly Work[]): Promise<void> {
  await forEachAtOnce(works, context.concurrency, async work => {
    try {
      work.found = await readRecipe(context.remote, work.item, control.signal)
    } catch (error) {
      if (!isDdvError(error, 'corrupt')) throw error
      work.found = undefined
    }
  })
}

// A recipe is no proof that its packs are still there: a bucket has lifecycle rules, or was copied by half.
async function dropUnproven(run: UploadRun, works: readonly Work[]): Promise<void> {
  const open = new Map<Digest, PackInfo>()
  for (const { found } of works)
    for (const pack of found?.recipe.packs ?? [])
      if (run.prover !== undefined || !run.known.seen(pack, memory)) open.set(pack.digest, pack)
  const { remote, concurrency } = run.context
  const options = { remote, known: run.known, concurrency, signal: run.control.signal, prover: run.prover }
  const there = open.size === 0 ? new Set() : await findPacks([...open.values()], options)
  const gone = new Set([...open.keys()].filter(digest => !there.has(digest)))
  if (gone.size > 0) run.known.remove(gone)
  for (const work of works)
    if (work.found?.recipe.packs.some(pack => gone.has(pack.digest)) || isFalse(run, work)) work.found = undefined
}

// Of sound packs, but wrong about them.
const isFalse = ({ prover }: UploadRun, { found }: Work): boolean =>
  prover !== undefined && found !== undefined && !prover.bearsOut(found.recipe)

const isOld = (found: StoredRecipe): boolean => found.age >= touchAge - touchMargin

// Step 3: packs of recipes to be touched, of recipes that an earlier attempt made, and of the versions before.
async function packsToClaim(run: UploadRun, works: readonly Work[]): Promise<PackInfo[]> {
  const packs = new Map<Digest, PackInfo>()
  const add = (recipe: Recipe): void => {
    for (const pack of recipe.packs) packs.set(pack.digest, pack)
  }
  for (const { found, recipe } of works) {
    if (found === undefined && recipe !== undefined) add(recipe)
    if (found !== undefined && isOld(found)) add(found.recipe)
  }
  // Repairing, the versions before are left out: all their packs would have to be read.
  const absent =
    run.prover === undefined ? works.filter(work => work.found === undefined && work.recipe === undefined) : []
  const earlier = new Map(
    absent.flatMap(({ item }) => item.previous.slice(0, maxPrevious).map(id => [recipeKey(id.kind, id.hash), id])),
  )
  const { remote, concurrency, recipes: directory } = run.context
  await forEachAtOnce(earlier.values(), concurrency, async id => {
    const recipe = await findOldRecipe(remote, id, { directory, signal: run.control.signal })
    if (recipe === undefined) return
    await learnTables(run, recipe)
    add(recipe)
  })
  return [...packs.values()]
}

// In a fresh clone the index is empty: the tables of the version before fill it.
async function learnTables({ context, control, known }: UploadRun, recipe: Recipe): Promise<void> {
  const unknown = recipe.packs.filter(pack => known.pack(pack.digest) === undefined).slice(0, maxTables)
  await forEachAtOnce(unknown, context.concurrency, async info => {
    try {
      const table = await fetchTable(context.remote, info, control.signal)
      known.add(info, table.rows, recipe.hash.slice(0, 16))
    } catch (error) {
      if (!isDdvError(error, 'missing', 'corrupt')) throw error // then its chunks are sent again
    }
  })
}

// Step 5, for recipes: one younger than TOUCH is relied on, an older one is written again if all its packs are there.
async function lookAgain(run: UploadRun, works: readonly Work[]): Promise<boolean> {
  const { remote, concurrency, recipes } = run.context
  const found = works.filter(work => work.found !== undefined)
  let calm = true
  await forEachAtOnce(found, concurrency, async work => {
    const stored = work.found as StoredRecipe
    const stat = await remote.stat(work.key, { signal: run.control.signal })
    if (stat === undefined || (stat.age >= touchAge && !isOld(stored))) {
      calm = false
      return
    }
    if (stat.age >= touchAge) {
      if (stored.recipe.packs.some(pack => run.reuse.standing(pack.digest) !== 'good')) {
        work.found = undefined
        return
      }
      await publish(run, work, stored.recipe)
    }
    work.outcome ??= 'present'
    keepRecipe(recipes, work.item, stored.bytes)
  })
  return calm
}
