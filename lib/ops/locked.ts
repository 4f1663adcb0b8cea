// The lock of everything that writes into the workspace. Readers never take it.

import { existsSync, readdirSync } from 'node:fs'
import { basename } from 'node:path'
import { removeLeftovers, temporaryDirectory } from '../cache/cache.js'
import type { Control } from '../core/events.js'
import { trackedAmong } from '../git/git-index.js'
import { type Locked, withLock } from '../sys/lock.js'
import { lockDirectory, workTemporaryDirectory } from '../workspace/workspace.js'
import type { Project } from './project.js'

/** Runs alone among all that write here. Throws `busy` after 10 s of a living holder. */
export function withWorkspaceLock<T>(
  project: Project,
  { signal }: Control,
  work: (locked: Locked) => Promise<T>,
): Promise<T> {
  const { git, workspace } = project
  const directory = lockDirectory(workspace)
  // A stranger's repository may hold what looks like the lock of a process on a host that never comes back.
  const foreign = async () =>
    new Set(git === undefined ? [] : (await trackedAmong(git, [directory])).map(path => basename(path)))
  return withLock(directory, { signal, foreign }, locked => {
    // What crashed processes left; two listings of directories that are empty otherwise.
    removeLeftovers(temporaryDirectory(project.cache))
    removeLeftovers(workTemporaryDirectory(project.workspace))
    return work(locked)
  })
}

/** Whether some process holds the lock, or died with it. */
export const isLocked = ({ workspace }: Project): boolean => {
  const directory = lockDirectory(workspace)
  return existsSync(directory) && readdirSync(directory).length > 0
}
