// A stage's outs give way while it runs, and come back where it fails. They are moved, not deleted, so that this costs
// nothing and a crash finds them: `.ddv/aside/<process>/<n>` with a note of where each was.

import { mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { DdvError, fromSystemError, systemCode } from '../core/errors.js'
import { displayPath, type TreePath, treePathProblem } from '../core/tree-path.js'
import { writeFileAtomic } from '../sys/fs.js'
import { openInside } from '../sys/inside.js'
import { isHolderAlive, newHolderName } from '../sys/lock.js'
import { readRegular } from '../sys/read-stable.js'
import { statIfThere } from '../sys/stats.js'
import { ddvDirectory } from '../workspace/workspace.js'
import type { Project } from './project.js'

const asideDirectory = ({ workspace }: Project): string => join(workspace.root, ddvDirectory, 'aside')
const failedDirectory = ({ workspace }: Project, stage: string): string =>
  join(workspace.root, ddvDirectory, 'failed', encodeURIComponent(stage))

export interface Aside {
  /** They come back; what the stage made in their places goes where `failedOuts` says. */
  restore(): void
  /** They are not needed any more. */
  drop(): void
}

/** A class because it numbers what it takes. */
export class SetAside {
  readonly #project: Project
  readonly #directory: string
  #next = 0

  constructor(project: Project) {
    this.#project = project
    this.#directory = join(asideDirectory(project), newHolderName())
  }

  /** Moves away what is at these paths. `stage` says for whom. Throws where one cannot be moved; then none is. */
  take(paths: readonly TreePath[], stage: string): Aside {
    const inside = openInside(this.#project.workspace.root)
    const taken: Taken[] = []
    const aside: Aside = {
      restore: () => {
        keepFailed(this.#project, { stage, paths })
        for (const one of taken.splice(0)) bringBack(this.#project, one)
      },
      drop: () => {
        for (const { data, note } of taken.splice(0)) {
          rmSync(data, { recursive: true, force: true })
          rmSync(note, { force: true })
        }
      },
    }
    try {
      for (const path of paths) {
        const from = inside.path(path)
        if (statIfThere(from) === undefined) continue
        taken.push(this.#move(from, path, stage))
      }
    } catch (error) {
      for (const one of taken.splice(0)) bringBack(this.#project, one)
      throw error
    }
    return aside
  }

  close(): void {
    rmSync(this.#directory, { recursive: true, force: true })
  }

  #move(from: string, path: TreePath, stage: string): Taken {
    mkdirSync(this.#directory, { recursive: true })
    const data = join(this.#directory, `${this.#next++}`)
    const note = `${data}.json`
    writeFileAtomic(note, JSON.stringify({ path, stage }), { durable: false })
    try {
      renameSync(from, data)
    } catch (error) {
      rmSync(note, { force: true })
      if (systemCode(error) === 'EXDEV' || systemCode(error) === 'EBUSY')
        throw new DdvError('refused', `lies on another file system than the workspace: ${displayPath(path)}`, {
          hint: 'let the stage write it in the workspace, or declare it with persist: true',
        })
      throw fromSystemError(error, displayPath(path))
    }
    return { data, note, path }
  }
}

interface Taken {
  readonly data: string
  readonly note: string
  readonly path: TreePath
}

function bringBack({ workspace }: Project, { data, note, path }: Taken): void {
  const to = openInside(workspace.root).pathWithParents(path)
  renameSync(data, to)
  rmSync(note, { force: true })
}

/** Where a failed try's outs are kept until the stage's next failure, relative to the workspace. */
export const failedOuts = (stage: string): string => `${ddvDirectory}/failed/${encodeURIComponent(stage)}`

interface FailedOuts {
  readonly stage: string
  readonly paths: readonly TreePath[]
}

// What a try of hours left may be worth a look; only the last one's is kept.
function keepFailed(project: Project, { stage, paths }: FailedOuts): void {
  const inside = openInside(project.workspace.root)
  const made = paths.filter(path => statIfThere(inside.path(path)) !== undefined)
  forgetFailed(project, stage)
  if (made.length === 0) return
  const directory = failedDirectory(project, stage)
  mkdirSync(directory, { recursive: true })
  for (const path of made) renameSync(inside.path(path), join(directory, encodeURIComponent(path).slice(-200)))
}

export const forgetFailed = (project: Project, stage: string): void =>
  rmSync(failedDirectory(project, stage), { recursive: true, force: true })

/** Brings back what processes that died had set aside. What is in its place by now goes where failed outs go. */
export function recoverAside(project: Project): readonly TreePath[] {
  const directory = asideDirectory(project)
  const recovered: TreePath[] = []
  for (const holder of listIfThere(directory)) {
    if (isHolderAlive(holder)) continue
    const own = join(directory, holder)
    const left = listIfThere(own).flatMap(name => readTaken(own, name))
    for (const stage of new Set(left.map(one => one.stage))) {
      const ofStage = left.filter(one => one.stage === stage)
      keepFailed(project, { stage, paths: ofStage.map(({ path }) => path) })
      for (const one of ofStage) bringBack(project, one)
    }
    recovered.push(...left.map(({ path }) => path))
    rmSync(own, { recursive: true, force: true })
  }
  return recovered
}

function readTaken(directory: string, name: string): (Taken & { readonly stage: string })[] {
  const note = join(directory, `${name}.json`)
  const bytes = /^\d+$/.test(name) ? readRegular(note) : undefined
  if (bytes === undefined) return []
  try {
    const { path, stage }: { path?: unknown; stage?: unknown } = JSON.parse(bytes.toString())
    if (typeof path !== 'string' || typeof stage !== 'string' || treePathProblem(path) !== undefined) return []
    return [{ data: join(directory, name), note, path: path as TreePath, stage }]
  } catch (error) {
    if (error instanceof SyntaxError) return []
    throw error
  }
}

function listIfThere(directory: string): string[] {
  try {
    return readdirSync(directory)
  } catch (error) {
    if (systemCode(error) === 'ENOENT' || systemCode(error) === 'ENOTDIR') return []
    throw error
  }
}
