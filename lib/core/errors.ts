// The one error class. A code is for programs and decides the exit code; the message is for people:
// lower case, no final period, path last. A hint says what to do, as a command where there is one.

export type ErrorCode =
  | 'usage' // wrong flags or targets
  | 'bad-config'
  | 'bad-pointer'
  | 'bad-manifest'
  | 'bad-path'
  | 'newer-format' // written by a newer ddv
  | 'conflict' // a file of ddv's holds merge markers
  | 'no-workspace'
  | 'busy' // another ddv is at work here
  | 'missing' // a blob, recipe or pack that should be somewhere is nowhere that was looked
  | 'corrupt' // bytes that do not hash to their name, or do not parse as what they claim to be
  | 'remote' // unreachable, refused, not authorised
  | 'would-lose-data'
  | 'production'
  | 'refused' // the answer is no
  | 'changed' // a file changed while it was read
  | 'no-space'
  | 'permission'
  | 'io' // any other error of the operating system
  | 'git'
  | 'interrupted'

export interface ErrorDetails {
  readonly hint?: string
  readonly cause?: unknown
}

export class DdvError extends Error {
  override readonly name = 'DdvError'
  readonly code: ErrorCode
  readonly hint: string | undefined

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause })
    this.code = code
    this.hint = details.hint
  }
}

export const isDdvError = (value: unknown, ...codes: readonly ErrorCode[]): value is DdvError =>
  value instanceof DdvError && (codes.length === 0 || codes.includes(value.code))

/** Throws `interrupted` where the caller asked to stop. Called between units of work, never inside one. */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw new DdvError('interrupted', 'interrupted')
}

/** The `code` of a Node system error (`ENOENT`, …), or undefined for anything else. */
export function systemCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined
  return typeof error.code === 'string' ? error.code : undefined
}

const systemMessages: Readonly<Record<string, readonly [ErrorCode, string, string?]>> = {
  ENOSPC: ['no-space', 'no space left on the device', 'make room, then run the same command again'],
  EDQUOT: ['no-space', 'disk quota exceeded', 'make room, then run the same command again'],
  EROFS: ['permission', 'read-only file system'],
  EACCES: ['permission', 'permission denied'],
  EPERM: ['permission', 'operation not permitted'],
  EMFILE: ['io', 'too many open files', 'raise the limit (ulimit -n) or lower --jobs'],
  ENFILE: ['io', 'too many open files in the system'],
  EIO: ['io', 'input/output error of the disk'],
  ENAMETOOLONG: ['bad-path', 'name too long for this file system', 'track the directory that holds it instead'],
  ENOENT: ['io', 'no such file or directory'],
  ENOTDIR: ['io', 'not a directory'],
  EISDIR: ['io', 'is a directory'],
  ELOOP: ['io', 'is a symbolic link, or leads through too many'],
}

/** Turns a system error into a DdvError that names the path; anything else is given back as it is. */
export function fromSystemError(error: unknown, path: string): unknown {
  const code = systemCode(error)
  const known = code === undefined ? undefined : systemMessages[code]
  if (known === undefined || error instanceof DdvError) return error
  const [ddvCode, message, hint] = known
  return new DdvError(ddvCode, `${message}: ${path}`, { cause: error, ...(hint === undefined ? {} : { hint }) })
}
