// Reading and rewriting the small text files of git's that ddv adds lines to.

import { lstatSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import { DdvError } from '../core/errors.js'
import { writeFileAtomic } from '../sys/fs.js'

/**
 * Rewrites the file, atomically, where `change` gives another text; one that becomes empty goes. Whether it did.
 * An absent file is ''. Throws `git` for a symbolic link, which git does not follow either. Not safe against another
 * writer at the same time: callers hold the workspace's lock.
 * `temporary`: a directory on the same file system, made where it is missing, in which a crash may leave something;
 * beside the file, which is the user's place, unless told.
 */
export function editTextFile(file: string, change: (text: string) => string, temporary?: string): boolean {
  const text = readTextFile(file)
  const changed = change(text)
  if (changed === text) return false
  if (changed === '') rmSync(file, { force: true })
  else if (temporary === undefined) writeFileAtomic(file, changed)
  else {
    mkdirSync(temporary, { recursive: true })
    writeFileAtomic(file, changed, { temporary })
  }
  return true
}

function readTextFile(file: string): string {
  const stats = lstatSync(file, { throwIfNoEntry: false })
  if (stats === undefined) return ''
  if (stats.isSymbolicLink()) throw new DdvError('git', `git does not follow a symbolic link here: ${file}`)
  return readFileSync(file, 'utf8')
}

/** Lines without their end, and '' for an empty text; a last line without an end is one like the others. */
export const splitLines = (text: string): string[] => (text === '' ? [] : text.replace(/\n$/, '').split('\n'))

export const joinLines = (lines: readonly string[]): string => lines.map(line => `${line}\n`).join('')
