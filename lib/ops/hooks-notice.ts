// git clones no hooks. So the first `pull` or `status` in a clone says that there are none, once.

import { join } from 'node:path'
import { isDdvError, systemCode } from '../core/errors.js'
import { callsDdv, hookDirectory } from '../git/hook-files.js'
import { findManagers } from '../git/hook-managers.js'
import { writeFileAtomic } from '../sys/fs.js'
import { statIfThere } from '../sys/stats.js'
import { ownStateDirectory } from '../workspace/own-state.js'
import type { Project } from './project.js'

/** Whether to tell now that git does not call ddv; from then on it is told already. Where nobody commits it is never told. */
export async function shouldTellOfHooks({ git, workspace, config }: Project): Promise<boolean> {
  if (git === undefined || config.environment === 'production') return false
  try {
    const told = join(ownStateDirectory(workspace), 'hooks-told')
    if (statIfThere(told) !== undefined) return false
    const { path } = await hookDirectory(git)
    const isManaged = findManagers(git.root, path).some(({ lines }) => lines.every(({ present }) => present))
    writeFileAtomic(told, '', { durable: false })
    return !isManaged && !callsDdv(path)
  } catch (error) {
    // Without the git program there are no hooks, and a place that cannot be written is no reason to fail.
    if (isDdvError(error) || systemCode(error) !== undefined) return false
    throw error
  }
}
