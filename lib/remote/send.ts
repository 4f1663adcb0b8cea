// Steps 6 and 7 of a push: cutting, finding what the remote has, packing and sending what it has not, and the recipes.
// Jobs on the pool read, cut, hash and seal; this thread keeps the order of the streams.

import type { Digest } from '../core/digest.js'
import { DdvError, isDdvError, throwIfAborted } from '../core/errors.js'
import { decodeManifest, isFileEntry, type ManifestEntry, manifestTotals } from '../core/manifest.js'
import { type PackInfo, type PackTable, rowDigest, rowRaw } from '../core/pack.js'
import type { Recipe } from '../core/recipe.js'
import { hashBytes } from '../sys/hash.js'
import { readRegular } from '../sys/read-stable.js'
import { Buffers, Permits } from './concurrently.js'
import { type ChunkSource, chooseFragments, readChunks } from './defragment.js'
import type { KnownChunk } from './known-chunks.js'
import { type Fresh, PackWriter } from './pack-writer.js'
import type { UploadRun, Work } from './push-run.js'
import { type BlobPart, type Piece, pieceSize, readPieces, type SourceBlob } from './read-pieces.js'
import { keepRecipe, writeRecipe } from './recipes.js'
import { StreamPlan } from './stream-plan.js'

interface Owner {
  readonly work: Work
  /** Whether this is the last blob of the stream. */
  readonly last: boolean
}

/** Sends these works and writes their recipes; a work whose blobs are not sound is marked as failed. */
export async function sendWorks(run: UploadRun, works: readonly Work[]): Promise<void> {
  const planned = works.filter(work => work.recipe !== undefined)
  for (const work of planned) await publishPlanned(run, work)
  const open = works.filter(work => work.recipe === undefined && work.outcome === undefined)
  if (open.length > 0) await new Sending(run).send(open)
}

// Made by an earlier attempt. If one of its packs is gone since, it is cut again.
async function publishPlanned(run: UploadRun, work: Work): Promise<void> {
  const recipe = work.recipe as Recipe
  work.recipe = undefined
  if (recipe.packs.every(pack => run.reuse.standing(pack.digest) === 'good')) await publish(run, work, recipe)
}

/** Step 7: the recipe, last of all. Where the claim has grown too old it is kept for the next attempt instead. */
export async function publish(run: UploadRun, work: Work, recipe: Recipe): Promise<void> {
  if (run.reuse.expired()) {
    work.recipe = recipe
    return
  }
  const bytes = await writeRecipe(run.context.remote, recipe, run.control.signal)
  run.bytesSent += bytes.length
  keepRecipe(run.context.recipes, work.item, bytes)
  work.outcome ??= work.found === undefined ? 'pushed' : 'present'
}

class Sending {
  readonly #run: UploadRun
  readonly #pieces = new Buffers(pieceSize)
  readonly #writer: PackWriter
  readonly #plans = new Map<Work, StreamPlan>()
  readonly #publishing: Promise<void>[] = []
  readonly #requests: Permits

