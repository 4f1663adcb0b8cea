// The cache lies in the workspace, and must never be taken for data: to make an output "what its pointer says" there would
// delete every blob, each of which is of course in the cache.

import { realpathSync } from 'node:fs'
import { join, relative, sep } from 'node:path'
import { DdvError, systemCode } from '../core/errors.js'
import { displayPath, type TreePath } from '../core/tree-path.js'
import type { Project } from './project.js'

/** Throws `refused` where the output is the cache, or one lies in the other: by their names, or by where those lead. */
export function refuseCache({ workspace, cache }: Project, output: TreePath): void {
  const data = join(workspace.root, output)
  const pairs = [
    [data, cache.root],
    [realpathOf(data), realpathOf(cache.root)],
  ] as const
  if (pairs.some(([a, b]) => overlaps(a, b)))
    throw new DdvError('refused', `holds ddv's own cache: ${displayPath(output)}`, { hint: 'name the data beside it' })
}

function overlaps(a: string, b: string): boolean {
  const [inA, inB] = [relative(a, b), relative(b, a)].map(path => path.split(sep).join('/'))
  return [inA, inB].some(
    path => path !== undefined && path !== '..' && !path.startsWith('../') && !path.startsWith('/'),
  )
}

function realpathOf(path: string): string {
  try {
    return realpathSync(path)
  } catch (error) {
    if (systemCode(error) === undefined) throw error
    return path // not there yet
  }
}
