// Where processes say that they make a stage, and that they began to.

import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { type Stage, stageAddress } from '../core/stage.js'
import { writeNewFile } from '../sys/fs.js'
import { isHeld } from '../sys/lock.js'
import { statIfThere } from '../sys/stats.js'
import { ddvDirectory } from '../workspace/workspace.js'
import type { Project } from './project.js'

type Named = Pick<Stage, 'file' | 'name'>

export const stageLockDirectory = ({ workspace }: Pick<Project, 'workspace'>, stage: Named): string =>
  join(workspace.root, ddvDirectory, 'stages', encodeURIComponent(stageAddress(stage)).slice(-200))

/** Whether a process is at it: its outs are half there then, or not at all. */
export const isBeingMade = (project: Pick<Project, 'workspace'>, stage: Named): boolean =>
  isHeld(stageLockDirectory(project, stage))

const begunFile = (project: Pick<Project, 'workspace'>, stage: Named): string =>
  join(stageLockDirectory(project, stage), 'begun')

/** Under the stage's lock: from here on its outs are not what they were. */
export function noteBegun(project: Pick<Project, 'workspace'>, stage: Named): void {
  const file = begunFile(project, stage)
  rmSync(file, { force: true })
  writeNewFile(file, '')
}

/** Another text each time that a process began. */
export function lastBegun(project: Pick<Project, 'workspace'>, stage: Named): string {
  const stat = statIfThere(begunFile(project, stage))
  return stat === undefined ? '' : `${stat.ino} ${stat.mtimeNs}`
}
