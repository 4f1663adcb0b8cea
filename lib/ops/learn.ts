// What a checkout knows without reading: it wrote the files, or saw that they were right. So the next status costs stats.

import { type FileEntry, isFileEntry } from '../core/manifest.js'
import type { TreePath } from '../core/tree-path.js'
import { sizeOfRow } from '../sys/hash-files.js'
import { inodeColumn, isRegular, modeColumn, mtimeColumn, statWidth } from '../sys/stats.js'
import type { Learned, Snapshot } from '../workspace/stat-index.js'
import { newestChange, type StatTable } from '../workspace/stat-table.js'
import type { OutputPlan } from './checkout-plan.js'
import { executableRow, scanOf } from './compare.js'
import { digestOfRow, knownDigests, selectRows, tickAfter } from './inspect.js'
import { inOutput } from './obstacles.js'
import type { Project } from './project.js'

/** The stat that each file that was written had when it was staged: the row, by its path in the workspace. */
export interface WrittenStates {
  readonly rows: ReadonlyMap<TreePath, number>
  readonly stats: BigInt64Array
}

export interface Written {
  readonly plans: readonly OutputPlan[]
  readonly written: WrittenStates
}

/** For outputs that are now what their pointers say, unless somebody wrote into them meanwhile. */
export async function learnWritten(project: Project, { plans, written }: Written): Promise<void> {
  const learned: Learned[] = []
  for (const plan of plans) {
    if (plan.writes.length + plan.removals.length + plan.executables.length === 0) continue
    const scan = await scanOf(project, plan.output, {})
    if (scan === undefined) continue
    const tick = await tickAfter(project.index(), newestChange(scan.table.stats))
    const { snapshot, complete } = fromPlan(plan, scan.table, written)
    const summary = complete ? { hash: plan.pointer.hash, size: plan.pointer.size } : undefined
    learned.push({ path: plan.output, snapshot, tick, summary })
  }
  project.index().save(learned)
}

// A row counts if it was written just now or has not changed since the plan read it; its digest is the wanted one, or
// for files outside the plan the one that was read.
function fromPlan(
  plan: OutputPlan,
  table: StatTable,
  states: WrittenStates,
): { snapshot: Snapshot; complete: boolean } {
  const { present } = plan
  const { digests, known } = knownDigests(table, present)
  const written = new Map(plan.writes.map(entry => [entry.path as string, entry]))
  const rows: number[] = []
  table.paths.forEach((path, row) => {
    const entry = written.get(path)
    if (entry === undefined) {
      if (known[row] === 1) rows.push(row)
      return
    }
    if (sizeOfRow(table.stats, row) !== entry.size) return
    if (!isRegular(table.stats[row * statWidth + modeColumn] as bigint)) return
    // Somebody may have written into it since: the file that was staged has this inode and this mtime.
    const staged = states.rows.get(inOutput(plan.output, path))
    if (staged === undefined) return
    for (const column of [inodeColumn, mtimeColumn])
      if (states.stats[staged * statWidth + column] !== table.stats[row * statWidth + column]) return
    digests.write(entry.digest, row * 32, 'hex')
    rows.push(row)
  })
  const complete =
    rows.length === table.paths.length &&
    isWanted({ table, digests }, plan.wanted.filter(isFileEntry)) &&
    isSameList(
      table.emptyDirectories,
      plan.wanted.filter(entry => !isFileEntry(entry)).map(entry => entry.path),
    )
  if (rows.length === table.paths.length) return { snapshot: { table, digests }, complete }
  return { snapshot: selectRows({ table, digests }, rows), complete: false }
}

// Row by row: the plan may have been for a part alone.
const isWanted = ({ table, digests }: Snapshot, wanted: readonly FileEntry[]): boolean =>
  table.paths.length === wanted.length &&
  wanted.every(
    ({ path, digest, executable }, row) =>
      table.paths[row] === path &&
      digestOfRow(digests, row) === digest &&
      executableRow(table.stats, row) === executable,
  )

const isSameList = (a: readonly string[], b: readonly string[]): boolean =>
  a.length === b.length && a.every((text, i) => text === b[i])
