// The rule of every three-way merge: what one side left as it was is as the other made it.

/** Two versions and what both came from; `base` is undefined where they came from nothing. */
export interface Sides<T> {
  readonly base: T | undefined
  readonly ours: T
  readonly theirs: T
}

export type Side = 'ours' | 'theirs'
/** Which version counts where both changed; `base` treats both alike. */
export type Favour = Side | 'base'

/** What became of a thing, for messages. */
export type Fate = 'added' | 'changed' | 'deleted' | 'a file' | 'a directory'

/** One thing that both sides changed, each in its own way. */
export interface MergeConflict {
  readonly part: 'output' | 'file' | 'meta' | 'stage' | 'key'
  /** A file's path in its directory, a key, a stage; '' for the output itself. */
  readonly name: string
  readonly ours: Fate
  readonly theirs: Fate
}

/** The version that stands, or undefined where both sides changed it differently: a conflict. */
export function standing<T>({ base, ours, theirs }: Sides<T>, same: (a: T, b: T) => boolean): { value: T } | undefined {
  if (same(ours, theirs)) return { value: ours }
  if (base === undefined) return undefined
  if (same(base, ours)) return { value: theirs }
  if (same(base, theirs)) return { value: ours }
  return undefined
}

export const fateOf = (base: unknown, side: unknown): Fate =>
  side === undefined ? 'deleted' : base === undefined ? 'added' : 'changed'
