// What stages read and write, as it is now, by the stat index where that is proved. Looking costs a stat a file, and nothing
// less tells that a file was written to: so each path is looked at once for each state that it goes through. Out of the
// store that keeps it, or when the first stage asks for it; and once more after stages that read it, since a lock that says
// what they read must not be wrong (`findChangedDep`). That one look serves all stages that had ended when it began.

import { DdvError } from '../core/errors.js'
import type { Control } from '../core/events.js'
import type { Artifact } from '../core/lockfile.js'
import { displayPath, isWithin, type TreePath } from '../core/tree-path.js'
import type { Scan } from '../workspace/scan.js'
import { executableRow, readContent, scanOf } from './compare.js'
import type { Project } from './project.js'

/** A class because it remembers. */
export class Artifacts {
  readonly #project: Project
  readonly #control: Control
  readonly #looks = new Map<TreePath, Look>()

  constructor(project: Project, control: Control) {
    this.#project = project
    this.#control = control
  }

  /**
   * undefined where nothing is there. Known from before, unless that was before `since`, of `performance.now()`. Throws
   * `refused` for what cannot be versioned, such as a link that leads out.
   */
  read(path: TreePath, since = 0): Promise<Artifact | undefined> {
    const last = this.#looks.get(path)
    if (last !== undefined && (last.began === undefined || last.began >= since)) return last.artifact
    const look = new Look(() => readArtifact(this.#project, path, this.#control), last)
    this.#looks.set(path, look)
    return look.artifact
  }

  /** What is at the path is known from elsewhere, such as from storing it. */
  learn(path: TreePath, artifact: Artifact | undefined): void {
    this.forget(path)
    this.#looks.set(path, new Look(() => Promise.resolve(artifact), undefined))
  }

  /** Something was written there: it, what it holds and what holds it are looked at again. */
  forget(path: TreePath): void {
    for (const known of this.#looks.keys())
      if (isWithin(known, path) || isWithin(path, known)) this.#looks.delete(known)
  }
}

/** A class because it begins when the one before it has ended: many that ask meanwhile share it. */
class Look {
  /** undefined: it waits. */
  began: number | undefined
  readonly artifact: Promise<Artifact | undefined>

  constructor(read: () => Promise<Artifact | undefined>, before: Look | undefined) {
    this.artifact = this.#run(read, before)
  }

  async #run(read: () => Promise<Artifact | undefined>, before: Look | undefined): Promise<Artifact | undefined> {
    if (before !== undefined) await before.artifact.catch(() => undefined) // told to those who asked for that one
    this.began = performance.now()
    return read()
  }
}

async function readArtifact(project: Project, path: TreePath, control: Control): Promise<Artifact | undefined> {
  const scan = await scanOf(project, path, control)
  if (scan === undefined) return undefined
  refuseScanProblems(scan)
  const unchanged = project.index().findUnchanged(path, scan.table)
  if (unchanged !== undefined) return toArtifact(scan, unchanged)
  const { summary, unreadable } = await readContent(project, path, scan, control)
  const first = unreadable[0]
  if (first !== undefined) throw first.error
  return toArtifact(scan, summary)
}

const toArtifact = ({ kind, table }: Scan, { hash, size }: Pick<Artifact, 'hash' | 'size'>): Artifact => ({
  kind,
  hash,
  size,
  files: kind === 'directory' ? table.paths.length : undefined,
  executable: kind === 'file' && executableRow(table.stats, 0),
})

/** Throws `refused` for the first thing that cannot be versioned. */
export function refuseScanProblems({ problems }: Scan): void {
  const first = problems[0]
  if (first === undefined) return
  const more = problems.length > 1 ? ` (and ${problems.length - 1} more like it)` : ''
  throw new DdvError('refused', `${first.problem}${more}: ${displayPath(first.path)}`, {
    hint: 'put what it leads to in its place, or list it in .ddvignore',
  })
}
