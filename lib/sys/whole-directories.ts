// Many files get their names by one rename: that of the directory in which they were gathered. A rename of each costs as
// much as writing a small file did, and the kernel lets only one thread at a time rename from one directory to another.

import { lstatSync, readdirSync, renameSync } from 'node:fs'
import { sep } from 'node:path'
import { systemCode } from '../core/errors.js'

export interface Rename {
  readonly from: string
  readonly to: string
}

/** Fewer are renamed one by one. */
const worthWhole = 4

/**
 * Lets directories of temporary files take the place of `fresh` ones, which are empty and which nobody knows of yet: where
 * all that is in the one is to be, under the same names, in the other. Gives back what is still to be renamed.
 */
export function renameWhole(renames: readonly Rename[], fresh: ReadonlySet<string>): readonly Rename[] {
  if (fresh.size === 0) return renames
  const left: Rename[] = []
  for (const moves of groups(renames).values()) {
    const { from, to } = moves[0] as Rename
    const goal = parentOf(to)
    if (moves.length >= worthWhole && fresh.has(goal) && takesName(parentOf(from), goal, moves)) continue
    for (const rename of moves) left.push(rename)
  }
  return left
}

/** `dirname` of a path that has a parent, at a fifth of the cost. */
export const parentOf = (path: string): string => path.slice(0, path.lastIndexOf(sep))

/** By the directory where they are and the one where they are to be. */
function groups(renames: readonly Rename[]): Map<string, Rename[]> {
  const found = new Map<string, Rename[]>()
  for (const rename of renames) {
    const key = `${parentOf(rename.from)}\0${parentOf(rename.to)}`
    const others = found.get(key)
    if (others === undefined) found.set(key, [rename])
    else others.push(rename)
  }
  return found
}

// False also where somebody put something into the new directory meanwhile: a rename never replaces a directory that is
// not empty. One that took its mode or group from its parent (set-group-ID, default ACL) keeps them. The names are compared
// before the directory is read: one of 100,000 files for all of 256 goals would be read for each of them, for 25 s in all.
function takesName(from: string, goal: string, moves: readonly Rename[]): boolean {
  if (!moves.every(move => nameOf(move.from) === nameOf(move.to))) return false
  try {
    const names = new Set(readdirSync(from))
    if (names.size !== moves.length || !moves.every(move => names.has(nameOf(move.from)))) return false
    const [own, there] = [lstatSync(from), lstatSync(goal)]
    if (own.mode !== there.mode || own.gid !== there.gid || own.uid !== there.uid) return false
    renameSync(from, goal)
    return true
  } catch (error) {
    if (systemCode(error) === undefined) throw error
    return false
  }
}

const nameOf = (path: string): string => path.slice(path.lastIndexOf(sep) + 1)
