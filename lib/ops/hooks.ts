// `hooks`: ddv in git's hooks, and in the settings that git asks for merging and showing pointers.

import { DdvError, isDdvError, systemCode } from '../core/errors.js'
import { type DriverState, driverState, type Installation, installDrivers, uninstallDrivers } from '../git/drivers.js'
import {
  type Hook,
  type HookChange,
  type HookDirectory,
  hookDirectory,
  installHooks,
  listHooks,
  uninstallHooks,
} from '../git/hook-files.js'
import { findManagers, type HookManager } from '../git/hook-managers.js'
import { findRepository, type GitRepository } from '../git/repository.js'
import type { Environment } from '../sys/spawn.js'
import { loadWorkspace } from '../workspace/workspace.js'
import type { OutputFailure } from './add.js'

export interface HooksPlace {
  /** Where to look for the workspace: absolute. */
  readonly cwd: string
  readonly env: Environment
  readonly installation: Installation
}

export interface HooksOptions {
  /** Overwrite and delete also hooks of ddv's that were edited by hand. */
  readonly force?: boolean | undefined
}

export interface HooksStatus {
  readonly directory: string
  /** Other repositories use the directory too. */
  readonly shared: boolean
  /** The directory lies in the working tree. */
  readonly inWorktree: boolean
  readonly hooks: readonly Hook[]
  readonly drivers: DriverState
  readonly managers: readonly HookManager[]
  /** git calls ddv on every occasion. */
  readonly complete: boolean
}

export interface HooksResult extends HooksStatus {
  readonly changed: readonly string[]
  readonly failures: readonly OutputFailure[]
}

export async function hooksStatus(place: HooksPlace): Promise<HooksStatus> {
  const git = repositoryOf(place)
  return statusOf(git, await hookDirectory(git), place)
}

/** What is installed already stays. Hooks that are there are kept and called. */
export function installGitHooks(place: HooksPlace, { force = false }: HooksOptions = {}): Promise<HooksResult> {
  return change(place, async (git, directory) => {
    await installDrivers(git, place.installation)
    if (findManagers(git.root, directory.path).some(manager => manager.owns)) return []
    return installHooks(git, directory, { ...place.installation, force })
  })
}

/** Hooks that were there before are again what git calls. */
export function uninstallGitHooks(place: HooksPlace, { force = false }: HooksOptions = {}): Promise<HooksResult> {
  return change(place, async (git, directory) => {
    await uninstallDrivers(git)
    return uninstallHooks(git, directory, { ...place.installation, force })
  })
}

async function change(
  place: HooksPlace,
  work: (git: GitRepository, directory: HookDirectory) => Promise<readonly HookChange[]>,
): Promise<HooksResult> {
  const git = repositoryOf(place)
  const directory = await hookDirectory(git)
  const changes = await work(git, directory).catch(error => {
    // Such as a directory of hooks that belongs to the system.
    if (isDdvError(error) || systemCode(error) === undefined) throw error
    throw new DdvError('permission', `hooks cannot be written: ${directory.path}`, { cause: error })
  })
  return {
    ...statusOf(git, directory, place),
    changed: changes.flatMap(({ name, error }) => (error === undefined ? [name] : [])),
    failures: changes.flatMap(({ name, error }) => (error === undefined ? [] : [{ path: name, error }])),
  }
}

function repositoryOf({ cwd, env }: HooksPlace): GitRepository {
  const { root } = loadWorkspace(cwd)
  const git = findRepository(root, env)
  if (git !== undefined) return git
  throw new DdvError('git', `no git repository, so no hooks: ${root}`)
}

function statusOf(git: GitRepository, directory: HookDirectory, { installation }: HooksPlace): HooksStatus {
  const managers = findManagers(git.root, directory.path)
  const hooks = listHooks(directory, installation)
  const owner = managers.find(manager => manager.owns)
  const complete =
    owner === undefined
      ? hooks.every(({ state }) => state === 'installed' || state === 'outdated')
      : owner.lines.every(({ present }) => present)
  return {
    directory: directory.path,
    shared: directory.shared,
    inWorktree: directory.inWorktree,
    hooks,
    drivers: driverState(git, installation),
    managers,
    complete,
  }
}
