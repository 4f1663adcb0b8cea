// Fetch: what pointers name, from a remote to the cache. Recipes first, then manifests, then what the cache lacks, of
// all items together, so that a pack that serves many is read once. Every blob is hashed before the cache gets it.

import { readFileSync } from 'node:fs'
import type { Digest } from '../core/digest.js'
import { DdvError, isDdvError } from '../core/errors.js'
import type { Control } from '../core/events.js'
import { decodeManifest, encodeManifest, isFileEntry, type ManifestEntry, manifestTotals } from '../core/manifest.js'
import type { PackTable } from '../core/pack.js'
import type { Recipe } from '../core/recipe.js'
import { writeNewFile } from '../sys/fs.js'
import { hashBytes } from '../sys/hash.js'
import { forEachAtOnce } from './concurrently.js'
import { fetchTargets } from './fetch-targets.js'
import { fetchTable } from './packs.js'
import type {
  DownloadContext,
  DownloadResult,
  DownloadRun,
  FetchItem,
  FetchResult,
  Stream,
  Target,
} from './pull-run.js'
import { keepRecipe, readRecipe } from './recipes.js'
import { worthResuming } from './resume.js'

export type { BlobSink, DownloadContext, DownloadResult, FetchItem, FetchResult } from './pull-run.js'

/**
 * Brings all items into the cache, durably; what fails is named, everything else arrives. Throws when interrupted; what
 * had arrived by then is kept.
 */
export async function download(
  context: DownloadContext,
  items: readonly FetchItem[],
  control: Control,
): Promise<DownloadResult> {
  const run = startRun(context, control)
  const streams = items.map(newStream)
  try {
    await bringAll(run, streams)
  } catch (error) {
    if (!(error instanceof DdvError) || error.code === 'interrupted') throw error
    // Not one output failed but the remote, or the disk: no use in going on.
    for (const stream of streams) if (!isDone(run, stream)) stream.error ??= error
  } finally {
    for (const { targets } of streams) for (const target of targets) await leaveTarget(run, target)
    await context.sink.commit()
  }
  const results = streams.map(stream => resultOf(run, stream))
  return { items: results, bytesReceived: run.bytesReceived, blobs: run.arrived.size }
}

// What did not come to its end: a later pull goes on with what it can use of it.
async function leaveTarget({ context }: DownloadRun, { assembly, digest, size }: Target): Promise<void> {
  if (assembly === undefined) return
  if (size < worthResuming) await assembly.discard()
  else {
    await assembly.leave()
    context.sink.leavePartial(digest, assembly.path)
  }
}

function startRun(context: DownloadContext, control: Control): DownloadRun {
  const tables = new Map<Digest, Promise<PackTable>>()
  const run: DownloadRun = {
    context,
    control,
    coming: new Set(),
    arrived: new Set(),
    packBuffers: [],
    bytesReceived: 0,
    loadTable: pack => {
      const known = tables.get(pack.digest)
      if (known !== undefined) return known
      run.bytesReceived += pack.size - pack.tableOffset
      const table = fetchTable(context.remote, pack, control.signal)
      tables.set(pack.digest, table)
      return table
    },
  }
  return run
}

const newStream = (item: FetchItem): Stream => ({
  item,
  recipe: undefined,
  targets: [],
  elsewhere: [],
  error: undefined,
})

const lacking = (run: DownloadRun, { targets, elsewhere }: Stream): Digest[] => [
  ...targets.filter(target => target.state !== 'arrived').map(target => target.digest),
  ...elsewhere.filter(digest => !run.arrived.has(digest)),
]

const isDone = (run: DownloadRun, stream: Stream): boolean =>
  stream.error === undefined && stream.recipe !== undefined && lacking(run, stream).length === 0

function resultOf(run: DownloadRun, stream: Stream): FetchResult {
  const { item, recipe, targets, elsewhere } = stream
  const missing = lacking(run, stream)
  const error =
    stream.error ??
    (missing.length > 0 ? new DdvError('missing', `not all of it could be fetched: ${item.label}`) : undefined)
  if (error !== undefined) return { item, outcome: 'failed', error, missing }
  const fetched = recipe !== undefined && targets.length + elsewhere.length > 0
  return { item, outcome: fetched ? 'fetched' : 'present', error, missing }
}

async function bringAll(run: DownloadRun, streams: readonly Stream[]): Promise<void> {
  await forEachAtOnce(streams, run.context.concurrency, stream => prepare(run, stream))
  const ready = streams.filter(stream => stream.error === undefined && stream.targets.length > 0)
  for (const { targets } of ready) {
    const bytes = targets.reduce((sum, target) => sum + target.size, 0)
    run.control.onEvent?.({ type: 'total', phase: 'download', files: targets.length, bytes })
  }
  await fetchTargets(run, ready, { careful: false })
  await bringDoubtful(run, ready)
}

// Once more for what came wrong or whose packs were gone: the recipe is read again, since a remote may have been packed
// anew meanwhile, nothing is taken from the cache, and each chunk is checked against its pack's table.
async function bringDoubtful(run: DownloadRun, streams: readonly Stream[]): Promise<void> {
  const again = streams.filter(stream => stream.targets.some(target => target.state === 'doubtful'))
  if (again.length === 0) return
  await forEachAtOnce(again, run.context.concurrency, async stream => {
    const found = await guard(stream, () => readRecipe(run.context.remote, stream.item, run.control.signal))
    if (found === undefined || found.recipe.size !== stream.recipe?.size) return
    stream.recipe = found.recipe
    if (stream.targets.every(target => target.state !== 'failed')) stream.error = undefined
    for (const target of stream.targets) {
      if (target.state !== 'doubtful') continue
      await target.assembly?.discard()
      target.assembly = undefined
      target.state = 'open'
    }
  })
  await fetchTargets(run, again, { careful: true })
}

