// The middle of a pull: from blobs that are wanted to blobs that were checked and handed to the cache. What the cache
// has of other versions is copied, the rest is read from packs, a few at once, and unpacked on the pool.

import { rmSync } from 'node:fs'
import { DdvError, isDdvError, systemCode, throwIfAborted } from '../core/errors.js'
import { decodeManifest, isFileEntry } from '../core/manifest.js'
import { maxPackSize, type PackTable } from '../core/pack.js'
import type { Recipe } from '../core/recipe.js'
import { readRegular } from '../sys/read-stable.js'
import { Assembly } from './assembly.js'
import { forEachAtOnce } from './concurrently.js'
import {
  type Extent,
  joinSpans,
  type PackRead,
  planExtents,
  planReads,
  type Span,
  subtractSpans,
} from './fetch-plan.js'
import { findLocalCopies, type LocalCopy, type LocalFile } from './local-copies.js'
import { packKey } from './packs.js'
import type { DownloadRun, Stream, Target } from './pull-run.js'
import { keptRecipes } from './recipes.js'
import { resumeTarget, worthResuming } from './resume.js'
import { copyPieces, type UnpackPiece, type UnpackRequest, unpack } from './unpack.js'

/** Packs read, and in memory, at once; fewer where there are fewer threads to unpack them. */
const packsAtOnce = 4
/** For less it is not worth to read old recipes. */
const worthCopying = 65_536

export interface FetchOptions {
  /** Everything anew from the remote, each chunk checked against its pack's table. */
  readonly careful: boolean
}

/** Brings every open target of the streams. Each is `arrived`, `doubtful` or `failed` afterwards. */
export async function fetchTargets(run: DownloadRun, streams: readonly Stream[], options: FetchOptions): Promise<void> {
  const extents: Extent<Stream>[] = []
  await forEachAtOnce(streams, run.context.concurrency, async stream => {
    try {
      for (const extent of await planStream(run, stream, options)) extents.push(extent)
    } catch (error) {
      failStream(stream, error)
    }
  })
  const limit = Math.min(packsAtOnce, run.context.pool.size + 1, run.context.concurrency)
  await forEachAtOnce(planReads(extents), limit, read => fetchRead(run, read, options))
}

const openSpans = (stream: Stream): Span[] =>
  joinSpans(stream.targets.filter(t => t.state === 'open').map(({ start, size }) => ({ start, end: start + size })))

async function planStream(run: DownloadRun, stream: Stream, { careful }: FetchOptions): Promise<Extent<Stream>[]> {
  const recipe = stream.recipe as Recipe
  let wanted = openSpans(stream)
  if (!careful) wanted = await resume(run, stream, wanted)
  const bytes = wanted.reduce((sum, { start, end }) => sum + end - start, 0)
  if (!careful && bytes >= worthCopying) wanted = await copyLocal(run, stream, wanted)
  return await planExtents(stream, recipe, { wanted, loadTable: run.loadTable })
}

/** Takes over what an interrupted pull left; what is still wanted then. */
async function resume(run: DownloadRun, stream: Stream, wanted: readonly Span[]): Promise<Span[]> {
  const done: Span[] = []
  for (const target of stream.targets) {
    if (target.state !== 'open' || target.assembly !== undefined || target.size < worthResuming) continue
    for (const { start, end } of await resumeTarget(run, stream, target)) {
      done.push({ start, end })
      await noteBytes(run, { stream, target, start, end })
    }
  }
  return subtractSpans(wanted, joinSpans(done))
}

/** Copies what the cache has of other versions; what is still wanted then. */
async function copyLocal(run: DownloadRun, stream: Stream, wanted: readonly Span[]): Promise<Span[]> {
  const copies = await findLocalCopies(stream.recipe as Recipe, {
    wanted,
    olds: keptRecipes(run.context.recipes),
    filesOf: old => localFiles(run, old),
    loadTable: run.loadTable,
  })
  const done: Span[] = []
  await forEachAtOnce(copies, run.context.pool.size, async copy => {
    throwIfAborted(run.control.signal)
    for (const span of await copyOne(run, stream, copy)) done.push(span)
  })
  return subtractSpans(wanted, joinSpans(done))
}

