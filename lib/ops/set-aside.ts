// A stage's outs give way while it runs, and come back where it fails. They are moved, not deleted, so that this costs
// nothing and a crash finds them: `.ddv/aside/<process>/<n>` with a note of where each was.

import { chmodSync, lstatSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { DdvError, fromSystemError, isDdvError, systemCode } from '../core/errors.js'
import type { Control } from '../core/events.js'
import { displayPath, type TreePath, treePathProblem } from '../core/tree-path.js'
import { writeFileAtomic } from '../sys/fs.js'
import { hashBytes } from '../sys/hash.js'
import { openInside } from '../sys/inside.js'
import { isHolderAlive, newHolderName } from '../sys/lock.js'
import { readRegular } from '../sys/read-stable.js'
import { statIfThere } from '../sys/stats.js'
import { removeIfEmpty } from '../workspace/materialize.js'
import { ddvDirectory } from '../workspace/workspace.js'
import { withWorkspaceLock } from './locked.js'
import type { Project } from './project.js'
import { storePaths } from './store-outs.js'

const asideDirectory = ({ workspace }: Project): string => join(workspace.root, ddvDirectory, 'aside')
const failedDirectory = ({ workspace }: Project, stage: string): string => join(workspace.root, failedOuts(stage))

/** One name of a file for any path or address: file systems take 255 bytes. */
function fileNameOf(text: string): string {
  const name = encodeURIComponent(text)
  return name.length <= 200 ? name : `${name.slice(0, 150)}-${hashBytes(Buffer.from(text)).slice(0, 32)}`
}

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
        const left = taken.splice(0)
        allOf([
          () => keepFailed(this.#project, { stage, paths }),
          ...left.map(one => () => bringBack(this.#project, one)),
        ])
      },
      // The note first: what is half deleted is not to come back.
      drop: () => {
        for (const { data, note } of taken.splice(0)) {
          rmSync(note, { force: true })
          removeTree(data)
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

  /** What could not come back stays for the next run to bring. */
  close(): void {
    removeIfEmpty(this.#directory)
  }

  #move(from: string, path: TreePath, stage: string): Taken {
    mkdirSync(this.#directory, { recursive: true })
    const data = join(this.#directory, `${this.#next++}`)
    const note = `${data}.json`
    writeFileAtomic(note, JSON.stringify({ path, stage, mark: markOf(from) }), { durable: false })
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

// A repository may hold any file below `.ddv/`, but a clone writes new ones, and nobody knows beforehand which inode and
// birth they get: by these a note proves that what lies beside it was moved here.
function markOf(file: string): string | undefined {
  const stat = lstatSync(file, { bigint: true, throwIfNoEntry: false })
  return stat === undefined ? undefined : `${stat.ino} ${stat.birthtimeNs}`
}

/** All are tried; what the first of them that failed threw is thrown then. */
function allOf(acts: readonly (() => void)[]): void {
  const errors: unknown[] = []
  for (const act of acts)
    try {
      act()
    } catch (error) {
      errors.push(error)
    }
  if (errors.length > 0) throw errors[0]
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
export const failedOuts = (stage: string): string => `${ddvDirectory}/failed/${fileNameOf(stage)}`

interface FailedOuts {
  readonly stage: string
  readonly paths: readonly TreePath[]
}

// What a try of hours left may be worth a look; only the last one's is kept. Where it cannot be, as on a full disk, it goes:
// what was there before has to come back.
function keepFailed(project: Project, { stage, paths }: FailedOuts): void {
  const inside = openInside(project.workspace.root)
  const made = paths.filter(path => statIfThere(inside.path(path)) !== undefined)
  forgetFailed(project, stage)
  if (made.length === 0) return
  const directory = failedDirectory(project, stage)
  for (const path of made) {
    const from = inside.path(path)
    try {
      mkdirSync(directory, { recursive: true })
      renameSync(from, join(directory, fileNameOf(path)))
    } catch (error) {
      if (systemCode(error) === undefined) throw error
      removeTree(from)
    }
  }
}

export const forgetFailed = (project: Project, stage: string): void => removeTree(failedDirectory(project, stage))

/** With directories in it that a stage made read-only. What cannot go stays: that spoils nothing that was made. */
function removeTree(place: string): void {
  try {
    rmSync(place, { recursive: true, force: true })
  } catch (error) {
    if (systemCode(error) === undefined) throw error
    try {
      makeWritable(place)
      rmSync(place, { recursive: true, force: true })
    } catch (error) {
      if (systemCode(error) === undefined) throw error
    }
  }
}

function makeWritable(place: string): void {
  if (statIfThere(place)?.isDirectory() !== true) return
  chmodSync(place, 0o700)
  for (const name of readdirSync(place)) makeWritable(join(place, name))
}

/**
 * Brings back what processes that died had set aside. What is in its place by now goes where failed outs go, and into the
 * cache before: the user may have put it there since. Throws `bad-path` where a link stands in the place of a directory of
 * stages' own.
 */
export async function recoverAside(project: Project, control: Control): Promise<readonly TreePath[]> {
  refuseLinks(project)
  if (listDead(project).length === 0) return []
  return withWorkspaceLock(project, control, () => bringAll(project, control))
}

const listDead = (project: Project): string[] =>
  listIfThere(asideDirectory(project)).filter(holder => !isHolderAlive(holder))

async function bringAll(project: Project, control: Control): Promise<readonly TreePath[]> {
  const recovered: TreePath[] = []
  for (const holder of listDead(project)) {
    const own = join(asideDirectory(project), holder)
    const left = listIfThere(own).flatMap(name => readTaken(own, name))
    for (const stage of new Set(left.map(one => one.stage))) {
      const ofStage = left.filter(one => one.stage === stage)
      const paths = ofStage.map(({ path }) => path)
      await keepIfPossible(project, paths, control)
      allOf([() => keepFailed(project, { stage, paths }), ...ofStage.map(one => () => bringBack(project, one))])
    }
    recovered.push(...left.map(({ path }) => path))
    clean(own)
  }
  return recovered
}

// What cannot be versioned, such as a link that leads out, no out of a stage could be.
async function keepIfPossible(project: Project, paths: readonly TreePath[], control: Control): Promise<void> {
  try {
    await storePaths(project, paths, control)
  } catch (error) {
    if (!isDdvError(error, 'refused', 'changed')) throw error
  }
}

// What has a note that proves nothing is left alone: it may be data of a workspace that was copied whole.
function clean(own: string): void {
  const names = new Set(listIfThere(own))
  for (const name of names)
    if (!(isData(name) ? names.has(`${name}.json`) : names.has(name.replace(/\.json$/, ''))))
      removeTree(join(own, name))
  removeIfEmpty(own)
}

/** They are ddv's own, but a stranger may have committed a link in their place: nothing is moved or deleted there. */
function refuseLinks({ workspace }: Project): void {
  const inside = openInside(workspace.root)
  for (const name of ['aside', 'failed', 'stages', 'runs']) inside.path(`${ddvDirectory}/${name}/any` as TreePath)
}

const isData = (name: string): boolean => /^\d+$/.test(name)

function readTaken(directory: string, name: string): (Taken & { readonly stage: string })[] {
  const note = join(directory, `${name}.json`)
  const data = join(directory, name)
  const bytes = isData(name) ? readRegular(note) : undefined
  if (bytes === undefined) return []
  try {
    const { path, stage, mark }: { path?: unknown; stage?: unknown; mark?: unknown } = JSON.parse(bytes.toString())
    if (typeof path !== 'string' || typeof stage !== 'string' || treePathProblem(path) !== undefined) return []
    return mark === markOf(data) ? [{ data, note, path: path as TreePath, stage }] : []
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
