// What a command that must be all or nothing is about to change beside data: pointers, ignore files, rows of git's index;
// as it was, to be put back.

import { lstatSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { dirname, type TreePath } from '../core/tree-path.js'
import { stageFiles } from '../git/git-index.js'
import { type IndexRows, restoreIndex, saveIndex } from '../git/index-rows.js'
import type { GitRepository } from '../git/repository.js'
import { writeFileAtomic } from '../sys/fs.js'
import type { Locked } from '../sys/lock.js'
import { pointerPath } from '../workspace/pointers.js'
import { workTemporaryDirectory } from '../workspace/workspace.js'
import type { Project } from './project.js'

/** Absolute path → bytes; undefined where nothing was. */
type Contents = ReadonlyMap<string, Buffer | undefined>

export interface Saved {
  readonly before: Contents
  readonly index: IndexRows
}

/** The pointers of these outputs, and the ignore files beside them: absolute. */
export function bookkeeping({ workspace }: Project, outputs: readonly TreePath[]): string[] {
  const pointers = outputs.map(output => join(workspace.root, pointerPath(output)))
  const directories = new Set(outputs.map(dirname))
  return [...pointers, ...[...directories].map(directory => join(workspace.root, directory, '.gitignore'))]
}

export async function save(git: GitRepository, files: readonly string[], _lock: Locked): Promise<Saved> {
  return { before: contentsOf(files), index: await saveIndex(git, files) }
}

export const contentsOf = (files: Iterable<string>): Contents => new Map([...files].map(file => [file, bytesOf(file)]))

function bytesOf(file: string): Buffer | undefined {
  return lstatSync(file, { throwIfNoEntry: false })?.isFile() === true ? readFileSync(file) : undefined
}

/** `after`: what the command made of them; a file that somebody changed since stays. Everything that is saved unless told. */
export async function restore(
  project: Project,
  git: GitRepository,
  { saved, after }: { readonly saved: Saved; readonly after: Contents | undefined },
  _lock: Locked,
): Promise<void> {
  const temporary = workTemporaryDirectory(project.workspace)
  mkdirSync(temporary, { recursive: true })
  for (const [file, bytes] of saved.before) {
    const now = bytesOf(file)
    if (isSame(now, bytes) || (after !== undefined && !isSame(now, after.get(file)))) continue
    if (bytes === undefined) rmSync(file, { force: true })
    else writeFileAtomic(file, bytes, { temporary })
  }
  await restoreIndex(git, saved.index)
}

const isSame = (a: Buffer | undefined, b: Buffer | undefined): boolean =>
  a === undefined || b === undefined ? a === b : a.equals(b)

/** Of these files, those that are there, into git's index. */
export const stage = (git: GitRepository, files: readonly string[]): Promise<void> =>
  stageFiles(
    git,
    files.filter(file => bytesOf(file) !== undefined),
  )
