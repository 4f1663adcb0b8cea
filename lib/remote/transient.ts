// How a driver says that an error may pass: a note beside the error, not a class or a word in its message, so that the
// error itself stays what the user would be shown. retry.ts is the one reader.

export interface Transient {
  /** Milliseconds that the store asks to be left alone. */
  readonly retryAfter?: number | undefined
  /** No further try begins later than this after the first: for what will hardly pass. Milliseconds. */
  readonly within?: number | undefined
}

const notes = new WeakMap<object, Transient>()

export function markTransient<E extends object>(error: E, note: Transient = {}): E {
  notes.set(error, note)
  return error
}

/** undefined for an error that will not pass. */
export const findTransient = (error: unknown): Transient | undefined =>
  typeof error === 'object' && error !== null ? notes.get(error) : undefined
