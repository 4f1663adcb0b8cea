// What a stage reads and the workspace lacks, while pointers or locks know it: from the cache, or with `--pull` from the
// remote, as far as the stage needs it.

import { DdvError } from '../core/errors.js'
import { pointerOfOut } from '../core/lockfile.js'
import { dirname, displayPath, type TreePath } from '../core/tree-path.js'
import { coveringOutput, findPointer } from '../workspace/pointers.js'
import { checkoutTargets } from './checkout.js'
import { fetchPointers } from './fetch.js'
import type { Making } from './making.js'
import { areCached } from './results.js'
import type { Judged } from './stage-state.js'
import { type Target, toTarget } from './targets.js'

/** undefined once all are there; an error that names the first that cannot be had. */
export async function bringDeps(making: Making, { absentDeps }: Judged): Promise<DdvError | undefined> {
  for (const path of absentDeps) {
    const error = await bringDep(making, path)
    if (error !== undefined) return error
  }
  return undefined
}

async function bringDep(making: Making, path: TreePath): Promise<DdvError | undefined> {
  const { project, artifacts, turns, options } = making
  const target = findTarget(making, path)
  if (target?.pointer === undefined) return new DdvError('missing', `dep is not here: ${displayPath(path)}`)
  const named = [{ path: target.output, pointer: target.pointer }]
  if (!(await areCached(project, named))) {
    if (!options.pull)
      return new DdvError('missing', `dep is neither here nor in the cache: ${displayPath(path)}`, {
        hint: `'ddv pull ${displayPath(target.output)}', or 'ddv repro --pull', brings it`,
      })
    const { failures } = await fetchPointers(project, named, { signal: options.signal })
    if (failures[0] !== undefined) return failures[0].error
  }
  const { failures } = await turns.run(() =>
    checkoutTargets(project, [target], { cwd: project.workspace.root, signal: options.signal }),
  )
  artifacts.forget(path)
  return failures[0]?.error
}

function findTarget({ project, findOut }: Making, path: TreePath): Target | undefined {
  for (let at: TreePath | '' = path; at !== ''; at = dirname(at)) {
    const out = findOut(at)
    if (out !== undefined) return { ...toTarget(at, path), pointer: pointerOfOut(at, out) }
  }
  const output = coveringOutput(project.workspace.root, path)
  const pointer = output === undefined ? undefined : findPointer(project.workspace.root, output)
  return output === undefined || pointer === undefined ? undefined : { ...toTarget(output, path), pointer }
}
