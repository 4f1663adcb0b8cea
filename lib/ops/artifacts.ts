// What stages read and write, as it is now: each path looked at once a run, by the stat index where that is proved.

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
  readonly #known = new Map<TreePath, Promise<Artifact | undefined>>()

  constructor(project: Project, control: Control) {
    this.#project = project
    this.#control = control
  }

  /** undefined where nothing is there. Throws `refused` for what cannot be versioned, such as a link that leads out. */
  read(path: TreePath): Promise<Artifact | undefined> {
    const known = this.#known.get(path)
    if (known !== undefined) return known
    const artifact = readArtifact(this.#project, path, this.#control)
    this.#known.set(path, artifact)
    return artifact
  }

  /** What is at the path is known from elsewhere, such as from storing it. */
  learn(path: TreePath, artifact: Artifact | undefined): void {
    this.forget(path)
    this.#known.set(path, Promise.resolve(artifact))
  }

  /** Something was written there: it, what it holds and what holds it are looked at again. */
  forget(path: TreePath): void {
    for (const known of this.#known.keys())
      if (isWithin(known, path) || isWithin(path, known)) this.#known.delete(known)
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
