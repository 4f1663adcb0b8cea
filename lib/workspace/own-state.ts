// `.ddv/state/` is believed: what it says of files, blobs and remotes is not looked at again, and LMDB takes its files
// for granted. So it must have been made here. A repository may hold any file below `.ddv/`, but a clone writes new ones:
// nobody can know beforehand which inode one gets, nor the nanosecond. So the state has an empty file, `seal`, and beside
// it `mark`, which says the seal's inode and birth. What has no mark that fits is a stranger's, or was copied from
// elsewhere, where its inodes mean nothing: it gives way to a new one.

import { lstatSync, mkdirSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fromSystemError, systemCode } from '../core/errors.js'
import { writeNewFile } from '../sys/fs.js'
import { randomName } from '../sys/random.js'
import { readRegular } from '../sys/read-stable.js'
import { stateDirectory, type Workspace, workTemporaryDirectory } from './workspace.js'

/** The path of the state directory, once it is sure that it was made in this place. */
export function ownStateDirectory(workspace: Workspace): string {
  const directory = stateDirectory(workspace)
  if (isOwn(directory)) return directory
  const temporary = workTemporaryDirectory(workspace)
  mkdirSync(temporary, { recursive: true })
  const foreign = join(temporary, randomName())
  if (renameIfPossible(directory, foreign)) rmSync(foreign, { recursive: true, force: true })
  const made = join(temporary, randomName())
  try {
    mkdirSync(made)
    writeNewFile(join(made, 'seal'), '')
    writeNewFile(join(made, 'mark'), markOf(made) as string)
    // Whole when it comes; where another was faster that one is as good.
    renameIfPossible(made, directory)
  } catch (error) {
    throw fromSystemError(error, directory)
  } finally {
    rmSync(made, { recursive: true, force: true })
  }
  return directory
}

function isOwn(directory: string): boolean {
  const mark = markOf(directory)
  return mark !== undefined && readRegular(join(directory, 'mark'))?.toString() === mark
}

function markOf(directory: string): string | undefined {
  const seal = lstatSync(join(directory, 'seal'), { bigint: true, throwIfNoEntry: false })
  if (seal === undefined) return undefined
  // A file system that knows of no birth has the ctime at least; that one changes with `chmod -R`.
  return `${seal.ino} ${seal.birthtimeNs > 0n ? seal.birthtimeNs : seal.ctimeNs}\n`
}

function renameIfPossible(from: string, to: string): boolean {
  try {
    renameSync(from, to)
    return true
  } catch (error) {
    if (['ENOENT', 'ENOTEMPTY', 'EEXIST', 'EPERM'].includes(systemCode(error) ?? '')) return false
    throw error
  }
}
