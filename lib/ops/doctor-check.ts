// One line of `doctor`'s answer.

import { DdvError, fromSystemError } from '../core/errors.js'

export interface Check {
  /** `node`, `cache`, `remote origin`, … */
  readonly name: string
  readonly state: 'ok' | 'warning' | 'problem'
  readonly message: string
  /** What to do. */
  readonly hint?: string
}

/** A check that failed as an error says. Rethrows what is no error of ddv's or the system's, and an interruption. */
export function problem(name: string, thrown: unknown, state: 'problem' | 'warning' = 'problem'): Check {
  const path = thrown instanceof Error && 'path' in thrown ? String(thrown.path) : name
  const error = fromSystemError(thrown, path)
  if (!(error instanceof DdvError) || error.code === 'interrupted') throw error
  return { name, state, message: error.message, ...(error.hint === undefined ? {} : { hint: error.hint }) }
}