/** What goes wrong with one item's own data is noted with it; everything else is thrown. */
async function guard<T>(stream: Stream, act: () => Promise<T>): Promise<T | undefined> {
  try {
    return await act()
  } catch (error) {
    if (!isDdvError(error, 'corrupt', 'missing', 'bad-manifest', 'bad-pointer', 'newer-format')) throw error
    stream.error ??= error
    return undefined
  }
}

/** Finds out what of the item is to come: its recipe, its manifest, its targets. */
async function prepare(run: DownloadRun, stream: Stream): Promise<void> {
  const act = stream.item.kind === 'file' ? prepareFile : prepareDirectory
  await guard(stream, () => act(run, stream))
}

async function prepareFile(run: DownloadRun, stream: Stream): Promise<void> {
  const { hash, size } = stream.item
  if (run.context.sink.has(hash, size)) return
  await findRecipe(run, stream)
  addTarget(run, stream, { digest: hash, start: 0, size })
}

async function prepareDirectory(run: DownloadRun, stream: Stream): Promise<void> {
  const { item } = stream
  if (item.entries === undefined) {
    const recipe = await findRecipe(run, stream)
    const bytes = await fetchManifest(run, stream, recipe.size - item.size)
    if (bytes !== undefined) addFiles(run, stream, { entries: decodeManifest(bytes, item.hash), start: bytes.length })
    return
  }
  const bytes = encodeManifest(item.entries)
  if (hashBytes(bytes) !== item.hash)
    throw new DdvError('bad-pointer', `pointer lists other files than its hash says: ${item.label}`)
  if (!run.context.sink.has(item.hash, bytes.length)) addManifest(run, stream, bytes)
  addFiles(run, stream, { entries: item.entries, start: bytes.length })
  if (stream.targets.length === 0) return
  const recipe = await findRecipe(run, stream)
  if (recipe.size !== bytes.length + item.size)
    throw new DdvError('corrupt', `recipe is of another size than its pointer: ${item.label}`)
}

// Another directory may list the same, or a file be of these very bytes.
function addManifest(run: DownloadRun, { item, elsewhere }: Stream, bytes: Uint8Array): void {
  if (run.coming.has(item.hash)) {
    elsewhere.push(item.hash)
    return
  }
  run.coming.add(item.hash)
  addBytes(run, item.hash, bytes)
}

async function findRecipe({ context, control }: DownloadRun, stream: Stream): Promise<Recipe> {
  const { item } = stream
  const found = await readRecipe(context.remote, item, control.signal)
  if (found === undefined)
    throw new DdvError('missing', `not on the remote ${context.remote.url}: ${item.label}`, {
      hint: `run 'ddv push' where the data is`,
    })
  keepRecipe(context.recipes, item, found.bytes)
  stream.recipe = found.recipe
  return found.recipe
}

// It is at the head of the stream, and checked as any blob before it is read.
async function fetchManifest(run: DownloadRun, stream: Stream, size: number): Promise<Buffer | undefined> {
  const { hash } = stream.item
  if (run.context.sink.has(hash, size)) {
    const bytes = readFileSync(run.context.blobPath(hash))
    if (hashBytes(bytes) === hash) return bytes
  }
  const target: Target = { digest: hash, start: 0, size, state: 'open', assembly: undefined, path: undefined }
  stream.targets = [target]
  await fetchTargets(run, [stream], { careful: false })
  await bringDoubtful(run, [stream])
  // Of many directories with the same listing only the first gets here with a file of its own to read.
  return target.path === undefined ? undefined : readFileSync(target.path)
}

function addFiles(
  run: DownloadRun,
  stream: Stream,
  { entries, start }: { readonly entries: readonly ManifestEntry[]; readonly start: number },
): void {
  const { item } = stream
  const totals = manifestTotals(entries)
  if (totals.files !== item.files || totals.size !== item.size)
    throw new DdvError('bad-pointer', `pointer gives another size than its listing: ${item.label}`)
  let at = start
  for (const { digest, size } of entries.filter(isFileEntry)) {
    const wanted = item.only?.has(digest) !== false && !run.context.sink.has(digest, size)
    if (wanted) addTarget(run, stream, { digest, start: at, size })
    at += size
  }
}

function addTarget(
  run: DownloadRun,
  stream: Stream,
  { digest, start, size }: { readonly digest: Digest; readonly start: number; readonly size: number },
): void {
  if (run.coming.has(digest)) {
    stream.elsewhere.push(digest)
    return
  }
  run.coming.add(digest)
  if (size === 0) {
    if (hashBytes(new Uint8Array()) !== digest)
      throw new DdvError('corrupt', `an empty file has a hash that is not that of nothing: ${stream.item.label}`)
    addBytes(run, digest, new Uint8Array())
    stream.elsewhere.push(digest)
    return
  }
  stream.targets.push({ digest, start, size, state: 'open', assembly: undefined, path: undefined })
}

function addBytes(run: DownloadRun, digest: Digest, bytes: Uint8Array): void {
  const temporary = run.context.sink.newTemporary(digest)
  writeNewFile(temporary, bytes, { mode: 0o444 })
  run.context.sink.add(temporary, digest, bytes.length)
  run.arrived.add(digest)
}
