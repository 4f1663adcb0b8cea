// What was asked of git, or told to it, and need not be again: its answer stands while git's index and the files that
// it was about show the same stats. A start of git is a quarter of what an `add` costs that finds nothing to do.
//
// The stat index's racy rule holds here, too: only what had not changed since before the clock's tick is remembered, and
// only where nothing changed during the work. Kept in the notes, it may be lost; then git is asked.

import { indexFileOf } from '../git/index-file.js'
import { hashToBytes } from '../sys/hash.js'
import { isRegular, modeColumn, statIfThere, statWidth, writeStat } from '../sys/stats.js'
import { newestChange, statsBytes } from '../workspace/stat-table.js'
import { stateDirectory } from '../workspace/workspace.js'
import type { Project } from './project.js'

/** What a note is about. */
export interface Settling {
  /** Under which it is noted; says what the work is. */
  readonly key: string
  /** Beside git's index, what the work depends on: absolute. */
  readonly files: readonly string[]
}

interface Mark {
  readonly bytes: Buffer
  readonly newest: bigint
}

/** `work` is done for those that are not settled, all at once, and where it succeeds they are. Not called for none. */
export async function unlessSettled<S extends Settling>(
  project: Project,
  all: readonly S[],
  work: (open: readonly S[]) => Promise<void>,
): Promise<void> {
  const { notes, tick } = project.index()
  const open = all
    .map(item => ({ item, before: markOf(project, item) }))
    .filter(({ item, before }) => before === undefined || notes.get(item.key)?.equals(before.bytes) !== true)
  if (open.length === 0) return
  const now = open.some(({ before }) => before !== undefined) ? tick() : 0n
  await work(open.map(({ item }) => item))
  notes.write(batch => {
    for (const { item, before } of open) {
      if (before === undefined || before.newest >= now) continue
      if (markOf(project, item)?.bytes.equals(before.bytes) === true) batch.put(item.key, before.bytes)
    }
  })
}

// undefined where one of them is no file, or lies on another file system, whose clock is not the tick's.
function markOf({ git, workspace }: Project, { files }: Settling): Mark | undefined {
  if (git === undefined) return undefined
  const paths = [indexFileOf(git), ...files]
  const dev = statIfThere(stateDirectory(workspace))?.dev
  const stats = new BigInt64Array(paths.length * statWidth)
  for (const [row, path] of paths.entries()) {
    const stat = statIfThere(path)
    if (stat === undefined || stat.dev !== dev) return undefined
    writeStat(stats, row, stat)
    if (!isRegular(stats[row * statWidth + modeColumn] as bigint)) return undefined
  }
  return { bytes: Buffer.from(hashToBytes(statsBytes(stats))), newest: newestChange(stats) }
}
