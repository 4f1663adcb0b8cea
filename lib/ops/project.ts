// What every op works on: one workspace with its cache, its git repository and its settings. A record, not an object
// that holds the verbs: those are the files beside this one.

import { join, resolve } from 'node:path'
import type { Cache } from '../cache/cache.js'
import type { Config, ConfigLayer } from '../core/config.js'
import { DdvError } from '../core/errors.js'
import { findRepository, type GitRepository, mainWorktree } from '../git/repository.js'
import { type Kv, openKv } from '../sys/kv.js'
import { openPool, type Pool } from '../sys/pool.js'
import type { Environment } from '../sys/spawn.js'
import { statIfThere } from '../sys/stats.js'
import { type IgnoreRules, readIgnoreRules } from '../workspace/ignore.js'
import { LockReader } from '../workspace/locks.js'
import { ownStateDirectory } from '../workspace/own-state.js'
import { openStatIndex, type StatIndex } from '../workspace/stat-index.js'
import {
  loadWorkspace,
  lockDirectory,
  recipesDirectory,
  stateDirectory,
  type Workspace,
  workTemporaryDirectory,
} from '../workspace/workspace.js'
import { loadConfig } from './config-files.js'

export interface Project {
  readonly workspace: Workspace
  readonly cache: Cache
  readonly config: Config
  /** undefined without git. */
  readonly git: GitRepository | undefined
  /** As it was opened with. */
  readonly env: Environment
  readonly pool: Pool
  readonly ignore: IgnoreRules
  /** What `ddv.lock` files say. */
  readonly locks: LockReader
  /** Opened on first use, closed with the project. */
  index(): StatIndex
  /** The local records of what remotes hold; likewise. */
  chunkIndex(): Kv
  close(): Promise<void>
}

export interface OpenOptions {
  /** Where to look for the workspace, from here upwards: absolute. */
  readonly cwd: string
  /** `DDV_*`, `HOME`, `PATH` and what git reads. */
  readonly env: Environment
  /** Settings from the command line, over all others. */
  readonly flags?: ConfigLayer | undefined
  /** Found from the workspace unless told: a hook is told by git. */
  readonly git?: GitRepository | undefined
  /** Which BLAKE3 to use; the best that loads unless told. */
  readonly hash?: 'native' | 'wasm' | undefined
}

/** Throws `no-workspace`, `bad-config`. Whoever opens it closes it. */
export async function openProject(options: OpenOptions): Promise<Project> {
  const { cwd, env } = options
  const workspace = loadWorkspace(cwd)
  const config = await loadConfig({ root: workspace.root, env, flags: options.flags })
  const git = options.git ?? findRepository(workspace.root, env)
  const cache = { root: cacheRoot(workspace, config, git), fsync: config.core.fsync }
  refuseLinks(workspace, cache)
  const pool = openPool({
    entry: new URL('./thread.js', import.meta.url),
    size: config.core.jobs,
    data: { hash: options.hash },
  })
  const opened: { index?: StatIndex; chunks?: Kv } = {}
  let ignore: IgnoreRules | undefined
  return {
    workspace,
    cache,
    config,
    git,
    env,
    pool,
    locks: new LockReader(workspace.root),
    get ignore() {
      ignore ??= readIgnoreRules(workspace.root)
      return ignore
    },
    index: () => {
      opened.index ??= openStatIndex(ownStateDirectory(workspace))
      return opened.index
    },
    chunkIndex: () => {
      opened.chunks ??= openKv(join(ownStateDirectory(workspace), 'chunks'))
      return opened.chunks
    },
    close: async () => {
      await Promise.all([pool.close(), opened.index?.close(), opened.chunks?.close()])
    },
  }
}

/**
 * What ddv keeps for itself must be real directories: a link there, which a stranger may have committed, would have ddv
 * write and delete where it leads. A cache that the user configured elsewhere may be a link.
 */
function refuseLinks(workspace: Workspace, cache: Cache): void {
  const state = stateDirectory(workspace)
  const own = [state, join(state, 'index'), join(state, 'chunks'), workTemporaryDirectory(workspace)]
  const ofCache = [join(cache.root, 'tmp'), join(cache.root, 'corrupt')]
  const inWorkspace = cache.root === join(workspace.root, '.cache') ? [cache.root] : []
  for (const path of [...own, lockDirectory(workspace), recipesDirectory(workspace), ...inWorkspace, ...ofCache]) {
    const stat = statIfThere(path)
    if (stat === undefined || stat.isDirectory()) continue
    const what = stat.isSymbolicLink() ? 'a symbolic link' : 'no directory'
    throw new DdvError('refused', `is ${what} where ddv keeps its own files: ${path}`, {
      hint: 'delete it; another place for the cache is set by cache.dir in your own configuration',
    })
  }
}

// A linked worktree uses the cache of the worktree that was there first, at the same place below it.
function cacheRoot(workspace: Workspace, config: Config, git: GitRepository | undefined): string {
  if (config.cache.dir !== undefined) return resolve(workspace.root, config.cache.dir)
  const main = git === undefined ? undefined : mainWorktree(git)
  if (git === undefined || main === undefined || main === git.root) return join(workspace.root, '.cache')
  return join(main, workspace.root.slice(git.root.length), '.cache')
}
