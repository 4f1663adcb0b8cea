// How a try of a stage failed.

import { isJsonRecord } from './json.js'
import { displayPath } from './tree-path.js'

export type Failure =
  /** As shells count: 128 + n where signal n ended what the script ran. */
  | { readonly kind: 'exit'; readonly code: number }
  /** Of the shell itself. `SIGKILL`, … */
  | { readonly kind: 'signal'; readonly signal: string }
  /** Milliseconds that it had. */
  | { readonly kind: 'timeout'; readonly after: number }
  /** A command of the script (the log says which), the shell, or the directory where it should run. */
  | { readonly kind: 'not-found'; readonly what: 'command' | 'shell' | 'directory'; readonly name: string }
  /** Not of the script: a step that is built in, or an out that is not there. */
  | { readonly kind: 'error'; readonly message: string }

/** What shells answer where there is no such command. */
export const commandNotFound = 127

const signals: Readonly<Record<number, string>> = {
  1: 'SIGHUP',
  2: 'SIGINT',
  3: 'SIGQUIT',
  4: 'SIGILL',
  6: 'SIGABRT',
  7: 'SIGBUS',
  8: 'SIGFPE',
  9: 'SIGKILL',
  11: 'SIGSEGV',
  13: 'SIGPIPE',
  14: 'SIGALRM',
  15: 'SIGTERM',
}

/** For people, to follow on the stage's name. */
export function describeFailure(failure: Failure): string {
  switch (failure.kind) {
    case 'exit': {
      const signal = signals[failure.code - 128]
      return `ended with exit code ${failure.code}${signal === undefined ? '' : ` (${withMeaning(signal)})`}`
    }
    case 'signal':
      return `was ended by ${withMeaning(failure.signal)}`
    case 'timeout':
      return `was ended after ${failure.after / 1000} s, its timeout`
    case 'not-found':
      if (failure.what === 'command') return `ended with exit code ${commandNotFound}: a command was not found`
      return `could not start: there is no ${failure.what} ${displayPath(failure.name)}`
    case 'error':
      return failure.message
  }
}

const withMeaning = (signal: string): string => (signal === 'SIGKILL' ? 'SIGKILL, perhaps for lack of memory' : signal)

/** Of parsed JSON. */
export function isFailure(value: unknown): value is Failure {
  if (!isJsonRecord(value)) return false
  switch (value.kind) {
    case 'exit':
      return Number.isSafeInteger(value.code)
    case 'signal':
      return typeof value.signal === 'string'
    case 'timeout':
      return typeof value.after === 'number'
    case 'not-found':
      return ['command', 'shell', 'directory'].includes(String(value.what)) && typeof value.name === 'string'
    case 'error':
      return typeof value.message === 'string'
    default:
      return false
  }
}
