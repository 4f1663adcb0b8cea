// Workspaces for the cases: a git repository with ddv in it, put back to its first state before each run.

import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { type Bench, ddvCommand, environment, removeTree } from './bench.js'
import { runCommand } from './processes.js'

export async function git(bench: Bench, cwd: string, ...args: string[]): Promise<string> {
  return (await runCommand({ argv: ['git', ...args], cwd, env: environment(bench) })).stdout
}

export async function ddv(bench: Bench, cwd: string, ...args: string[]): Promise<string> {
  return (await runCommand(ddvCommand(bench, cwd, args))).stdout
}

/** A repository with ddv, nothing added. What is in `keep` stays as it is. */
export async function resetWorkspace(bench: Bench, root: string, keep: readonly string[]): Promise<void> {
  for (const name of readdirSync(root)) if (!keep.includes(name)) removeTree(join(root, name))
  await git(bench, root, 'init', '-q', '-b', 'main')
  await ddv(bench, root, 'init')
}

/** Throws unless the pointer says so many bytes, and the cache has that many blobs. */
export function verifyAdded(
  root: string,
  name: string,
  expected: { files: number; bytes: number; blobs: number },
): void {
  const pointer = JSON.parse(readFileSync(join(root, `${name}.ddv`), 'utf8')) as { size: number; files?: number }
  if (pointer.size !== expected.bytes || (pointer.files ?? 1) !== expected.files)
    throw new Error(`pointer says ${pointer.size} bytes, ${pointer.files} files: ${name}.ddv`)
  const blobs = countBlobs(join(root, '.cache'))
  if (blobs !== expected.blobs) throw new Error(`cache has ${blobs} blobs and not ${expected.blobs}`)
}

function countBlobs(cache: string): number {
  let count = 0
  for (const shard of readdirSync(cache))
    if (/^[0-9a-f]{2}$/.test(shard)) count += readdirSync(join(cache, shard)).length
  return count
}

/** Objects and bytes below a directory. */
export function treeSize(path: string): { files: number; bytes: number } {
  let [files, bytes] = [0, 0]
  for (const entry of readdirSync(path, { withFileTypes: true, recursive: true }))
    if (entry.isFile()) {
      files++
      bytes += statSync(join(entry.parentPath, entry.name)).size
    }
  return { files, bytes }
}

/** Throws unless `ddv status` finds nothing to say. */
export async function verifyClean(bench: Bench, root: string): Promise<void> {
  const { clean } = JSON.parse(await ddv(bench, root, 'status', '--json')) as { clean: boolean }
  if (!clean) throw new Error(`status is not clean: ${root}`)
}
