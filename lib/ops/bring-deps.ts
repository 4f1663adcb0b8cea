// What a stage reads and the workspace lacks, while pointers or locks know it: from the cache, or with `--pull` from the
// remote, as far as the stage needs it.

import { DdvError } from '../core/errors.js'
import { displayPath, type TreePath } from '../core/tree-path.js'
import { checkoutTargets } from './checkout.js'
import { fetchPointers } from './fetch.js'
import type { Making } from './making.js'
import { findOutput } from './recorded.js'
import { areCached } from './results.js'
import type { Judged } from './stage-state.js'
import { toTarget } from './targets.js'

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
  const found = findOutput(project, path, making.findOut)
  if (found === undefined) return new DdvError('missing', `dep is not here: ${displayPath(path)}`)
  const target = { ...toTarget(found.output, path), pointer: found.pointer }
  const named = [{ path: found.output, pointer: found.pointer }]
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
