// `remote add|list|modify|remove`: the remotes of a workspace, as settings. Nothing is sent anywhere.

import type { ConfigLayer } from '../core/config.js'
import { defaultRemote, unknownRemote } from '../core/config-remotes.js'
import { type ConfigValue, isSettingsName, type Layer } from '../core/config-schema.js'
import { DdvError, isDdvError } from '../core/errors.js'
import { parseEndpoint, parseRemoteUrl } from '../core/remote-config.js'
import { displayPath } from '../core/tree-path.js'
import { type ConfigChange, changeConfig, type WriteResult } from './config.js'
import { type ConfigPlace, type FileLayer, loadConfig } from './config-files.js'
import { refuseInProduction } from './production.js'

export interface ConfiguredRemote {
  readonly name: string
  readonly url: string
  readonly default: boolean
  /** Where its URL stands. */
  readonly layer: Layer
}

/** By name. */
export async function listRemotes(place: ConfigPlace): Promise<readonly ConfiguredRemote[]> {
  const config = await loadConfig(place)
  const byDefault = defaultRemote(config)
  return [...config.remotes].map(([name, { url }]) => ({
    name,
    url,
    default: name === byDefault,
    layer: config.entries.get(`remotes.${name}.url`)?.layer ?? 'repository',
  }))
}

/** Settings of one remote by option: `url`, `endpoint`, …; undefined takes one away. */
export type RemoteChange = Readonly<Record<string, ConfigValue | undefined>>

export interface RemoteEdit {
  readonly layer: FileLayer
  /** Make it the default. */
  readonly asDefault?: boolean
}

/** Throws `usage` where the name is taken, or the URL is none. */
export async function addRemote(
  place: ConfigPlace,
  name: string,
  { layer, asDefault = false, options }: RemoteEdit & { readonly options: RemoteChange },
): Promise<WriteResult> {
  if (!isSettingsName(name))
    throw new DdvError('usage', `not a name for a remote: ${displayPath(name)}`, {
      hint: 'letters, digits, - and _, beginning with a letter or digit',
    })
  refuseInProduction(await loadConfig(place), 'remote add')
  checkAddresses(options)
  return changeConfig(place, layer, before => {
    if (before.has(`remotes.${name}.url`))
      throw new DdvError('usage', `there is a remote of this name already: ${name}`, {
        hint: `ddv remote modify ${name} --url URL`,
      })
    return changes(name, options, asDefault)
  })
}

/** Throws `usage` for a remote that there is not. */
export async function modifyRemote(
  place: ConfigPlace,
  name: string,
  { layer, asDefault = false, options }: RemoteEdit & { readonly options: RemoteChange },
): Promise<WriteResult> {
  const config = await loadConfig(place)
  refuseInProduction(config, 'remote modify')
  if (!config.remotes.has(name)) throw unknownRemote(config, name)
  checkAddresses(options)
  return changeConfig(place, layer, () => changes(name, options, asDefault))
}

/** Takes it out of this file; what is on the remote stays there. Throws `usage` where the file does not have it. */
export async function removeRemote(place: ConfigPlace, name: string, layer: FileLayer): Promise<WriteResult> {
  const config = await loadConfig(place)
  refuseInProduction(config, 'remote remove')
  return changeConfig(place, layer, before => {
    if (!isKnown(before, name)) throw unknownRemote(config, name)
    const isDefault = before.get('core.remote')?.value === name
    return [
      { key: `remotes.${name}`, value: undefined },
      ...(isDefault ? [{ key: 'core.remote', value: undefined }] : []),
    ]
  })
}

const isKnown = (layer: ConfigLayer, name: string): boolean =>
  [...layer.keys()].some(key => key.startsWith(`remotes.${name}.`))

const changes = (name: string, options: RemoteChange, asDefault: boolean): readonly ConfigChange[] => [
  ...Object.entries(options).map(([option, value]) => ({ key: `remotes.${name}.${option}`, value })),
  ...(asDefault ? [{ key: 'core.remote', value: name }] : []),
]

// What was typed wrongly is wrong usage; the same found in a file is a bad configuration.
function checkAddresses({ url, endpoint, allowHttp }: RemoteChange): void {
  try {
    if (typeof url === 'string') parseRemoteUrl(url)
    if (typeof endpoint === 'string') parseEndpoint(endpoint, { allowHttp: allowHttp === true })
  } catch (error) {
    if (!isDdvError(error, 'bad-config')) throw error
    throw new DdvError('usage', error.message, error.hint === undefined ? {} : { hint: error.hint })
  }
}
