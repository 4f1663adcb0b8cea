// Temporary files, gathered by the directory that each goes to: where that is new it can take all of them with one rename
// (whole-directories.ts), and two threads that make files seldom wait for each other.

import { lstatSync, mkdirSync, readdirSync, rmdirSync, rmSync } from 'node:fs'
import { join, sep } from 'node:path'
import { systemCode } from '../core/errors.js'
import { randomName } from './random.js'

const pattern = /^staging-[0-9a-f]{16}$/
export const isStaging = (name: string): boolean => pattern.test(name)

export class Staging {
  readonly #parent: string
  readonly #directories = new Map<string, string>()
  #root: string | undefined

  /** Nothing is made in `parent` before the first path is asked for; `parent` must be there then. */
  constructor(parent: string) {
    this.#parent = parent
  }

  /** Where the file that is to become `goal` can be written: the same for the same goal. Its directory is made. */
  path(goal: string): string {
    const end = goal.lastIndexOf(sep)
    const directory = goal.slice(0, end)
    let own = this.#directories.get(directory)
    if (own === undefined) {
      this.#root ??= join(this.#parent, `staging-${randomName()}`)
      own = join(this.#root, String(this.#directories.size))
      mkdirSync(own, { recursive: true })
      this.#directories.set(directory, own)
    }
    return own + goal.slice(end)
  }

  /** Removes it with all that is still in it. */
  remove(): void {
    if (this.#root !== undefined) rmSync(this.#root, { recursive: true, force: true })
    this.#root = undefined
    this.#directories.clear()
  }
}

/** Of what a crashed process left: files, and then directories, last changed before `time` (ms). Never through a link. */
export function removeOldStaging(root: string, time: number): void {
  const isOld = (path: string): boolean => {
    const stat = lstatSync(path, { throwIfNoEntry: false })
    return stat !== undefined && stat.mtimeMs < time
  }
  // Removing what is in a directory is a change of it.
  const empty = [root].filter(isOld)
  for (const entry of readdirSync(root, { withFileTypes: true })) {
    const directory = join(root, entry.name)
    if (!entry.isDirectory()) continue
    if (isOld(directory)) empty.unshift(directory)
    for (const name of readdirSync(directory))
      if (isOld(join(directory, name))) rmSync(join(directory, name), { force: true })
  }
  for (const directory of empty) removeEmpty(directory)
}

function removeEmpty(directory: string): void {
  try {
    rmdirSync(directory)
  } catch (error) {
    if (systemCode(error) === undefined) throw error
  }
}
