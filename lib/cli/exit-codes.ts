// The one table from error codes to exit codes, and what each exit code says in help texts.

import type { DdvError, ErrorCode } from '../core/errors.js'

const exitCodes: Readonly<Record<ErrorCode, number>> = {
  usage: 2,
  'bad-path': 2,
  'bad-config': 3,
  'bad-pointer': 3,
  'bad-manifest': 3,
  'newer-format': 3,
  conflict: 3,
  'no-workspace': 10,
  busy: 11,
  missing: 12,
  corrupt: 13,
  remote: 14,
  'would-lose-data': 15,
  production: 15,
  refused: 1,
  changed: 1,
  'no-space': 1,
  permission: 1,
  io: 1,
  git: 1,
  interrupted: 130,
}

export const exitCodeOf = (code: ErrorCode): number => exitCodes[code]

/** Anything that is no DdvError: a bug of ddv's. */
export const bugExitCode = 70

export const exitMeanings: Readonly<Record<number, string>> = {
  0: 'done',
  1: 'the answer is no, or it could not be done',
  2: 'wrong usage',
  3: 'a file of ddv cannot be read',
  10: 'no ddv workspace here',
  11: 'another ddv is at work here',
  12: 'a blob, recipe or pack is missing',
  13: 'something is corrupt',
  14: 'the remote: unreachable, refused, not authorised',
  15: 'refused: it would lose data, or this is production',
  70: 'a bug of ddv',
  130: 'interrupted',
}

// Of several failures the most telling one decides; an interruption is above all, since nothing else was finished.
const mostTelling = [130, 13, 12, 14, 15, 11, 10, 3, 1, 2]

/** 0 for none. */
export function exitCodeOfAll(errors: readonly DdvError[]): number {
  const codes = new Set(errors.map(error => exitCodeOf(error.code)))
  return mostTelling.find(code => codes.has(code)) ?? 0
}
