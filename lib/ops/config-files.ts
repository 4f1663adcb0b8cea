// Where settings are read from: `.ddv/config.yaml` (in git) < `.ddv/config.local.yaml` < the user's < `DDV_*` < flags.

import { readFileSync, statSync } from 'node:fs'
import { isAbsolute, join } from 'node:path'
import { type Config, type ConfigLayer, decodeConfig, environmentLayer, mergeConfig } from '../core/config.js'
import { findSetting, type Layer } from '../core/config-schema.js'
import { DdvError, systemCode } from '../core/errors.js'
import { maxYamlSize } from '../core/yaml-text.js'
import { trackedAmong } from '../git/git-index.js'
import { findRepository } from '../git/repository.js'
import type { Environment } from '../sys/spawn.js'

export type FileLayer = Extract<Layer, 'repository' | 'local' | 'user'>

export interface ConfigPlace {
  /** The workspace; undefined where there is none, and then only the user's settings count. */
  readonly root: string | undefined
  /** `HOME`, `XDG_CONFIG_HOME` and `DDV_*`; what git needs. */
  readonly env: Environment
}

/** Where the settings of a layer stand, whether the file is there or not; undefined where it cannot stand anywhere. */
export function configFile({ root, env }: ConfigPlace, layer: FileLayer): string | undefined {
  if (layer === 'user') return userFile(env)
  const name = layer === 'repository' ? 'config.yaml' : 'config.local.yaml'
  return root === undefined ? undefined : join(root, '.ddv', name)
}

function userFile(env: Environment): string | undefined {
  const { XDG_CONFIG_HOME: xdg, APPDATA: appData } = env
  // The XDG specification: a relative one is invalid and ignored.
  if (xdg !== undefined && isAbsolute(xdg)) return join(xdg, 'ddv', 'config.yaml')
  if (process.platform === 'win32' && appData !== undefined) return join(appData, 'ddv', 'config.yaml')
  const home = homeOf(env)
  return home === undefined ? undefined : join(home, '.config', 'ddv', 'config.yaml')
}

const homeOf = (env: Environment): string | undefined => env.HOME || env.USERPROFILE || undefined

/** Everything together. Throws `bad-config`. `cache.dir` comes with `~` put in full. */
export async function loadConfig(place: ConfigPlace & { readonly flags?: ConfigLayer | undefined }): Promise<Config> {
  const layers = []
  for (const layer of ['repository', 'local', 'user'] as const) layers.push(await readLayer(place, layer))
  const flags = place.flags ?? new Map()
  const config = mergeConfig(...layers, environmentLayer(place.env), flags)
  const { dir } = config.cache
  return dir === undefined ? config : { ...config, cache: { ...config.cache, dir: expandHome(dir, place.env) } }
}

function expandHome(path: string, env: Environment): string {
  const home = homeOf(env)
  return home !== undefined && /^~(?=$|[/\\])/.test(path) ? home + path.slice(1) : path
}

/** One file's settings; empty where there is no such file. */
export async function readLayer(place: ConfigPlace, layer: FileLayer): Promise<ConfigLayer> {
  const file = configFile(place, layer)
  const text = file === undefined ? undefined : readSmallFile(file)
  if (file === undefined || text === undefined) return new Map()
  const decoded = await decodeConfig(text, file, layer)
  if (layer === 'local') await refuseCommitted(place, file, decoded)
  return decoded
}

// `.ddv/.gitignore` keeps the file out of git, but a stranger may have committed it all the same.
async function refuseCommitted({ root, env }: ConfigPlace, file: string, decoded: ConfigLayer): Promise<void> {
  const own = [...decoded.values()].find(({ key }) => findSetting(key)?.notInRepository === true)
  const git = own === undefined || root === undefined ? undefined : findRepository(root, env)
  if (own === undefined || git === undefined || (await trackedAmong(git, [file])).length === 0) return
  throw new DdvError(
    'bad-config',
    `configuration: '${own.key}' may not be set by a file that is in git: ${file}:${own.line}`,
    {
      hint: `if the file is yours: git rm --cached ${file}`,
    },
  )
}

/** undefined where there is no file. Throws `bad-config` for what is no file or too large to be one of settings. */
export function readSmallFile(file: string): string | undefined {
  try {
    const stats = statSync(file)
    if (!stats.isFile()) throw new DdvError('bad-config', `configuration is not a file: ${file}`)
    if (stats.size > maxYamlSize)
      throw new DdvError('bad-config', `configuration is larger than ${maxYamlSize} bytes: ${file}`)
    return readFileSync(file, 'utf8')
  } catch (error) {
    if (systemCode(error) === 'ENOENT' || systemCode(error) === 'ENOTDIR') return undefined
    throw error
  }
}
