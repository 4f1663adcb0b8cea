// `--log-format json`: what is said on the way, an object a line on stderr, for whatever collects logs of a build.

import type { Io } from './io.js'

export type LogFormat = 'text' | 'json'
export type LogLevel = 'info' | 'warning' | 'error'

/** `message` is for people; what else is in `fields` says what it is about: `stage`, `path`, `code`, `hint`, … */
export function writeLog<T extends { readonly message: string }>(
  io: Pick<Io, 'stderr'>,
  level: LogLevel,
  fields: T,
): void {
  io.stderr.write(`${JSON.stringify({ time: new Date().toISOString(), level, ...fields })}\n`)
}
