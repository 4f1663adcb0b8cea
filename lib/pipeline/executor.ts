// Where commands of stages run. On this machine (local-executor.ts), or wherever one that submits to a scheduler lets them:
// what calls it need not know. Deps are in place before, outs are looked at after; an executor does neither.

import type { Failure } from '../core/failure.js'
import type { Stage } from '../core/stage.js'
import type { Environment } from '../sys/spawn.js'

export interface Executor {
  /** As records of runs name it. */
  readonly name: string
  /**
   * One try. How the stage's own command fails is an answer. Throws `interrupted` when the signal fired, once nothing of
   * the stage runs any more, and other errors where it could not be tried at all.
   */
  run(stage: Stage, options: TryOptions): Promise<TryResult>
}

export type OutputStream = 'stdout' | 'stderr'

export interface TryOptions {
  /** What the stage prints, as it came. */
  readonly log: OutputLog
  /** Each line without its end; very long ones in pieces. Bytes, which need not be text. Valid until it returns. */
  readonly onLine?: ((stream: OutputStream, line: Buffer) => void) | undefined
  readonly signal?: AbortSignal | undefined
  /** On top of the stage's own. */
  readonly env?: Environment | undefined
}

export interface OutputLog {
  /** Whole lines, or the end of what the stream had. */
  write(stream: OutputStream, bytes: Buffer): void
  /** A line of ddv's own. */
  note(text: string): void
}

export interface TryResult {
  /** undefined: it did well. */
  readonly failure: Failure | undefined
  /** Milliseconds. */
  readonly duration: number
  /** Bytes, of all its processes together at the worst of times; undefined where nobody could look. */
  readonly peakMemory: number | undefined
  /** Processes were left when its command had ended, and were ended. */
  readonly leftOthers: boolean
}