async function copyOne(run: DownloadRun, stream: Stream, copy: LocalCopy): Promise<Span[]> {
  const whole = { start: copy.start, end: copy.start + copy.length }
  const parts = targetsWithin(stream, whole).map(target => ({ target, ...partOf(target, whole) }))
  const pieces = parts.map(({ target, start, end }) => ({
    from: copy.from,
    fromPosition: copy.fromPosition + start - copy.start,
    length: end - start,
    to: assemblyOf(run, target).path,
    position: start - target.start,
  }))
  const failed = new Set(await run.context.pool.run(copyPieces, pieces))
  const done = parts.filter((_, i) => !failed.has(i))
  for (const { target, start, end } of done) await noteBytes(run, { stream, target, start, end })
  return done
}

function localFiles(run: DownloadRun, old: Recipe): LocalFile[] {
  const { sink, blobPath } = run.context
  if (old.kind === 'file')
    return sink.has(old.hash, old.size) ? [{ start: 0, end: old.size, path: blobPath(old.hash) }] : []
  try {
    const bytes = readRegular(blobPath(old.hash))
    if (bytes === undefined) return []
    const files: LocalFile[] = []
    let start = bytes.length
    for (const { digest, size } of decodeManifest(bytes, old.hash).filter(isFileEntry)) {
      if (size > 0 && sink.has(digest, size)) files.push({ start, end: start + size, path: blobPath(digest) })
      start += size
    }
    return start === old.size ? files : []
  } catch (error) {
    if (isDdvError(error, 'bad-manifest', 'newer-format') || systemCode(error) !== undefined) return []
    throw error
  }
}

/** A read that gives wrong bytes is done once more. */
async function fetchRead(run: DownloadRun, read: PackRead<Stream>, options: FetchOptions): Promise<void> {
  for (let last = false; ; last = true) {
    throwIfAborted(run.control.signal)
    const jobs = piecesOf(run, read)
    if (jobs.length === 0) return
    try {
      const wrong = await readOnce(run, read, { jobs, careful: options.careful })
      if (wrong.length === 0) return
      if (!last) continue
      for (const { stream, target } of wrong) failTarget(stream, target, damaged(read, stream))
      return
    } catch (error) {
      for (const { target, piece } of jobs)
        if (piece.digest !== undefined && target.state === 'open') rmSync(piece.path, { force: true })
      if (isDdvError(error, 'corrupt') && !last) continue
      if (!isDdvError(error, 'corrupt', 'missing')) throw error
      for (const { stream, target } of jobs) failTarget(stream, target, error)
      // Packs move when a remote is packed anew: the recipe may by now name others.
      if (error.code === 'missing') for (const { target } of jobs) target.state = 'doubtful'
      return
    }
  }
}

interface PieceJob {
  readonly stream: Stream
  readonly target: Target
  readonly piece: UnpackPiece
  /** In the stream. */
  readonly start: number
  readonly end: number
}

function piecesOf(run: DownloadRun, read: PackRead<Stream>): PieceJob[] {
  return read.extents.flatMap((extent, index) => {
    const { stream } = extent
    const whole = { start: extent.start, end: extent.start + extent.raw }
    return targetsWithin(stream, whole).map(target => {
      const { start, end } = partOf(target, whole)
      const inOne = end - start === target.size
      const piece = {
        extent: index,
        at: start - extent.start,
        length: end - start,
        path: inOne ? run.context.sink.newTemporary(target.digest) : assemblyOf(run, target).path,
        position: start - target.start,
        digest: inOne ? target.digest : undefined,
      }
      return { stream, target, piece, start, end }
    })
  })
}

