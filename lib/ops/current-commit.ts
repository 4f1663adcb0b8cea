// Which commit this is: git says it where it is there; a container that was made without `.git` is told by its
// environment.

import { DdvError, isDdvError } from '../core/errors.js'
import { displayPath } from '../core/tree-path.js'
import { findCommit } from '../git/revisions.js'
import type { Project } from './project.js'

/** The strongest first. */
const variables = ['DDV_REV', 'GIT_COMMIT', 'GIT_COMMIT_HASH'] as const

export interface CurrentCommit {
  readonly id: string
  readonly source: 'git' | (typeof variables)[number]
}

/** undefined where neither git nor the environment says it. For reports: a repository that cannot be read is none. */
export async function currentCommit(project: Project): Promise<CurrentCommit | undefined> {
  return (await headCommit(project)) ?? declaredCommit(project)
}

async function headCommit({ git }: Project): Promise<CurrentCommit | undefined> {
  if (git === undefined) return undefined
  try {
    const id = await findCommit(git, 'HEAD')
    return id === undefined ? undefined : { id, source: 'git' }
  } catch (error) {
    if (isDdvError(error, 'git')) return undefined
    throw error
  }
}

function declaredCommit({ env }: Project): CurrentCommit | undefined {
  for (const source of variables) {
    const id = env[source]?.trim()
    if (id !== undefined && id !== '') return { id, source }
  }
  return undefined
}

/** Throws `usage`, saying what to set. */
export async function requireCommit(project: Project): Promise<CurrentCommit> {
  const commit = await currentCommit(project)
  if (commit !== undefined) return commit
  if (project.git === undefined)
    throw new DdvError('usage', `no git repository, and nothing else names the commit: ${project.workspace.root}`, {
      hint: `set ${variables.join(' or ')} to the commit that this was made from`,
    })
  throw new DdvError('git', `no commit that could be read: ${displayPath(project.git.root)}`, {
    hint: `make one with 'git commit', or set ${variables[0]} to the commit that this was made from`,
  })
}
