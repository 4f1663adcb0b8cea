// The project that a hook works on: one of the workspaces of the repository for which git runs it.

import { relative } from 'node:path'
import type { GitRepository } from '../git/repository.js'
import { openProject, type Project } from './project.js'

/** `root` is the workspace's. It may be another working tree's, where this one does not have it; then git is that one's. */
export function openHookProject(repository: GitRepository, root: string): Promise<Project> {
  const isHere = !relative(repository.root, root).startsWith('..')
  return openProject({ cwd: root, env: repository.env, ...(isHere && { git: repository }) })
}
