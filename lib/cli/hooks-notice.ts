import type { Project } from '../ops/project.js'
import type { Context } from './command.js'

/** Says once in a clone that git does not call ddv there. A program that reads JSON is not told. */
export async function tellOfHooks({ json, quiet, warn }: Context, project: Project): Promise<void> {
  if (json || quiet) return
  const { shouldTellOfHooks } = await import('../ops/hooks-notice.js')
  if (await shouldTellOfHooks(project))
    warn('git does not call ddv in this clone, so commits are not checked', `'ddv hooks install' changes that`)
}