/** Gives back the pieces whose bytes were wrong. */
async function readOnce(
  run: DownloadRun,
  read: PackRead<Stream>,
  { jobs, careful }: { readonly jobs: readonly PieceJob[]; readonly careful: boolean },
): Promise<PieceJob[]> {
  const { pack, offset, length, extents } = read
  const key = packKey(pack.digest)
  const { remote, pool, sink } = run.context
  // Room for any pack: what is not touched costs nothing.
  const room = run.packBuffers.pop() ?? new SharedArrayBuffer(maxPackSize)
  const into = new Uint8Array(room)
  const got = await remote.get(key, { offset, length, maxBytes: length, into, signal: run.control.signal })
  if (got === undefined) throw new DdvError('missing', `a pack is not on the remote: ${key}`)
  run.bytesReceived += got.bytes.length
  if (got.size !== pack.size || got.bytes.length !== length)
    throw new DdvError('corrupt', `pack is of another length than its recipe says: ${key}`)
  const table = careful ? await run.loadTable(pack) : undefined
  const request: UnpackRequest = {
    bytes: got.bytes,
    base: offset,
    name: key,
    extents: extents.map(({ first, count, offset, stored, raw }) => ({ first, count, offset, stored, raw })),
    pieces: jobs.map(job => job.piece),
    check: checkOf(read, jobs, table),
  }
  const failed = new Set(await pool.run(unpack, request))
  run.packBuffers.push(room)
  let [files, bytes] = [0, 0]
  for (const [i, job] of jobs.entries()) {
    const { stream, target, piece } = job
    if (failed.has(i)) continue
    if (piece.digest === undefined) await noteBytes(run, job)
    else {
      sink.add(piece.path, target.digest, target.size)
      arrive(run, { stream, target }, piece.path)
      files++
      bytes += target.size
    }
  }
  tell(run, files, bytes)
  return jobs.filter((_, i) => failed.has(i))
}

// Whole files are checked against their own digests; of others a whole pack's table tells which read was bad.
function checkOf(
  { pack, offset, length }: PackRead<Stream>,
  jobs: readonly PieceJob[],
  table: PackTable | undefined,
): UnpackRequest['check'] {
  if (table !== undefined) return { rows: table.rows, end: table.end }
  const whole = offset === 0 && length === pack.size
  return whole && jobs.some(job => job.piece.digest === undefined) ? { size: pack.size } : undefined
}

async function noteBytes(
  run: DownloadRun,
  { stream, target, start, end }: { stream: Stream; target: Target; start: number; end: number },
): Promise<void> {
  const { assembly } = target
  if (target.state !== 'open' || assembly === undefined) return
  assembly.note(start - target.start, end - start)
  tell(run, 0, end - start)
  if (!assembly.complete) return
  target.assembly = undefined
  if ((await assembly.digest()) === target.digest) {
    run.context.sink.add(assembly.path, target.digest, target.size)
    arrive(run, { stream, target }, assembly.path)
    tell(run, 1, 0)
    return
  }
  await assembly.discard()
  failTarget(stream, target, damaged(undefined, stream))
  target.state = 'doubtful'
}

function arrive(run: DownloadRun, { stream, target }: Pick<PieceJob, 'stream' | 'target'>, path: string): void {
  target.state = 'arrived'
  if (stream.targets.length === 1) target.path = path
  run.arrived.add(target.digest)
}

const tell = (run: DownloadRun, files: number, bytes: number): void =>
  run.control.onEvent?.({ type: 'done', phase: 'download', files, bytes })

function assemblyOf(run: DownloadRun, target: Target): Assembly {
  const { sink } = run.context
  target.assembly ??= new Assembly(
    target.size < worthResuming ? sink.newTemporary(target.digest) : sink.newPartial(target.digest),
    target.size,
  )
  return target.assembly
}

const partOf = (target: Target, { start, end }: Span): Span => ({
  start: Math.max(start, target.start),
  end: Math.min(end, target.start + target.size),
})

/** The open targets that have bytes in the span. */
function targetsWithin({ targets }: Stream, { start, end }: Span): Target[] {
  let low = 0
  for (let high = targets.length; low < high; ) {
    const middle = (low + high) >> 1
    const target = targets[middle] as Target
    if (target.start + target.size <= start) low = middle + 1
    else high = middle
  }
  const within: Target[] = []
  for (let i = low; i < targets.length && (targets[i] as Target).start < end; i++)
    if ((targets[i] as Target).state === 'open') within.push(targets[i] as Target)
  return within
}

function failStream(stream: Stream, error: unknown): void {
  if (!isDdvError(error, 'corrupt', 'missing')) throw error
  for (const target of stream.targets) if (target.state === 'open') failTarget(stream, target, error)
}

function failTarget(stream: Stream, target: Target, error: DdvError): void {
  target.state = 'failed'
  stream.error ??= error
}

const damaged = (read: PackRead<Stream> | undefined, { item }: Stream): DdvError =>
  read === undefined
    ? new DdvError('corrupt', `what the remote has does not match its hash: ${item.label}`)
    : new DdvError('corrupt', `${packKey(read.pack.digest)} on the remote is damaged: ${item.label}`)
