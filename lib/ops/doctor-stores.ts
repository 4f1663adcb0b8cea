// Where the cache and ddv's own state are, and what the file system there can do.

import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { temporaryDirectory } from '../cache/cache.js'
import { displayPath } from '../core/tree-path.js'
import { canReflink, type FileSystem, fileSystemOf } from '../sys/file-system.js'
import { statIfThere } from '../sys/stats.js'
import { workTemporaryDirectory } from '../workspace/workspace.js'
import { type Check, problem } from './doctor-check.js'
import type { Project } from './project.js'

/** Below, a command of ordinary size may well meet a full disk. */
const littleSpace = 1_000_000_000
const fewFiles = 10_000

export function checkStores({ workspace, cache }: Project): readonly Check[] {
  try {
    const there = nearestDirectory(cache.root)
    const system = fileSystemOf(there)
    const place = { name: 'cache', message: `${displayPath(cache.root)} (${system.name ?? 'file system unknown'})` }
    return [
      there === cache.root
        ? { ...place, state: 'ok' }
        : { ...place, state: 'ok', message: `${place.message}, not made yet` },
      checkSpace(system),
      checkState(fileSystemOf(workspace.root)),
      checkProbe(workTemporaryDirectory(workspace), temporaryDirectory(cache)),
    ]
  } catch (error) {
    return [problem('cache', error)]
  }
}

function nearestDirectory(path: string): string {
  return statIfThere(path) !== undefined || dirname(path) === path ? path : nearestDirectory(dirname(path))
}

function checkSpace({ free, filesLeft }: FileSystem): Check {
  const name = 'space'
  const message = `${(free / 1e9).toFixed(1)} GB free for the cache`
  const hint = `'ddv du' shows what the cache takes`
  if (filesLeft === 0)
    return { name, state: 'problem', message: 'no more files can be made on the disk of the cache', hint }
  if (filesLeft !== undefined && filesLeft < fewFiles)
    return {
      name,
      state: 'warning',
      message: `only ${filesLeft} more files can be made on the disk of the cache`,
      hint,
    }
  if (free === 0) return { name, state: 'problem', message: 'the disk of the cache is full', hint }
  return free < littleSpace ? { name, state: 'warning', message, hint } : { name, state: 'ok', message }
}

function checkState({ name, network }: FileSystem): Check {
  if (!network) return { name: 'locks', state: 'ok', message: 'on a local file system' }
  return {
    name: 'locks',
    state: 'warning',
    message: `the workspace is on a network file system (${name}), where locks are not always honoured`,
    hint: 'use it from one machine at a time, or work in a clone on a local disk',
  }
}

/** The probe says, too, whether both places can be written to. */
function checkProbe(work: string, cache: string): Check {
  const name = 'writing'
  try {
    for (const directory of [work, cache]) mkdirSync(directory, { recursive: true })
    return canReflink(work, cache)
      ? { name, state: 'ok', message: 'reflinks: data in the workspace and the cache shares its blocks' }
      : { name, state: 'ok', message: 'no reflinks here: data is copied, and takes room twice' }
  } catch (error) {
    return problem(name, error)
  }
}
