// Moving data from one file system to another, where a rename cannot: a copy beside its goal, whole and durable before it
// has its name; only then does the old one go, and in one piece, so that a crash leaves one whole copy at least.

import { cpSync, lstatSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fromSystemError } from '../core/errors.js'
import { arrivingName, type DurableOptions, syncFiles } from '../sys/durable-renames.js'
import { syncDirectory } from '../sys/fs.js'
import { changedError } from '../sys/read-stable.js'

/** Throws `changed` where something is written there meanwhile; then nothing was moved. */
export async function moveAcross(from: string, to: string, options: Omit<DurableOptions, 'directory'>): Promise<void> {
  const directory = dirname(to)
  const temporary = join(directory, arrivingName())
  const before = statesBelow(from)
  try {
    // Links as they are: what they lead to is not what is moved.
    cpSync(from, temporary, { recursive: true, preserveTimestamps: true, verbatimSymlinks: true, errorOnExist: true })
    await syncFiles([...statesBelow(temporary)].flatMap(toSync), { ...options, directory })
    if (!isSame(before, statesBelow(from))) throw changedError(from)
    renameSync(temporary, to)
  } catch (error) {
    rmSync(temporary, { recursive: true, force: true })
    throw fromSystemError(error, from)
  }
  syncDirectory(directory)
  removeWhole(from)
}

/** Removes it so that after a crash it is there whole or not at all by its name. */
export function removeWhole(path: string): void {
  const leaving = join(dirname(path), arrivingName())
  renameSync(path, leaving)
  rmSync(leaving, { recursive: true, force: true })
}

interface State {
  readonly canSync: boolean
  readonly text: string
}

function statesBelow(top: string): ReadonlyMap<string, State> {
  const states = new Map<string, State>()
  const visit = (path: string): void => {
    const stat = lstatSync(path, { bigint: true })
    const text = [stat.ino, stat.size, stat.mtimeNs, stat.ctimeNs, stat.mode].join(' ')
    states.set(path, { canSync: stat.isFile() || stat.isDirectory(), text })
    if (stat.isDirectory()) for (const name of readdirSync(path)) visit(join(path, name))
  }
  visit(top)
  return states
}

const toSync = ([path, { canSync }]: readonly [string, State]): string[] => (canSync ? [path] : [])

const isSame = (a: ReadonlyMap<string, State>, b: ReadonlyMap<string, State>): boolean =>
  a.size === b.size && [...a].every(([path, { text }]) => b.get(path)?.text === text)
