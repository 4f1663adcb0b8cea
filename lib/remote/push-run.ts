// What the parts of a push hand to each other.

import type { Digest } from '../core/digest.js'
import type { DdvError } from '../core/errors.js'
import type { Control } from '../core/events.js'
import type { OutputKind } from '../core/pointer.js'
import type { Recipe } from '../core/recipe.js'
import type { Kv } from '../sys/kv.js'
import type { Pool } from '../sys/pool.js'
import type { KnownChunks } from './known-chunks.js'
import type { Prover } from './prove.js'
import type { StoredRecipe } from './recipes.js'
import type { Key, Remote } from './remote.js'
import type { Reuse } from './reuse.js'

export interface PushItem {
  readonly kind: OutputKind
  readonly hash: Digest
  readonly size: number
  /** Directories only. */
  readonly files?: number | undefined
  /** For messages. */
  readonly label: string
  /** Earlier versions of it, newest first: where a fresh clone looks for chunks that the remote has. */
  readonly previous: readonly { readonly kind: OutputKind; readonly hash: Digest }[]
}

export interface UploadContext {
  readonly remote: Remote
  readonly blobPath: (digest: Digest) => string
  readonly pool: Pool
  /** The local chunk index; may be empty. */
  readonly index: Kv
  readonly compression: boolean
  readonly repository: { readonly id: string; readonly url: string }
  /** Requests at the same time. */
  readonly concurrency: number
  /** Where recipes are kept, such as `.ddv/recipes`. */
  readonly recipes?: string | undefined
  /** Nothing of the remote is believed to be there and whole that this push has not read. */
  readonly repair?: boolean | undefined
  /** For tests: see reuse.ts. */
  readonly clock?: (() => number) | undefined
  readonly sleep?: ((milliseconds: number, signal: AbortSignal | undefined) => Promise<void>) | undefined
}

export interface ItemResult {
  readonly item: PushItem
  /** `present`: the remote had all of it. */
  readonly outcome: 'pushed' | 'present' | 'failed'
  readonly error: DdvError | undefined
  /** Blobs that the cache does not have, or not as they should be. */
  readonly missing: readonly Digest[]
  readonly corrupt: readonly Digest[]
}

export interface UploadResult {
  /** In the order given. */
  readonly items: readonly ItemResult[]
  readonly bytesSent: number
  readonly packs: number
}

/** An item on its way. */
export interface Work {
  readonly item: PushItem
  readonly key: Key
  /** On the remote, with packs that were seen there. */
  found: StoredRecipe | undefined
  /** Made by this push, all packs sent, but not written yet. */
  recipe: Recipe | undefined
  outcome: 'pushed' | 'present' | undefined
  error: DdvError | undefined
  readonly missing: Set<Digest>
  readonly corrupt: Set<Digest>
}

/** What the parts of one push share. */
export interface UploadRun {
  readonly context: UploadContext
  readonly control: Control
  readonly known: KnownChunks
  readonly reuse: Reuse
  /** Where the push repairs. */
  readonly prover: Prover | undefined
  readonly group: string
  /** By this machine's clock. */
  readonly startedAt: number
  bytesSent: number
  packs: number
}
