import { copyFileSync, lstatSync, mkdirSync, readlinkSync, symlinkSync, utimesSync } from 'node:fs'
import { join } from 'node:path'
import { walk } from './invariants.js'

/**
 * Copies a tree with permissions and times into an empty directory. Not by `cp`: with many tests at work to start it takes
 * longer than to copy. Not by hard links: they change the times of files that the program is about to look at.
 */
export function copyBase(base: string, to: string): void {
  const directories: [from: string, into: string][] = []
  for (const [path, entry] of walk(base)) {
    const [from, into] = [join(base, path), join(to, path)]
    if (entry.isSymbolicLink()) symlinkSync(readlinkSync(from), into)
    else if (entry.isDirectory()) {
      mkdirSync(into, { mode: lstatSync(from).mode })
      directories.push([from, into])
    } else {
      copyFileSync(from, into)
      copyTimes(from, into)
    }
  }
  for (const [from, into] of directories) copyTimes(from, into)
}

function copyTimes(from: string, into: string): void {
  const { atimeMs, mtimeMs } = lstatSync(from)
  utimesSync(into, atimeMs / 1000, mtimeMs / 1000)
}
