// git clones no hooks. So the first `pull` or `status` in a clone says that there are none, once.

import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { isDdvError, systemCode } from '../core/errors.js'
import { callsDdv, hookDirectory } from '../git/hook-files.js'
import { findManagers } from '../git/hook-managers.js'
import { writeFileAtomic } from '../sys/fs.js'
import { statIfThere } from '../sys/stats.js'
import { stateDirectory } from '../workspace/workspace.js'
import type { Project } from './project.js'

/** Whether to tell now that git does not call ddv; from then on it is told already. Where nobody commits it is never told. */
export async function shouldTellOfHooks({ git, workspace, config }: Project): Promise<boolean> {
  if (git === undefined || config.environment === 'production') return false
  const told = join(stateDirectory(workspace), 'hooks-told')
  if (statIfThere(told) !== undefined) return false
  try {
    const { path } = await hookDirectory(git)
    const isManaged = findManagers(git.root, path).some(({ lines }) => lines.every(({ present }) => present))
    mkdirSync(stateDirectory(workspace), { recursive: true })
    writeFileAtomic(told, '', { durable: false })
    return !isManaged && !callsDdv(path)
  } catch (error) {
    // Without the git program there are no hooks, and a place that cannot be written is no reason to fail.
    if (isDdvError(error) || systemCode(error) !== undefined) return false
    throw error
  }
}
