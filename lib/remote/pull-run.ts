// What the parts of a pull hand to each other.

import type { Digest } from '../core/digest.js'
import type { DdvError } from '../core/errors.js'
import type { Control } from '../core/events.js'
import type { ManifestEntry } from '../core/manifest.js'
import type { OutputKind } from '../core/pointer.js'
import type { Recipe } from '../core/recipe.js'
import type { Pool } from '../sys/pool.js'
import type { Assembly } from './assembly.js'
import type { LoadTable } from './fetch-plan.js'
import type { Remote } from './remote.js'

export interface FetchItem {
  readonly kind: OutputKind
  readonly hash: Digest
  readonly size: number
  /** Directories only. */
  readonly files?: number | undefined
  /** For messages. */
  readonly label: string
  /** The rows of the manifest where they are known already: from the pointer, or from the cache. */
  readonly entries?: readonly ManifestEntry[] | undefined
  /** Only these files of the directory, by digest; all unless told. The manifest comes in any case. */
  readonly only?: ReadonlySet<Digest> | undefined
}

/** Where fetched blobs go: the cache. */
export interface BlobSink {
  /** Whether the blob is there with this size. */
  readonly has: (digest: Digest, size: number) => boolean
  /** Path of a temporary file for this blob, in a directory that exists; the same until the next commit. */
  newTemporary(digest: Digest): string
  /** The same for a large blob, where a later pull finds it if this one does not come to its end. */
  newPartial(digest: Digest): string
  /** Such a file that nobody works on any more: the caller's from now on. */
  takePartial(digest: Digest): string | undefined
  /** Of these two: lets others have it. */
  leavePartial(digest: Digest, path: string): void
  /** A file of mode 0444 whose content was checked against the digest. It becomes a blob at the next commit. */
  add(temporary: string, digest: Digest, size: number): void
  /** Durable when it returns. */
  commit(): Promise<void>
}

export interface DownloadContext {
  readonly remote: Remote
  readonly sink: BlobSink
  /** Where the cache has a blob, if it has it. */
  readonly blobPath: (digest: Digest) => string
  readonly pool: Pool
  /** Requests at the same time; of packs at most 4. */
  readonly concurrency: number
  /** Where recipes are kept, such as `.ddv/recipes`. */
  readonly recipes?: string | undefined
}

export interface FetchResult {
  readonly item: FetchItem
  /** `present`: the cache had all of it. */
  readonly outcome: 'fetched' | 'present' | 'failed'
  readonly error: DdvError | undefined
  /** Blobs of it that did not arrive, as far as they are known. */
  readonly missing: readonly Digest[]
}

export interface DownloadResult {
  /** In the order given. */
  readonly items: readonly FetchResult[]
  readonly bytesReceived: number
  /** Blobs that are new in the cache. */
  readonly blobs: number
}

/** A blob that is to come, and where in its stream it lies. */
export interface Target {
  readonly digest: Digest
  readonly start: number
  readonly size: number
  /** `doubtful`: what came was wrong, but nothing says that the remote has no better. */
  state: 'open' | 'arrived' | 'doubtful' | 'failed'
  /** Where it is being put together from pieces. */
  assembly: Assembly | undefined
  /** Of a target that is its stream's only one: the temporary file, once it has arrived. */
  path: string | undefined
}

/** One item on its way. */
export interface Stream {
  readonly item: FetchItem
  recipe: Recipe | undefined
  /** Sorted by `start`, without overlaps. */
  targets: Target[]
  /** Blobs that it lacks and that another stream brings. */
  readonly elsewhere: Digest[]
  error: DdvError | undefined
}

export interface DownloadRun {
  readonly context: DownloadContext
  readonly control: Control
  /** Digests that some stream brings. */
  readonly coming: Set<Digest>
  readonly arrived: Set<Digest>
  readonly loadTable: LoadTable
  /** Where packs are read into. Used again: moved to a thread, each would stay until garbage is collected there. */
  readonly packBuffers: SharedArrayBuffer[]
  bytesReceived: number
}
