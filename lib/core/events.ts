// What an op tells while it works. The library never prints; the command line turns these into its progress line.

import type { DdvError } from './errors.js'

export type Phase = 'scan' | 'hash' | 'check' | 'upload' | 'download' | 'write'

export type Event =
  /** More work is known of than before; totals add up over the op. */
  | { readonly type: 'total'; readonly phase: Phase; readonly files: number; readonly bytes: number }
  /** Work that is done, as an increment. */
  | { readonly type: 'done'; readonly phase: Phase; readonly files: number; readonly bytes: number }
  /** Something the user should know of, which does not fail the op. */
  | { readonly type: 'warning'; readonly message: string; readonly hint?: string }
  /** What another program said where it failed, line by line, to be shown as it is. */
  | { readonly type: 'said'; readonly lines: readonly string[] }
  /** One target failed; the op goes on with the others and reports all of them at the end. */
  | { readonly type: 'failed'; readonly target: string; readonly error: DdvError }
  /** A try that failed and will be repeated. `wait` in milliseconds. */
  | { readonly type: 'retry'; readonly what: string; readonly attempt: number; readonly wait: number }
  /** A stage, by its address, begins to run, or came to its end. `because`: of which stage it was not begun. */
  | { readonly type: 'stage'; readonly stage: string; readonly state: StageState; readonly because?: string }
  /** A line that a running stage printed, without its end; bytes, which need not be text, valid until this returns. */
  | {
      readonly type: 'output'
      readonly stage: string
      readonly stream: 'stdout' | 'stderr'
      readonly line: Uint8Array
    }

/** `unchanged`: nothing was to do. `skipped`: not begun, since it is for elsewhere or another stage failed. */
export type StageOutcome = 'done' | 'unchanged' | 'failed' | 'skipped'
export type StageState = 'running' | StageOutcome

export type OnEvent = (event: Event) => void

/** What every op takes beside its own options. */
export interface Control {
  readonly signal?: AbortSignal | undefined
  readonly onEvent?: OnEvent | undefined
}