  constructor(run: UploadRun) {
    const { remote, pool, compression: compress, concurrency } = run.context
    this.#run = run
    this.#requests = new Permits(concurrency)
    this.#writer = new PackWriter({
      remote,
      pool,
      known: run.known,
      compress,
      group: run.group,
      pieces: this.#pieces,
      signal: run.control.signal,
      onArrived: (info, raw) => {
        run.reuse.noteSent(info.digest)
        run.bytesSent += info.size
        run.packs++
        this.#tell(raw, 0)
      },
    })
  }

  async send(works: readonly Work[]): Promise<void> {
    const { pool } = this.#run.context
    try {
      for await (const piece of readPieces(this.#blobs(works), { pool, buffers: this.#pieces })) {
        throwIfAborted(this.#run.control.signal)
        await this.#take(piece)
      }
      await this.#writer.finish()
      await Promise.all(this.#publishing)
    } finally {
      await this.#writer.drain()
      await Promise.allSettled(this.#publishing)
    }
  }

  *#blobs(works: readonly Work[]): Generator<SourceBlob<Owner>> {
    for (const work of works) {
      const { item } = work
      this.#run.control.onEvent?.({ type: 'total', phase: 'upload', files: item.files ?? 1, bytes: item.size })
      this.#plans.set(work, new StreamPlan())
      const path = this.#run.context.blobPath(item.hash)
      if (item.kind === 'directory') yield* this.#directory(work, path)
      else yield { path, digest: item.hash, size: item.size, owner: { work, last: true } }
    }
  }

  *#directory(work: Work, path: string): Generator<SourceBlob<Owner>> {
    const manifest = readManifest(work, path)
    if (manifest === undefined) return
    const files = manifest.entries.filter(isFileEntry)
    yield { path, digest: work.item.hash, size: manifest.size, owner: { work, last: files.length === 0 } }
    const owner = { work, last: false }
    for (const [i, { digest, size }] of files.entries())
      yield {
        path: this.#run.context.blobPath(digest),
        digest,
        size,
        owner: i === files.length - 1 ? { work, last: true } : owner,
      }
  }

  async #take(piece: Piece<Owner>): Promise<void> {
    const digests = Buffer.from(piece.digests.buffer, piece.digests.byteOffset, piece.digests.byteLength)
    const known = await this.#findKnown(digests)
    const fresh: Fresh = { spans: [], digests: [] }
    const ended: Work[] = []
    let chunk = 0
    for (const part of piece.parts) {
      const plan = this.#plans.get(part.blob.owner.work)
      for (const end = chunk + part.chunks; chunk < end; chunk++) {
        const digest = digests.subarray(chunk * 32, chunk * 32 + 32)
        const span = [chunk === 0 ? 0 : (piece.ends[chunk - 1] ?? 0), piece.ends[chunk] ?? 0] as const
        this.#addChunk(plan, { digest, span, known: known[chunk], fresh })
      }
      if (part.done && this.#endBlob(part)) ended.push(part.blob.owner.work)
    }
    await this.#writer.put(piece.buffer, fresh)
    for (const work of ended) await this.#endWork(work)
  }

  #addChunk(
    plan: StreamPlan | undefined,
    chunk: {
      readonly digest: Buffer
      readonly span: readonly [number, number]
      readonly known: KnownChunk | undefined
      readonly fresh: Fresh
    },
  ): void {
    const { digest, span, known, fresh } = chunk
    const raw = span[1] - span[0]
    if (known !== undefined) {
      plan?.addKnown(known.pack.info, known.pack.table, known.row)
      this.#tell(raw, 0)
      return
    }
    const key = digest.toString('latin1')
    const there = this.#writer.find(key)
    const place = there ?? this.#writer.reserve(key)
    plan?.addFresh(place.slot, place.row, raw)
    if (there !== undefined) {
      this.#tell(raw, 0)
      return
    }
    fresh.spans.push(span[0], span[1])
    fresh.digests.push(digest)
  }

  // Packs met for the first time are claimed and looked at before any of them is named. Whoever meets one pack of an
  // earlier push will meet the others, so they are claimed together.
  async #findKnown(digests: Buffer): Promise<(KnownChunk | undefined)[]> {
    const { known, reuse } = this.#run
    for (;;) {
      const found: (KnownChunk | undefined)[] = []
      const open = new Map<string, PackInfo>()
      for (let at = 0; at < digests.length; at += 32) {
        const chunk = known.find(digests.subarray(at, at + 32))
        const standing = chunk === undefined ? 'bad' : reuse.standing(chunk.pack.info.digest)
        found.push(standing === 'good' ? chunk : undefined)
        if (chunk === undefined || standing !== 'unknown' || open.has(chunk.pack.info.digest)) continue
        open.set(chunk.pack.info.digest, chunk.pack.info)
        for (const pack of known.packsOf(chunk.pack.group)) open.set(pack.digest, pack)
      }
      if (open.size === 0) return found
      await reuse.admit([...open.values()])
    }
  }

  /** Whether the blob was the last of its work. */
  #endBlob({ blob, problem }: BlobPart<Owner>): boolean {
    const { work, last } = blob.owner
    if (problem !== undefined) work[problem].add(blob.digest)
    return last
  }

  async #endWork(work: Work): Promise<void> {
    const plan = this.#plans.get(work)
    this.#plans.delete(work)
    work.error ??= problemOf(work)
    if (plan === undefined || work.error !== undefined) return
    await this.#defragment(work, plan)
    const publishing = plan.arrived().then(() =>
      this.#requests.with(async () => {
        await publish(this.#run, work, plan.finish(work.item.kind, work.item.hash))
        this.#tell(0, work.item.files ?? 1)
      }),
    )
    publishing.catch(() => undefined) // heard of at the end, by all together
    this.#publishing.push(publishing)
  }

  // What cannot be read stays where it is.
  async #defragment(work: Work, plan: StreamPlan): Promise<void> {
    const tables = new Map<Digest, PackTable>()
    for (const digest of chooseFragments(plan.usage(), plan.fresh)) {
      const pack = this.#run.known.pack(digest)
      if (pack !== undefined) tables.set(digest, pack.table)
    }
    if (tables.size === 0) return
    const locate = sourcesOf(work, this.#run.context.blobPath)
    let batch = newBatch()
    for (const place of plan.placesIn(tables)) {
      const digest = rowDigest(place.table, place.row)
      const key = digest.toString('latin1')
      const source = locate(place.start, rowRaw(place.table, place.row))
      if (source === undefined || batch.keys.has(key) || this.#writer.find(key) !== undefined) continue
      if (batch.bytes + source.length > pieceSize) {
        await this.#sendAgain(batch)
        batch = newBatch()
      }
      batch.keys.add(key)
      batch.digests.push(digest)
      batch.sources.push(source)
      batch.bytes += source.length
    }
    await this.#sendAgain(batch)
    plan.move(tables, digest => this.#writer.find(digest.toString('latin1')))
  }

  async #sendAgain({ keys, digests, sources, bytes }: Batch): Promise<void> {
    throwIfAborted(this.#run.control.signal)
    if (sources.length === 0) return
    const buffer = this.#pieces.take()
    const request = { sources, digests: Uint8Array.from(Buffer.concat(digests)), buffer }
    if (!(await this.#run.context.pool.run(readChunks, request))) {
      this.#pieces.give(buffer)
      return
    }
    const spans: number[] = []
    for (const { length } of sources) spans.push(spans.at(-1) ?? 0, (spans.at(-1) ?? 0) + length)
    for (const key of keys) this.#writer.reserve(key)
    this.#tell(-bytes, 0) // they were told of as known, and will be again with their pack
    await this.#writer.put(buffer, { spans, digests })
  }

  #tell(bytes: number, files: number): void {
    this.#run.control.onEvent?.({ type: 'done', phase: 'upload', files, bytes })
  }
}

/** Chunks to be sent again. */
interface Batch {
  readonly keys: Set<string>
  readonly digests: Buffer[]
  readonly sources: ChunkSource[]
  bytes: number
}

const newBatch = (): Batch => ({ keys: new Set(), digests: [], sources: [], bytes: 0 })

/** Where in the cache bytes of a stream lie: a file's own, or those of a directory's manifest and files. */
function sourcesOf(
  work: Work,
  blobPath: (digest: Digest) => string,
): (start: number, length: number) => ChunkSource | undefined {
  const { item } = work
  const path = blobPath(item.hash)
  if (item.kind === 'file') return (position, length) => ({ path, position, length })
  const manifest = readManifest(work, path)
  const files = [{ digest: item.hash, size: manifest?.size ?? 0 }, ...(manifest?.entries ?? []).filter(isFileEntry)]
  let [next, before] = [0, 0]
  // Asked for in stream order.
  return (start, length) => {
    for (let file = files[next]; file !== undefined; file = files[++next]) {
      if (start < before + file.size) return { path: blobPath(file.digest), position: start - before, length }
      before += file.size
    }
    return undefined
  }
}

/** The manifest of a directory, or undefined where that is not sound; then the work is marked. */
function readManifest(work: Work, path: string): { entries: ManifestEntry[]; size: number } | undefined {
  const { item } = work
  const bytes = readRegular(path)
  if (bytes === undefined) work.missing.add(item.hash)
  else if (hashBytes(bytes) !== item.hash) work.corrupt.add(item.hash)
  else {
    const entries = decodeOrMark(work, bytes)
    if (entries !== undefined) return { entries, size: bytes.length }
  }
  work.error ??= problemOf(work)
  return undefined
}

function decodeOrMark(work: Work, bytes: Buffer): ManifestEntry[] | undefined {
  const { item } = work
  try {
    const entries = decodeManifest(bytes, item.hash)
    const totals = manifestTotals(entries)
    if (totals.files === item.files && totals.size === item.size) return entries
    work.error = new DdvError('bad-pointer', `pointer gives another size than its listing: ${item.label}`)
  } catch (error) {
    if (!isDdvError(error, 'bad-manifest', 'newer-format')) throw error
    work.error = error
  }
  return undefined
}

function problemOf({ item, missing, corrupt }: Work): DdvError | undefined {
  const count = missing.size + corrupt.size
  if (count === 0) return undefined
  const some = [...corrupt, ...missing].slice(0, 3).join(', ')
  const which = count > 3 ? `${some} and ${count - 3} more` : some
  return corrupt.size > 0
    ? new DdvError('corrupt', `${corrupt.size} blobs of the cache are damaged (${which}): ${item.label}`, {
        hint: `run 'ddv verify --cache --repair'`,
      })
    : new DdvError('missing', `${missing.size} blobs are not in the cache (${which}): ${item.label}`, {
        hint: 'push from where the data was added, or fetch it first',
      })
}
