// `config`: settings by key. Reading shows what counts after all layers; writing changes one file.

import { mkdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { type ConfigEntry, checkKey, decodeConfig, parseSetting, setInConfig } from '../core/config.js'
import { unknownRemote } from '../core/config-remotes.js'
import type { ConfigValue } from '../core/config-schema.js'
import { DdvError } from '../core/errors.js'
import { stageFiles } from '../git/git-index.js'
import { findRepository } from '../git/repository.js'
import { writeFileAtomic } from '../sys/fs.js'
import { withLock } from '../sys/lock.js'
import { type ConfigPlace, configFile, type FileLayer, loadConfig, readSmallFile } from './config-files.js'
import { refuseInProduction } from './production.js'

/** The setting as it counts here; undefined where nothing sets it. Throws `usage` for a key that there is not. */
export async function getConfig(place: ConfigPlace, key: string): Promise<ConfigEntry | undefined> {
  checkKey(key)
  return (await loadConfig(place)).entries.get(key)
}

/** Every setting that has a value, by key. */
export async function listConfig(place: ConfigPlace): Promise<readonly ConfigEntry[]> {
  return [...(await loadConfig(place)).entries.values()]
}

export interface ConfigChange {
  readonly key: string
  /** undefined takes it away, with all below it. */
  readonly value: ConfigValue | undefined
}

export interface WriteResult {
  readonly file: string
  readonly changed: boolean
}

/** Sets from a text, as typed. Throws `usage` where it does not fit or names no remote, `bad-config` where it may not stand in this file. */
export async function setConfig(place: ConfigPlace, layer: FileLayer, key: string, text: string): Promise<WriteResult> {
  await refuseShared(place, layer, 'config set')
  const value = parseSetting(key, text)
  if (key === 'core.remote' && layer !== 'user') await refuseUnknownRemote(place, text)
  return changeConfig(place, layer, () => [{ key, value }])
}

// The user's own file counts for workspaces that may have other remotes.
async function refuseUnknownRemote(place: ConfigPlace, name: string): Promise<void> {
  const config = await loadConfig(place)
  if (!config.remotes.has(name)) throw unknownRemote(config, name)
}

// What everybody shares is not made in production; what is this machine's own may be set there, such as the cache's place.
async function refuseShared(place: ConfigPlace, layer: FileLayer, verb: string): Promise<void> {
  if (layer === 'repository') refuseInProduction(await loadConfig(place), verb)
}

export async function unsetConfig(place: ConfigPlace, layer: FileLayer, key: string): Promise<WriteResult> {
  checkKey(key)
  await refuseShared(place, layer, 'config unset')
  return changeConfig(place, layer, () => [{ key, value: undefined }])
}

/** Changes one file under the workspace's lock, and stages it where git has it. `plan` sees the settings as they are then. */
export async function changeConfig(
  place: ConfigPlace,
  layer: FileLayer,
  plan: (before: Awaited<ReturnType<typeof decodeConfig>>) => readonly ConfigChange[],
): Promise<WriteResult> {
  const file = configFile(place, layer)
  if (file === undefined)
    throw layer === 'user'
      ? new DdvError('usage', 'no place for your configuration: neither HOME nor XDG_CONFIG_HOME is set')
      : new DdvError('no-workspace', 'no ddv workspace here', { hint: `'--user' sets it for all your workspaces` })
  mkdirSync(dirname(file), { recursive: true })
  const change = async (): Promise<WriteResult> => {
    const before = readSmallFile(file) ?? ''
    let text = before
    for (const { key, value } of plan(await decodeConfig(text, file, layer)))
      text = await setInConfig(text, key, { value, file, layer })
    await decodeConfig(text, file, layer) // what is written can be read
    if (text !== before) writeFileAtomic(file, text)
    return { file, changed: text !== before }
  }
  const { root } = place
  if (layer === 'user' || root === undefined) return change()
  const result = await withLock(join(root, '.ddv', 'lock'), {}, change)
  if (result.changed && layer === 'repository') await stage(place, file)
  return result
}

async function stage(place: ConfigPlace, file: string): Promise<void> {
  const git = findRepository(dirname(file), place.env)
  if (git !== undefined && (await loadConfig(place)).git.autostage) await stageFiles(git, [file])
}
