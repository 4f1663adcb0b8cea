// The last steps of whatever changes pointers, in the order that a crash may cut anywhere: pointers durable, then ignore
// lines, then git's index.

import { lstatSync, mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { encodeManifest, type ManifestEntry, manifestTotals } from '../core/manifest.js'
import { type DirectoryPointer, encodePointer, type Meta, maxInlineEntries, type Pointer } from '../core/pointer.js'
import { basename, type TreePath, dirname as treeDirname } from '../core/tree-path.js'
import { stageFiles, unstageFiles } from '../git/git-index.js'
import { ignoreNames, unignoreNames } from '../git/ignore-lines.js'
import { type Rename, renameDurably } from '../sys/durable-renames.js'
import { writeNewFile } from '../sys/fs.js'
import { hashBytes } from '../sys/hash.js'
import { openInside } from '../sys/inside.js'
import type { Locked } from '../sys/lock.js'
import { randomName } from '../sys/random.js'
import { pointerPath } from '../workspace/pointers.js'
import { workTemporaryDirectory } from '../workspace/workspace.js'
import type { Project } from './project.js'
import { unlessSettled } from './settled.js'

export interface PointerChange {
  readonly output: TreePath
  readonly pointer: Pointer
}

export function directoryPointer(
  output: TreePath,
  entries: readonly ManifestEntry[],
  meta: Meta | undefined,
): DirectoryPointer {
  return {
    kind: 'directory',
    filename: basename(output),
    hash: hashBytes(encodeManifest(entries)),
    ...manifestTotals(entries),
    meta,
    entries: entries.length <= maxInlineEntries ? entries : undefined,
  }
}

/**
 * Writes those pointers whose bytes differ from what is there, ignores the data in git, stages both.
 * The blobs must be durable before. Which pointers changed is the answer.
 */
export async function writePointers(
  project: Project,
  changes: readonly PointerChange[],
  _lock: Locked,
): Promise<ReadonlySet<TreePath>> {
  const { workspace } = project
  const inside = openInside(workspace.root)
  const temporary = workTemporaryDirectory(workspace)
  const renames: Rename[] = []
  const changed = new Set<TreePath>()
  for (const { output, pointer } of changes) {
    const file = inside.pathWithParents(pointerPath(output))
    const text = encodePointer(pointer)
    if (textOf(file) === text) continue
    mkdirSync(temporary, { recursive: true })
    const from = join(temporary, randomName())
    writeNewFile(from, text)
    renames.push({ from, to: file })
    changed.add(output)
  }
  await renameDurably(renames, { mode: project.cache.fsync, directory: workspace.root, pool: project.pool })
  const outputs = changes.map(change => change.output)
  await tellGit(project, outputs)
  return changed
}

/** Takes back what `writePointers` told git: ignore lines, staged pointers. The pointer files may be there still. */
export async function forgetInGit(project: Project, outputs: readonly TreePath[]): Promise<void> {
  const { git, workspace, config } = project
  if (git === undefined) return
  const pointers = outputs.map(output => join(workspace.root, pointerPath(output)))
  if (config.git.autostage) await unstageFiles(git, pointers)
  const ignoreFiles = editIgnoreFiles(project, outputs, unignoreNames)
  if (config.git.autostage) await stageFiles(git, ignoreFiles)
}

/** Has git ignore what stages made, as it does data that has a pointer, and stages their locks. */
export async function ignoreOutputs(
  project: Project,
  { outputs, locks }: { readonly outputs: readonly TreePath[]; readonly locks: readonly TreePath[] },
  _lock: Locked,
): Promise<void> {
  const { git, workspace, config } = project
  if (git === undefined) return
  const ignoreFiles = editIgnoreFiles(project, outputs, ignoreNames)
  const files = locks.map(lock => join(workspace.root, lock))
  if (config.git.autostage) await stageFiles(git, [...files, ...ignoreFiles])
}

async function tellGit(project: Project, outputs: readonly TreePath[]): Promise<void> {
  const { git, workspace, config } = project
  if (git === undefined) return
  editIgnoreFiles(project, outputs, ignoreNames)
  if (!config.git.autostage) return
  // Files that did not change, too: a crash may have come between a change and git's hearing of it.
  const files = outputs.map(output => ({
    key: `g/${output}`,
    files: [join(workspace.root, pointerPath(output)), join(workspace.root, treeDirname(output), '.gitignore')],
  }))
  await unlessSettled(project, files, open => stageFiles(git, [...new Set(open.flatMap(({ files }) => files))]))
}

type Edit = (directory: string, names: readonly string[], temporary: string) => boolean

/** The ignore files that name these outputs, edited. */
function editIgnoreFiles({ workspace }: Project, outputs: readonly TreePath[], edit: Edit): string[] {
  return [...byDirectory(outputs)].map(([directory, names]) => {
    const absolute = join(workspace.root, directory)
    edit(absolute, names, workTemporaryDirectory(workspace))
    return join(absolute, '.gitignore')
  })
}

function byDirectory(outputs: readonly TreePath[]): Map<string, string[]> {
  const names = new Map<string, string[]>()
  for (const output of outputs) {
    const directory = treeDirname(output)
    names.set(directory, [...(names.get(directory) ?? []), basename(output)])
  }
  return names
}

function textOf(file: string): string | undefined {
  if (lstatSync(file, { throwIfNoEntry: false })?.isFile() !== true) return undefined
  return readFileSync(file, 'utf8')
}
