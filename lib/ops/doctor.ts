// `doctor`: what a person wants to know when something does not work. Each check gives one line and never throws for
// what it finds; it changes nothing but probes, which it removes. No check prints a secret: credentials are named by
// where they come from.

import type { Config } from '../core/config.js'
import { DdvError, isDdvError } from '../core/errors.js'
import type { Control } from '../core/events.js'
import { displayPath } from '../core/tree-path.js'
import { zstdName } from '../sys/compress.js'
import { hashName } from '../sys/hash.js'
import { type Environment, run } from '../sys/spawn.js'
import { type Check, problem } from './doctor-check.js'
import { checkGit } from './doctor-git.js'
import { checkLeftovers } from './doctor-leftovers.js'
import { checkRemotes } from './doctor-remotes.js'
import { checkStores } from './doctor-stores.js'
import { openProject, type Project } from './project.js'
import { findTargets, pointerOf } from './targets.js'

export interface DoctorOptions extends Control {
  /** Where to look for the workspace, from here upwards: absolute. */
  readonly cwd: string
  readonly env: Environment
  /** Of ddv. */
  readonly version: string
}

export interface DoctorResult {
  readonly checks: readonly Check[]
  /** No check found a problem. */
  readonly healthy: boolean
}

export async function doctor(options: DoctorOptions): Promise<DoctorResult> {
  const checks = [...(await checkPrograms(options)), ...(await checkWorkspace(options))]
  return { checks, healthy: checks.every(({ state }) => state !== 'problem') }
}

async function checkPrograms({ version, env, cwd, signal }: DoctorOptions): Promise<readonly Check[]> {
  const git = await run('git', ['--version'], { cwd, env, signal })
  const said =
    git?.stdout
      .toString()
      .trim()
      .replace(/^git version /, '') ?? ''
  return [
    { name: 'ddv', state: 'ok', message: version },
    checkNode(process.versions.node),
    git === undefined
      ? {
          name: 'git',
          state: 'warning',
          message: 'no such program',
          hint: 'ddv works without, but slower; hooks need it',
        }
      : { name: 'git', state: 'ok', message: displayPath(said) },
    hashName() === 'native'
      ? { name: 'blake3', state: 'ok', message: 'native' }
      : { name: 'blake3', state: 'warning', message: 'wasm: hashing is 7 times slower', hint: optionalPackages },
    zstdName() === undefined
      ? {
          name: 'zstd',
          state: 'problem',
          message: 'none: packed data cannot be read or written',
          hint: optionalPackages,
        }
      : { name: 'zstd', state: 'ok', message: zstdName() === 'node' ? `of node's own` : 'by a package' },
  ]
}

const optionalPackages = 'install ddv with its optional packages (npm install without --omit=optional)'

/** Of which version ddv needs: 20.19. */
export function checkNode(version: string): Check {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  const message = `${version} on ${process.platform}-${process.arch}`
  if (major > 20 || (major === 20 && minor >= 19)) return { name: 'node', state: 'ok', message }
  return { name: 'node', state: 'problem', message, hint: 'ddv needs Node.js 20.19 or later' }
}

async function checkWorkspace(options: DoctorOptions): Promise<readonly Check[]> {
  let project: Project
  try {
    project = await openProject(options)
  } catch (error) {
    // Outside of a workspace one asks whether ddv itself is well.
    if (isDdvError(error, 'no-workspace')) return [problem('workspace', error, 'warning')]
    return [problem('configuration', error)]
  }
  try {
    return [
      { name: 'workspace', state: 'ok', message: displayPath(project.workspace.root) },
      { name: 'configuration', state: 'ok', message: configurationText(project.config) },
      ...(await checkGit(project, options)),
      ...checkStores(project),
      checkPointers(project),
      ...checkLeftovers(project),
      ...(await checkRemotes(project, options)),
    ]
  } finally {
    await project.close()
  }
}

const configurationText = ({ environment, entries }: Config): string => {
  const set = [...entries.values()].filter(({ layer }) => layer !== 'default').length
  const count = set === 1 ? '1 value set' : `${set} values set`
  return environment === 'production' ? `${count}; this is production` : count
}

function checkPointers(project: Project): Check {
  const outputs = findTargets(project, [], { cwd: project.workspace.root })
  const errors = outputs.flatMap(target => {
    try {
      pointerOf(project, target)
      return []
    } catch (error) {
      if (!(error instanceof DdvError)) throw error
      return [error]
    }
  })
  const [first] = errors
  const count = outputs.length === 1 ? '1 output' : `${outputs.length} outputs`
  if (first === undefined) return { name: 'pointers', state: 'ok', message: count }
  const more = errors.length > 1 ? ` (and ${errors.length - 1} more of ${count})` : ''
  return { ...problem('pointers', first), message: `${first.message}${more}` }
}
