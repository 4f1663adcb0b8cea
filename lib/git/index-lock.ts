// git's lock on its index, for where isomorphic-git writes it: `index.lock`, made exclusively, held until the new index
// has the old one's name. A lock that a killed git leaves must be deleted by hand; one of ours need not: it is a hard
// link of `ddv-index-<holder>/token`, so whoever meets it sees whose it was, and whether that process still lives.

import { closeSync, linkSync, lstatSync, mkdirSync, openSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { DdvError, systemCode, throwIfAborted } from '../core/errors.js'
import { writeNewFile } from '../sys/fs.js'
import { isHolderAlive, newHolderName } from '../sys/lock.js'
import { indexFileOf } from './index-file.js'
import type { GitRepository } from './repository.js'

export interface IndexLock {
  /** Where the new index is to be written; on the same file system, with nothing there yet. */
  readonly next: string
  /** Makes what is there the index, if anything is, and gives the lock back. */
  commit(): void
  /** Gives the lock back; the index stays as it was. */
  release(): void
}

/** How long to wait for another program's `index.lock`, in milliseconds. */
export const lockPatience = 10_000

const prefix = 'ddv-index-'
const token = 'token'

const lockOf = (repository: GitRepository): string => `${indexFileOf(repository)}.lock`

export const indexBusy = (repository: GitRepository): DdvError =>
  new DdvError('busy', `git's index is locked by another program: ${lockOf(repository)}`, {
    hint: 'let it end, then run the same command again; delete that file only if no git is running',
  })

/** Throws `busy` after 10 s of another's lock. */
export async function lockIndex(repository: GitRepository, signal: AbortSignal | undefined): Promise<IndexLock> {
  const index = indexFileOf(repository)
  const deadline = performance.now() + lockPatience
  const own = join(dirname(index), prefix + newHolderName())
  const [lock, next] = [lockOf(repository), join(own, 'index')]
  breakDeadLocks(repository)
  mkdirSync(own)
  const giveBack = (): void => {
    rmSync(lock, { force: true })
    rmSync(own, { recursive: true, force: true })
  }
  try {
    writeNewFile(join(own, token), '')
    while (!take(join(own, token), lock)) {
      if (performance.now() > deadline) throw indexBusy(repository)
      throwIfAborted(signal)
      await sleep(50)
      breakDeadLocks(repository)
    }
  } catch (error) {
    rmSync(own, { recursive: true, force: true })
    throw error
  }
  return {
    next,
    commit: () => {
      try {
        if (lstatSync(next, { throwIfNoEntry: false }) !== undefined) renameSync(next, index)
      } finally {
        giveBack()
      }
    },
    release: giveBack,
  }
}

/** False where another has it. */
function take(ownToken: string, lock: string): boolean {
  try {
    linkSync(ownToken, lock)
    return true
  } catch (error) {
    if (systemCode(error) === 'EEXIST') return false
  }
  try {
    closeSync(openSync(lock, 'wx')) // a file system without hard links: a lock as git's own
    return true
  } catch (error) {
    if (systemCode(error) === 'EEXIST') return false
    throw error
  }
}

/**
 * Takes away what killed processes of ddv left, their lock too; whether there was such a lock. Of two that come at once
 * only one gets the token, by its rename; and a lock is removed by whoever has its token, by nobody else.
 */
export function breakDeadLocks(repository: GitRepository): boolean {
  const directory = dirname(indexFileOf(repository))
  // Of the index itself too, where a hook's is another one.
  const locks = new Set([lockOf(repository), join(repository.gitDir, 'index.lock')])
  let broken = false
  for (const name of readdirSync(directory)) {
    if (!name.startsWith(prefix) || isHolderAlive(name.slice(prefix.length))) continue
    const mine = join(directory, prefix + newHolderName())
    try {
      renameSync(join(directory, name), mine)
    } catch (error) {
      if (systemCode(error) === 'ENOENT') continue
      throw error
    }
    for (const lock of locks)
      if (isSameFile(join(mine, token), lock)) {
        rmSync(lock, { force: true })
        broken = true
      }
    rmSync(mine, { recursive: true, force: true })
  }
  return broken
}

function isSameFile(a: string, b: string): boolean {
  const [first, second] = [a, b].map(file => lstatSync(file, { bigint: true, throwIfNoEntry: false }))
  return first !== undefined && second !== undefined && first.ino === second.ino && first.dev === second.dev
}
