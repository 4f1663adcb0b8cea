// Stages that do not run here, by `only`. In production those of development have run before: what their lock says is what
// production goes on from, and where that is not what is committed beside it, nobody knows what the data was made of.

import type { Stage } from '../core/stage.js'
import { describeReason, type StaleReason } from '../core/stale-reason.js'
import type { Made } from './making.js'
import type { Project } from './project.js'
import { judgeStage, type View } from './stage-state.js'

export const isElsewhere = ({ config }: Project, { only }: Pick<Stage, 'only'>): boolean =>
  only !== undefined && only !== config.environment

/** Why the lock of a stage of development does not fit what is here; none where it does. */
export async function misfits(view: View, stage: Stage): Promise<readonly StaleReason[]> {
  if (view.project.config.environment !== 'production' || stage.frozen) return []
  const { reasons } = await judgeStage(view, stage)
  return reasons.filter(isMisfit)
}

// What only development has, such as its environment or a warehouse's file, says nothing here.
function isMisfit(reason: StaleReason): boolean {
  if (reason.type === 'env' || reason.type === 'always-changed') return false
  return !(reason.type === 'dep' && reason.change === 'missing')
}

export function misfit(reasons: readonly StaleReason[]): Made {
  const first = reasons[0] === undefined ? '' : `: ${describeReason(reasons[0])}`
  const message = `runs in development alone, and its lock does not fit what is here${first} (run 'ddv repro' there, and commit)`
  return { outcome: 'failed', reasons, failure: { kind: 'error', message } }
}
