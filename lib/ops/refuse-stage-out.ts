// What a stage makes is changed by its stage alone: a person's hand on it would be undone by the next run, and by then
// nobody knows whose it was.

import { DdvError } from '../core/errors.js'
import { stageAddress } from '../core/stage.js'
import { displayPath, isWithin, type TreePath } from '../core/tree-path.js'
import type { StageOut } from '../workspace/locks.js'

/** Throws where the path is the output, lies in it or holds it. */
export function refuseStageOut(stage: StageOut | undefined, path: TreePath): void {
  if (stage === undefined) return
  const output = `output of stage '${stage.name}' (${displayPath(stage.file)})`
  const shown = displayPath(path)
  const message =
    stage.path === path
      ? `is an ${output}: ${shown}`
      : isWithin(path, stage.path)
        ? `lies in ${displayPath(stage.path)}, an ${output}: ${shown}`
        : `holds ${displayPath(stage.path)}, an ${output}: ${shown}`
  throw new DdvError('refused', message, {
    hint: `change it by its stage: 'ddv repro ${stageAddress(stage)}'`,
  })
}
