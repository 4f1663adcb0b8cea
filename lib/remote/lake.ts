// A data lake: a bucket or a directory of plain files that other programs read by their paths. Beside remote.ts, whose keys
// are ddv's own, and whose objects are whole in memory: here names are anybody's, and files of any size come in pieces.
// Every driver passes one contract suite (test/support/lake-contract.ts).
//
// What a driver promises: what was put is there whole, under its name, or not at all; a reader sees the old bytes or the new
// ones; after an answered `put` or `remove` every later call knows of it.

import type { TreePath } from '../core/tree-path.js'
import type { CallOptions } from './remote.js'

export interface LakeObject {
  readonly size: number
  /** What the store calls these very bytes: while it says the same, they are. */
  readonly version: string
}

export interface LakeEntry extends LakeObject {
  readonly path: TreePath
}

export interface LakeBytes extends LakeObject {
  /** The bytes asked for; `size` is that of the whole. */
  readonly bytes: Buffer
}

export interface LakeRange extends CallOptions {
  readonly offset: number
  /** Fewer come only where the object ends before. */
  readonly length: number
}

export interface RemoveOptions extends CallOptions {
  /** Where directories are real ones: those at or below this that are empty then go with it. */
  readonly top?: TreePath | undefined
}

export interface LakeSource {
  readonly size: number
  /**
   * All bytes from the start, in pieces of exactly this size but for the last. Throws where they are not what they should be,
   * at the end if not before: nothing is published that did not come to its end.
   */
  pieces(size: number): AsyncIterable<Buffer>
}

export interface Lake {
  /** As the user configured it, without secrets. */
  readonly url: string
  /** undefined where there is no such object. */
  stat(path: TreePath, options?: CallOptions): Promise<LakeObject | undefined>
  /** undefined where there is no such object. */
  get(path: TreePath, range: LakeRange): Promise<LakeBytes | undefined>
  /** Whole and durable when it returns; replaces what is there. */
  put(path: TreePath, source: LakeSource, options?: CallOptions): Promise<LakeObject>
  /** Every object below the directory, in no promised order; not what has no tree path. */
  list(directory: TreePath, options?: CallOptions): AsyncIterable<LakeEntry>
  /** Done also where there is no such object. */
  remove(path: TreePath, options?: RemoveOptions): Promise<void>
  /** Gives sockets and the like back; no call after it. */
  close(): Promise<void>
}

/** What ddv keeps in a lake for itself is below this: no data has such a path. Readers of lakes pass over it. */
export const lakeOwnDirectory = '.ddv-lake' as TreePath

/** A source of bytes at hand. */
export const bytesSource = (bytes: Buffer): LakeSource => ({
  size: bytes.length,
  async *pieces(size) {
    for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
  },
})
