// Outputs that their stage keeps from remotes: where the cache has not got them, only a run makes them, so that whoever
// asked for everything is told, and nothing has failed.

import { isDdvError } from '../core/errors.js'
import type { Control, Event } from '../core/events.js'
import { stageAddress } from '../core/stage.js'
import { displayPath, type TreePath } from '../core/tree-path.js'
import type { StageOut } from '../workspace/locks.js'
import { blobsOf, findAbsent } from './presence.js'
import type { Project } from './project.js'
import { namedOut } from './revision.js'
import type { Target } from './targets.js'

export const notPushed = (path: TreePath, stage: StageOut | undefined): Event => ({
  type: 'warning',
  message: `is not pushed, by its stage: ${displayPath(path)}`,
  ...(stage !== undefined && { hint: `'ddv repro ${stageAddress(stage)}' makes it` }),
})

/** Without those; each is told. */
export async function withoutUnmade(
  project: Project,
  targets: readonly Target[],
  { onEvent }: Control,
): Promise<readonly Target[]> {
  const left = new Set<Target>()
  for (const target of targets) {
    const { output, stage } = target
    if (stage === undefined || stage.out.push || (await isCached(project, stage))) continue
    left.add(target)
    onEvent?.(notPushed(output, stage))
  }
  return targets.filter(target => !left.has(target))
}

async function isCached(project: Project, stage: StageOut): Promise<boolean> {
  const { cache, pool } = project
  const { path, pointer } = namedOut(stage)
  try {
    const list = () => blobsOf(project, path, pointer)
    return (await findAbsent(pointer, list, { cache, pool, index: project.index() })).length === 0
  } catch (error) {
    if (isDdvError(error, 'missing', 'corrupt')) return false
    throw error
  }
}
