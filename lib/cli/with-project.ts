// How a command gets its project, and how it gives it back.

import { flagLayer } from '../core/config.js'
import type { Project } from '../ops/project.js'
import type { Context } from './command.js'

export async function withProject<T>(context: Context, work: (project: Project) => Promise<T>): Promise<T> {
  const { openProject } = await import('../ops/project.js')
  const { cwd, io, jobs } = context
  const project = await openProject({ cwd, env: io.env, flags: flagLayer({ 'core.jobs': jobs }) })
  try {
    return await work(project)
  } finally {
    await project.close()
  }
}

/** What every op takes from a command. */
export const controlOf = ({ cwd, signal, onEvent }: Context): Pick<Context, 'cwd' | 'signal' | 'onEvent'> => ({
  cwd,
  signal,
  onEvent,
})
