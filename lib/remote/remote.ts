// A remote: a flat key space with seven methods over key → bytes. Drivers never see a digest, a pack or a recipe.
// Retry, limits and logging wrap a driver from outside with this same interface (retry.ts).
// Every driver passes one contract suite (test/support/remote-contract.ts); memory.ts is the reference.
//
// What every driver promises, and the protocol of push and collection relies on: an answered `put` or `remove` is seen
// by every later `get`, `stat` and `list`; a reader sees the whole of one `put` or nothing of it; the pages of one
// `list` need not be one snapshot.

/** Segments of `[a-z0-9.-]` joined by `/`, such as `packs/48/3b93…`: what every store can hold. Checked by drivers. */
export type Key = string

/** Milliseconds since the object was last written, by the store's own clock: never a client's. */
export interface ObjectStat {
  readonly size: number
  readonly age: number
}

export interface ObjectEntry extends ObjectStat {
  readonly key: Key
}

export interface ObjectBytes extends ObjectStat {
  /** The bytes asked for; `size` is that of the whole object. */
  readonly bytes: Buffer
}

export interface GetOptions {
  /** First byte wanted; 0 unless told. */
  readonly offset?: number
  /** Bytes wanted; to the end unless told. Fewer come only where the object ends before. */
  readonly length?: number
  /** A body longer than this is cut off with `corrupt`; a caller always knows a bound. */
  readonly maxBytes: number
  /** Where the bytes are put if they fit: what is given back is then a part of it. New memory unless told. */
  readonly into?: Uint8Array | undefined
  readonly signal?: AbortSignal | undefined
}

export interface CallOptions {
  readonly signal?: AbortSignal | undefined
}

/**
 * `exists`: nothing was changed, since the key has an object. After a lost answer that may be the caller's own: whoever must
 * know looks. `unsupported`: this store cannot tell, and nothing was changed.
 */
export type Creation = 'created' | 'exists' | 'unsupported'

export interface Remote {
  /** As the user configured it, without secrets: for messages, and to tell remotes apart in local records. */
  readonly url: string
  /** undefined where there is no such object. */
  stat(key: Key, options?: CallOptions): Promise<ObjectStat | undefined>
  /** undefined where there is no such object. */
  get(key: Key, options: GetOptions): Promise<ObjectBytes | undefined>
  /** Whole and durable when it returns; replaces what is there. The bytes must not change until then. */
  put(key: Key, bytes: Uint8Array, options?: CallOptions): Promise<void>
  /**
   * As `put`, but only where there is no such object: of several at once one creates it. A store of S3's kind may ignore the
   * condition, and then replaces what is there: see registry.ts for how that is found out.
   */
  create(key: Key, bytes: Uint8Array, options?: CallOptions): Promise<Creation>
  /** Every object whose key starts with `prefix`, in no promised order. `prefix` is '' or ends in `/`. */
  list(prefix: string, options?: CallOptions): AsyncIterable<ObjectEntry>
  /** Done also where there is no such object. */
  remove(key: Key, options?: CallOptions): Promise<void>
  /** Gives sockets and the like back; no call after it. */
  close(): Promise<void>
}
